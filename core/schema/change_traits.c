/* SPDX-License-Identifier: MIT */
/* How a table is kept: logged or not, with which options, secured by rows, replicated by what. */
#include <string.h>

#include "core/schema/change_internal.h"

/* One statement for one member of a table that differs. */
static void change_trait(struct changing *c, const struct schema_table *to, const char *member,
                         bool is_new, const struct doing *doing, const char *action)
{
    const json_t *must = json_object_get(table_json(c->to_json, to->name), member);
    const json_t *is = json_object_get(table_json(c->from_json, to->name), member);

    if (!is_new)
        add_change(c, CHANGE_CHANGED, "table", path_of(c, "tables/%s/%s", to->name, member), must,
                   is);
    add_step(c, doing, "ALTER TABLE %s %s", quoted(c, to->name), action);
    if (!is_new)
        end_change(c);
}

static void change_security(struct changing *c, const struct schema_table *from,
                            const struct schema_table *to)
{
    const struct doing doing = {.phase = PHASE_ATTACH, .table = to->name};
    bool was = from && from->row_security, was_forced = from && from->row_security_forced;

    if (was != to->row_security)
        change_trait(c, to, "row_security", !from, &doing,
                     to->row_security ? "ENABLE ROW LEVEL SECURITY" : "DISABLE ROW LEVEL SECURITY");
    if (was_forced != to->row_security_forced)
        change_trait(c, to, "row_security_forced", !from, &doing,
                     to->row_security_forced ? "FORCE ROW LEVEL SECURITY"
                                             : "NO FORCE ROW LEVEL SECURITY");
}

static const char *identity_index(const struct schema_table *t)
{
    for (size_t i = 0; t && i < t->n_indexes; i++)
        if (t->indexes[i].replica_identity)
            return t->indexes[i].name;
    return NULL;
}

static void change_replica_identity(struct changing *c, const struct schema_table *from,
                                    const struct schema_table *to)
{
    const struct doing doing = {.phase = PHASE_ATTACH, .table = to->name};
    const char *was = identity_index(from), *will = identity_index(to);
    char a = from && from->replica_identity ? from->replica_identity : 'd';
    char b = to->replica_identity ? to->replica_identity : 'd';

    if (b == 'i' && !will)
        return; /* by an index that is not there */
    if (a == b &&
        (b != 'i' || (str_eq(was, will) && find_index(from, was) &&
                      index_stays(c, to->name, find_index(from, was), find_index(to, will)))))
        return;
    change_trait(c, to, "replica_identity", !from, &doing,
                 b == 'f'   ? "REPLICA IDENTITY FULL"
                 : b == 'n' ? "REPLICA IDENTITY NOTHING"
                 : b == 'i' ? path_of(c, "REPLICA IDENTITY USING INDEX %s", quoted(c, will))
                            : "REPLICA IDENTITY DEFAULT");
}

static const char *clustered_index(const struct schema_table *t)
{
    for (size_t i = 0; t && i < t->n_indexes; i++)
        if (t->indexes[i].clustered)
            return t->indexes[i].name;
    return NULL;
}

static bool same_key(const char *a, const char *b)
{
    return strcspn(a, "=") == strcspn(b, "=") && strncmp(a, b, strcspn(a, "=")) == 0;
}

static const char *find_option(const struct name_list *options, const char *like)
{
    for (size_t i = 0; i < options->n; i++)
        if (same_key(options->items[i], like))
            return options->items[i];
    return NULL;
}

static void change_options(struct changing *c, const struct schema_table *from,
                           const struct schema_table *to)
{
    const struct doing doing = {
        .phase = PHASE_ATTACH, .table = to->name, .lock = "SHARE UPDATE EXCLUSIVE"};

    for (size_t i = 0; i < from->options.n; i++)
        if (!find_option(&to->options, from->options.items[i]))
            change_trait(c, to, "options", false, &doing,
                         path_of(c, "RESET (%.*s)", (int)strcspn(from->options.items[i], "="),
                                 from->options.items[i]));
    for (size_t i = 0; i < to->options.n; i++) {
        struct name_list one = {.items = &to->options.items[i], .n = 1};
        if (!str_eq(find_option(&from->options, to->options.items[i]), to->options.items[i]))
            change_trait(c, to, "options", false, &doing,
                         path_of(c, "SET (%s)", options_sql(c, &one)));
    }
}

void change_traits(struct changing *c, const struct schema_table *from,
                   const struct schema_table *to)
{
    const struct doing rewrite = {
        .phase = PHASE_TIGHTEN, .rank = -1, .table = to->name, .hazards = CHANGE_REWRITES};
    const struct doing attach = {.phase = PHASE_ATTACH, .table = to->name};

    if (from && from->unlogged != to->unlogged)
        change_trait(c, to, "unlogged", false, &rewrite,
                     to->unlogged ? "SET UNLOGGED" : "SET LOGGED");
    if (from)
        change_options(c, from, to);
    if (clustered_index(from) && !clustered_index(to))
        change_trait(c, to, "indexes", true, &attach, "SET WITHOUT CLUSTER");
    change_security(c, from, to);
    change_replica_identity(c, from, to);
}
