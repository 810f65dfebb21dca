/* SPDX-License-Identifier: MIT */
/* The cluster: made once, and left by whoever used it before. */
#include <dirent.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "service/dev/dev_internal.h"

enum {
    LEAVE_MS = 15000, /* for the PostgreSQL of a tenantd that was killed */
    INITDB_MS = 300000,
};

/* The line that says what is wrong, or else the last one. Cuts text into lines. */
static const char *telling_line(char *text)
{
    static const char *const marks[] = {"FATAL:", "PANIC:", "ERROR:", "error:"};
    const char *best = "", *last = "";
    char *rest = NULL;

    for (char *line = strtok_r(text, "\n", &rest); line; line = strtok_r(NULL, "\n", &rest)) {
        last = line;
        for (size_t i = 0; i < ARRAY_LEN(marks); i++)
            if (strstr(line, marks[i]))
                best = line;
    }
    return *best ? best : last;
}

err_code dev_blame_log(struct dev *dev, struct err *err)
{
    char tail[2000];
    off_t from = lseek(dev->log_fd, 0, SEEK_END) - (off_t)sizeof tail + 1;

    if (from < dev->log_start)
        from = dev->log_start;
    ssize_t n = pread(dev->log_fd, tail, sizeof tail - 1, from);
    if (!err || n <= 0)
        return err ? err->code : ERR_SYSTEM_FAILED;
    tail[n] = '\0';
    size_t used = strlen(err->msg);
    (void)snprintf(err->msg + used, sizeof err->msg - used, ": %s", telling_line(tail));
    return err->code;
}

err_code dev_explain(struct dev *dev, const char *program, int status, struct err *err)
{
    int code = WIFEXITED(status) ? WEXITSTATUS(status) : -1;

    if (code == DEV_CANNOT_ENTER)
        return err_set(err, ERR_CONFIG_INVALID,
                       "PostgreSQL runs as %s, who cannot enter \"%s\"; use a folder whose parents "
                       "everybody may pass, or start tenantd as that user",
                       dev->user.name, dev->cluster);
    if (code == DEV_CANNOT_RUN)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot run %s as %s", program, dev->user.name);
    (void)err_set(err, ERR_SYSTEM_FAILED, "%s failed (%s %d)", program,
                  WIFSIGNALED(status) ? "signal" : "exit status",
                  WIFSIGNALED(status) ? WTERMSIG(status) : code);
    if (err)
        (void)dev_blame_log(dev, err);
    return ERR_SYSTEM_FAILED;
}

/* initdb works in a folder of its own that gets its name when it is whole: a cluster that was
 * half made when the machine went down is thrown away, never started. */
static err_code make_cluster(struct dev *dev, struct err *err)
{
    char fresh[PATH_MAX], program[PATH_MAX];
    int status = 0;
    pid_t pid;

    err_code failed = dev_path(dev->dir, "pg.new", fresh, err);
    if (failed)
        return failed;
    dev_remove_tree(fresh);
    failed = dev_path(dev->bin, "initdb", program, err);
    if (!failed)
        failed = dev_make_dir(fresh, &dev->user, err);
    if (failed)
        return failed;
    const char *const argv[] = {program,           "--no-sync",        "--pgdata", fresh,
                                "--username",      "postgres",         "--auth",   "trust",
                                "--encoding=UTF8", "--locale=C.UTF-8", NULL};
    failed = dev_spawn(&(struct dev_program){.user = &dev->user,
                                             .folder = fresh,
                                             .argv = argv,
                                             .log_fd = dev->log_fd,
                                             .dies_with_us = true},
                       &pid, err);
    if (failed)
        return failed;
    if (!dev_wait(pid, INITDB_MS, &status)) {
        (void)kill(pid, SIGKILL);
        (void)waitpid(pid, &status, 0);
    }
    if (status)
        return dev_explain(dev, "initdb", status, err);
    if (rename(fresh, dev->cluster))
        return err_set(err, ERR_SYSTEM_FAILED, "cannot rename \"%s\": %s", fresh, strerror(errno));
    return ERR_NONE;
}

/* Makes the cluster if there is none, and finds programs of its version. */
err_code dev_ensure_cluster(struct dev *dev, struct err *err)
{
    CLEANUP(str_clear) struct str version = STR_INIT;
    char major[16];
    bool exists = access(dev->cluster, F_OK) == 0, found = false;

    err_code failed = exists ? dev_make_dir(dev->cluster, &dev->user, err) : ERR_NONE;
    if (!failed)
        failed = dev_read(dev->cluster, "PG_VERSION", sizeof major, &version, &found, err);
    if (failed)
        return failed;
    (void)snprintf(major, sizeof major, "%.*s", (int)strcspn(str_text(&version), "\n"),
                   str_text(&version));
    failed = dev_bin_find(dev->options.bin_dir, major, dev->bin, err);
    if (failed)
        return failed;
    if (exists && !found)
        return err_set(err, ERR_CONFIG_INVALID,
                       "\"%s\" is there but holds no PostgreSQL cluster; use another folder",
                       dev->cluster);
    return exists ? ERR_NONE : make_cluster(dev, err);
}

/* Whether the process stands in dir, as every process of a PostgreSQL does in its cluster. */
static bool stands_in(const char *pid, const char *dir)
{
    char link[64], cwd[PATH_MAX];

    (void)snprintf(link, sizeof link, "/proc/%.20s/cwd", pid);
    ssize_t n = readlink(link, cwd, sizeof cwd - 1);
    if (n < 0)
        return false;
    cwd[n] = '\0';
    return strcmp(cwd, dir) == 0;
}

static long process_in(const char *dir)
{
    DIR *proc = opendir("/proc");
    long found = 0;

    if (!proc)
        return 0;
    for (const struct dirent *e = readdir(proc); e && !found; e = readdir(proc))
        if (e->d_name[0] >= '1' && e->d_name[0] <= '9' && stands_in(e->d_name, dir))
            found = strtol(e->d_name, NULL, 10);
    (void)closedir(proc);
    return found;
}

static err_code remove_stale(const char *dir, const char *name, struct err *err)
{
    char path[PATH_MAX];

    err_code failed = dev_path(dir, name, path, err);
    if (!failed)
        (void)unlink(path);
    return failed;
}

/*
 * The PostgreSQL of a tenantd that was killed may still be stopping. Once nothing stands in the
 * cluster, and we hold its lock, the lock files it left are stale. PostgreSQL itself would refuse
 * to start while the process they name exists, be it a zombie or another program by now.
 */
err_code dev_wait_for_predecessor(struct dev *dev, struct err *err)
{
    int64_t deadline = clock_mono_ms() + LEAVE_MS;
    long pid;

    while ((pid = process_in(dev->cluster)) != 0) {
        if (clock_mono_ms() >= deadline)
            return err_set(err, ERR_CONFIG_INVALID,
                           "a PostgreSQL (process %ld) still runs in \"%s\"; stop it first", pid,
                           dev->cluster);
        dev_pause();
    }
    err_code failed = remove_stale(dev->cluster, "postmaster.pid", err);
    if (!failed)
        failed = remove_stale(dev->socket, DEV_SOCKET, err);
    return failed ? failed : remove_stale(dev->socket, DEV_SOCKET ".lock", err);
}
