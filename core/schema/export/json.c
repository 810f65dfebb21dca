/* SPDX-License-Identifier: MIT */
/* The model itself, for programs. */
#include "core/schema/export/exporter.h"
#include "core/schema/schema_json.h"

/* The tables that were chosen, and what they may be made of. */
static json_t *chosen_json(const struct export_view *view)
{
    json_t *root = json_object(), *tables = json_array(), *enums = json_array();
    json_t *domains = json_array();
    const struct schema *s = view->schema;

    for (size_t i = 0; i < view->n_tables; i++)
        json_array_append_new(tables, schema_table_json(s, view->tables[i]));
    for (size_t i = 0; i < s->n_enums; i++)
        if (export_wants_enum(view, i))
            json_array_append_new(enums, schema_enum_json(&s->enums[i]));
    for (size_t i = 0; i < s->n_domains; i++)
        json_array_append_new(domains, schema_domain_json(s, &s->domains[i]));
    json_object_set_new(root, "tables", tables);
    json_object_set_new(root, "enums", enums);
    json_object_set_new(root, "domains", domains);
    return root;
}

err_code export_json(const struct export_view *view, const struct export_options *options,
                     struct str *out, struct err *err)
{
    json_auto_t *root = view->filtered ? chosen_json(view) : schema_json(view->schema, false);

    (void)options;
    CLEANUP(freep) char *text = json_dumps(root, JSON_INDENT(2));
    if (!text)
        return err_set(err, ERR_INTERNAL, "no memory for an export");
    str_add(out, text);
    str_add_char(out, '\n');
    return ERR_NONE;
}
