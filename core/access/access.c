/* SPDX-License-Identifier: MIT */
#include "core/access/access.h"

#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/access/token_store.h"
#include "core/base/clock.h"

enum { WAYS = 4, TTL_MS = 5000, CAPACITY = 4096, TOUCH_MS = 60000 };

/* What a check needs of a token; loaded_ms 0: an empty place. */
struct entry {
    struct token token;
    char name[64];
    uint32_t scopes;
    int64_t expires_at, revoked_at; /* clock_unix_ms() */
    int64_t loaded_ms, touched_ms;  /* clock_mono_ms() */
};

/* Places in groups of WAYS; a token's id names its group. */
struct access_cache {
    struct access_options options;
    pthread_mutex_t lock;
    struct entry *entries;
    size_t groups;
};

const char *access_denial_name(access_denial denial)
{
    switch (denial) {
    case ACCESS_GRANTED:
        return "granted";
    case ACCESS_MISSING:
        return "missing";
    case ACCESS_MALFORMED:
        return "malformed";
    case ACCESS_UNKNOWN:
        return "unknown";
    case ACCESS_EXPIRED:
        return "expired";
    case ACCESS_REVOKED:
        return "revoked";
    case ACCESS_UNAVAILABLE:
        return "unavailable";
    }
    return "unknown";
}

err_code access_cache_new(const struct access_options *options, struct access_cache **out,
                          struct err *err)
{
    CLEANUP(access_cache_freep) struct access_cache *cache = calloc(1, sizeof *cache);

    if (!cache)
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    cache->options = *options;
    if (!cache->options.ttl_ms)
        cache->options.ttl_ms = TTL_MS;
    cache->groups = ((options->capacity ? options->capacity : CAPACITY) + WAYS - 1) / WAYS;
    cache->entries = calloc(cache->groups * WAYS, sizeof *cache->entries);
    if (!cache->entries || pthread_mutex_init(&cache->lock, NULL)) {
        free(cache->entries);
        cache->entries = NULL;
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    }
    *out = cache;
    cache = NULL; /* now the caller's */
    return ERR_NONE;
}

void access_cache_free(struct access_cache *cache)
{
    if (!cache)
        return;
    if (cache->entries)
        (void)pthread_mutex_destroy(&cache->lock);
    free(cache->entries);
    free(cache);
}

void access_cache_freep(struct access_cache **cache)
{
    access_cache_free(*cache);
}

/* FNV-1a; ids are random already. */
static struct entry *group_of(struct access_cache *cache, const char *id)
{
    uint64_t hash = UINT64_C(14695981039346656037);

    for (; *id; id++)
        hash = (hash ^ (unsigned char)*id) * UINT64_C(1099511628211);
    return cache->entries + (hash % cache->groups) * WAYS;
}

static struct entry *find_locked(struct access_cache *cache, const char *id)
{
    struct entry *group = group_of(cache, id);

    for (size_t i = 0; i < WAYS; i++)
        if (group[i].loaded_ms && strcmp(group[i].token.id, id) == 0)
            return &group[i];
    return NULL;
}

static bool find_fresh(struct access_cache *cache, const char *id, struct entry *out)
{
    (void)pthread_mutex_lock(&cache->lock);
    const struct entry *entry = find_locked(cache, id);
    if (entry)
        *out = *entry;
    (void)pthread_mutex_unlock(&cache->lock);
    return entry && clock_mono_ms() - out->loaded_ms < cache->options.ttl_ms;
}

/* Takes the token's own place, or that of the group's oldest. */
static void keep(struct access_cache *cache, const struct entry *entry)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct entry *place = find_locked(cache, entry->token.id);
    if (!place) {
        place = group_of(cache, entry->token.id);
        for (struct entry *e = place + 1, *end = place + WAYS; e < end; e++)
            if (e->loaded_ms < place->loaded_ms)
                place = e;
    }
    *place = *entry;
    (void)pthread_mutex_unlock(&cache->lock);
}

void access_forget(struct access_cache *cache, const char *id)
{
    (void)pthread_mutex_lock(&cache->lock);
    struct entry *entry = find_locked(cache, id);
    if (entry)
        entry->loaded_ms = 0;
    (void)pthread_mutex_unlock(&cache->lock);
}

static bool is_usable(const struct entry *entry)
{
    return !entry->revoked_at && (!entry->expires_at || entry->expires_at > clock_unix_ms());
}

/* The time of last use is a courtesy: failing to write it must not turn a caller away. */
static void touch(struct pg *pg, struct entry *entry)
{
    int64_t now = clock_mono_ms();

    if (entry->touched_ms && now - entry->touched_ms < TOUCH_MS)
        return;
    if (!token_store_touch(pg, entry->token.id, NULL))
        entry->touched_ms = now;
}

/* Fills *entry, which may hold what was known before, from the database. */
static err_code load_with(struct pg *pg, const struct token *token, struct entry *entry,
                          struct err *err)
{
    CLEANUP(token_record_clear) struct token_record record = {.name = NULL};

