/* SPDX-License-Identifier: MIT */
/*
 * Logins that reach one schema, for SQL that somebody else wrote. What a session may do is bounded
 * by who it logged in as: SET ROLE and the like can be undone by the SQL itself. Each schema has a
 * role that reads and one that writes, made when it is first needed. Its password follows from a
 * key that all replicas share, so nobody has to keep or tell it.
 *
 * The shared schema's reader is what every other login is a member of: rights of thousands of roles
 * would not fit into the catalog row of one shared table.
 */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/hash.h"
#include "core/pg/ident.h"
#include "core/pg/pg.h"

struct login {
    char role[PG_NAME_MAX + 1];
    char password[SHA256_HEX_SIZE];
};

typedef enum login_kind { LOGIN_READ, LOGIN_WRITE, LOGIN_KINDS } login_kind;

/* How the names of logins look, as a regular expression: what they may is no part of a schema. */
#define LOGIN_NAMES "^tenantd_[rw]_.*_[0-9a-f]{20}$"

/* The login of a schema on a server. Pure. */
void login_of(const unsigned char *key, size_t key_len, const char *server, const char *schema,
              login_kind kind, struct login *out);

struct login_wish {
    const struct login *login;
    const char *member_of; /* the reader of the shared schema; NULL: it is the one */
    const char *schema;
    login_kind kind;
    const char
        *tracking_table; /* no login writes it, nor its backups, nor tables of tenantd's own */
    int64_t lock_key;    /* of the schema: rights are no more than a migration's to change */
    int lock_timeout_ms;
    bool refused; /* the server did not let it in: the password is set anew */
};

/*
 * Makes what is missing of the role and its rights, over a connection of the server's own role;
 * twice is once. ERR_QUERY_UNAVAILABLE when that role may not, or when somebody has given the login
 * more than it shall have; ERR_LOCK_UNAVAILABLE, ERR_SCHEMA_MISSING.
 */
err_code login_ensure(struct pg *pg, const struct login_wish *wish, struct err *err) MUST_USE;
/* Drops the role if it is there; its schema has gone before. What may not be dropped stays: it has
 * no rights any more. */
err_code login_drop(struct pg *pg, const struct login *login, struct err *err) MUST_USE;
