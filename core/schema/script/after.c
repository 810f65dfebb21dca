/* SPDX-License-Identifier: MIT */
/* What comes once the tables are there: indexes, foreign keys, row security, comments. */
#include "core/pg/literal.h"
#include "core/schema/script/script_parts.h"

static void begin_alter(struct str *sql, const struct schema_table *t, bool only)
{
    str_add(sql, only ? "ALTER TABLE ONLY " : "ALTER TABLE ");
    write_name(sql, t->name);
}

bool check_is_late(const struct schema_check *k)
{
    return str_ends(k->definition, " NOT VALID");
}

/* Children and partitions get it from their parent. */
void write_late_checks(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    for (size_t i = 0; i < t->n_checks; i++) {
        const struct schema_check *k = &t->checks[i];
        if (k->exclude || k->inherited || !check_is_late(k))
            continue;
        begin_alter(&sql, t, false);
        str_add(&sql, " ADD CONSTRAINT ");
        write_name(&sql, k->name);
        str_addf(&sql, " %s", k->definition);
        writer_end(w, &sql);
    }
}

static void write_index_settings(struct writer *w, const struct schema_table *t,
                                 const struct schema_index *x)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    if (x->attached_to) {
        str_addf(&sql, "ALTER INDEX %s ATTACH PARTITION ", x->attached_to);
        write_name(&sql, x->name);
        writer_end(w, &sql);
    }
    if (x->clustered) {
        begin_alter(&sql, t, false);
        str_add(&sql, " CLUSTER ON ");
        write_name(&sql, x->name);
        writer_end(w, &sql);
    }
    if (x->replica_identity) {
        begin_alter(&sql, t, true);
        str_add(&sql, " REPLICA IDENTITY USING INDEX ");
        write_name(&sql, x->name);
        writer_end(w, &sql);
    }
}

void write_indexes(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    for (size_t i = 0; i < t->n_indexes; i++)
        if (!t->indexes[i].of_constraint) {
            str_add(&sql, t->indexes[i].definition);
            writer_end(w, &sql);
        }
}

void write_attachments(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    for (size_t i = 0; i < t->n_indexes; i++)
        write_index_settings(w, t, &t->indexes[i]);
    if (t->kind != TABLE_PLAIN && t->kind != TABLE_PARTITIONED)
        return;
    if (t->replica_identity != 'n' && t->replica_identity != 'f')
        return;
    begin_alter(&sql, t, true);
    str_add(&sql,
            t->replica_identity == 'n' ? " REPLICA IDENTITY NOTHING" : " REPLICA IDENTITY FULL");
    writer_end(w, &sql);
}

void write_foreign_keys(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    for (size_t i = 0; i < t->n_foreign_keys; i++) {
        const struct schema_foreign_key *k = &t->foreign_keys[i];
        if (k->inherited)
            continue;
        begin_alter(&sql, t, t->kind != TABLE_PARTITIONED);
        str_add(&sql, " ADD CONSTRAINT ");
        write_name(&sql, k->name);
        str_addf(&sql, " %s", k->definition);
        writer_end(w, &sql);
    }
}

void write_row_security(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    if (t->row_security) {
        begin_alter(&sql, t, false);
        str_add(&sql, " ENABLE ROW LEVEL SECURITY");
        writer_end(w, &sql);
    }
    if (t->row_security_forced) {
        begin_alter(&sql, t, true);
        str_add(&sql, " FORCE ROW LEVEL SECURITY");
        writer_end(w, &sql);
    }
}

void write_comment(struct writer *w, const struct str *what, const char *comment)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;

    if (!comment)
        return;
    str_addf(&sql, "COMMENT ON %s IS ", str_text(what));
    pg_literal_add(&sql, comment);
    writer_end(w, &sql);
}

/* "CONSTRAINT name ON table" and the like. */
static void comment_on(struct writer *w, const char *word, const char *name,
                       const struct schema_table *t, const char *comment)
{
    CLEANUP(str_clear) struct str what = STR_INIT;

    str_addf(&what, "%s ", word);
    write_name(&what, name);
    str_add(&what, " ON ");
    write_name(&what, t->name);
    write_comment(w, &what, comment);
}

static void write_part_comments(struct writer *w, const struct schema_table *t)
{
    if (t->primary_key)
        comment_on(w, "CONSTRAINT", t->primary_key->name, t, t->primary_key->comment);
    for (size_t i = 0; i < t->n_uniques; i++)
        comment_on(w, "CONSTRAINT", t->uniques[i].name, t, t->uniques[i].comment);
    for (size_t i = 0; i < t->n_checks; i++)
        comment_on(w, "CONSTRAINT", t->checks[i].name, t, t->checks[i].comment);
    for (size_t i = 0; i < t->n_foreign_keys; i++)
        comment_on(w, "CONSTRAINT", t->foreign_keys[i].name, t, t->foreign_keys[i].comment);
    for (size_t i = 0; i < t->n_indexes; i++) {
        CLEANUP(str_clear) struct str what = STR_INIT;
        str_add(&what, "INDEX ");
        write_name(&what, t->indexes[i].name);
        write_comment(w, &what, t->indexes[i].comment);
    }
}

void write_table_comments(struct writer *w, const struct schema_table *t)
{
    CLEANUP(str_clear) struct str what = STR_INIT;

    str_addf(&what, "%s ", table_sql_word(t->kind));
    write_name(&what, t->name);
    write_comment(w, &what, t->comment);
    for (size_t i = 0; i < t->n_columns; i++) {
        str_reset(&what);
        str_add(&what, "COLUMN ");
        write_name(&what, t->name);
        str_add(&what, ".");
        write_name(&what, t->columns[i].name);
        write_comment(w, &what, t->columns[i].comment);
    }
    write_part_comments(w, t);
}
