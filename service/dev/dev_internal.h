/* SPDX-License-Identifier: MIT */
/* The parts of the private PostgreSQL: its programs, its user, its files, its process. */
#pragma once

#include <limits.h>
#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "core/base/err.h"
#include "core/base/str.h"
#include "service/dev/dev.h"

#define DEV_SOCKET ".s.PGSQL.5432"

/* Who runs PostgreSQL. */
struct dev_user {
    bool switches; /* we are root and must become this user */
    uid_t uid;
    gid_t gid;
    char home[PATH_MAX];
    char name[64];
};
err_code dev_user_find(struct dev_user *out, struct err *err) MUST_USE;

/* The folder with initdb and postgres: the one given, that of the version a cluster was made with,
 * one on PATH, the newest Debian has, what pg_config says. cluster_version is "" for a new one. */
err_code dev_bin_find(const char *given, const char *cluster_version, char out[PATH_MAX],
                      struct err *err) MUST_USE;

/* A program to run as PostgreSQL's user; its output goes to log_fd. */
struct dev_program {
    const struct dev_user *user;
    const char *folder;      /* to stand in; the user must be able to enter it */
    const char *const *argv; /* argv[0] is the path; NULL-terminated */
    int log_fd;
    bool dies_with_us;
};
enum { DEV_CANNOT_ENTER = 126, DEV_CANNOT_RUN = 127 }; /* exit statuses of ours */
err_code dev_spawn(const struct dev_program *program, pid_t *out, struct err *err) MUST_USE;
/* Waits up to ms for the child to end (reaping it); false: it runs still. */
bool dev_wait(pid_t pid, int64_t ms, int *status);
/* A short pause between two looks at something. */
void dev_pause(void);

/* DIR/NAME into out; fails when it is too long. */
err_code dev_path(const char *dir, const char *name, char out[PATH_MAX], struct err *err) MUST_USE;
/* Makes the folder, or takes the one that is there; a folder of PostgreSQL's user is his alone. */
err_code dev_make_dir(const char *path, const struct dev_user *owner, struct err *err) MUST_USE;
/* Opens and locks DIR/lock; *fd is the caller's, the lock ends with it. */
err_code dev_lock(const char *dir, int *fd, struct err *err) MUST_USE;
/* Writes text to DIR/NAME with mode 0600: all of it or nothing. */
err_code dev_write(const char *dir, const char *name, const char *text, struct err *err) MUST_USE;
/* Appends what DIR/NAME holds, at most max bytes of it. *found: whether the file is there. */
err_code dev_read(const char *dir, const char *name, size_t max, struct str *out, bool *found,
                  struct err *err) MUST_USE;
void dev_remove_tree(const char *path);

struct dev {
    struct dev_options options;
    struct dev_user user;
    char dir[PATH_MAX], cluster[PATH_MAX], socket[PATH_MAX], bin[PATH_MAX];
    bool socket_is_ours; /* a folder under /tmp, removed at the end */
    int lock_fd, log_fd;
    off_t log_start; /* where the log began in this run */
    pid_t pid;       /* 0: not running */
    struct str url;
};

/* Makes the cluster if there is none, and finds programs of its version. */
err_code dev_ensure_cluster(struct dev *dev, struct err *err) MUST_USE;
/* Waits for what still runs in the cluster to end; then it can be started. */
err_code dev_wait_for_predecessor(struct dev *dev, struct err *err) MUST_USE;
/* Adds what the log of this run says about a failure to an error's message. */
err_code dev_blame_log(struct dev *dev, struct err *err);
/* Says how a program ended. */
err_code dev_explain(struct dev *dev, const char *program, int status, struct err *err);
