/* SPDX-License-Identifier: MIT */
/* The steps between a request and its handler, each in a file of its own. */
#pragma once

#include "service/api/api.h"

/* Runs the handler; with an Idempotency-Key inside one transaction with the row that remembers the
 * outcome, so that the same request again gives the same answer (idempotency.c). */
struct reply run_idempotently(struct call *call);

/* After a handler started a job: answers at once, or waits as the Prefer header asks (RFC 7240) by
 * parking the request (wait.c). */
struct reply answer_job(struct call *call, struct reply reply);
/* Goes on waiting when a parked request runs again. */
struct reply resume_waiting(struct call *call);
/* Whether the request was parked by answer_job(). */
bool is_waiting(const struct call *call);

/* Adds what lets pages of the origins of http.cors_origins read the reply (cors.c). */
void cors_apply(const struct app *app, const struct request *req, struct reply *reply);

/* Seconds of "Prefer: wait=N", 0 for none; at most 55, below the usual limit of proxies. */
int prefer_wait_s(const struct request *req);
