/* SPDX-License-Identifier: MIT */
/*
 * Keys, checks and indexes. What mentions a column that changes is taken away before and made again
 * after, also where it looks the same in both schemas. from NULL: the table is new, and what it
 * gets is part of that change.
 */
#include <string.h>

#include "core/schema/change_internal.h"
#include "core/schema/normal.h"

const struct schema_key *find_key(const struct schema_table *t, const char *name)
{
    for (size_t i = 0; t && i < t->n_uniques; i++)
        if (str_eq(t->uniques[i].name, name))
            return &t->uniques[i];
    return NULL;
}

static const struct schema_check *find_check(const struct schema_table *t, const char *name)
{
    for (size_t i = 0; t && i < t->n_checks; i++)
        if (str_eq(t->checks[i].name, name))
            return &t->checks[i];
    return NULL;
}

const struct schema_index *find_index(const struct schema_table *t, const char *name)
{
    for (size_t i = 0; t && i < t->n_indexes; i++)
        if (!t->indexes[i].of_constraint && str_eq(t->indexes[i].name, name))
            return &t->indexes[i];
    return NULL;
}

static const struct schema_index *any_index(const struct schema_table *t, const char *name)
{
    for (size_t i = 0; t && i < t->n_indexes; i++)
        if (str_eq(t->indexes[i].name, name))
            return &t->indexes[i];
    return NULL;
}

/* Whether the index of the partitioned parent stays: what is attached to it goes with it. */
static bool parent_stays(const struct changing *c, const struct schema_index *x)
{
    for (size_t i = 0; x && x->attached_to && i < c->from->n_tables; i++) {
        const struct schema_table *t = &c->from->tables[i], *to = counterpart(c->to, t);
        const struct schema_index *above = any_index(t, x->attached_to);
        if (!above)
            continue;
        const struct schema_index *will = to ? any_index(to, x->attached_to) : NULL;
        return will && str_eq(above->definition, will->definition) &&
               above->of_constraint == will->of_constraint && parent_stays(c, above) &&
               !mentions_any(above->definition, json_object_get(c->replaced, t->name));
    }
    return true;
}

/* Whether a constraint of a name and a definition stays as it is on its table. */
bool key_stays(const struct changing *c, const char *table, const struct schema_key *a,
               const struct schema_key *b)
{
    return a && b && str_eq(a->name, b->name) && str_eq(a->definition, b->definition) &&
           !mentions_any(a->definition, json_object_get(c->replaced, table)) &&
           parent_stays(c, any_index(schema_find_table(c->from, table), a->name));
}

static bool check_stays(const struct changing *c, const char *table, const struct schema_check *a,
                        const struct schema_check *b)
{
    return a && b && str_eq(a->definition, b->definition) &&
           !mentions_touched(c, table, a->definition);
}

/* PostgreSQL itself makes an index on plain columns anew when their type changes. */
bool index_stays(const struct changing *c, const char *table, const struct schema_index *a,
                 const struct schema_index *b)
{
    if (!a || !b || !str_eq(a->definition, b->definition) || a->valid != b->valid ||
        !parent_stays(c, a))
        return false;
    for (size_t i = 0; i < a->n_keys + a->n_include; i++)
        if (a->keys[i].expression ? mentions_touched(c, table, a->keys[i].text)
                                  : set2_has(c->replaced, table, a->keys[i].text))
            return false;
    return !a->predicate || !mentions_touched(c, table, a->predicate);
}

void drop_constraint(struct changing *c, change_phase phase, const char *table, const char *name)
{
    const struct schema_index *x = any_index(schema_find_table(c->from, table), name);

    if (x && x->attached_to)
        return; /* it goes with that of the partitioned parent */
    add_step(c, &(struct doing){.phase = phase, .table = table},
             "ALTER TABLE %s DROP CONSTRAINT %s", quoted(c, table), quoted(c, name));
}

void comment_constraint(struct changing *c, const char *table, const char *name,
                        const char *comment)
{
    add_comment(c, "CONSTRAINT", path_of(c, "%s ON %s", quoted(c, name), quoted(c, table)),
                comment);
}

