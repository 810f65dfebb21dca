/* SPDX-License-Identifier: MIT */
#include "core/migrate/migration.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/down.h"
#include "core/migrate/sqlcheck.h"

static const char digits[] = "0123456789";
static const char allowed[] = "0123456789abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ_.-";

err_code migration_number(const char *version, int64_t *number, struct err *err)
{
    int64_t value = 0;
    size_t n = strlen(version);

    if (n == 0 || n > MIGRATION_VERSION_MAX)
        return err_set(err, ERR_INVALID_MIGRATION_NAME,
                       "the name is %zu bytes long; 1 to %d are possible", n,
                       MIGRATION_VERSION_MAX);
    if (strspn(version, digits) == 0 || strspn(version, allowed) != n)
        return err_set(err, ERR_INVALID_MIGRATION_NAME,
                       "\"%s\" must be a number followed by letters, digits, \"_\", \".\" and"
                       " \"-\", as in 0007_add_invoices",
                       version);
    for (size_t i = 0; i < strspn(version, digits); i++)
        if (__builtin_mul_overflow(value, 10, &value) ||
            __builtin_add_overflow(value, version[i] - '0', &value))
            return err_set(err, ERR_INVALID_MIGRATION_NAME,
                           "the number of \"%s\" is too large; 18 digits are possible", version);
    *number = value;
    return ERR_NONE;
}

err_code migration_make(const char *version, const char *sql, size_t sql_len, int64_t when_ms,
                        struct migration *out, struct err *err)
{
    return migration_make_by(NULL, version, sql, sql_len, when_ms, out, err);
}

err_code migration_make_by(const struct sql_policy *policy, const char *version, const char *sql,
                           size_t sql_len, int64_t when_ms, struct migration *out,
                           struct err *err)
{
    struct migration m = {.when_ms = when_ms, .sql_len = sql_len};
    struct down_section section = {.up_len = sql_len};
    struct sql_facts facts = {.statements = NULL};
    err_code rc = migration_number(version, &m.number, err);
    if (!rc)
        rc = down_section_find(sql, sql_len, &section, err);
    if (!rc)
        rc = sql_check_by(policy, sql, section.up_len, &facts, err);
    if (rc) {
        if (err)
            (void)err_in(err, version);
        return rc;
    }
    m.statements = facts.statements;
    m.statement_count = facts.count;
    m.no_transaction = facts.no_transaction;
    m.classes = facts.classes;
    m.version = strdup(version);
    m.sql = malloc(sql_len + 1);
    if (!m.version || !m.sql) {
        migration_clear(&m);
        return err_set(err, ERR_INTERNAL, "out of memory");
    }
    if (sql_len)
        memcpy(m.sql, sql, sql_len);
    m.sql[sql_len] = '\0';
    sha256_hex(m.sql, sql_len, m.sha256);
    m.run_from = sql_bom_len(sql, section.up_len);
    m.run_to = section.up_len;
    if (section.from < sql_len)
        rc = migration_take_section(&m, policy, &section, err);
    if (rc)
        migration_clear(&m);
    else
        *out = m; /* now the caller's */
    return rc;
}

void migration_clear(struct migration *m)
{
    free(m->version);
    free(m->sql);
    free(m->statements);
    if (m->down)
        migration_clear(m->down); /* which has none itself */
    free(m->down);
    *m = (struct migration){.version = NULL};
}

void migrations_free(struct migration *items, size_t count)
{
    for (size_t i = 0; items && i < count; i++)
        migration_clear(&items[i]);
    free(items);
}

int migration_compare(const void *a, const void *b)
{
    const struct migration *x = a, *y = b;

    if (x->number != y->number)
        return x->number < y->number ? -1 : 1;
    return strcmp(x->version, y->version);
}

err_code catalog_new(const char *name, struct migration *items, size_t count,
                     struct catalog **out, struct err *err)
{
    CLEANUP(catalog_freep) struct catalog *catalog = calloc(1, sizeof *catalog);

    if (!catalog) {
        migrations_free(items, count);
        return err_set(err, ERR_INTERNAL, "out of memory");
    }
    catalog->items = items;
    catalog->count = count;
    catalog->name = strdup(name);
    if (!catalog->name)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (count)
        qsort(items, count, sizeof *items, migration_compare);
    *out = catalog;
    catalog = NULL; /* now the caller's */
    return ERR_NONE;
}

void catalog_free(struct catalog *catalog)
{
    if (!catalog)
        return;
    migrations_free(catalog->items, catalog->count);
    free(catalog->name);
    free(catalog);
}

void catalog_freep(struct catalog **catalog)
{
    catalog_free(*catalog);
}

size_t catalog_find(const struct catalog *catalog, const char *version)
{
    for (size_t i = 0; i < catalog->count; i++)
        if (strcmp(catalog->items[i].version, version) == 0)
            return i;
    return catalog->count;
}
