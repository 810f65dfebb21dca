/* SPDX-License-Identifier: MIT */
#include "core/access/ticket_store.h"

#include <stdio.h>
#include <string.h>

#include "core/base/hash.h"

static void hash_of(const char *text, char out[2 + SHA256_HEX_SIZE])
{
    memcpy(out, "\\x", 2);
    sha256_hex(text, strlen(text), out + 2);
}

/* Those that have run out go on the way: there are never many. */
err_code ticket_create(struct pg *pg, const struct principal *who, uint32_t scopes,
                       char out[TICKET_TEXT_SIZE], int64_t *expires_at, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "ticket_create",
        .sql =
            "WITH old AS (DELETE FROM tenantd.event_ticket WHERE expires_at < now())"
            " INSERT INTO tenantd.event_ticket (secret_sha256, principal, scopes, expires_at)"
            " VALUES ($1::bytea, $2, string_to_array($3, ' '), now() + make_interval(secs => $4))"
            " RETURNING (extract(epoch FROM expires_at) * 1000)::bigint AS expires_ms",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(str_clear) struct str names = STR_INIT;
    unsigned char secret[TICKET_SECRET_SIZE];
    char text[TICKET_TEXT_SIZE] = "tkt_", hash[2 + SHA256_HEX_SIZE];

    random_bytes(secret, sizeof secret);
    hex_encode(secret, sizeof secret, text + strlen(text));
    hash_of(text, hash);
    scopes_format(scopes, " ", &names);
    err_code rc = pg_query(pg, &stmt,
                           PG_ARGS(PG_ARG((const char *)hash), PG_ARG(who->id),
                                   PG_ARG(str_text(&names)), PG_ARG((int)TICKET_LIFE_S)),
                           &rows, err);
    if (rc)
        return rc;
    memcpy(out, text, sizeof text);
    *expires_at = pg_bigint(rows, 0, "expires_ms");
    return ERR_NONE;
}

err_code ticket_redeem(struct pg *pg, const char *text, struct principal *out, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "ticket_redeem",
        .sql = "WITH taken AS (DELETE FROM tenantd.event_ticket WHERE secret_sha256 = $1::bytea"
               "  RETURNING principal, scopes, expires_at)"
               " SELECT k.id, k.name, array_to_string(t.scopes, ' ') AS scopes"
               " FROM taken t JOIN tenantd.token k ON k.id = t.principal"
               " WHERE t.expires_at > now() AND k.revoked_at IS NULL"
               "  AND (k.expires_at IS NULL OR k.expires_at > now())",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(freep) char *names = NULL;
    char hash[2 + SHA256_HEX_SIZE];

    hash_of(text, hash);
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG((const char *)hash)), &rows, err);
    if (rc)
        return rc;
    if (!pg_rows_count(rows))
        return err_set(err, ERR_UNAUTHENTICATED,
                       "the ticket is not known here: it is good once, for %d seconds",
                       TICKET_LIFE_S);
    names = strdup(pg_text(rows, 0, "scopes"));
    if (!names)
        return err_set(err, ERR_INTERNAL, "out of memory");
    *out = (struct principal){.scopes = scopes_stored(names)};
    const char *name = pg_text(rows, 0, "name");
    (void)snprintf(out->id, sizeof out->id, "%s", pg_text(rows, 0, "id"));
    (void)snprintf(out->name, sizeof out->name, "%.*s",
                   (int)utf8_valid_len(name, strnlen(name, sizeof out->name - 1)), name);
    return ERR_NONE;
}
