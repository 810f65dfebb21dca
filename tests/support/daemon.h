/* SPDX-License-Identifier: MIT */
/*
 * The real tenantd, a process of its own, on the database of pg_fixture: one a test program. It ends
 * with SIGTERM and must then have ended well: status 0, nothing at level error in its log, no
 * connection left open.
 */
#pragma once

#include <check.h>
#include <stdint.h>

/* Starts PostgreSQL and tenantd, runs the suite, stops both; what main() returns. settings are
 * "TENANTD_NAME=value", NULL-terminated; NULL for none. TENANTD_EXCHANGE_LOG in the environment
 * names a file to which every exchange is appended. */
int daemon_run(Suite *suite, const char *const *settings);

uint16_t daemon_port(void);
uint16_t daemon_admin_port(void);
const char *daemon_token(void); /* holds every scope */
