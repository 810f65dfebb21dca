/* SPDX-License-Identifier: MIT */
/* The PostgreSQL servers that hold tenants; a second one is a row. */
#pragma once

#include "core/pg/pg.h"

/* Rows (id, state, max_parallel, tenants, url_set) of one server, or of all with id NULL. One that
 * does not exist gives ERR_SERVER_NOT_FOUND. */
err_code server_list(struct pg *pg, const char *id, struct pg_rows **out,
                     struct err *err) MUST_USE;
/* How to reach a server: free() *url; NULL when it is the one with the control schema. */
err_code server_url(struct pg *pg, const char *id, char **url, struct err *err) MUST_USE;
