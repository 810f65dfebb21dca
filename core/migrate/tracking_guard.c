/* SPDX-License-Identifier: MIT */
/*
 * The question whether a tracking table still says what was assumed. It is asked for every migration
 * of every tenant, and parsing it costs PostgreSQL more than the answer: so it is short where names
 * and hashes are as they nearly always are, and only else the one that holds for all.
 */
#include <string.h>
#include <strings.h>

#include "core/migrate/tracking_internal.h"

enum { SPELLED_OUT_MAX = 256 }; /* bytes: hashing is dearer than a literal of this length */

static bool has_names(tracking_format format)
{
    return format == TRACKING_NAME || format == TRACKING_DRIZZLE_KIT_V1;
}

/* Whether PostgreSQL writes the value as it is into the text of an array, and sorts it as bytes
 * whatever the encoding of the database. */
static bool is_plain(const char *value)
{
    static const char plain[] = "abcdefghijklmnopqrstuvwxyz"
                                "ABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789_.-";

    return value && *value && !value[strspn(value, plain)] && strcasecmp(value, "null") != 0;
}

static bool is_plain_set(const struct applied_set *set)
{
    for (size_t i = 0; i < set->count; i++)
        if ((has_names(set->format) && !is_plain(set->rows[i].name)) ||
            (set->format != TRACKING_NAME && !is_plain(set->rows[i].hash)))
            return false;
    return true;
}

static void add_plain_key(struct str *key, tracking_format format, const struct applied_row *row)
{
    if (has_names(format))
        str_add(key, row->name);
    if (format == TRACKING_DRIZZLE_KIT_V1)
        str_add_char(key, '/');
    if (format != TRACKING_NAME)
        str_add(key, row->hash);
}

/* Mirrors add_plain_key(); a row that lacks a value gives NULL, which no plain key is. */
static const char *plain_key_expression(tracking_format format)
{
    switch (format) {
    case TRACKING_NAME:
        return "name::text";
    case TRACKING_HASH:
    case TRACKING_DRIZZLE_KIT:
        return "hash::text";
    case TRACKING_DRIZZLE_KIT_V1:
        return "(name::text || '/'::text || hash::text)";
    }
    return "";
}

static void add_plain_condition(struct str *sql, const struct applied_set *set)
{
    CLEANUP(str_clear) struct str wanted = STR_INIT, found = STR_INIT;
    const char *key = plain_key_expression(set->format);
    char digest[SHA256_HEX_SIZE];

    str_add_char(&wanted, '{');
    applied_set_keys(set, add_plain_key, ",", &wanted);
    str_add_char(&wanted, '}');
    str_addf(&found, "array_agg(%s ORDER BY %s COLLATE \"C\")::text", key, key);
    sql->failed = sql->failed || !str_ok(&wanted) || !str_ok(&found);
    if (wanted.len <= SPELLED_OUT_MAX) {
        str_addf(sql, "%s IS DISTINCT FROM '%s'", str_text(&found), str_text(&wanted));
        return;
    }
    sha256_hex(str_text(&wanted), wanted.len, digest);
    str_addf(sql, "encode(sha256(convert_to(%s, 'UTF8')), 'hex') IS DISTINCT FROM '%s'",
             str_text(&found), digest);
}

bool tracking_sql_differs(struct str *sql, const struct applied_set *set, const char *table)
{
    if (is_plain_set(set)) {
        if (set->count)
            add_plain_condition(sql, set);
        else
            str_add(sql, "count(*) > 0");
        return true;
    }
    tracking_sql_digest(sql, set->format, table);
    str_addf(sql, " <> '%s'", set->digest);
    return false;
}
