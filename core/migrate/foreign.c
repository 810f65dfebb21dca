/* SPDX-License-Identifier: MIT */
#include "core/migrate/foreign_internal.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

/* Each query gives key, hash, problem and upto, in the order of application; the table's name
 * stands for %s, so that a query has it as often as it needs. */
#define PLAIN(column) "SELECT " column "::text AS key, NULL AS hash, NULL AS problem, false AS upto"

const struct foreign_reader foreign_readers[] = {
    /* A repeatable migration has no version. What was undone later does not count. */
    {.name = "flyway",
     .tables = {"flyway_schema_history", "schema_version"},
     .columns = {"installed_rank", "version", "type", "checksum", "success"},
     .match = foreign_by_number,
     .sql = "SELECT h.version::text AS key, NULL AS hash,"
            " CASE WHEN NOT h.success THEN 'failed' END AS problem,"
            " h.type::text = 'BASELINE' AS upto FROM %s h"
            " WHERE h.version IS NOT NULL AND h.type::text NOT IN ('SCHEMA', 'DELETE')"
            "  AND h.type::text NOT LIKE 'UNDO%%' AND NOT EXISTS (SELECT FROM %s u"
            "   WHERE u.version = h.version AND u.installed_rank > h.installed_rank AND u.success"
            "    AND (u.type::text LIKE 'UNDO%%' OR u.type::text = 'DELETE'))"
            " ORDER BY h.installed_rank"},
    {.name = "golang-migrate",
     .tables = {"schema_migrations"},
     .columns = {"version", "dirty"},
     .match = foreign_by_number,
     .single = true,
     .sql = "SELECT version::text AS key, NULL AS hash,"
            " CASE WHEN dirty THEN 'dirty' END AS problem, true AS upto FROM %s"},
    {.name = "ecto",
     .tables = {"schema_migrations"},
     .columns = {"version", "inserted_at"},
     .match = foreign_by_number,
     .sql = PLAIN("version") " FROM %s ORDER BY version"},
    {.name = "dbmate",
     .tables = {"schema_migrations"},
     .columns = {"version"},
     .alone = true,
     .match = foreign_by_number,
     .sql = PLAIN("version") " FROM %s ORDER BY version"},
    {.name = "rails", /* the same table as dbmate's, which is what "auto" calls it */
     .tables = {"schema_migrations"},
     .columns = {"version"},
     .alone = true,
     .match = foreign_by_number,
     .sql = PLAIN("version") " FROM %s ORDER BY version"},
    {.name = "node-pg-migrate",
     .tables = {"pgmigrations"},
     .columns = {"id", "name", "run_on"},
     .match = foreign_by_name,
     .sql = PLAIN("name") " FROM %s ORDER BY id"},
    /* One that was rolled back and then applied again has two rows. */
    {.name = "prisma",
     .tables = {"_prisma_migrations"},
     .columns = {"migration_name", "checksum", "finished_at", "rolled_back_at"},
     .match = foreign_by_name,
     .sql = "SELECT p.migration_name::text AS key, p.checksum::text AS hash,"
            " CASE WHEN p.rolled_back_at IS NOT NULL THEN 'rolled back'"
            "  WHEN p.finished_at IS NULL THEN 'failed' END AS problem, false AS upto FROM %s p"
            " WHERE p.rolled_back_at IS NULL OR NOT EXISTS (SELECT FROM %s q"
            "  WHERE q.migration_name = p.migration_name AND q.rolled_back_at IS NULL)"
            " ORDER BY p.started_at, p.migration_name"},
    {.name = "alembic",
     .tables = {"alembic_version"},
     .columns = {"version_num"},
     .alone = true,
     .match = foreign_by_revision,
     .single = true,
     .sql = "SELECT version_num::text AS key, NULL AS hash, NULL AS problem, true AS upto FROM %s"},
};
const size_t foreign_reader_count = ARRAY_LEN(foreign_readers);

const char *const foreign_names[] = {"auto",    "flyway", "golang-migrate",  "ecto",
                                     "dbmate",  "rails",  "node-pg-migrate", "prisma",
                                     "alembic", NULL};

const char *foreign_name(const struct foreign_reader *reader)
{
    return reader->name;
}

bool foreign_has_table(const struct foreign_reader *reader, const char *table)
{
    for (size_t i = 0; i < ARRAY_LEN(reader->tables) && reader->tables[i]; i++)
        if (str_eq(reader->tables[i], table))
            return true;
    return false;
}

