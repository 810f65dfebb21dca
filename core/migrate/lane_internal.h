/* SPDX-License-Identifier: MIT */
/* What the files of the lane share: lane.c leads, lane_session.c has the session, lane_repair.c
 * knows what each kind of statement leaves behind. */
#pragma once

#include "core/migrate/lane.h"
#include "core/migrate/lane_mark.h"
#include "core/migrate/lane_target.h"

struct lane {
    struct pg *session; /* runs the statements, and has the locks */
    const struct migration *m;
    const struct apply_options *options;
    struct apply_result *result;
    struct err *err;
    struct str table;        /* the tracking table, quoted */
    struct applied_set *set; /* what it says, read under the locks */
    struct lane_mark mark;   /* as it is in the schema; version "": none */
    char *comment;           /* of the tracking table, with the mark */
};

/* lane_session.c */
/* A session that is surely ours alone, so that what is set in it holds for the next statement, with
 * the lane's lock and the schema's; waits for the lane a little. */
err_code lane_open(struct lane *l) MUST_USE;
void lane_close(struct lane *l);
err_code lane_fail(struct lane *l, err_code code, const char *step, const char *message) MUST_USE;

/* lane_repair.c */
typedef enum lane_answer {
    LANE_RUN,      /* as it is written */
    LANE_DONE,     /* it has ended well before: it was not known yet */
    LANE_FINALIZE, /* ALTER TABLE … DETACH PARTITION … FINALIZE ends it */
} lane_answer;
/* Looks what an attempt before left, and tidies it. running: this statement was sent before. */
err_code lane_prepare(struct lane *l, statement_kind kind, const struct lane_target *target,
                      bool running, lane_answer *answer) MUST_USE;
/* Whether it did what it says: a valid index. */
err_code lane_verify(struct lane *l, statement_kind kind, const struct lane_target *target) MUST_USE;
/* Whether a statement that failed has left nothing behind. */
bool lane_left_nothing(struct lane *l, statement_kind kind, const struct lane_target *target);
