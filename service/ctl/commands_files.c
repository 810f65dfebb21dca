/* SPDX-License-Identifier: MIT */
/* The commands that print or write files: exports, imports, first drafts. */
#include "service/ctl/ctl.h"

#define OUT_DIR                                                                                    \
    {                                                                                              \
        .name = "output", .letter = 'o', .value = "DIR", .help = "write the files below it"        \
    }
#define OVERWRITE                                                                                  \
    {                                                                                              \
        .name = "force", .help = "overwrite files that are there"                                  \
    }

static const char *const formats[] = {"json",    "json-schema", "typescript", "zod",
                                      "drizzle", "mermaid",     "dbml",       NULL};
static const char *const casings[] = {"camel", "snake", "preserve", NULL};
static const char *const languages[] = {"drizzle", "sql", NULL};
static const char *const templates[] = {"blank",     "create-table",    "add-column",
                                        "add-index", "add-foreign-key", NULL};
static const char *const documents[] = {"json", "seed-json", "json-schema", "sql", NULL};
static const char *const imports[] = {"drizzle", "sql", "migration", NULL};
static const char *const themes[] = {"default", "dark", "forest", "neutral", NULL};

const struct command_def ctl_file_commands[] = {
    {.name = "export",
     .operands = "[TENANT]",
     .max = 1,
     .help = "Writes a tenant's schema as TypeScript, Zod, Drizzle, JSON Schema or a diagram.",
     .options = {{.name = "format", .value = "FORMAT", .choices = formats, .help = "as what"},
                 {.name = "shared", .help = "the shared schema, not a tenant's"},
                 {.name = "table", .value = "NAME", .repeat = true, .help = "only this table"},
                 {.name = "casing",
                  .value = "CASING",
                  .choices = casings,
                  .help = "of properties, for typescript, zod and drizzle"},
                 {.name = "zod", .help = "with Zod schemas, for typescript and drizzle"},
                 {.name = "lenient", .help = "leave out what drizzle has no word for"},
                 {.name = "indexes", .help = "with the indexes, for mermaid"},
                 {.name = "theme", .value = "THEME", .choices = themes, .help = "for mermaid"},
                 {.name = "output", .letter = 'o', .value = "FILE", .help = "write it there"}},
     .fn = export_schema},
    {.name = "import",
     .operands = "FILE",
     .min = 1,
     .max = 1,
     .help = "Makes files of a schema in SQL, JSON Schema or a model's JSON.",
     .options = {{.name = "format",
                  .value = "FORMAT",
                  .choices = documents,
                  .help = "what the file is (json, and sql for .sql)"},
                 {.name = "to", .value = "WHAT", .choices = imports, .help = "into what (drizzle)"},
                 {.name = "shared", .help = "for the shared schema, not the tenants'"},
                 {.name = "name", .value = "NAME", .help = "what the SQL or migration is called"},
                 {.name = "casing",
                  .value = "CASING",
                  .choices = casings,
                  .help = "of properties, for drizzle"},
                 {.name = "zod", .help = "with schemas of drizzle-zod"},
                 {.name = "lenient", .help = "leave out what drizzle has no word for"},
                 {.name = "register", .help = "register the migration, too"},
                 OUT_DIR,
                 OVERWRITE},
     .fn = schema_import},
    {.name = "scaffold schema",
     .operands = "NAME",
     .min = 1,
     .max = 1,
     .help = "Drafts a table, for Drizzle or in SQL.",
     .options = {{.name = "shared", .help = "of the shared schema, not the tenants'"},
                 {.name = "language",
                  .value = "LANGUAGE",
                  .choices = languages,
                  .help = "drizzle (that) or sql"},
                 {.name = "no-timestamps", .help = "without created_at and updated_at"},
                 {.name = "soft-delete", .help = "with deleted_at"},
                 {.name = "serial", .help = "with a number for a key, not a UUID"},
                 {.name = "no-zod", .help = "without schemas of drizzle-zod"},
                 {.name = "no-example", .help = "without columns as examples"},
                 OUT_DIR,
                 OVERWRITE},
     .fn = scaffold_schema},
    {.name = "scaffold seed",
     .operands = "NAME",
     .min = 1,
     .max = 1,
     .help = "Drafts a seed, in SQL or for Drizzle.",
     .options = {{.name = "shared", .help = "of the shared schema, not the tenants'"},
                 {.name = "language",
                  .value = "LANGUAGE",
                  .choices = languages,
                  .help = "drizzle or sql (that)"},
                 {.name = "table", .value = "NAME", .help = "the table that gets rows"},
                 OUT_DIR,
                 OVERWRITE},
     .fn = scaffold_seed},
    {.name = "scaffold migration",
     .operands = "NAME",
     .min = 1,
     .max = 1,
     .help = "Drafts a migration with the catalog's next number.",
     .options = {{.name = "shared", .help = "of the shared schema, not the tenants'"},
                 {.name = "template",
                  .value = "TEMPLATE",
                  .choices = templates,
                  .help = "of what; otherwise the name says it"},
                 {.name = "sequence", .value = "N", .integer = true, .help = "this number"},
                 {.name = "table", .value = "NAME", .help = "the table it is about"},
                 {.name = "column", .value = "NAME", .help = "the column it is about"},
                 {.name = "references", .value = "NAME", .help = "the table a key refers to"},
                 OUT_DIR,
                 OVERWRITE},
     .fn = scaffold_migration},
};
const size_t ctl_file_command_count = ARRAY_LEN(ctl_file_commands);
