/* SPDX-License-Identifier: MIT */
/*
 * Maintenance windows: when tasks of a job may start. An array of objects {days: ["mon", …], from:
 * "22:00", to: "04:00", time_zone: "Europe/Berlin"}; a window whose end is not after its beginning
 * ends on the next day and belongs to the day it begins. PostgreSQL knows the time zones.
 */
#pragma once

#include <jansson.h>

#include "core/pg/pg.h"

/* Whether a window opens within `seconds` from now (0: ever). ERR_WINDOW_NEVER_OPENS when not, and
 * when PostgreSQL knows no such time zone. */
err_code window_check(struct pg *pg, const json_t *windows, int64_t seconds, struct err *err)
    MUST_USE;
/* Moves the job's row on to the window that is open or opens next, if the last one has closed;
 * *closed: no task may start now. A job without windows is always open. */
err_code window_refresh(struct pg *pg, const char *job_id, bool *closed, struct err *err) MUST_USE;
