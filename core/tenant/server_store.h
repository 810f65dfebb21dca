/* SPDX-License-Identifier: MIT */
/* The PostgreSQL servers that hold tenants; a second one is a row. */
#pragma once

#include <jansson.h>

#include "core/pg/pg.h"

/* Rows (id, state, reason, max_parallel, pace, tenants, url_set) of one server, or of all with id NULL.
 * One that does not exist gives ERR_SERVER_NOT_FOUND. */
err_code server_list(struct pg *pg, const char *id, struct pg_rows **out,
                     struct err *err) MUST_USE;
/* Says that nothing can be done on the server for now and why: an object with code, sqlstate and
 * message. It is tried again after a second, then after longer and longer; probed: it was tried just
 * now. */
err_code server_pause(struct pg *pg, const char *id, const json_t *trouble, bool probed,
                      struct err *err) MUST_USE;
/* The trouble is over. */
err_code server_resume(struct pg *pg, const char *id, struct err *err) MUST_USE;
/* How many tasks it is given at a time where nobody has fixed that. */
err_code server_set_pace(struct pg *pg, const char *id, int pace, struct err *err) MUST_USE;
/* How to reach a server: free() *url; NULL when it is the one with the control schema. */
err_code server_url(struct pg *pg, const char *id, char **url, struct err *err) MUST_USE;
