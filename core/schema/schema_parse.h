/* SPDX-License-Identifier: MIT */
/* The way back of schema_json(): a model from its JSON, which may come from anywhere. */
#pragma once

#include <jansson.h>

#include "core/base/err.h"
#include "core/schema/model.h"

/*
 * Reads a model; base is the JSON pointer of json in its document. Members that may be null or
 * false may be absent; unknown ones are refused. Every problem is appended to problems, a JSON
 * array, as
 * {"pointer", "code", "detail"}, and gives ERR_VALIDATION_FAILED with the first one's pointer in
 * err->field. Lists get the model's order; a model without a name gets the name "". *out is the
 * caller's, schema_free(). What schema_json() makes of it again is what was read.
 */
err_code schema_parse(const json_t *json, const char *base, json_t *problems, struct schema **out,
                      struct err *err) MUST_USE;
