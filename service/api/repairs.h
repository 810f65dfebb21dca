/* SPDX-License-Identifier: MIT */
/* What a repair is asked for: of one tenant or of those that a selector names. */
#pragma once

#include "core/job/repair_ops.h"
#include "core/tenant/tenant_store.h"
#include "service/api/api.h"

struct repair_request {
    const struct repair_op *op;
    struct selector selector; /* owned */
    struct tenant tenant;     /* owned; of a repair of one */
    bool one, list_only;      /* list_only: a baseline takes `versions` alone */
    json_t *args;             /* owned; of the job: what the body says about the repair */
    struct repair_wish wish;  /* borrows from args */
    int64_t max_parallel;
    bool stop_on_failure;
};
void repair_request_clear(struct repair_request *request);

/* What the repair would do, as {"dry_run", "tenants", "examined", "noop", "cohorts"}. */
err_code repair_preview(struct call *call, const struct repair_request *request, json_t **out,
                        struct err *err) MUST_USE;
/* Decides for the one tenant from its own tables, and changes nothing; verify: hold its objects
 * against the migrations, too. */
err_code repair_try(struct call *call, const struct repair_request *request,
                    const struct catalog *catalog, bool verify, struct repair_result *result,
                    struct err *err) MUST_USE;
