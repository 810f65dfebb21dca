/* SPDX-License-Identifier: MIT */
/*
 * Models out of documents that are not PostgreSQL's: the model's own JSON, JSON Schema of our own
 * export, the JSON of drizzle-multitenant's exporter. What a document says and a model cannot hold
 * is a problem with a JSON pointer to it; what it leaves open and had to be decided is a warning.
 */
#pragma once

#include <jansson.h>

#include "core/base/err.h"
#include "core/schema/model.h"

enum { IMPORT_PROBLEMS_MAX = 100 };

/* {"pointer", "code", "detail"} each; the lists are the caller's. */
struct import_notes {
    json_t *problems, *warnings;
};
void import_notes_init(struct import_notes *notes);
void import_notes_clear(struct import_notes *notes);
void import_problem(struct import_notes *notes, const char *pointer, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
void import_warning(struct import_notes *notes, const char *pointer, const char *fmt, ...)
    PRINTF_LIKE(3, 4);

/*
 * base is the JSON pointer of the document. *out is the caller's, schema_free().
 * ERR_IMPORT_UNSUPPORTED when there are problems, which then say all there is to say. Pure; the
 * documents may be hostile.
 */
typedef err_code import_read(const json_t *document, const char *base, struct schema **out,
                             struct import_notes *notes, struct err *err);
import_read import_model, import_json_schema;
/* Of drizzle-multitenant's export, which has both, only one sort of tables. */
import_read import_seed_tenant, import_seed_shared;

/*
 * What exporters and scripts rely on and a document can get wrong: names that can be one, columns
 * and tables that are there. Pointers are into the model's JSON; by_name: to the table in $defs.
 */
void import_check(const struct schema *s, const char *base, bool by_name,
                  struct import_notes *notes);