bool foreign_is_tracker(const char *table)
{
    for (size_t i = 0; i < foreign_reader_count; i++)
        if (foreign_has_table(&foreign_readers[i], table))
            return true;
    return false;
}

void foreign_history_clear(struct foreign_history *history)
{
    for (size_t i = 0; i < history->count; i++) {
        free(history->rows[i].key);
        free(history->rows[i].hash);
        free(history->rows[i].problem);
    }
    free(history->rows);
    free(history->table);
    *history = (struct foreign_history){.reader = NULL};
}

/* The next part of a dotted number ("1.2", "1_2"), leading zeros away; false at the end. */
static bool next_part(const char **at, const char **digits, size_t *n)
{
    *at += strspn(*at, "._");
    *n = strspn(*at, "0123456789");
    *digits = *at;
    *at += *n;
    for (; *n > 1 && **digits == '0'; (*n)--)
        (*digits)++;
    return *n > 0;
}

static bool same_number(const char *a, const char *b)
{
    const char *x, *y;
    size_t n, m;

    for (;;) {
        bool more = next_part(&a, &x, &n), other = next_part(&b, &y, &m);
        if (!more || !other)
            return more == other && !*a && !*b;
        if (n != m || memcmp(x, y, n) != 0)
            return false;
    }
}

/* The number that a version begins with: all before "__" if that is one ("1.2__x"), else the
 * leading digits ("0001_x"). */
static void number_of(const char *version, char *out, size_t size)
{
    size_t n = strspn(version, "0123456789._");
    const char *end = strstr(version, "__");

    if (!end || (size_t)(end - version) > n)
        end = version + strspn(version, "0123456789");
    n = (size_t)(end - version);
    n = n < size ? n : size - 1;
    memcpy(out, version, n);
    out[n] = '\0';
}

bool foreign_by_number(const struct migration *m, const char *key)
{
    char number[MIGRATION_VERSION_MAX + 1];

    number_of(m->version, number, sizeof number);
    return same_number(number, key);
}

bool foreign_by_name(const struct migration *m, const char *key)
{
    return str_eq(m->version, key);
}

/* Alembic's revisions have no order: the catalog's version must have the revision as a part of it,
 * as in 0007_ae1027a6acf_add_invoices, or be that number. */
bool foreign_by_revision(const struct migration *m, const char *key)
{
    static const char between[] = "_-.";
    size_t n = strlen(key);

    for (const char *p = m->version; n && (p = strstr(p, key)); p++) {
        bool begins = p == m->version || strchr(between, p[-1]);
        if (begins && (!p[n] || strchr(between, p[n])))
            return true;
    }
    return false;
}

static err_code unmappable(struct err *err, const struct foreign_history *history,
                           const struct foreign_row *row, const char *what)
{
    return err_set(err, ERR_UNMAPPABLE_ROWS, "\"%.200s\" of %s (%.63s) %s", row->key,
                   history->reader->name, history->table, what);
}

static err_code find(const struct catalog *catalog, const struct foreign_history *history,
                     const struct foreign_row *row, size_t *out, struct err *err)
{
    size_t found = catalog->count;

    for (size_t i = 0; i < catalog->count; i++) {
        if (!history->reader->match(&catalog->items[i], row->key))
            continue;
        if (found < catalog->count)
            return unmappable(err, history, row, "fits several versions of the catalog");
        found = i;
    }
    if (found == catalog->count)
        return unmappable(err, history, row, "is no version of the catalog");
    if (row->hash && !str_eq(row->hash, catalog->items[found].sha256))
        return unmappable(err, history, row, "was applied with other bytes than the catalog has");
    *out = found;
    return ERR_NONE;
}

err_code foreign_map(const struct catalog *catalog, const struct foreign_history *history,
                     bool *applied, struct err *err)
{
    if (history->reader->single && history->count > 1)
        return err_set(err, ERR_HISTORY_NOT_CLEAN, "%.63s has %zu heads, and one is possible",
                       history->table, history->count);
    for (size_t i = 0; i < history->count; i++) {
        const struct foreign_row *row = &history->rows[i];
        size_t at = 0;
        if (row->problem)
            return err_set(err, ERR_HISTORY_NOT_CLEAN, "\"%.200s\" of %s (%.63s) is %s", row->key,
                           history->reader->name, history->table, row->problem);
        err_code rc = find(catalog, history, row, &at, err);
        if (rc)
            return rc;
        for (size_t k = row->upto ? 0 : at; k <= at; k++)
            applied[k] = true;
    }
    return ERR_NONE;
}
