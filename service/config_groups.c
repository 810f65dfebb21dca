/* SPDX-License-Identifier: MIT */
/* The groups of settings, in the order in which they are shown. */
#include "service/config_setting.h"

static const struct setting_group groups[] = {
    {.prefix = "", .title = "General"},
    {.prefix = "http", .title = "HTTP server"},
    {.prefix = "control", .title = "Control database"},
    {.prefix = "server", .title = "PostgreSQL servers"},
    {.prefix = "isolation", .title = "Tenants' schemas and their pools"},
    {.prefix = "pool", .title = "A tenant's pool"},
    {.prefix = "connection", .title = "Opening connections"},
    {.prefix = "migrations", .title = "Migrations"},
    {.prefix = "shared", .title = "The shared schema"},
    {.prefix = "seeds", .title = "Seeds"},
    {.prefix = "warm", .title = "Schemas kept ready for new tenants"},
    {.prefix = "query", .title = "Queries"},
    {.prefix = "clone", .title = "Clones of tenants"},
    {.prefix = "jobs", .title = "Jobs"},
    {.prefix = "events", .title = "Events"},
    {.prefix = "tenants", .title = "Deleted tenants"},
    {.prefix = "metrics", .title = "Metrics"},
    {.prefix = "lint", .title = "Lint"},
    {.prefix = "debug", .title = "Debugging"},
};

const struct setting_group *setting_groups(size_t *n)
{
    *n = ARRAY_LEN(groups);
    return groups;
}
