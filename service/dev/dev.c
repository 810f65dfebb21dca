/* SPDX-License-Identifier: MIT */
#include "service/dev/dev.h"

#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "core/pg/pg.h"
#include "service/dev/dev_internal.h"

enum {
    START_MS = 60000,
    STOP_MS = 20000,
    QUIT_MS = 5000,
};

/* Makes the folder reachable: PostgreSQL's user must be able to pass it, not to look into it. */
static err_code open_folder(struct dev *dev, const char *given, struct err *err)
{
    struct stat st;

    err_code failed = dev_make_dir(given, NULL, err);
    if (failed)
        return failed;
    if (!realpath(given, dev->dir) || stat(dev->dir, &st))
        return err_set(err, ERR_CONFIG_INVALID, "cannot use \"%s\": %s", given, strerror(errno));
    if (dev->user.switches && !(st.st_mode & S_IXOTH))
        (void)chmod(dev->dir, (st.st_mode & 07777) | S_IXGRP | S_IXOTH);
    failed = dev_path(dev->dir, "pg", dev->cluster, err);
    return failed ? failed : dev_lock(dev->dir, &dev->lock_fd, err);
}

static err_code open_log(struct dev *dev, struct err *err)
{
    char path[PATH_MAX];

    err_code failed = dev_path(dev->dir, "postgres.log", path, err);
    if (failed)
        return failed;
    dev->log_fd = open(path, O_RDWR | O_APPEND | O_CREAT | O_CLOEXEC, 0600);
    if (dev->log_fd < 0)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot write \"%s\": %s", path, strerror(errno));
    dev->log_start = lseek(dev->log_fd, 0, SEEK_END);
    return ERR_NONE;
}

/* A unix socket's path has 107 bytes at most; a deep data folder gets one under /tmp. */
static err_code open_socket_folder(struct dev *dev, struct err *err)
{
    enum { LONGEST = sizeof((struct sockaddr_un *)NULL)->sun_path - 1 };

    err_code failed = dev_path(dev->dir, "socket", dev->socket, err);
    if (failed)
        return failed;
    if (strlen(dev->socket) + strlen("/" DEV_SOCKET) <= LONGEST)
        return dev_make_dir(dev->socket, &dev->user, err);
    (void)snprintf(dev->socket, sizeof dev->socket, "/tmp/tenantd-XXXXXX");
    if (!mkdtemp(dev->socket))
        return err_set(err, ERR_SYSTEM_FAILED, "cannot make a folder under /tmp: %s",
                       strerror(errno));
    dev->socket_is_ours = true;
    if (dev->user.switches && chown(dev->socket, dev->user.uid, dev->user.gid))
        return err_set(err, ERR_SYSTEM_FAILED, "cannot give \"%s\" to %s: %s", dev->socket,
                       dev->user.name, strerror(errno));
    return ERR_NONE;
}

static err_code write_url(struct dev *dev, struct err *err)
{
    str_add(&dev->url, "postgresql://postgres@/postgres?port=5432&host=");
    for (const char *c = dev->socket; *c; c++) {
        bool plain = strchr("/-_.~", *c) || (*c >= '0' && *c <= '9') || (*c >= 'a' && *c <= 'z') ||
                     (*c >= 'A' && *c <= 'Z');
        if (plain)
            str_add_char(&dev->url, *c);
        else
            str_addf(&dev->url, "%%%02X", (unsigned)(unsigned char)*c);
    }
    CLEANUP(str_clear) struct str line = STR_INIT;
    str_addf(&line, "%s\n", str_text(&dev->url));
    if (!str_ok(&dev->url) || !str_ok(&line))
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    return dev_write(dev->dir, "database-url", str_text(&line), err);
}

/* Room for DDL over many schemas in one transaction; otherwise PostgreSQL's defaults, durability
 * included. */
