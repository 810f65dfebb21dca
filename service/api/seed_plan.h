/* SPDX-License-Identifier: MIT */
/* From a request to apply seeds to its job, or to the SQL that it would run. */
#pragma once

#include "core/job/seeding.h"
#include "core/tenant/selector.h"
#include "service/api/api.h"
#include "service/api/fields.h"

/* A seed as it is when the request comes. */
struct loaded_seed {
    char *name;
    bool always; /* its own mode */
    struct seed_text text;
};

struct loaded_seeds {
    struct loaded_seed *list;
    size_t count;
};

struct seed_request {
    struct call *call;
    struct selector selector; /* owned */
    struct loaded_seeds tenants,
        shared;              /* owned: what goes into tenants, what into the shared schema */
    const json_t *variables; /* NULL: none */
    const char *mode;        /* NULL: each seed's own */
    const char *subject;     /* the tenant of a request for one */
    bool force, stop_on_failure;
    bool only_shared;
    int64_t max_parallel;
};
void seed_request_clear(struct seed_request *r);

/* Loads the seeds of a scope: one by name, the names of a list, or with neither all. Every name
 * that is none of the scope goes to problems, every variable without a value fails with its place.
 */
err_code seed_request_load(struct seed_request *r, const char *target, const char *name,
                           const json_t *names, struct problems *problems, struct err *err)
    MUST_USE;
/* Looks into the schema of a request for one: ERR_SEED_CHANGED. */
err_code seed_request_check(const struct seed_request *r, const char *server, const char *schema,
                            struct err *err) MUST_USE;
/* The job with a task a tenant, the shared schema's first. */
err_code seed_request_start(struct seed_request *r, char id[UUID_TEXT_SIZE], struct err *err)
    MUST_USE;
/* What would run: {"dry_run", "tenants", "tenant_id", "sql", "shared_sql"}, for the first tenant.
 */
err_code seed_request_preview(struct seed_request *r, json_t **out, struct err *err) MUST_USE;
