/* SPDX-License-Identifier: MIT */
/* How an error becomes the verdict and the outcome of a task. */
#pragma once

#include "core/job/engine.h"

/* Text and number members of a task's or a job's args; the fallback where they are absent. */
const char *args_text(const json_t *args, const char *key, const char *fallback);
int64_t args_int(const json_t *args, const char *key, int64_t fallback);

/*
 * Fills result for a task that ended with err: transient errors are tried again, a busy lock or a
 * server that is away is waited for, the rest fails. step says where it stopped; failure (may be
 * NULL) has the statement.
 */
void outcome_error(const struct task_run *run, const struct err *err, const char *step,
                   const struct apply_failure *failure, struct task_result *result);