static err_code run_server(struct dev *dev, struct err *err)
{
    char program[PATH_MAX];

    err_code failed = dev_path(dev->bin, "postgres", program, err);
    if (failed)
        return failed;
    const char *const argv[] = {program,
                                "-D",
                                dev->cluster,
                                "-k",
                                dev->socket,
                                "-p",
                                "5432",
                                "-c",
                                "listen_addresses=",
                                "-c",
                                "unix_socket_permissions=0700",
                                "-c",
                                "max_connections=100",
                                "-c",
                                "max_locks_per_transaction=256",
                                "-c",
                                "shared_buffers=128MB",
                                "-c",
                                "logging_collector=off",
                                NULL};
    return dev_spawn(&(struct dev_program){.user = &dev->user,
                                           .folder = dev->cluster,
                                           .argv = argv,
                                           .log_fd = dev->log_fd,
                                           .dies_with_us = true},
                     &dev->pid, err);
}

static err_code wait_until_ready(struct dev *dev, struct err *err)
{
    int64_t ms = dev->options.start_timeout_ms ? dev->options.start_timeout_ms : START_MS;
    int64_t deadline = clock_mono_ms() + ms;
    struct pg_options options = {.url = str_text(&dev->url), .connect_timeout_s = 2};
    int status = 0;

    for (;;) {
        struct pg *pg = NULL;
        if (pg_open(&options, &pg, err) == ERR_NONE) {
            pg_close(pg);
            return ERR_NONE;
        }
        if (dev_wait(dev->pid, 0, &status)) {
            dev->pid = 0;
            return dev_explain(dev, "postgres", status, err);
        }
        if (clock_mono_ms() >= deadline) {
            (void)err_set(err, ERR_SYSTEM_FAILED, "PostgreSQL was not ready within %d s",
                          (int)(ms / 1000));
            return dev_blame_log(dev, err);
        }
        dev_pause();
    }
}

static err_code prepare(struct dev *dev, struct err *err)
{
    err_code failed = dev_user_find(&dev->user, err);
    if (!failed)
        failed = open_folder(dev, dev->options.data_dir, err);
    if (!failed)
        failed = open_log(dev, err);
    if (!failed)
        failed = dev_ensure_cluster(dev, err);
    if (!failed)
        failed = open_socket_folder(dev, err);
    if (!failed)
        failed = dev_wait_for_predecessor(dev, err);
    return failed ? failed : write_url(dev, err);
}

err_code dev_start(const struct dev_options *options, struct dev **out, struct err *err)
{
    CLEANUP(dev_stopp) struct dev *dev = calloc(1, sizeof *dev);

    if (!dev)
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    dev->options = *options;
    dev->lock_fd = dev->log_fd = -1;
    err_code failed = prepare(dev, err);
    if (!failed)
        failed = run_server(dev, err);
    if (!failed)
        failed = wait_until_ready(dev, err);
    if (failed)
        return failed;
    *out = dev;
    dev = NULL; /* now the caller's */
    return ERR_NONE;
}

const char *dev_url(const struct dev *dev)
{
    return str_text(&dev->url);
}

int dev_pid(const struct dev *dev)
{
    return (int)dev->pid;
}

bool dev_is_running(struct dev *dev)
{
    int status;

    if (dev->pid && dev_wait(dev->pid, 0, &status))
        dev->pid = 0;
    return dev->pid != 0;
}

/* Fast, then immediate, then not asking any more. */
static void stop_server(struct dev *dev)
{
    static const int signals[] = {SIGINT, SIGQUIT, SIGKILL};
    int64_t ms = dev->options.stop_timeout_ms ? dev->options.stop_timeout_ms : STOP_MS;
    int status;

    for (size_t i = 0; i < ARRAY_LEN(signals) && dev->pid; i++) {
        (void)kill(dev->pid, signals[i]);
        if (dev_wait(dev->pid, i ? QUIT_MS : ms, &status))
            dev->pid = 0;
    }
}

void dev_stop(struct dev *dev)
{
    if (!dev)
        return;
    stop_server(dev);
    if (dev->socket_is_ours)
        dev_remove_tree(dev->socket);
    if (dev->log_fd >= 0)
        (void)close(dev->log_fd);
    if (dev->lock_fd >= 0)
        (void)close(dev->lock_fd);
    str_clear(&dev->url);
    free(dev);
}

void dev_stopp(struct dev **dev)
{
    dev_stop(*dev);
}
