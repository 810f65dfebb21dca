/* SPDX-License-Identifier: MIT */
/* Names of tables and indexes in a tree, with the schema when one was written: "shop.orders". */
#pragma once

#include <jansson.h>

enum { NODE_NAME_SIZE = 160 };

/* Of a RangeVar; of a list of String nodes. Returns out. */
const char *node_name(const json_t *relation, char out[NODE_NAME_SIZE]);
const char *node_list_name(const json_t *list, char out[NODE_NAME_SIZE]);
