/* SPDX-License-Identifier: MIT */
/* The model's own JSON, as schema_json() writes it. */
#include "core/base/str.h"
#include "core/schema/import.h"
#include "core/schema/schema_parse.h"

err_code import_model(const json_t *document, const char *base, struct schema **out,
                      struct import_notes *notes, struct err *err)
{
    err_code rc = schema_parse(document, base, notes->problems, out, err);

    if (rc == ERR_VALIDATION_FAILED) /* the problems say it better */
        return err_set(err, ERR_IMPORT_UNSUPPORTED, "the document is no model of a schema");
    if (rc)
        return rc;
    import_check(*out, base, false, notes);
    if (!json_array_size(notes->problems))
        return ERR_NONE;
    schema_free(*out);
    *out = NULL;
    return err_set(err, ERR_IMPORT_UNSUPPORTED, "the model does not hang together");
}
