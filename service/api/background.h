/* SPDX-License-Identifier: MIT */
/*
 * The service's own thread: pings the control database for the probes, wakes requests that wait for
 * a job which another replica moved, keeps the pools and gauges fresh, purges archived tenants whose
 * time has come, keeps the warm pool full, and registers what appears in the watched migration folders.
 */
#pragma once

#include "service/api/api.h"

struct background;
err_code background_start(struct app *app, struct background **out, struct err *err) MUST_USE;
void background_stop(struct background *background); /* NULL is fine */

/* Registers the migrations of the configured folders now; a folder that has not changed since the
 * last time is not read again. Fails with what the first folder that cannot be registered says. */
struct folder_watch;
struct folder_watch *folder_watch_new(void); /* NULL: no memory */
void folder_watch_free(struct folder_watch *watch);
err_code folder_watch_run(struct folder_watch *watch, struct app *app, struct err *err) MUST_USE;
