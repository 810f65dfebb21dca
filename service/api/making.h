/* SPDX-License-Identifier: MIT */
/* Tenants that are made by one job: what create, batch and import have in common. */
#pragma once

#include "core/pg/ident.h"
#include "service/api/api.h"

/* A tenant to be; text is borrowed. */
struct wish {
    const char *id, *server, *display_name; /* display_name may be NULL */
    const json_t *labels;                   /* may be NULL */
    char schema[PG_NAME_MAX + 1];
};

struct problems;
/* Renders the schema's name; what is wrong with id and labels goes to problems. base is the wish's
 * JSON pointer. */
void wish_check(const struct call *call, const char *base, struct wish *wish,
                struct problems *problems);

struct making {
    struct call *call;
    const char *kind, *subject; /* of the job; subject may be NULL */
    struct wish *wishes;
    size_t count;
    int max_parallel;
    bool tell_conflicts; /* an id that exists fails its task instead of the whole */
    const json_t *job_args, *task_args; /* that are added to those of each; may be NULL */
    bool takes_ready;    /* schemas of the warm pool, while there are any */
    int taken;           /* of them, so far */
    int64_t revision;    /* of the tenants' catalog, once it was asked for */
};

/* Registers the tenants and enqueues the job, in one transaction: 202 with the job; 200 when nothing
 * is left to do, since all got schemas that stood ready. */
struct reply make_tenants(struct making *making);
