/* SPDX-License-Identifier: MIT */
/* The table tenantd.token. One function, one statement. */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/access/scope.h"
#include "core/access/token.h"
#include "core/pg/pg.h"

/* A token as stored. Times are milliseconds since 1970, 0: never. */
struct token_record {
    struct token token;
    char *name, *created_by; /* owned */
    uint32_t scopes;         /* names that this version does not know are left out */
    int64_t created_at, expires_at, revoked_at, last_used_at;
};

struct token_list {
    struct token_record *rows; /* owned */
    size_t count;
};

void token_record_clear(struct token_record *record);
void token_list_clear(struct token_list *list);

/* created_at is set by the database. Fails with ERR_CONFLICT when the id is there. */
err_code token_store_insert(struct pg *pg, const struct token_record *record, struct err *err)
    MUST_USE;
/* Fails with ERR_TOKEN_NOT_FOUND. *out is the caller's. */
err_code token_store_find(struct pg *pg, const char *id, struct token_record *out, struct err *err)
    MUST_USE;
/* At most limit tokens whose id sorts after `after` ("" for the first page), by id. */
err_code token_store_list(struct pg *pg, const char *after, int limit, struct token_list *out,
                          struct err *err) MUST_USE;
/* A token that is revoked already stays as it is. Fails with ERR_TOKEN_NOT_FOUND. */
err_code token_store_revoke(struct pg *pg, const char *id, struct err *err) MUST_USE;
/* Notes that the token was used; writes at most once a minute. */
err_code token_store_touch(struct pg *pg, const char *id, struct err *err) MUST_USE;

/* Makes sure that text is a token with every scope: stores it when its id is new. Idempotent.
 * Fails with ERR_CONFIG_INVALID when text is no token, when its id belongs to another secret, or
 * when it was revoked or has expired. */
err_code access_bootstrap(struct pg *pg, const char *text, struct err *err) MUST_USE;
