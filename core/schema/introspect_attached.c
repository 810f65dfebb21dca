/* SPDX-License-Identifier: MIT */
/* What hangs on tables: triggers, rules, policies and statistics. */
#include "core/schema/introspect_objects.h"

const struct pg_stmt statistics_stmt = {
    .name = "schema_read_statistics",
    .sql =
        "SELECT " NAMESPACE ", o.stxname AS name, c.relname AS on_what,"
        " pg_get_statisticsobjdef(o.oid) AS definition,"
        " " DESCRIPTION(
            "o.oid", "pg_statistic_ext",
            "0") " AS comment"
                 " FROM pg_depend d JOIN pg_statistic_ext o ON o.oid = d.objid"
                 " JOIN pg_class c ON c.oid = o.stxrelid"
                 " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
                 " AND d.classid = 'pg_statistic_ext'::regclass",
};

/* The objects on tables, which have no place of their own in a schema. $1: the tables. */
#define OF_TABLES(class, relation)                                                                 \
    " FROM " class " o JOIN pg_class c ON c.oid = o." relation " WHERE o." relation                \
                   " = ANY ($1::oid[])"
#define TABLE_NAMESPACE "c.relnamespace::int8 AS namespace"

/* Those of partitions come with their parent's. */
const struct pg_stmt triggers_stmt = {
    .name = "schema_read_triggers",
    .sql = "SELECT " TABLE_NAMESPACE ", o.tgname AS name, c.relname AS on_what,"
           " pg_get_triggerdef(o.oid) || CASE o.tgenabled WHEN 'O' THEN '' ELSE format("
           "  E';\\nALTER TABLE %s %s TRIGGER %I', o.tgrelid::regclass, CASE o.tgenabled"
           "  WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,"
           "  o.tgname) END AS definition,"
           " " DESCRIPTION("o.oid", "pg_trigger", "0") " AS comment" OF_TABLES(
               "pg_trigger", "tgrelid") " AND NOT o.tgisinternal AND o.tgparentid = 0",
};

const struct pg_stmt rules_stmt = {
    .name = "schema_read_rules",
    .sql = "SELECT " TABLE_NAMESPACE ", o.rulename AS name, c.relname AS on_what,"
           " rtrim(pg_get_ruledef(o.oid), ';') || CASE o.ev_enabled WHEN 'O' THEN '' ELSE format("
           "  E';\\nALTER TABLE %s %s RULE %I', o.ev_class::regclass, CASE o.ev_enabled"
           "  WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,"
           "  o.rulename) END AS definition,"
           " " DESCRIPTION("o.oid", "pg_rewrite", "0") " AS comment" OF_TABLES(
               "pg_rewrite", "ev_class") " AND o.rulename <> '_RETURN'",
};

const struct pg_stmt policies_stmt = {
    .name = "schema_read_policies",
    .sql =
        "SELECT " TABLE_NAMESPACE ", o.polname AS name, c.relname AS on_what,"
        " format('CREATE POLICY %I ON %s%s%s TO %s%s%s', o.polname, o.polrelid::regclass,"
        "  CASE WHEN NOT o.polpermissive THEN ' AS RESTRICTIVE' END,"
        "  CASE o.polcmd WHEN 'r' THEN ' FOR SELECT' WHEN 'a' THEN ' FOR INSERT'"
        "   WHEN 'w' THEN ' FOR UPDATE' WHEN 'd' THEN ' FOR DELETE' END,"
        "  (SELECT string_agg(CASE WHEN u.role = 0 THEN 'PUBLIC' ELSE u.role::regrole::text END,"
        "   ', ' ORDER BY u.at) FROM unnest(o.polroles) WITH ORDINALITY u (role, at)),"
        "  ' USING (' || pg_get_expr(o.polqual, o.polrelid) || ')',"
        "  ' WITH CHECK (' || pg_get_expr(o.polwithcheck, o.polrelid) || ')') AS definition,"
        " " DESCRIPTION("o.oid", "pg_policy", "0") " AS comment" OF_TABLES("pg_policy", "polrelid"),
};
