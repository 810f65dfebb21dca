/* SPDX-License-Identifier: MIT */
/* The daemon's parts, wired: started in their order, stopped in the reverse. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

#include "core/base/err.h"
#include "service/config.h"
#include "service/log.h"

struct daemon;

struct daemon_options {
    const struct config *config; /* both borrowed, and outlive the daemon */
    const struct log *log;
    /* Waits up to ms; true: the process was asked to stop. */
    bool (*stop_asked)(void *ctx, int64_t ms);
    void *ctx;
};

/*
 * Starts probes first, then waits for the control database as long as it takes, then serves.
 * *stopped: it was asked to stop before it served. *out is the caller's, also then. Call it from
 * the thread that lives longest: a private PostgreSQL of --dev ends with the one that started it.
 */
err_code daemon_start(const struct daemon_options *options, struct daemon **out, bool *stopped,
                      struct err *err) MUST_USE;
/* Drains requests and tasks within http.drain_timeout_ms, then stops everything. NULL is fine. */
void daemon_stop(struct daemon *daemon);
