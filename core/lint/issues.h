/* SPDX-License-Identifier: MIT */
/* The issues of a run, with their places found at the end, in one walk through each file. */
#pragma once

#include "core/lint/rule.h"

enum { LINT_ISSUES_MAX = 1000 }; /* that are shown; all are counted */

struct issue {
    size_t file, offset; /* in the file, bytes */
    int line, column;    /* 0: not found yet */
    json_t *shown;       /* owned */
};

struct issues {
    struct issue *items;
    size_t n;
    size_t errors, warnings;
    bool failed; /* no memory */
};

void issues_clear(struct issues *issues);
/* Takes issue->shown. */
void issues_add(struct issues *issues, const struct issue *issue, lint_level level);
/* The result; the caller's. ERR_INTERNAL without memory. */
err_code issues_result(struct lint_run *run, size_t schemas, json_t **out, struct err *err)
    MUST_USE;
