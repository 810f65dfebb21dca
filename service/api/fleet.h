/* SPDX-License-Identifier: MIT */
/* A query over many tenants: what is gathered of it, and how it is written. */
#pragma once

#include "core/query/fleet.h"
#include "service/api/queries.h"

typedef enum fleet_output { FLEET_JSON, FLEET_NDJSON, FLEET_CSV } fleet_output;

/* What shall be made of the rows of all tenants; arrays of column names, or NULL. */
struct fleet_aggregate {
    const json_t *group_by, *sum, *count, *min, *max, *avg;
};

/* All that a query over many tenants is; its own, since it may outlive the request. */
struct fleet_job {
    struct app *app;
    struct principal who;
    char request_id[HTTP_ID_SIZE];
    fleet_output output;
    struct query_form form; /* of one tenant; sql and params are in body */
    json_t *body;           /* kept */
    int64_t max_total_rows, parallel;
    bool aggregates;
    struct fleet_aggregate aggregate;
    struct query_env env;
    struct query_params params;
    struct pg_rows *rows; /* of the registry; members point into it */
    struct fleet_member *members;
    size_t count;
    struct stream *stream; /* NULL: the answer is made in memory */

    /* What was gathered; guarded by fleet_run(). */
    struct str out;        /* rows, of FLEET_JSON alone */
    struct pg_shape shape; /* of the first tenant that gave any */
    bool has_shape, truncated, lost;
    int64_t row_count, bytes, succeeded, error_count, unreachable_count, started_ms;
    json_t *errors, *unreachable; /* as many as are shown */
};

void fleet_job_free(struct fleet_job *job); /* NULL is fine */
/* Asks every tenant (fleet_gather.c). until: see struct fleet. */
err_code fleet_gather(struct fleet_job *job, int64_t until, struct err *err) MUST_USE;
/* What it came to, as the members of a JSON object without its braces. */
void fleet_write_summary(struct fleet_job *job, struct str *out);
/* The columns as JSON, the tenant's id first. */
void fleet_write_columns(const struct fleet_job *job, struct str *out);
/* Says in log and events what was asked. */
err_code fleet_tell(struct fleet_job *job, struct pg *pg, struct err *err) MUST_USE;
/* Takes the job: the reply's stream is written by a thread of its own (fleet_stream.c). */
struct reply fleet_stream(struct call *call, struct fleet_job *job);
/* The answer of a query with an aggregate (fleet_aggregate.c). */
struct reply fleet_aggregate_reply(struct call *call, struct fleet_job *job);