/* Partitions have indexes of their own, which are attached. */
static bool is_partitioned(const struct changing *c, const char *table)
{
    const struct schema_table *t = schema_find_table(c->to, table);
    return t && t->kind == TABLE_PARTITIONED;
}

static void add_key(struct changing *c, const char *table, const struct schema_key *k)
{
    add_step(c,
             &(struct doing){.phase = PHASE_ADD_KEY,
                             .table = table,
                             .hazards = CHANGE_BUILDS_INDEX | CHANGE_MAY_FAIL},
             "ALTER TABLE %s%s ADD CONSTRAINT %s %s", is_partitioned(c, table) ? "ONLY " : "",
             quoted(c, table), quoted(c, k->name), k->definition);
    if (k->comment)
        comment_constraint(c, table, k->name, k->comment);
}

/* Tells that one of two is missing or both differ; nothing for those that just must be made again.
 */
static void tell(struct changing *c, const char *kind, const char *path, const json_t *must,
                 const json_t *is)
{
    end_change(c);
    if (json_equal(must, is) || (!must && !is))
        return;
    add_change(c,
               must && is ? CHANGE_CHANGED
               : must     ? CHANGE_MISSING
                          : CHANGE_EXTRA,
               kind, path, must, is);
}

/* The element of a table's list of things, in a model's JSON. */
const json_t *part_json(const json_t *model, const char *table, const char *list, const char *name)
{
    return named(json_object_get(table_json(model, table), list), name);
}

void tell_part(struct changing *c, const char *kind, const char *table, const char *list,
               const char *name)
{
    tell(c, kind, path_of(c, "tables/%s/%s/%s", table, list, name),
         part_json(c->to_json, table, list, name), part_json(c->from_json, table, list, name));
}

static bool name_is_taken(const struct schema *s, const char *name)
{
    for (size_t i = 0; i < s->n_tables; i++) {
        const struct schema_table *t = &s->tables[i];
        if (str_eq(t->name, name))
            return true;
        for (size_t k = 0; k < t->n_indexes; k++)
            if (str_eq(t->indexes[k].name, name))
                return true;
    }
    return false;
}

/* A comment that differs is a change of its own. */
static void tell_comment(struct changing *c, const char *path, const char *is, const char *must)
{
    json_auto_t *a = is ? json_string(is) : json_null(),
                *b = must ? json_string(must) : json_null();

    add_change(c, CHANGE_CHANGED, "comment", path_of(c, "%s/comment", path), b, a);
}

static void comment_key(struct changing *c, const char *table, const char *list,
                        const struct schema_key *a, const struct schema_key *b)
{
    if (same_text(a->comment, b->comment))
        return;
    tell_comment(c, path_of(c, "tables/%s/%s/%s", table, list, b->name), a->comment, b->comment);
    comment_constraint(c, table, b->name, b->comment);
    end_change(c);
}

static void change_primary_key(struct changing *c, const struct schema_table *from,
                               const struct schema_table *to)
{
    const struct schema_key *a = from->primary_key, *b = to->primary_key;
    const json_t *must = json_object_get(table_json(c->to_json, to->name), "primary_key");
    const json_t *is = json_object_get(table_json(c->from_json, to->name), "primary_key");

    if (key_stays(c, to->name, a, b)) {
        comment_key(c, to->name, "primary_key", a, b);
        return;
    }
    tell(c, "primary_key", path_of(c, "tables/%s/primary_key", to->name), b ? must : NULL,
         a ? is : NULL);
    if (a && b && str_eq(a->definition, b->definition) && !name_is_taken(c->from, b->name) &&
        !mentions_any(a->definition, json_object_get(c->replaced, to->name))) {
        add_step(c, &(struct doing){.phase = PHASE_ADD_KEY, .rank = -1, .table = to->name},
                 "ALTER TABLE %s RENAME CONSTRAINT %s TO %s", quoted(c, to->name),
                 quoted(c, a->name), quoted(c, b->name));
        return;
    }
    if (a)
        drop_constraint(c, PHASE_DROP_KEY, to->name, a->name);
    if (b)
        add_key(c, to->name, b);
}

