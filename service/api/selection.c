/* SPDX-License-Identifier: MIT */
#include "service/api/selection.h"

#include <stdio.h>

#include "core/tenant/tenant_store.h"

void selection_parse(const json_t *value, struct selector *out, struct problems *problems)
{
    struct err err = {.code = ERR_NONE};

    if (value && selector_parse(value, "/selector", out, &err))
        problems_add_err(problems, err.field[0] ? err.field : "/selector", &err);
}

err_code selection_check(struct call *call, const struct selector *selector,
                         struct problems *problems, struct err *err)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    char pointer[48];

    if (problems->list || !selector->ids)
        return ERR_NONE;
    err_code rc = tenant_unknown_ids(call->pg, selector, &rows, err);
    for (size_t i = 0; !rc && i < pg_rows_count(rows); i++) {
        (void)snprintf(pointer, sizeof pointer, "/selector/ids/%s", pg_text(rows, i, "place"));
        problems_add(problems, pointer, err_name(ERR_TENANT_NOT_FOUND),
                     "there is no tenant \"%.63s\"", pg_text(rows, i, "id"));
    }
    return rc;
}
