/* SPDX-License-Identifier: MIT */
/*
 * A schema in the formats other tools read. No export carries the schema's own name or a time, so
 * tenants that look the same export the same bytes.
 */
#pragma once

#include "core/base/err.h"
#include "core/schema/model.h"

struct export_options {
    const char *format; /* see export_format_name() */
    const char *theme;  /* mermaid: default, dark, forest or neutral; NULL: not said */
    const char *casing; /* typescript, zod, drizzle: camel, snake or preserve; NULL: not said */
    bool zod;           /* typescript: with Zod 4 schemas; drizzle: with drizzle-zod's */
    bool lenient;       /* drizzle: what it has no word for is left out and listed */
    bool indexes;       /* mermaid: with the indexes */
    /* Only these; with none, all but the partitions, which repeat their parents. */
    const char *const *tables;
    size_t n_tables;
};

struct export_result {
    const char *content_type; /* a literal */
    char filename[96];        /* ASCII without blanks and quotes, from the schema's name */
    char *body;               /* UTF-8; export_result_clear() */
    size_t body_len;
};

/*
 * Fails with ERR_INVALID_PARAMETER, naming the parameter in err->field, for an unknown format,
 * theme, casing or table, and for an option that the format does not take; with
 * ERR_UNSUPPORTED_TYPE for what the format has no word for; with ERR_INTERNAL without memory. Pure:
 * equal schemas and options give equal bytes.
 */
err_code schema_export(const struct schema *s, const struct export_options *options,
                       struct export_result *out, struct err *err) MUST_USE;
void export_result_clear(struct export_result *result);

/* The name of the i-th format; NULL past the last. */
const char *export_format_name(size_t i);
