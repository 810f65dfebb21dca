/* SPDX-License-Identifier: MIT */
/* What an index's definition says beyond its columns' names. */
#pragma once

#include "core/schema/model.h"

struct index_text {
    struct name_list keys; /* each as it stands between the commas: name DESC, lower(name) */
    char *rest;            /* behind the keys, without the predicate: "INCLUDE (score)", or "" */
};

/* Splits the definition as PostgreSQL deparses it; false without memory, or when it is none. */
bool index_text_split(const struct schema_index *x, struct index_text *out);
void index_text_clear(struct index_text *text);

/* Bytes of SQL from p on, which begins with a quote or a bracket, to where that ends; strings and
 * quoted names in it are passed over. 1 for every other character. */
size_t sql_text_span(const char *p);
