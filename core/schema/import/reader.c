/* SPDX-License-Identifier: MIT */
#include "core/schema/import/reader.h"

#include <stdio.h>

#include "core/base/json.h"
#include "core/base/str.h"

void reader_pointer(char out[POINTER_SIZE], const char *pointer, const char *key, size_t index)
{
    char base[POINTER_SIZE];

    (void)json_pointer(base, sizeof base, pointer, key);
    (void)snprintf(out, POINTER_SIZE, "%.*s/%zu", POINTER_SIZE - 24, base, index);
}

const json_t *reader_array(struct reader *r, const json_t *object, const char *pointer,
                           const char *key, size_t *n)
{
    char at[POINTER_SIZE];
    const json_t *value = json_object_get(object, key);

    *n = json_is_array(value) ? json_array_size(value) : 0;
    if (value && !json_is_array(value))
        import_problem(r->notes, json_pointer(at, sizeof at, pointer, key), "must be an array");
    return value;
}

err_code reader_end(struct reader *r, const char *base, struct schema **out, struct err *err)
{
    *out = NULL;
    if (!r->b.failed && !json_array_size(r->notes->problems))
        import_check(r->b.schema, base, r->by_name, r->notes);
    if (!json_array_size(r->notes->problems))
        model_end(&r->b);
    if (!r->b.failed && !json_array_size(r->notes->problems)) {
        *out = r->b.schema;
        return ERR_NONE;
    }
    schema_free(r->b.schema);
    if (r->b.failed)
        return err_set(err, ERR_INTERNAL, "no memory for a model");
    return err_set(err, ERR_IMPORT_UNSUPPORTED, "the document has what cannot be expressed");
}
