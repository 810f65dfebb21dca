/* SPDX-License-Identifier: MIT */
/*
 * The warm pool: schemas that stand ready at the catalog's head, so that a tenant is made by giving
 * one of them its name. The leader keeps them there by durable jobs of low priority; requests take
 * them in their own transaction. Only the server that holds the control schema has a pool:
 * elsewhere a rename and the registry's row would not commit together.
 */
#pragma once

#include "core/base/hash.h"
#include "core/pg/ident.h"
#include "core/pg/pg.h"

/*
 * Starts the job that the pool needs to have `size` ready schemas, if any: warm.fill for those that
 * lack or are behind, warm.drain for those too many. Any replica may call it at any time; one job
 * of the pool lives at a time. *started says whether there is a new one.
 */
err_code warm_keep(struct pg *pg, int size, bool *started, struct err *err) MUST_USE;
/* Starts the job that drops every schema of the pool; without one it ends at once. */
err_code warm_drain(struct pg *pg, const char *created_by, const char *request_id,
                    char job_id[UUID_TEXT_SIZE], struct err *err) MUST_USE;
/* Rows (server, has_pool, ready, behind, filling, unfit, failed, dropping, problem, claimed,
 * missed), one a server. */
err_code warm_status(struct pg *pg, struct pg_rows **out, struct err *err) MUST_USE;

/* Who wants a schema. */
struct warm_wish {
    const char *tenant_id, *server, *schema; /* schema: the name it shall have */
    const char *table;                       /* of the tracking table */
    int64_t revision;                        /* of the tenants' catalog, as it is now */
};

typedef enum warm_answer {
    WARM_NO_POOL, /* the server has none */
    WARM_MISSED,  /* none was ready */
    WARM_CLAIMED,
} warm_answer;

/*
 * Gives a ready schema to a tenant that was just registered, in the transaction that is open: the
 * schema gets its name, the tenant is active. What stands in the way, as a schema that somebody
 * changed by hand, is looked at again by the next fill, and the answer is WARM_MISSED; the
 * transaction stays usable.
 */
err_code warm_claim(struct pg *pg, const struct warm_wish *wish, warm_answer *answer,
                    struct err *err) MUST_USE;
