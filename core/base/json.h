/* SPDX-License-Identifier: MIT */
/* What jansson leaves to its users: strict parsing, text that may be bad UTF-8, canonical form. */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "core/base/err.h"

enum { JSON_DEPTH_MAX = 64 };

/*
 * Parses n bytes as one JSON object or array: no duplicate keys, no NUL, valid UTF-8, at most
 * JSON_DEPTH_MAX deep. *out is the caller's. Fails with ERR_MALFORMED_JSON, line and column set.
 */
err_code json_parse(const char *bytes, size_t n, json_t **out, struct err *err) MUST_USE;
/* A JSON string; bytes that are not UTF-8 become U+FFFD, NULL becomes null. NULL: no memory. */
json_t *json_text(const char *text);
/* Keys sorted, no blanks: equal values give equal text. free() it; NULL: no memory. */
char *json_canonical(const json_t *value);
/* base + "/" + name with "~" and "/" in name escaped (RFC 6901, 3), cut at size; returns out. */
const char *json_pointer(char *out, size_t size, const char *base, const char *name);
/* Milliseconds since 1970 as an RFC 3339 string. */
json_t *json_time(int64_t unix_ms);
