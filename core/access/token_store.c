/* SPDX-License-Identifier: MIT */
#include "core/access/token_store.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

#define RECORD_COLUMNS                                                                             \
    "id, name, secret_sha256, array_to_string(scopes, ' ') AS scopes, created_by,"                 \
    " (extract(epoch FROM created_at) * 1000)::bigint AS created_ms,"                              \
    " (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms,"                              \
    " (extract(epoch FROM revoked_at) * 1000)::bigint AS revoked_ms,"                              \
    " (extract(epoch FROM last_used_at) * 1000)::bigint AS last_used_ms"

void token_record_clear(struct token_record *record)
{
    free(record->name);
    free(record->created_by);
    *record = (struct token_record){.name = NULL};
}

void token_list_clear(struct token_list *list)
{
    for (size_t i = 0; i < list->count; i++)
        token_record_clear(&list->rows[i]);
    free(list->rows);
    *list = (struct token_list){.rows = NULL};
}

static const struct pg_stmt insert_token = {
    .name = "token_insert",
    .sql = "INSERT INTO tenantd.token (id, name, secret_sha256, scopes, created_by, created_at,"
           " expires_at) VALUES ($1, $2, $3::bytea, string_to_array($4, ' '), $5, now(),"
           " to_timestamp(nullif($6::bigint, 0) / 1000.0))"};

err_code token_store_insert(struct pg *pg, const struct token_record *record, struct err *err)
{
    CLEANUP(str_clear) struct str scopes = STR_INIT;
    char hash[2 + SHA256_HEX_SIZE] = "\\x";

    hex_encode(record->token.secret_sha256, SHA256_SIZE, hash + 2);
    scopes_format(record->scopes, " ", &scopes);
    if (!str_ok(&scopes))
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    err_code failed = pg_exec(pg, &insert_token,
                              PG_ARGS(PG_ARG(record->token.id), PG_ARG(record->name), PG_ARG(hash),
                                      PG_ARG(str_text(&scopes)), PG_ARG(record->created_by),
                                      PG_ARG(record->expires_at)),
                              NULL, err);
    if (failed == ERR_CONFLICT)
        return err_set(err, ERR_CONFLICT, "a token with the id %s exists", record->token.id);
    return failed;
}

/* A digest of the wrong length matches no secret, for it stays zero. */
static bool read_hash(const struct pg_rows *rows, size_t row, unsigned char out[SHA256_SIZE])
{
    size_t n = 0;
    unsigned char *bytes = pg_bytes(rows, row, "secret_sha256", &n);

    if (bytes && n == SHA256_SIZE)
        memcpy(out, bytes, SHA256_SIZE);
    free(bytes);
    return bytes != NULL;
}

static err_code read_record(const struct pg_rows *rows, size_t row, struct token_record *out,
                            struct err *err)
{
    CLEANUP(token_record_clear) struct token_record r = {.name = NULL};
    CLEANUP(freep) char *scopes = strdup(pg_text(rows, row, "scopes"));

    r.name = strdup(pg_text(rows, row, "name"));
    r.created_by = strdup(pg_text(rows, row, "created_by"));
    if (!scopes || !r.name || !r.created_by || !read_hash(rows, row, r.token.secret_sha256))
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    (void)snprintf(r.token.id, sizeof r.token.id, "%s", pg_text(rows, row, "id"));
    r.scopes = scopes_stored(scopes);
    r.created_at = pg_bigint(rows, row, "created_ms");
    r.expires_at = pg_bigint(rows, row, "expires_ms");
    r.revoked_at = pg_bigint(rows, row, "revoked_ms");
    r.last_used_at = pg_bigint(rows, row, "last_used_ms");
    *out = r;
    r = (struct token_record){.name = NULL}; /* now the caller's */
    return ERR_NONE;
}

static const struct pg_stmt find_token = {
    .name = "token_find", .sql = "SELECT " RECORD_COLUMNS " FROM tenantd.token WHERE id = $1"};

err_code token_store_find(struct pg *pg, const char *id, struct token_record *out, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    err_code failed = pg_query(pg, &find_token, PG_ARGS(PG_ARG(id)), &rows, err);
    if (failed)
        return failed;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_TOKEN_NOT_FOUND, "there is no token with the id %.40s", id);
    return read_record(rows, 0, out, err);
}

static const struct pg_stmt list_tokens = {
    .name = "token_list",
    .sql = "SELECT " RECORD_COLUMNS " FROM tenantd.token WHERE id > $1 ORDER BY id LIMIT $2"};

