/* SPDX-License-Identifier: MIT */
/* From a run's request to its job: who is behind, by cohorts; or what would happen, as a dry run. */
#pragma once

#include "core/tenant/tenant_store.h"
#include "service/api/strategy.h"

struct run_request {
    struct selector selector; /* owned */
    const char *subject;      /* the tenant of a run of one; NULL otherwise */
    const char *target;       /* NULL: the catalog's head */
    bool down;                /* what is applied after the target is taken back */
    unsigned allow;           /* ALLOW_… */
    int64_t max_parallel, lock_timeout_ms, statement_timeout_ms, lock_attempts;
    bool stop_on_failure, include_shared;
    bool queue; /* behind a live run over the same tenants, instead of being refused */
    struct strategy strategy; /* owned */
    const char *plan_id;      /* the plan that the run follows; NULL: none */
    json_t **differences;     /* gets what makes the plan stale; may be NULL */
};

/* The kinds of bodies that a run's members stand in. */
typedef enum run_body {
    RUN_OF_ONE_BODY, /* of one tenant, or the shared schema */
    ROLLBACK_BODY,
    PLAN_BODY,
    RUN_BODY,
} run_body;
/* Fills run from the body; what is wrong goes to problems. */
void run_read(struct call *call, run_body kind, struct run_request *run,
              struct problems *problems);

struct run_request run_request_default(const struct config *config);
void run_request_clear(struct run_request *run);

/*
 * Makes the job and its tasks in one transaction. Tenants whose applied set leaves nothing to do
 * get no task and count as skipped from the start. ERR_UNKNOWN_TARGET, ERR_RUN_CONFLICT,
 * ERR_EMPTY_CANARY, ERR_WAVES_INCOMPLETE; with a plan ERR_PLAN_STALE, ERR_PLAN_EXPIRED, ERR_PLAN_USED.
 */
err_code run_create(struct call *call, const struct run_request *run, char id[UUID_TEXT_SIZE],
                    struct err *err) MUST_USE;
/* The job that migrates the shared schema alone. */
err_code shared_create(struct call *call, const struct run_request *run, char id[UUID_TEXT_SIZE],
                       struct err *err) MUST_USE;
/* What run_create() would do, with the SQL of each cohort; nothing is changed. */
err_code run_preview(struct call *call, const struct run_request *run, json_t **out,
                     struct err *err) MUST_USE;
