/* SPDX-License-Identifier: MIT */
/*
 * The statements that read what is its definition and no more, and what they have in common; for
 * core/schema/introspect*.c only. Each gives namespace, name, on_what, definition and comment.
 */
#pragma once

#include "core/schema/introspect_parts.h"

/* The objects of class c in the schemas, without those of extensions. */
#define OF_SCHEMAS(class)                                                                          \
    " FROM pg_depend d JOIN " class " o ON o.oid = d.objid"                                        \
                                    " WHERE d.refclassid = 'pg_namespace'::regclass AND "          \
                                    "d.refobjid = ANY ($1::oid[])"                                 \
                                    " AND d.classid = '" class "'::regclass AND NOT EXISTS "       \
                                                               "(SELECT FROM pg_depend e"          \
                                                               "  WHERE e.classid = d.classid "    \
                                                               "AND e.objid = d.objid AND "        \
                                                               "e.deptype = 'e')"
#define NAMESPACE "d.refobjid::int8 AS namespace"
#define SIGNATURE(oid, name)                                                                       \
    "format('%I(%s)', " name ", pg_get_function_identity_arguments(" oid "))"

extern const struct pg_stmt functions_stmt, statistics_stmt, grants_stmt;
/* These are asked for tables instead of schemas. */
extern const struct pg_stmt triggers_stmt, rules_stmt, policies_stmt;
