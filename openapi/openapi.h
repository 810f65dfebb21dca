/* SPDX-License-Identifier: MIT */
/* The contract, openapi.yaml, as the JSON text that GET /openapi.json serves. Made by the build. */
#pragma once

#include <stddef.h>

extern const char openapi_json[]; /* NUL-terminated */
extern const size_t openapi_json_len;
