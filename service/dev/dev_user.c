/* SPDX-License-Identifier: MIT */
/* Whom PostgreSQL runs as, and where its programs are. */
#include <dirent.h>
#include <fcntl.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/str.h"
#include "service/dev/dev_internal.h"

static bool user_named(const char *name, struct dev_user *out)
{
    char buffer[4096];
    struct passwd entry, *found = NULL;

    if (getpwnam_r(name, &entry, buffer, sizeof buffer, &found) || !found || !found->pw_uid)
        return false;
    *out = (struct dev_user){.switches = true, .uid = found->pw_uid, .gid = found->pw_gid};
    (void)snprintf(out->home, sizeof out->home, "%s", found->pw_dir);
    (void)snprintf(out->name, sizeof out->name, "%s", found->pw_name);
    return true;
}

err_code dev_user_find(struct dev_user *out, struct err *err)
{
    const char *home = getenv("HOME");

    if (geteuid() == 0) {
        if (user_named("postgres", out) || user_named("nobody", out))
            return ERR_NONE;
        return err_set(err, ERR_CONFIG_INVALID,
                       "PostgreSQL does not run as root, and there is neither a user postgres nor "
                       "nobody to run it as; start tenantd as another user");
    }
    *out = (struct dev_user){.uid = geteuid(), .gid = getegid()};
    (void)snprintf(out->home, sizeof out->home, "%s", home ? home : "/");
    (void)snprintf(out->name, sizeof out->name, "uid %u", (unsigned)geteuid());
    return ERR_NONE;
}

static bool is_program(const char *dir, const char *name)
{
    char path[PATH_MAX];

    return dev_path(dir, name, path, NULL) == ERR_NONE && access(path, X_OK) == 0;
}

static bool has_programs(const char *dir)
{
    return *dir == '/' && is_program(dir, "initdb") && is_program(dir, "postgres");
}

static bool find_version(const char *version, char out[PATH_MAX])
{
    (void)snprintf(out, PATH_MAX, "/usr/lib/postgresql/%s/bin", version);
    return *version && !strchr(version, '/') && has_programs(out);
}

static bool find_on_path(char out[PATH_MAX])
{
    const char *path = getenv("PATH");

    while (path && *path) {
        size_t n = strcspn(path, ":");
        (void)snprintf(out, PATH_MAX, "%.*s", (int)(n < PATH_MAX ? n : PATH_MAX - 1), path);
        if (has_programs(out))
            return true;
        path += n + (path[n] == ':');
    }
    return false;
}

/* Debian's place for each major version. */
static bool find_newest(char out[PATH_MAX])
{
    DIR *dir = opendir("/usr/lib/postgresql");
    long newest = 0;
    char candidate[PATH_MAX];

    if (!dir)
        return false;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir)) {
        long version = strtol(e->d_name, NULL, 10);
        if (version > newest && find_version(e->d_name, candidate)) {
            newest = version;
            memcpy(out, candidate, PATH_MAX);
        }
    }
    (void)closedir(dir);
    return newest > 0;
}

/* Runs `pg_config --bindir`; the child does nothing but exec. */
static bool ask_pg_config(char out[PATH_MAX])
{
    int fds[2];

    if (pipe2(fds, O_CLOEXEC))
        return false;
    pid_t pid = fork();
    if (pid == 0) {
        if (dup2(fds[1], STDOUT_FILENO) >= 0)
            (void)execlp("pg_config", "pg_config", "--bindir", (char *)NULL);
        _exit(DEV_CANNOT_RUN);
    }
    (void)close(fds[1]);
    size_t len = 0;
    for (ssize_t n = 1; n > 0 && len<PATH_MAX - 1; len += n> 0 ? (size_t)n : 0)
        n = read(fds[0], out + len, PATH_MAX - 1 - len);
    (void)close(fds[0]);
    int status = 1;
    if (pid > 0)
        (void)waitpid(pid, &status, 0);
    out[len] = '\0';
    out[strcspn(out, "\n")] = '\0';
    return status == 0 && has_programs(out);
}

err_code dev_bin_find(const char *given, const char *cluster_version, char out[PATH_MAX],
                      struct err *err)
{
    if (given) {
        (void)snprintf(out, PATH_MAX, "%s", given);
        if (has_programs(out))
            return ERR_NONE;
        return err_set(err, ERR_CONFIG_INVALID, "there is no initdb and postgres in \"%s\"", given);
    }
    if (find_version(cluster_version, out) || find_on_path(out) || find_newest(out) ||
        ask_pg_config(out))
        return ERR_NONE;
    return err_set(err, ERR_CONFIG_INVALID,
                   "dev needs PostgreSQL's server programs (initdb, postgres), which are not "
                   "installed; on Debian: apt-get install postgresql");
}
