/* SPDX-License-Identifier: MIT */
/* The number that a catalog's next migration begins with. */
#pragma once

#include "service/api/api.h"

enum { NEXT_VERSION_SIZE = 32 };

/* The number after the head's, as wide; in a catalog of drizzle's folders, whose numbers are times,
 * the time. */
err_code next_version(struct call *call, const char *catalog, char out[NEXT_VERSION_SIZE],
                      struct err *err) MUST_USE;
