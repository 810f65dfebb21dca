/* SPDX-License-Identifier: MIT */
/*
 * The private PostgreSQL of `tenantd --dev`, under one folder:
 *
 *     DIR/lock          held while a tenantd uses the folder
 *     DIR/pg/           the cluster, owned by the user that PostgreSQL runs as
 *     DIR/socket/       its unix socket, the only way in; its owner's alone
 *     DIR/postgres.log  what initdb and the server say
 *     DIR/database-url  how to reach it (0600)
 *     DIR/admin-token   a token with every scope (0600)
 *
 * PostgreSQL refuses to run as root: then user postgres runs it, or nobody where there is none. It
 * stops when the thread that started it ends, however that happens.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/access/token.h"
#include "core/base/err.h"

struct dev;

struct dev_options {
    const char *data_dir;     /* made if it is not there */
    const char *bin_dir;      /* where initdb and postgres are; NULL: found */
    int64_t start_timeout_ms; /* 0: 60 s, the making of the cluster not included */
    int64_t stop_timeout_ms;  /* 0: 20 s, before clients and transactions are cut off */
};

/*
 * Makes the cluster if there is none, starts it and waits until it takes connections. To be called
 * from the main thread, before other threads start. *out is the caller's, ended by dev_stop().
 * Fails with ERR_CONFIG_INVALID when the folder cannot be used (in use, another user's, unreachable
 * for PostgreSQL's user) or no PostgreSQL is installed, with ERR_SYSTEM_FAILED otherwise; the
 * message quotes the server's log where that has something to say.
 */
err_code dev_start(const struct dev_options *options, struct dev **out, struct err *err) MUST_USE;
/* A connection URI; borrowed. */
const char *dev_url(const struct dev *dev);
int dev_pid(const struct dev *dev);
/* false: PostgreSQL ended by itself. */
bool dev_is_running(struct dev *dev);
/* Stops PostgreSQL and waits for it. NULL is fine. */
void dev_stop(struct dev *dev);
void dev_stopp(struct dev **dev);

/* The token in DIR/admin-token; made there first when the file does not exist. Call it between
 * dev_start(), which holds the folder, and dev_stop(). Fails with ERR_CONFIG_INVALID when what the
 * file holds is no token. */
err_code dev_admin_token(const char *data_dir, char out[TOKEN_TEXT_SIZE], struct err *err) MUST_USE;
