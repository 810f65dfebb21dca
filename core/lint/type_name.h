/* SPDX-License-Identifier: MIT */
/* Types as people write them. */
#pragma once

#include <jansson.h>
#include <stdbool.h>

enum { TYPE_NAME_SIZE = 160 };

/* A TypeName node as "integer", "varchar(20)", "text[]", cut at TYPE_NAME_SIZE; returns out. */
const char *type_name(const json_t *type, char out[TYPE_NAME_SIZE]);
/* Whether a column can get the other type without a row being written or read. */
bool type_widens(const char *from, const char *to);
