/* SPDX-License-Identifier: MIT */
/* The commands that look into schemas: queries, drift, lint, comparisons. */
#include <stdint.h>

#include "service/ctl/command_options.h"
#include "service/ctl/ctl.h"

#define LIKE                                                                                       \
    {                                                                                              \
        .name = "like", .value = "ID", .help = "they should look like this tenant"                 \
    }
#define AT                                                                                         \
    {                                                                                              \
        .name = "at", .value = "VERSION", .help = "they should look like the catalog then"         \
    }
#define CHECK                                                                                      \
    {                                                                                              \
        .name = "check", .help = "fail when a tenant has drifted"                                  \
    }

static const char *const catalogs[] = {"tenant", "shared", NULL};
static const char *const lints[] = {"text", "github", "sarif", "json", NULL};
static const char *const outputs[] = {"table", "json", "csv", NULL};
static const char *const drift_states[] = {"ok", "drifted", "accepted", "unknown", "error", NULL};

const struct command_def ctl_schema_commands[] = {
    {.name = "query",
     .operands = "[TENANT] SQL",
     .min = 1,
     .max = 2,
     .help = "Runs SQL in a tenant's schema, or in many; @FILE is a file with it.",
     .options = {WHOM,
                 {.name = "shared", .help = "in the shared schema"},
                 {.name = "param", .value = "VALUE", .repeat = true, .help = "of $1, then of $2"},
                 {.name = "write", .help = "it may change rows, and what it does stays"},
                 {.name = "max-rows", .value = "N", .integer = true, .help = "of each tenant"},
                 {.name = "timeout-ms", .value = "N", .integer = true, .help = "of each tenant"},
                 {.name = "output",
                  .value = "FORMAT",
                  .choices = outputs,
                  .help = "table, json or csv (table); csv has the tenant in front"}},
     .fn = query_sql},
    /* clang-format off */
    {.name = "drift scan", .operands = "", .fn = drift_scan,
     .help = "Looks for schemas that are not what their migrations make; shows who has drifted.",
     .options = {WHOM, LIKE, AT, CHECK,
                 {.name = "ignore", .value = "WORD", .repeat = true, .help = "what does not count: comments, indexes, grants, …"},
                 {.name = "exclude-table", .value = "PATTERN", .repeat = true, .help = "tables that do not count, as the shell names files"},
                 {.name = "column-order", .help = "the order of columns counts"},
                 NO_WAIT}},
    {.name = "drift status", .operands = "", .fn = drift_status,
     .help = "Shows what scans have found, tenants that look the same together.",
     .options = {{.name = "state", .value = "STATE", .choices = drift_states, .help = "only those in this state"},
                 {.name = "warnings", .help = "only those with harmless differences"},
                 CHECK}},
    {.name = "drift show", .operands = "ID", .min = 1, .max = 1, .fn = drift_show,
     .help = "Shows what tells a tenant's schema from what it should be, as it is now.",
     .options = {{.name = "scan", .help = "as the last scan saw it"}, LIKE, AT}},
    {.name = "drift accept", .operands = "[ID]", .max = 1, .fn = drift_accept,
     .help = "Leaves the drift of a tenant, or of all that look the same, as it is.",
     .options = {{.name = "reason", .value = "TEXT", .help = "why; needed"},
                 {.name = "fingerprint", .value = "SHA256", .help = "what they look like"},
                 {.name = "reference", .value = "SHA256", .help = "what they should look like"}}},
    {.name = "drift unaccept", .operands = "ACCEPTANCE", .min = 1, .max = 1, .fn = drift_unaccept,
     .help = "Takes an acceptance back."},
    /* clang-format on */
    {.name = "lint",
     .operands = "[FILE|FOLDER...]",
     .max = SIZE_MAX,
     .help = "Lints SQL files (- is stdin), a tenant or a catalog; 1 when there are errors.",
     .options = {{.name = "tenant", .value = "ID", .help = "a tenant's schema"},
                 {.name = "catalog", .value = "NAME", .choices = catalogs, .help = "migrations"},
                 {.name = "only", .value = "VERSION", .help = "this one of the catalog"},
                 {.name = "from", .value = "VERSION", .help = "those of it that come after this"},
                 {.name = "shared", .help = "the shared schema"},
                 {.name = "separate", .help = "what one file makes is filled in the next"},
                 {.name = "rules", .value = "FILE", .help = "levels and options, as JSON"},
                 {.name = "format", .value = "FORMAT", .choices = lints, .help = "how (text)"},
                 {.name = "output", .letter = 'o', .value = "FILE", .help = "write it there"}},
     .fn = lint_run},
    {.name = "diff",
     .operands = "FROM TO",
     .min = 2,
     .max = 2,
     .help = "Shows what makes one look like the other: a tenant, expected:TENANT, catalog@VERSION,"
             " shared-catalog, shared, FILE.sql or FILE.json (a model).",
     .options = {{.name = "rename",
                  .value = "OLD=NEW",
                  .repeat = true,
                  .help = "a table's or a column's (t.a=t.b) new name"},
                 {.name = "safe", .help = "validate keys and checks by statements of their own"},
                 {.name = "check", .help = "exit with 1 when they differ"},
                 {.name = "output", .letter = 'o', .value = "FILE", .help = "write the SQL there"}},
     .fn = diff_show},
};
const size_t ctl_schema_command_count = ARRAY_LEN(ctl_schema_commands);
