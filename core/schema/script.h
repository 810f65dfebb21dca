/* SPDX-License-Identifier: MIT */
/* The statements that make a schema what a model says. */
#pragma once

#include "core/base/err.h"
#include "core/base/str.h"
#include "core/schema/model.h"

typedef enum script_part {
    SCRIPT_BEFORE_DATA, /* types, functions, tables without their keys */
    SCRIPT_AFTER_DATA,  /* keys, indexes, views and what refers or reacts to rows */
} script_part;

struct script_statement {
    char *sql; /* without a semicolon at its end */
    script_part part;
};

struct schema_script {
    struct script_statement *statements; /* in the order in which they work */
    size_t n;
};

/*
 * Every statement of the schema itself is left to the caller: they are to run in a schema that is
 * there and empty, with it alone on the search path, and with check_function_bodies off, since a
 * function may name what comes later. `schema` is what that schema is called, for the texts that
 * have to name it; NULL leaves those names bare. What needs what comes after it; where there is a
 * circle, functions come before tables and tables before views. Owners are not said: everything
 * belongs to who runs it. Fails with ERR_UNSUPPORTED_OBJECT, which err->subject names, for
 * operators and the like, which a model only names. Pure; *out is the caller's,
 * schema_script_clear().
 */
err_code schema_script(const struct schema *s, const char *schema, struct schema_script *out,
                       struct err *err) MUST_USE;
void schema_script_clear(struct schema_script *script);
/* The whole as text, a statement a paragraph. */
void schema_script_text(const struct schema_script *script, struct str *out);