void add_keys(struct changing *c, const struct schema_table *t)
{
    if (t->primary_key)
        add_key(c, t->name, t->primary_key);
    for (size_t i = 0; i < t->n_uniques; i++)
        add_key(c, t->name, &t->uniques[i]);
}

void change_keys(struct changing *c, const struct schema_table *from, const struct schema_table *to)
{
    change_primary_key(c, from, to);
    for (size_t i = 0; i < to->n_uniques; i++) {
        const struct schema_key *b = &to->uniques[i], *a = find_key(from, b->name);
        if (key_stays(c, to->name, a, b)) {
            comment_key(c, to->name, "uniques", a, b);
            continue;
        }
        tell_part(c, "unique", to->name, "uniques", b->name);
        if (a)
            drop_constraint(c, PHASE_DROP_KEY, to->name, a->name);
        add_key(c, to->name, b);
    }
    for (size_t i = 0; i < from->n_uniques; i++) {
        const struct schema_key *a = &from->uniques[i];
        if (find_key(to, a->name))
            continue;
        tell_part(c, "unique", to->name, "uniques", a->name);
        drop_constraint(c, PHASE_DROP_KEY, to->name, a->name);
    }
    end_change(c);
}

static const char *check_kind(const struct schema_check *k)
{
    return k->exclude ? "exclusion" : "check";
}

void validate(struct changing *c, change_phase phase, const char *table, const char *name)
{
    add_step(c, &(struct doing){.phase = phase, .table = table, .hazards = CHANGE_MAY_FAIL},
             "ALTER TABLE %s VALIDATE CONSTRAINT %s", quoted(c, table), quoted(c, name));
}

static void add_check(struct changing *c, const char *table, const struct schema_check *k)
{
    bool unvalidated = str_ends(k->definition, " NOT VALID");
    bool later = c->safe && !unvalidated && !k->exclude && schema_find_table(c->from, table);
    unsigned hazards = later || unvalidated ? 0
                       : k->exclude         ? CHANGE_BUILDS_INDEX | CHANGE_MAY_FAIL
                                            : CHANGE_SCANS | CHANGE_MAY_FAIL;

    add_step(c, &(struct doing){.phase = PHASE_ADD_CHECK, .table = table, .hazards = hazards},
             "ALTER TABLE %s ADD CONSTRAINT %s %s%s", quoted(c, table), quoted(c, k->name),
             k->definition, later ? " NOT VALID" : "");
    if (later)
        validate(c, PHASE_VALIDATE_CHECK, table, k->name);
    if (k->comment)
        comment_constraint(c, table, k->name, k->comment);
}

/* Whether b is a, looked at. */
static bool is_validated_now(const char *a, const char *b)
{
    size_t n = strlen(b);

    return strncmp(a, b, n) == 0 && str_eq(a + n, " NOT VALID");
}

static void change_check(struct changing *c, const struct schema_table *to,
                         const struct schema_check *a, const struct schema_check *b)
{
    if (check_stays(c, to->name, a, b)) {
        if (same_text(a->comment, b->comment))
            return;
        tell_comment(c, path_of(c, "tables/%s/checks/%s", to->name, b->name), a->comment,
                     b->comment);
        comment_constraint(c, to->name, b->name, b->comment);
        return;
    }
    tell_part(c, check_kind(b), to->name, "checks", b->name);
    if (a && is_validated_now(a->definition, b->definition) &&
        !mentions_touched(c, to->name, b->definition)) {
        validate(c, PHASE_VALIDATE_CHECK, to->name, b->name);
        return;
    }
    if (a)
        drop_constraint(c, PHASE_DROP_CHECK, to->name, a->name);
    add_check(c, to->name, b);
}