    err_code failed = token_store_find(pg, token->id, &record, err);
    if (failed)
        return failed;
    entry->token = record.token;
    entry->scopes = record.scopes;
    entry->expires_at = record.expires_at;
    entry->revoked_at = record.revoked_at;
    (void)snprintf(entry->name, sizeof entry->name, "%.*s",
                   (int)utf8_valid_len(record.name, strnlen(record.name, sizeof entry->name - 1)),
                   record.name);
    if (is_usable(entry) &&
        bytes_equal(token->secret_sha256, entry->token.secret_sha256, SHA256_SIZE))
        touch(pg, entry);
    return ERR_NONE;
}

/* What is not there is not kept: ids that somebody makes up must not drive out real ones. */
static err_code load(struct access_cache *cache, const struct token *token, struct entry *entry,
                     struct err *err)
{
    struct pg *pg = NULL;
    int64_t now = clock_mono_ms(); /* before the query, so that the time to live is no longer */

    err_code failed = pg_pool_borrow(cache->options.pool, &pg, err);
    if (failed)
        return failed;
    failed = load_with(pg, token, entry, err);
    pg_pool_return(cache->options.pool, pg);
    if (failed)
        return failed;
    entry->loaded_ms = now;
    keep(cache, entry);
    return ERR_NONE;
}

static err_code deny(access_denial why, access_denial *denial, struct err *err)
{
    *denial = why;
    switch (why) {
    case ACCESS_MISSING:
        return err_set(err, ERR_UNAUTHENTICATED,
                       "a token is missing; send it as Authorization: Bearer TOKEN");
    case ACCESS_EXPIRED:
        return err_set(err, ERR_UNAUTHENTICATED, "the token has expired");
    case ACCESS_REVOKED:
        return err_set(err, ERR_UNAUTHENTICATED, "the token was revoked");
    case ACCESS_GRANTED:
    case ACCESS_MALFORMED:
    case ACCESS_UNKNOWN:
    case ACCESS_UNAVAILABLE:
        break;
    }
    return err_set(err, ERR_UNAUTHENTICATED, "the token is not known here");
}

/* Whether the entry lets the token in; who does not know the secret learns nothing of its state. */
static err_code judge(const struct entry *entry, const struct token *token, access_denial *denial,
                      struct err *err)
{
    if (!bytes_equal(token->secret_sha256, entry->token.secret_sha256, SHA256_SIZE))
        return deny(ACCESS_UNKNOWN, denial, err);
    if (entry->revoked_at)
        return deny(ACCESS_REVOKED, denial, err);
    if (!is_usable(entry))
        return deny(ACCESS_EXPIRED, denial, err);
    *denial = ACCESS_GRANTED;
    return ERR_NONE;
}

/* The token in "Bearer TOKEN"; NULL: another scheme. The scheme's case does not matter. */
static const char *bearer_token(const char *authorization)
{
    static const char scheme[] = "Bearer ";

    if (strncasecmp(authorization, scheme, sizeof scheme - 1) != 0)
        return NULL;
    authorization += sizeof scheme - 1;
    return authorization + strspn(authorization, " ");
}

static err_code resolve(struct access_cache *cache, const struct token *token, struct entry *entry,
                        access_denial *denial, struct err *err)
{
    if (find_fresh(cache, token->id, entry))
        return ERR_NONE;
    err_code failed = load(cache, token, entry, err);
    if (failed == ERR_TOKEN_NOT_FOUND) {
        access_forget(cache, token->id);
        return deny(ACCESS_UNKNOWN, denial, err);
    }
    *denial = failed ? ACCESS_UNAVAILABLE : ACCESS_GRANTED;
    return failed;
}

err_code access_check(struct access_cache *cache, const char *authorization, struct principal *out,
                      access_denial *denial, struct err *err)
{
    struct token token;
    struct entry entry = {.loaded_ms = 0};
    const char *text = authorization ? bearer_token(authorization) : NULL;

    if (!text)
        return deny(ACCESS_MISSING, denial, err);
    err_code failed = token_parse(text, &token, err);
    if (failed) {
        *denial = ACCESS_MALFORMED;
        return failed;
    }
    failed = resolve(cache, &token, &entry, denial, err);
    if (!failed)
        failed = judge(&entry, &token, denial, err);
    if (failed)
        return failed;
    memcpy(out->id, entry.token.id, sizeof out->id);
    memcpy(out->name, entry.name, sizeof out->name);
    out->scopes = entry.scopes;
    return ERR_NONE;
}

err_code access_require(const struct principal *principal, scope needed, struct err *err)
{
    if (principal->scopes & SCOPE_BIT(needed))
        return ERR_NONE;
    return err_set(err, ERR_PERMISSION_DENIED, "the token lacks the scope %s", scope_name(needed));
}
