/* SPDX-License-Identifier: MIT */
/* What is written to a tracking table, format by format. */
#include "core/migrate/tracking_internal.h"
#include "core/pg/literal.h"

static const char *columns_of(tracking_format format)
{
    switch (format) {
    case TRACKING_NAME:
        return "name VARCHAR(255) NOT NULL UNIQUE,"
               " applied_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP";
    case TRACKING_HASH:
        return "hash TEXT NOT NULL,"
               " created_at TIMESTAMP WITH TIME ZONE DEFAULT CURRENT_TIMESTAMP";
    case TRACKING_DRIZZLE_KIT:
        return "hash TEXT NOT NULL, created_at BIGINT NOT NULL";
    case TRACKING_DRIZZLE_KIT_V1:
        return "hash TEXT NOT NULL, created_at BIGINT, name TEXT,"
               " applied_at TIMESTAMP WITH TIME ZONE DEFAULT now()";
    }
    return "";
}

void tracking_sql_create(struct str *sql, tracking_format format, const char *table)
{
    str_add(sql, "CREATE TABLE ");
    str_add(sql, table);
    str_add(sql, " (id SERIAL PRIMARY KEY, ");
    str_add(sql, columns_of(format));
    str_add(sql, ")");
}

/* drizzle-orm's own migrator applies what the journal dates after the newest created_at: the date
 * of the journal keeps it right. Without one: now, but never before what is there. */
static void add_created_at(struct str *sql, const char *table, int64_t when_ms)
{
    if (when_ms) {
        str_addf(sql, "%lld", (long long)when_ms);
        return;
    }
    str_add(sql, "GREATEST((extract(epoch FROM clock_timestamp()) * 1000)::bigint,"
                 " (SELECT max(created_at) FROM ");
    str_add(sql, table);
    str_add(sql, "))");
}

void tracking_sql_insert(struct str *sql, tracking_format format, const char *table,
                         const struct migration *m)
{
    str_add(sql, "INSERT INTO ");
    str_add(sql, table);
    switch (format) {
    case TRACKING_NAME:
        str_add(sql, " (name) VALUES (");
        pg_literal_add(sql, m->version);
        break;
    case TRACKING_HASH:
        str_addf(sql, " (hash, created_at) VALUES ('%s', clock_timestamp()", m->sha256);
        break;
    case TRACKING_DRIZZLE_KIT:
    case TRACKING_DRIZZLE_KIT_V1:
        str_addf(sql, " (hash, created_at%s) VALUES ('%s', ",
                 format == TRACKING_DRIZZLE_KIT ? "" : ", name, applied_at", m->sha256);
        add_created_at(sql, table, m->when_ms);
        if (format == TRACKING_DRIZZLE_KIT)
            break;
        str_add(sql, ", ");
        pg_literal_add(sql, m->version);
        str_add(sql, ", clock_timestamp()");
        break;
    }
    str_add(sql, ")");
}

static void add_equals(struct str *sql, const char *column, const char *value)
{
    str_add(sql, column);
    if (!value) {
        str_add(sql, " IS NULL");
        return;
    }
    str_add(sql, " = ");
    pg_literal_add(sql, value);
}

void tracking_sql_delete(struct str *sql, tracking_format format, const char *table,
                         const struct applied_row *row)
{
    bool named = format == TRACKING_NAME || format == TRACKING_DRIZZLE_KIT_V1;

    str_addf(sql, "DELETE FROM %s WHERE ctid = (SELECT ctid FROM %s WHERE ", table, table);
    if (named)
        add_equals(sql, "name", row->name);
    if (format == TRACKING_DRIZZLE_KIT_V1)
        str_add(sql, " AND ");
    if (format != TRACKING_NAME)
        add_equals(sql, "hash", row->hash);
    if (format == TRACKING_DRIZZLE_KIT) /* equal bytes are told apart by the journal's date */
        str_addf(sql, " ORDER BY created_at = %lld DESC, created_at DESC", (long long)row->at_ms);
    else if (format != TRACKING_NAME)
        str_add(sql, " ORDER BY created_at DESC");
    str_add(sql, " LIMIT 1)");
}

static int64_t latest_ms(const struct applied_set *set)
{
    int64_t latest = 0;
    for (size_t i = 0; i < set->count; i++)
        if (set->rows[i].at_ms > latest)
            latest = set->rows[i].at_ms;
    return latest;
}

bool applied_set_record(struct applied_set *set, const struct migration *m, int64_t now_ms)
{
    int64_t at = now_ms;

    if (set->format == TRACKING_DRIZZLE_KIT && m->when_ms)
        at = m->when_ms;
    else if (set->format == TRACKING_DRIZZLE_KIT && latest_ms(set) > now_ms)
        at = latest_ms(set);
    bool named = set->format == TRACKING_NAME || set->format == TRACKING_DRIZZLE_KIT_V1;
    return applied_set_add(set, named ? m->version : NULL,
                           set->format == TRACKING_NAME ? NULL : m->sha256, at);
}

/* Mirrors add_key() in tracking.c: octets of UTF-8, whatever the database's encoding is. */
static void add_key_expression(struct str *sql, const char *column)
{
    str_addf(sql,
             "coalesce(octet_length(convert_to(%s::text, 'UTF8')) || ':' || %s::text || ';', '-;')",
             column, column);
}

void tracking_sql_digest(struct str *sql, tracking_format format, const char *table)
{
    bool named = format == TRACKING_NAME || format == TRACKING_DRIZZLE_KIT_V1;

    str_add(sql, "(SELECT encode(sha256(coalesce(string_agg(k, ''::bytea ORDER BY k), ''::bytea)),"
                 " 'hex') FROM (SELECT convert_to(");
    if (named)
        add_key_expression(sql, "name");
    if (format == TRACKING_DRIZZLE_KIT_V1)
        str_add(sql, " || ");
    if (format != TRACKING_NAME)
        add_key_expression(sql, "hash");
    str_add(sql, ", 'UTF8') AS k FROM ");
    str_add(sql, table);
    str_add(sql, ") AS keys)");
}
