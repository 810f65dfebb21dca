/* SPDX-License-Identifier: MIT */
/* Gauges that are read off other parts from time to time rather than counted as things happen. */
#pragma once

#include "service/api/api.h"

/* Of this replica: pools, connections, the server's queue. From memory. */
void gauges_local(struct app *app);
/* Of the fleet, the same on every replica: tenants by state, live jobs and tasks, the queue's age. */
err_code gauges_fleet(struct app *app, struct pg *pg, struct err *err) MUST_USE;
/* What the runner and the pools tell as it happens; ctx is the struct app. */
extern const struct runner_observer app_runner_observer;
