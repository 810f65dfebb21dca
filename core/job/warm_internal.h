/* SPDX-License-Identifier: MIT */
#pragma once

#include "core/job/warm.h"

enum { WARM_COMMENT_SIZE = PG_NAME_MAX + 32 };

/* The comment that tells that a schema belongs to the pool. */
void warm_comment_of(const char *schema, char out[WARM_COMMENT_SIZE]);
