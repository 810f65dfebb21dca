/* SPDX-License-Identifier: MIT */
/*
 * The script that brings a schema to its target, and what each of its statements is, so that the
 * number of the statement that failed says what failed. It is written once for all schemas that
 * stand at the same place, with holes where a schema's own names go. Pure.
 */
#pragma once

#include <stdint.h>

#include "core/migrate/apply.h"
#include "core/pg/script.h"

typedef enum apply_step_kind {
    STEP_BEGIN, /* BEGIN and the settings */
    STEP_LOCK,
    STEP_GUARD, /* the tracking table is what was assumed */
    STEP_CREATE_SCHEMA,
    STEP_CREATE_TABLE,
    STEP_BASELINE, /* instead of migrations that come before */
    STEP_STATEMENT,
    STEP_NONCE, /* the transaction is still the one that was begun */
    STEP_RECORD,
    STEP_COMMIT,
} apply_step_kind;

/* What differs from schema to schema. */
typedef enum apply_hole_kind {
    HOLE_SEARCH_PATH = 0xf8, /* in the text a hole is one byte of this value */
    HOLE_SCHEMA,
    HOLE_TABLE,      /* "schema"."table" */
    HOLE_TABLE_TEXT, /* the same as a string literal */
    HOLE_LOCK_KEY,
    HOLE_COMMENT, /* a string literal */
} apply_hole_kind;
enum { HOLE_FIRST = HOLE_SEARCH_PATH, HOLE_KINDS = HOLE_COMMENT + 1 - HOLE_FIRST };

struct apply_hole {
    size_t at; /* byte of the script */
    apply_hole_kind kind;
};

/* One statement of the script: PostgreSQL gives exactly one result for it. */
struct apply_step {
    apply_step_kind kind;
    const struct migration *migration; /* NULL outside a migration */
    int statement;                     /* of STEP_STATEMENT, from 1 */
    size_t at;                         /* of STEP_STATEMENT: where the migration's text begins */
};

struct apply_script {
    struct str sql;
    struct apply_hole *holes;
    size_t hole_count;
    struct apply_step *steps;
    size_t count;
};

/* set is what the tracking table says; of options neither the schema nor the comment's text is
 * looked at. out is the caller's, cleared by apply_script_clear(). */
err_code apply_script_make(const struct plan *plan, const struct applied_set *set,
                           const struct apply_options *options, const char *nonce,
                           struct apply_script *out, struct err *err) MUST_USE;
void apply_script_clear(struct apply_script *script);
/* How many migrations are committed when the first `results` statements of the script succeeded. */
size_t apply_script_committed(const struct apply_script *script, size_t results);

/* What fills the holes for one schema. */
struct apply_names {
    struct str values[HOLE_KINDS]; /* by kind - HOLE_FIRST */
};
/* Fails as pg_ident_quote() does; out is the caller's, apply_names_clear(). */
err_code apply_names_make(const struct apply_options *options, struct apply_names *out,
                          struct err *err) MUST_USE;
void apply_names_clear(struct apply_names *names);
/* Appends the script of that schema. */
void apply_script_write(const struct apply_script *script, const struct apply_names *names,
                        struct str *sql);
/* The step that failed; where one cannot be told, the first. position is a character of the script
 * as it was written, from 1, or 0. */
const struct apply_step *apply_script_step(const struct apply_script *script,
                                           const struct apply_names *names, size_t results,
                                           const char *sqlstate, size_t position);
#define APPLY_NO_PLACE SIZE_MAX
/* Where in the file of a STEP_STATEMENT's migration the character is, in bytes; position likewise.
 * APPLY_NO_PLACE: that cannot be told. */
size_t apply_script_place(const struct apply_script *script, const struct apply_names *names,
                          const struct apply_step *step, size_t position);
/* Says statement, line and column of a failure in a STEP_STATEMENT; offset as above. */
void apply_locate(const struct apply_step *step, size_t offset, struct apply_failure *failure);
/* Fills failure and err for the step that failed at this place; lost: the connection is. Returns
 * the code. */
err_code apply_fail(const struct apply_step *step, const struct pg_failure *f, size_t place,
                    bool lost, struct apply_failure *failure, struct err *err) MUST_USE;
