/* SPDX-License-Identifier: MIT */
#pragma once

#include <jansson.h>

#include "core/base/str.h"

/* The result as a log of SARIF 2.1.0 (OASIS); appended. */
void report_sarif(const json_t *result, struct str *out);
