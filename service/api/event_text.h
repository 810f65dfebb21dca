/* SPDX-License-Identifier: MIT */
/* An event as text: a CloudEvent (1.0, JSON) whose id is its number. */
#pragma once

#include "core/base/str.h"
#include "core/pg/pg.h"

/* Appends the event of a row of event_list(). */
void event_write_json(struct str *out, const struct pg_rows *rows, size_t row);
/* The same as a message of a text/event-stream. It has no name of its own, so that a browser's
 * onmessage gets those of types that are new to it, too. */
void event_write_message(struct str *out, const struct pg_rows *rows, size_t row);
