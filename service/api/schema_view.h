/* SPDX-License-Identifier: MIT */
/* What is shown of one schema, a tenant's or the shared one, over a connection to its server. */
#pragma once

#include "core/migrate/tracking.h"
#include "service/api/api.h"

struct schema_view {
    struct call *call;
    const char *tenant_id; /* NULL: the shared schema */
    const char *schema, *catalog, *table;
    tracking_format fallback; /* of a schema without a tracking table */
};

/* Its migrations, from its own tracking table; the registry is brought up to date by the way. */
struct reply schema_view_migrations(const struct schema_view *view, struct pg *pg);
/* Its export in the format that the query asks for. */
struct reply schema_view_export(const struct schema_view *view, struct pg *pg);
/* Itself, as JSON. */
struct reply schema_view_model(const struct schema_view *view, struct pg *pg);