err_code token_store_list(struct pg *pg, const char *after, int limit, struct token_list *out,
                          struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(token_list_clear) struct token_list list = {.rows = NULL};

    err_code failed = pg_query(pg, &list_tokens, PG_ARGS(PG_ARG(after), PG_ARG(limit)), &rows, err);
    if (failed)
        return failed;
    size_t n = pg_rows_count(rows);
    list.rows = calloc(n ? n : 1, sizeof *list.rows);
    if (!list.rows)
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    for (; list.count < n; list.count++) {
        failed = read_record(rows, list.count, &list.rows[list.count], err);
        if (failed)
            return failed;
    }
    *out = list;
    list = (struct token_list){.rows = NULL}; /* now the caller's */
    return ERR_NONE;
}

static const struct pg_stmt revoke_token = {
    .name = "token_revoke",
    .sql = "UPDATE tenantd.token SET revoked_at = coalesce(revoked_at, now()) WHERE id = $1"};

err_code token_store_revoke(struct pg *pg, const char *id, struct err *err)
{
    int64_t affected = 0;

    err_code failed = pg_exec(pg, &revoke_token, PG_ARGS(PG_ARG(id)), &affected, err);
    if (failed)
        return failed;
    if (!affected)
        return err_set(err, ERR_TOKEN_NOT_FOUND, "there is no token with the id %.40s", id);
    return ERR_NONE;
}

static const struct pg_stmt touch_token = {
    .name = "token_touch",
    .sql = "UPDATE tenantd.token SET last_used_at = now() WHERE id = $1 AND"
           " (last_used_at IS NULL OR last_used_at < now() - interval '1 minute')"};

err_code token_store_touch(struct pg *pg, const char *id, struct err *err)
{
    return pg_exec(pg, &touch_token, PG_ARGS(PG_ARG(id)), NULL, err);
}

/* Two replicas may start at once: the second insert does nothing and both read the same row. */
static const struct pg_stmt ensure_token = {
    .name = "token_ensure",
    .sql = "INSERT INTO tenantd.token (id, name, secret_sha256, scopes, created_by, created_at)"
           " VALUES ($1, 'bootstrap', $2::bytea, string_to_array($3, ' '), 'configuration', now())"
           " ON CONFLICT (id) DO NOTHING"};

static err_code ensure(struct pg *pg, const struct token *token, struct err *err)
{
    CLEANUP(str_clear) struct str scopes = STR_INIT;
    char hash[2 + SHA256_HEX_SIZE] = "\\x";

    hex_encode(token->secret_sha256, SHA256_SIZE, hash + 2);
    scopes_format(SCOPES_ALL, " ", &scopes);
    if (!str_ok(&scopes))
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    return pg_exec(pg, &ensure_token,
                   PG_ARGS(PG_ARG(token->id), PG_ARG(hash), PG_ARG(str_text(&scopes))), NULL, err);
}

static err_code check_bootstrap(const struct token *token, const struct token_record *stored,
                                struct err *err)
{
    if (!bytes_equal(token->secret_sha256, stored->token.secret_sha256, SHA256_SIZE))
        return err_set(err, ERR_CONFIG_INVALID,
                       "the admin token's id %s belongs to a token with another secret", token->id);
    if (stored->revoked_at)
        return err_set(err, ERR_CONFIG_INVALID, "the admin token %s was revoked; configure another",
                       token->id);
    if (stored->expires_at && stored->expires_at <= clock_unix_ms())
        return err_set(err, ERR_CONFIG_INVALID, "the admin token %s has expired; configure another",
                       token->id);
    if (stored->scopes != SCOPES_ALL)
        return err_set(err, ERR_CONFIG_INVALID,
                       "the admin token %s does not hold every scope; configure another",
                       token->id);
    return ERR_NONE;
}

err_code access_bootstrap(struct pg *pg, const char *text, struct err *err)
{
    struct token token;
    CLEANUP(token_record_clear) struct token_record stored = {.name = NULL};

    if (token_parse(text, &token, err)) {
        if (err)
            err->code = ERR_CONFIG_INVALID; /* nobody asked to be let in */
        return ERR_CONFIG_INVALID;
    }
    err_code failed = ensure(pg, &token, err);
    if (!failed)
        failed = token_store_find(pg, token.id, &stored, err);
    return failed ? failed : check_bootstrap(&token, &stored, err);
}
