/* SPDX-License-Identifier: MIT */
/*
 * Who is calling: from an Authorization header to a principal. Tokens are cached for a few seconds,
 * so that a request usually costs no query and a revocation is seen by every replica soon.
 */
#pragma once

#include <stddef.h>
#include <stdint.h>

#include "core/access/scope.h"
#include "core/access/token.h"
#include "core/pg/pg_pool.h"

struct access_cache;

struct principal {
    char id[TOKEN_ID_SIZE]; /* of the token */
    char name[64];          /* the token's name, cut to fit */
    uint32_t scopes;
};

/* Why nobody was let in; for a metric. */
typedef enum access_denial {
    ACCESS_GRANTED,
    ACCESS_MISSING,
    ACCESS_MALFORMED,
    ACCESS_UNKNOWN, /* no such id, or another secret: which of the two is not told */
    ACCESS_EXPIRED,
    ACCESS_REVOKED,
    ACCESS_UNAVAILABLE, /* the database could not be asked */
} access_denial;
const char *access_denial_name(access_denial denial);

struct access_options {
    struct pg_pool *pool; /* of the control database; outlives the cache */
    int64_t ttl_ms;       /* 0: 5 s */
    size_t capacity;      /* tokens kept at most; 0: 4096 */
};

err_code access_cache_new(const struct access_options *options, struct access_cache **out,
                          struct err *err) MUST_USE;
void access_cache_free(struct access_cache *cache); /* NULL is fine */
void access_cache_freep(struct access_cache **cache);
/* Drops a token at once, for the replica that revokes it. */
void access_forget(struct access_cache *cache, const char *id);

/*
 * Judges the value of an Authorization header (RFC 6750, 2.1; NULL: there is none). From any
 * thread. Fails with ERR_UNAUTHENTICATED and a message that says why, or as the database does;
 * *denial is always set. A valid token's last use is noted, at most once a minute.
 */
err_code access_check(struct access_cache *cache, const char *authorization, struct principal *out,
                      access_denial *denial, struct err *err) MUST_USE;
/* Fails with ERR_PERMISSION_DENIED, naming the scope that is missing. */
err_code access_require(const struct principal *principal, scope needed, struct err *err) MUST_USE;
