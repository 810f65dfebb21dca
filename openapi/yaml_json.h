/* SPDX-License-Identifier: MIT */
/*
 * The part of YAML that is JSON with comments and less punctuation. Plain scalars mean what the
 * core schema says (YAML 1.2.2, 10.3.2): `no` and `on` are text. What JSON cannot say, or what a
 * reader would have to look up elsewhere, is refused: anchors, aliases, tags, a second document,
 * keys that are not scalars or that stand twice, .inf and .nan.
 */
#pragma once

#include <jansson.h>
#include <stddef.h>

#include "core/base/err.h"

enum { YAML_JSON_DEPTH_MAX = 64 };

/*
 * Reads n bytes as one document. Members keep their order. *out is the caller's. Fails with
 * ERR_CONFIG_INVALID, err->line and err->column being the place.
 */
err_code yaml_to_json(const char *bytes, size_t n, json_t **out, struct err *err) MUST_USE;
