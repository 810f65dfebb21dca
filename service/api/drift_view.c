/* SPDX-License-Identifier: MIT */
#include "service/api/drift_view.h"

#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"

static json_t *loaded(const struct pg_rows *rows, size_t row, const char *column)
{
    const char *text = pg_text(rows, row, column);
    json_t *value = text ? json_loads(text, 0, NULL) : NULL;

    return value ? value : json_null();
}

static void set_text(json_t *out, const struct pg_rows *rows, size_t row, const char *column)
{
    (void)json_object_set_new(out, column, json_text(pg_text(rows, row, column)));
}

static void set_number(json_t *out, const struct pg_rows *rows, size_t row, const char *column)
{
    (void)json_object_set_new(out, column, json_integer(pg_bigint(rows, row, column)));
}

/* What every row has. */
static json_t *common_json(const struct pg_rows *rows, size_t row)
{
    json_t *out = json_object();

    set_text(out, rows, row, "state");
    set_text(out, rows, row, "fingerprint");
    set_text(out, rows, row, "reference");
    (void)json_object_set_new(out, "basis", loaded(rows, row, "basis"));
    (void)json_object_set_new(out, "problem", loaded(rows, row, "problem"));
    set_number(out, rows, row, "errors");
    set_number(out, rows, row, "warnings");
    return out;
}

static void set_differences(json_t *out, const struct pg_rows *rows, size_t row)
{
    json_t *list = loaded(rows, row, "differences");

    (void)json_object_set_new(out, "differences", json_is_array(list) ? list : json_array());
}

json_t *drift_accepted_json(const struct pg_rows *rows, size_t row)
{
    if (pg_is_null(rows, row, "acceptance"))
        return json_null();
    return json_pack("{s:s, s:o, s:s, s:s, s:s}", "id", pg_text(rows, row, "acceptance"),
                     "tenant_id", json_text(pg_text(rows, row, "tenant_accepted")), "reason",
                     pg_text(rows, row, "reason"), "accepted_by", pg_text(rows, row, "accepted_by"),
                     "accepted_at", pg_text(rows, row, "accepted_at"));
}

json_t *drift_group_json(const struct pg_rows *rows, size_t row)
{
    json_t *out = common_json(rows, row);

    set_number(out, rows, row, "tenants");
    (void)json_object_set_new(out, "sample", loaded(rows, row, "sample"));
    set_differences(out, rows, row);
    (void)json_object_set_new(out, "acceptance", drift_accepted_json(rows, row));
    set_text(out, rows, row, "checked_from");
    set_text(out, rows, row, "checked_to");
    return out;
}

json_t *drift_tenant_json(const struct pg_rows *rows, size_t row)
{
    json_t *out = common_json(rows, row);

    set_text(out, rows, row, "tenant_id");
    (void)json_object_set_new(out, "migrated_since", json_boolean(pg_bool(rows, row, "migrated")));
    set_text(out, rows, row, "job_id");
    set_text(out, rows, row, "checked_at");
    return out;
}

json_t *drift_detail_json(const struct pg_rows *rows, size_t row)
{
    json_t *out = drift_tenant_json(rows, row);

    (void)json_object_set_new(out, "source", json_string("scan"));
    set_differences(out, rows, row);
    (void)json_object_set_new(out, "acceptance", drift_accepted_json(rows, row));
    return out;
}

json_t *drift_acceptance_json(const struct pg_rows *rows, size_t row)
{
    json_t *out = json_object();

    set_text(out, rows, row, "id");
    set_text(out, rows, row, "tenant_id");
    set_text(out, rows, row, "fingerprint");
    set_text(out, rows, row, "reference");
    set_text(out, rows, row, "reason");
    set_text(out, rows, row, "accepted_by");
    set_text(out, rows, row, "accepted_at");
    set_number(out, rows, row, "tenants");
    return out;
}

bool drift_is_fingerprint(const char *text)
{
    return text && strlen(text) == SHA256_HEX_SIZE - 1 &&
           strspn(text, "0123456789abcdef") == SHA256_HEX_SIZE - 1;
}

struct reply drift_reply_accepted(struct call *call, const struct drift_acceptance *acceptance)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    bool created = false;
    struct err err;

    if (drift_accept(call->pg, acceptance, &created, &rows, &err))
        return call_fail(call, &err);
    return reply_json(created ? 201 : 200, drift_acceptance_json(rows, 0));
}
