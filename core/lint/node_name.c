/* SPDX-License-Identifier: MIT */
#include "core/lint/node_name.h"

#include <stdio.h>

#include "core/migrate/sqlnode.h"

const char *node_name(const json_t *relation, char out[NODE_NAME_SIZE])
{
    const char *schema = node_text(relation, "schemaname");

    (void)snprintf(out, NODE_NAME_SIZE, "%s%s%s", schema, *schema ? "." : "",
                   node_text(relation, "relname"));
    return out;
}

const char *node_list_name(const json_t *list, char out[NODE_NAME_SIZE])
{
    size_t n = json_array_size(list);
    const json_t *schema = n > 1 ? json_object_get(json_array_get(list, n - 2), "String") : NULL;

    (void)snprintf(out, NODE_NAME_SIZE, "%s%s%s", node_text(schema, "sval"), schema ? "." : "",
                   node_last_name(list));
    return out;
}
