/* SPDX-License-Identifier: MIT */
/*
 * The script that brings one schema to its target, and what each of its statements is, so that the
 * number of the statement that failed says what failed. Pure.
 */
#pragma once

#include "core/migrate/apply.h"
#include "core/pg/script.h"

typedef enum apply_step_kind {
    STEP_BEGIN, /* BEGIN and the settings */
    STEP_LOCK,
    STEP_GUARD, /* the tracking table is what was assumed */
    STEP_CREATE_SCHEMA,
    STEP_CREATE_TABLE,
    STEP_STATEMENT,
    STEP_NONCE, /* the transaction is still the one that was begun */
    STEP_RECORD,
    STEP_COMMIT,
} apply_step_kind;

/* One statement of the script: PostgreSQL gives exactly one result for it. */
struct apply_step {
    apply_step_kind kind;
    const struct migration *migration; /* NULL outside a migration */
    int statement;                     /* of STEP_STATEMENT, from 1 */
    size_t chars_before;               /* characters of the script before the migration's text */
};

struct apply_script {
    struct str sql;
    struct apply_step *steps;
    size_t count;
    size_t counted, chars; /* bytes of sql whose characters are counted, and how many they are */
};

/* set is what the tracking table says; out is the caller's, cleared by apply_script_clear(). */
err_code apply_script_make(const struct plan *plan, const struct applied_set *set,
                           const struct apply_options *options, const char *nonce,
                           struct apply_script *out, struct err *err) MUST_USE;
void apply_script_clear(struct apply_script *script);
/* How many migrations are committed when the first `results` statements of the script succeeded. */
size_t apply_script_committed(const struct apply_script *script, size_t results);
/* The step that failed; where one cannot be told, the first. */
const struct apply_step *apply_script_step(const struct apply_script *script, size_t results,
                                           const char *sqlstate, size_t position);
/* Says statement, line and column of a failure in a STEP_STATEMENT; position is a character of the
 * script from 1, or 0. */
void apply_script_locate(const struct apply_step *step, size_t position,
                         struct apply_failure *failure);
/* Fills failure and err for the step that failed; lost: the connection is. Returns the code. */
err_code apply_fail(const struct apply_step *step, const struct pg_failure *f, bool lost,
                    struct apply_failure *failure, struct err *err) MUST_USE;
