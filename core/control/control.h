/* SPDX-License-Identifier: MIT */
/* The control schema `tenantd`: brought to this build's version, one replica at a time. */
#pragma once

#include "core/pg/pg.h"

/*
 * Applies what is missing, each file in a transaction of its own. Replicas that start together
 * wait for each other. A schema newer than this build is an error (ERR_INVALID_STATE); *version
 * (may be NULL) is what it is at afterwards.
 */
err_code control_migrate(struct pg *pg, int *version, struct err *err) MUST_USE;
/* The version this build wants. */
int control_wanted_version(void);
/* A secret all replicas share, made by the first who asks; free() *out. */
err_code control_secret(struct pg *pg, const char *name, unsigned char **out, size_t *n,
                        struct err *err) MUST_USE;