void change_checks(struct changing *c, const struct schema_table *from,
                   const struct schema_table *to)
{
    for (size_t i = 0; i < to->n_checks; i++) {
        const struct schema_check *b = &to->checks[i], *a = find_check(from, b->name);
        if (!b->inherited) /* the parent's comes by itself */
            change_check(c, to, a && a->inherited ? NULL : a, b);
        end_change(c);
    }
    for (size_t i = 0; i < from->n_checks; i++) {
        const struct schema_check *a = &from->checks[i];
        if (find_check(to, a->name) || a->inherited)
            continue;
        tell_part(c, check_kind(a), to->name, "checks", a->name);
        drop_constraint(c, PHASE_DROP_CHECK, to->name, a->name);
    }
    end_change(c);
}

static void create_index(struct changing *c, const struct schema_table *t,
                         const struct schema_index *x)
{
    add_step(c,
             &(struct doing){.phase = PHASE_CREATE_INDEX,
                             .table = t->name,
                             .hazards = CHANGE_BUILDS_INDEX | (x->unique ? CHANGE_MAY_FAIL : 0)},
             "%s", x->definition);
}

/* What is said of an index beside its definition; a NULL: it is new. */
static void finish_index(struct changing *c, const struct schema_table *t,
                         const struct schema_index *a, const struct schema_index *b)
{
    const struct doing attach = {.phase = PHASE_CREATE_INDEX, .rank = RANK_ATTACH_INDEX};

    if (b->attached_to && (!a || !same_text(a->attached_to, b->attached_to)))
        add_step(c, &attach, "ALTER INDEX %s ATTACH PARTITION %s", quoted(c, b->attached_to),
                 quoted(c, b->name));
    if (b->clustered && (!a || !a->clustered))
        add_step(c, &(struct doing){.phase = PHASE_ATTACH, .table = t->name},
                 "ALTER TABLE %s CLUSTER ON %s", quoted(c, t->name), quoted(c, b->name));
    if (same_text(a ? a->comment : NULL, b->comment))
        return;
    if (a)
        tell_comment(c, path_of(c, "tables/%s/indexes/%s", t->name, b->name), a->comment,
                     b->comment);
    add_comment(c, "INDEX", quoted(c, b->name), b->comment);
}

/* Whether the constraint that an index belongs to stays, and the index with it. */
static bool constraint_stays(const struct changing *c, const struct schema_table *from,
                             const struct schema_table *to, const char *name)
{
    if (!from)
        return false;
    if (to->primary_key && str_eq(to->primary_key->name, name))
        return key_stays(c, to->name, from->primary_key, to->primary_key);
    const struct schema_key *a = find_key(from, name), *b = find_key(to, name);
    return b ? key_stays(c, to->name, a, b)
             : check_stays(c, to->name, find_check(from, name), find_check(to, name));
}

static void drop_index(struct changing *c, const char *table, const struct schema_index *x)
{
    if (x->attached_to)
        return; /* it goes with that of the partitioned parent */
    add_step(c, &(struct doing){.phase = PHASE_DROP_INDEX, .table = table}, "DROP INDEX %s",
             quoted(c, x->name));
}

static void change_index(struct changing *c, const struct schema_table *from,
                         const struct schema_table *to, const struct schema_index *b)
{
    const struct schema_index *a = find_index(from, b->name);

    if (b->of_constraint) {
        bool stays = constraint_stays(c, from, to, b->name);
        finish_index(c, to, stays ? any_index(from, b->name) : NULL, b);
        return;
    }
    if (index_stays(c, to->name, a, b)) {
        finish_index(c, to, a, b);
        return;
    }
    if (from)
        tell_part(c, "index", to->name, "indexes", b->name);
    if (a)
        drop_index(c, to->name, a);
    create_index(c, to, b);
    finish_index(c, to, NULL, b);
}

void change_indexes(struct changing *c, const struct schema_table *from,
                    const struct schema_table *to)
{
    for (size_t i = 0; i < to->n_indexes; i++) {
        change_index(c, from, to, &to->indexes[i]);
        if (from)
            end_change(c);
    }
    for (size_t i = 0; from && i < from->n_indexes; i++) {
        const struct schema_index *a = &from->indexes[i];
        if (a->of_constraint || find_index(to, a->name))
            continue;
        tell_part(c, "index", to->name, "indexes", a->name);
        drop_index(c, to->name, a);
    }
    if (from)
        end_change(c);
}
