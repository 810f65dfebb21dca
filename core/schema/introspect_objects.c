/* SPDX-License-Identifier: MIT */
/* What is its definition and no more: functions, triggers, policies, grants and the like. */
#include "core/schema/introspect_parts.h"

#include <stdlib.h>
#include <string.h>

#include "core/schema/normal.h"

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
/* The name of o of class c, as SQL writes it with its schema. */
#define QUALIFIED(name) "format('%I.%I', d.refobjid::regnamespace::text, " name ")"

/* Members of a composite type, in the order of their definition. */
static const struct pg_stmt composites_stmt = {
    .name = "schema_read_composites",
    .sql = "SELECT " NAMESPACE ", o.typname AS name, NULL AS on_what,"
           " format('CREATE TYPE %s.%I AS (%s)', d.refobjid::regnamespace, o.typname,"
           "  (SELECT string_agg(format('%I %s%s', a.attname, format_type(a.atttypid, a.atttypmod),"
           "   CASE WHEN a.attcollation <> at.typcollation THEN (SELECT format(' COLLATE %I.%I',"
           "    n.nspname, l.collname) FROM pg_collation l JOIN pg_namespace n"
           "    ON n.oid = l.collnamespace WHERE l.oid = a.attcollation) ELSE '' END), ', '"
           "   ORDER BY a.attnum) FROM pg_attribute a JOIN pg_type at ON at.oid = a.atttypid"
           "   WHERE a.attrelid = o.typrelid AND a.attnum > 0 AND NOT a.attisdropped))"
           "  AS definition, " DESCRIPTION("o.oid", "pg_type", "0") " AS comment" OF_SCHEMAS(
               "pg_type") " AND o.typtype = 'c'"
                          " AND (SELECT c.relkind FROM pg_class c WHERE c.oid = o.typrelid) = 'c'",
};

static const struct pg_stmt ranges_stmt = {
    .name = "schema_read_ranges",
    .sql =
        "SELECT " NAMESPACE ", o.typname AS name, NULL AS on_what,"
        " format('CREATE TYPE %s.%I AS RANGE (subtype = %s%s%s%s%s)', d.refobjid::regnamespace,"
        "  o.typname, format_type(r.rngsubtype, NULL),"
        "  (SELECT format(', subtype_opclass = %I.%I', n.nspname, p.opcname) FROM pg_opclass p"
        "   JOIN pg_namespace n ON n.oid = p.opcnamespace"
        "   WHERE p.oid = r.rngsubopc AND NOT p.opcdefault),"
        "  (SELECT format(', collation = %I.%I', n.nspname, l.collname) FROM pg_collation l"
        "   JOIN pg_namespace n ON n.oid = l.collnamespace WHERE l.oid = r.rngcollation"
        "   AND r.rngcollation <> (SELECT s.typcollation FROM pg_type s"
        "    WHERE s.oid = r.rngsubtype)),"
        "  CASE WHEN r.rngcanonical <> 0 THEN ', canonical = ' || r.rngcanonical END,"
        "  CASE WHEN r.rngsubdiff <> 0 THEN ', subtype_diff = ' || r.rngsubdiff END)"
        "  AS definition, " DESCRIPTION(
            "o.oid", "pg_type",
            "0") " AS comment"
                 " FROM pg_depend d JOIN pg_type o ON o.oid = d.objid JOIN pg_range r ON "
                 "r.rngtypid = o.oid"
                 " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
                 " AND d.classid = 'pg_type'::regclass AND NOT EXISTS (SELECT FROM pg_depend e"
                 "  WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')",
};

/* Those of identity columns are the columns'. */
static const struct pg_stmt sequences_stmt = {
    .name = "schema_read_sequences",
    .sql =
        "SELECT " NAMESPACE ", o.relname AS name,"
        " (SELECT c.relname || '.' || a.attname FROM pg_depend w"
        "  JOIN pg_class c ON c.oid = w.refobjid JOIN pg_attribute a"
        "  ON a.attrelid = c.oid AND a.attnum = w.refobjsubid"
        "  WHERE w.classid = d.classid AND w.objid = o.oid AND w.deptype = 'a'"
        "  AND w.refclassid = 'pg_class'::regclass AND w.refobjsubid > 0) AS on_what,"
        " format('CREATE %sSEQUENCE %s.%I AS %s START WITH %s INCREMENT BY %s MINVALUE %s"
        " MAXVALUE %s CACHE %s%s', CASE o.relpersistence WHEN 'u' THEN 'UNLOGGED ' END,"
        "  d.refobjid::regnamespace, o.relname, format_type(q.seqtypid, NULL), q.seqstart,"
        "  q.seqincrement, q.seqmin, q.seqmax, q.seqcache, CASE WHEN q.seqcycle THEN ' CYCLE' END)"
        "  AS definition, " DESCRIPTION(
            "o.oid", "pg_class",
            "0") " AS comment"
                 " FROM pg_depend d JOIN pg_class o ON o.oid = d.objid JOIN pg_sequence q ON "
                 "q.seqrelid = o.oid"
                 " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
                 " AND d.classid = 'pg_class'::regclass AND NOT EXISTS (SELECT FROM pg_depend e"
                 "  WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype IN ('e', 'i'))",
};

#define SIGNATURE(oid, name)                                                                       \
    "format('%I(%s)', " name ", pg_get_function_identity_arguments(" oid "))"
#define AGGREGATE_PART(word, column)                                                               \
    " CASE WHEN g." column " <> 0 THEN ', " word " = ' || g." column " END,"

static const struct pg_stmt functions_stmt = {
    .name = "schema_read_functions",
    .sql = "SELECT " NAMESPACE
           ", " SIGNATURE(
               "o.oid",
               "o.proname") " AS name,"
                            " CASE o.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' "
                            "END AS on_what,"
                            " CASE WHEN o.prokind <> 'a' THEN rtrim(pg_get_functiondef(o.oid), "
                            "E'\\n') ELSE (SELECT"
                            "  format('CREATE AGGREGATE %s.%I(%s) (SFUNC = %s, STYPE = %s', "
                            "d.refobjid::regnamespace,"
                            "   o.proname, CASE WHEN g.aggkind = 'n' AND o.pronargs = 0 THEN '*'"
                            "   ELSE pg_get_function_arguments(o.oid) END,"
                            "   g.aggtransfn, format_type(g.aggtranstype, NULL)) || concat("
                            "   CASE WHEN g.aggtransspace <> 0 THEN ', SSPACE = ' || "
                            "g.aggtransspace END," AGGREGATE_PART(
                                "FINALFUNC",
                                "aggfinalfn") "   CASE WHEN g.aggfinalextra THEN ', "
                                              "FINALFUNC_EXTRA' END,"
                                              "   CASE WHEN g.aggfinalfn <> 0 THEN ', "
                                              "FINALFUNC_MODIFY = ' || CASE g.aggfinalmodify"
                                              "    WHEN 's' THEN 'SHAREABLE' WHEN 'w' THEN "
                                              "'READ_WRITE' ELSE 'READ_ONLY' END "
                                              "END," AGGREGATE_PART(
                                                  "COMBINEFUNC",
                                                  "aggcombinefn") AGGREGATE_PART("SERIALFUNC",
                                                                                 "aggserialfn")
                                                  AGGREGATE_PART("DESERIALFUNC", "aggdeserialfn") "   ', INITCOND = ' || quote_literal(g.agginitval)," AGGREGATE_PART(
                                                      "MSFUNC", "aggmtransfn")
                                                      AGGREGATE_PART(
                                                          "MINVFUNC",
                                                          "aggminvtransfn") "   CASE WHEN "
                                                                            "g.aggmtranstype <> 0 "
                                                                            "THEN ', MSTYPE = ' || "
                                                                            "format_type(g."
                                                                            "aggmtranstype, NULL)"
                                                                            "   END, CASE WHEN "
                                                                            "g.aggmtransspace <> 0 "
                                                                            "THEN ', MSSPACE = ' "
                                                                            "|| g.aggmtransspace "
                                                                            "END," AGGREGATE_PART(
                                                                                "MFINALFUNC",
                                                                                "aggmfinalfn") "   "
                                                                                               "CAS"
                                                                                               "E "
                                                                                               "WHE"
                                                                                               "N "
                                                                                               "g."
                                                                                               "agg"
                                                                                               "mfi"
                                                                                               "nal"
                                                                                               "ext"
                                                                                               "ra "
                                                                                               "THE"
                                                                                               "N "
                                                                                               "', "
                                                                                               "MFI"
                                                                                               "NAL"
                                                                                               "FUN"
                                                                                               "C_"
                                                                                               "EXT"
                                                                                               "RA'"
                                                                                               " EN"
                                                                                               "D,"
                                                                                               "   "
                                                                                               "CAS"
                                                                                               "E "
                                                                                               "WHE"
                                                                                               "N "
                                                                                               "g."
                                                                                               "agg"
                                                                                               "mfi"
                                                                                               "nal"
                                                                                               "fn "
                                                                                               "<> "
                                                                                               "0 "
                                                                                               "THE"
                                                                                               "N "
                                                                                               "', "
                                                                                               "MFI"
                                                                                               "NAL"
                                                                                               "FUN"
                                                                                               "C_"
                                                                                               "MOD"
                                                                                               "IFY"
                                                                                               " = "
                                                                                               "' "
                                                                                               "|| "
                                                                                               "CAS"
                                                                                               "E "
                                                                                               "g."
                                                                                               "agg"
                                                                                               "mfi"
                                                                                               "nal"
                                                                                               "mod"
                                                                                               "ify"
                                                                                               "   "
                                                                                               " WH"
                                                                                               "EN "
                                                                                               "'s'"
                                                                                               " TH"
                                                                                               "EN "
                                                                                               "'SH"
                                                                                               "ARE"
                                                                                               "ABL"
                                                                                               "E' "
                                                                                               "WHE"
                                                                                               "N "
                                                                                               "'w'"
                                                                                               " TH"
                                                                                               "EN "
                                                                                               "'RE"
                                                                                               "AD_"
                                                                                               "WRI"
                                                                                               "TE'"
                                                                                               " EL"
                                                                                               "SE "
                                                                                               "'RE"
                                                                                               "AD_"
                                                                                               "ONL"
                                                                                               "Y' "
                                                                                               "END"
                                                                                               " EN"
                                                                                               "D,"
                                                                                               "   "
                                                                                               "', "
                                                                                               "MIN"
                                                                                               "ITC"
                                                                                               "OND"
                                                                                               " = "
                                                                                               "' "
                                                                                               "|| "
                                                                                               "quo"
                                                                                               "te_"
                                                                                               "lit"
                                                                                               "era"
                                                                                               "l("
                                                                                               "g."
                                                                                               "agg"
                                                                                               "min"
                                                                                               "itv"
                                                                                               "al)"
                                                                                               ","
                                                                                               "   "
                                                                                               "(SE"
                                                                                               "LEC"
                                                                                               "T "
                                                                                               "for"
                                                                                               "mat"
                                                                                               "(',"
                                                                                               " SO"
                                                                                               "RTO"
                                                                                               "P "
                                                                                               "= "
                                                                                               "OPE"
                                                                                               "RAT"
                                                                                               "OR("
                                                                                               "%I."
                                                                                               "%s)"
                                                                                               "', "
                                                                                               "n."
                                                                                               "nsp"
                                                                                               "nam"
                                                                                               "e, "
                                                                                               "p."
                                                                                               "opr"
                                                                                               "nam"
                                                                                               "e) "
                                                                                               "FRO"
                                                                                               "M "
                                                                                               "pg_"
                                                                                               "ope"
                                                                                               "rat"
                                                                                               "or "
                                                                                               "p"
                                                                                               "   "
                                                                                               " JO"
                                                                                               "IN "
                                                                                               "pg_"
                                                                                               "nam"
                                                                                               "esp"
                                                                                               "ace"
                                                                                               " n "
                                                                                               "ON "
                                                                                               "n."
                                                                                               "oid"
                                                                                               " = "
                                                                                               "p."
                                                                                               "opr"
                                                                                               "nam"
                                                                                               "esp"
                                                                                               "ace"
                                                                                               " WH"
                                                                                               "ERE"
                                                                                               " p."
                                                                                               "oid"
                                                                                               " = "
                                                                                               "g."
                                                                                               "agg"
                                                                                               "sor"
                                                                                               "top"
                                                                                               "),"
                                                                                               "   "
                                                                                               "CAS"
                                                                                               "E "
                                                                                               "WHE"
                                                                                               "N "
                                                                                               "g."
                                                                                               "agg"
                                                                                               "kin"
                                                                                               "d "
                                                                                               "= "
                                                                                               "'h'"
                                                                                               " TH"
                                                                                               "EN "
                                                                                               "', "
                                                                                               "HYP"
                                                                                               "OTH"
                                                                                               "ETI"
                                                                                               "CAL"
                                                                                               "' "
                                                                                               "END"
                                                                                               ","
                                                                                               "   "
                                                                                               "CAS"
                                                                                               "E "
                                                                                               "o."
                                                                                               "pro"
                                                                                               "par"
                                                                                               "all"
                                                                                               "el "
                                                                                               "WHE"
                                                                                               "N "
                                                                                               "'s'"
                                                                                               " TH"
                                                                                               "EN "
                                                                                               "', "
                                                                                               "PAR"
                                                                                               "ALL"
                                                                                               "EL "
                                                                                               "= "
                                                                                               "SAF"
                                                                                               "E' "
                                                                                               "WHE"
                                                                                               "N "
                                                                                               "'r'"
                                                                                               " TH"
                                                                                               "EN"
                                                                                               "   "
                                                                                               " ',"
                                                                                               " PA"
                                                                                               "RAL"
                                                                                               "LEL"
                                                                                               " = "
                                                                                               "RES"
                                                                                               "TRI"
                                                                                               "CTE"
                                                                                               "D' "
                                                                                               "END"
                                                                                               ", "
                                                                                               "')'"
                                                                                               ") "
                                                                                               "FRO"
                                                                                               "M "
                                                                                               "pg_"
                                                                                               "agg"
                                                                                               "reg"
                                                                                               "ate"
                                                                                               " g "
                                                                                               "WHE"
                                                                                               "RE "
                                                                                               "g."
                                                                                               "agg"
                                                                                               "fno"
                                                                                               "id "
                                                                                               "= "
                                                                                               "o."
                                                                                               "oid"
                                                                                               ") "
                                                                                               "END"
                                                                                               " AS"
                                                                                               " de"
                                                                                               "fin"
                                                                                               "iti"
                                                                                               "on,"
                                                                                               " " DESCRIPTION(
                                                                                                   "o.oid",
                                                                                                   "pg_proc",
                                                                                                   "0") " AS comment" OF_SCHEMAS("pg_proc") " AND NOT EXISTS (SELECT FROM pg_depend i WHERE i.classid = d.classid AND i.objid = d.objid"
                                                                                                                                            "  AND i.deptype = 'i')" /* the constructors of ranges */
    ,
};

static const struct pg_stmt statistics_stmt = {
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
static const struct pg_stmt triggers_stmt = {
    .name = "schema_read_triggers",
    .sql = "SELECT " TABLE_NAMESPACE ", o.tgname AS name, c.relname AS on_what,"
           " pg_get_triggerdef(o.oid) || CASE o.tgenabled WHEN 'O' THEN '' ELSE format("
           "  E';\\nALTER TABLE %s %s TRIGGER %I', o.tgrelid::regclass, CASE o.tgenabled"
           "  WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,"
           "  o.tgname) END AS definition,"
           " " DESCRIPTION("o.oid", "pg_trigger", "0") " AS comment" OF_TABLES(
               "pg_trigger", "tgrelid") " AND NOT o.tgisinternal AND o.tgparentid = 0",
};

static const struct pg_stmt rules_stmt = {
    .name = "schema_read_rules",
    .sql = "SELECT " TABLE_NAMESPACE ", o.rulename AS name, c.relname AS on_what,"
           " rtrim(pg_get_ruledef(o.oid), ';') || CASE o.ev_enabled WHEN 'O' THEN '' ELSE format("
           "  E';\\nALTER TABLE %s %s RULE %I', o.ev_class::regclass, CASE o.ev_enabled"
           "  WHEN 'D' THEN 'DISABLE' WHEN 'R' THEN 'ENABLE REPLICA' ELSE 'ENABLE ALWAYS' END,"
           "  o.rulename) END AS definition,"
           " " DESCRIPTION("o.oid", "pg_rewrite", "0") " AS comment" OF_TABLES(
               "pg_rewrite", "ev_class") " AND o.rulename <> '_RETURN'",
};

static const struct pg_stmt policies_stmt = {
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

/* What is not the owner's by nature. */
static const struct pg_stmt grants_stmt = {
    .name = "schema_read_grants",
    .sql =
        "WITH acl AS (SELECT c.relnamespace AS namespace, c.relname AS on_what, c.relowner AS "
        "owner,"
        "   CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS word,"
        "   c.oid::regclass::text AS what, '' AS columns, c.relacl AS acl"
        "  FROM pg_depend d JOIN pg_class c ON c.oid = d.objid"
        "  WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
        "  AND d.classid = 'pg_class'::regclass AND c.relacl IS NOT NULL"
        "  AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"
        " UNION ALL SELECT c.relnamespace, c.relname, c.relowner, 'TABLE', c.oid::regclass::text,"
        "   format(' (%I)', a.attname), a.attacl"
        "  FROM pg_depend d JOIN pg_class c ON c.oid = d.objid JOIN pg_attribute a ON a.attrelid = "
        "c.oid"
        "  WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
        "  AND d.classid = 'pg_class'::regclass AND a.attacl IS NOT NULL AND NOT a.attisdropped"
        " UNION ALL SELECT o.pronamespace, " SIGNATURE(
            "o.oid",
            "o.proname") ", o.proowner,"
                         "   CASE o.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,"
                         "   format('%s.%s', d.refobjid::regnamespace, " SIGNATURE(
                             "o.oid",
                             "o.proname") "), '',"
                                          "   o.proacl" OF_SCHEMAS(
                                              "pg_proc") " AND o.proacl IS NOT NULL"
                                                         " UNION ALL SELECT o.typnamespace, "
                                                         "o.typname, o.typowner, 'TYPE',"
                                                         "   format('%s.%I', "
                                                         "d.refobjid::regnamespace, o.typname), "
                                                         "'', o.typacl" OF_SCHEMAS(
                                                             "pg_type") " AND o.typacl IS NOT NULL"
                                                                        " UNION ALL SELECT n.oid, "
                                                                        "NULL, n.nspowner, "
                                                                        "'SCHEMA', NULL, '', "
                                                                        "n.nspacl"
                                                                        "  FROM pg_namespace n "
                                                                        "WHERE n.oid = ANY "
                                                                        "($1::oid[]) AND n.nspacl "
                                                                        "IS NOT NULL),"
                                                                        " given AS (SELECT a.*, "
                                                                        "x.grantee, "
                                                                        "x.is_grantable, "
                                                                        "x.privilege_type"
                                                                        "  FROM acl a CROSS JOIN "
                                                                        "LATERAL aclexplode(a.acl) "
                                                                        "x WHERE x.grantee <> "
                                                                        "a.owner)"
                                                                        " SELECT g.namespace::int8 "
                                                                        "AS namespace, g.on_what,"
                                                                        "  concat_ws(' ', g.word "
                                                                        "|| g.columns, g.on_what, "
                                                                        "'to', coalesce(r.rolname, "
                                                                        "'PUBLIC'),"
                                                                        "   CASE WHEN "
                                                                        "g.is_grantable THEN 'with "
                                                                        "grant option' END) AS "
                                                                        "name,"
                                                                        "  format('GRANT %s ON %s "
                                                                        "%s TO %s%s', "
                                                                        "string_agg(g.privilege_"
                                                                        "type || g.columns, ', '"
                                                                        "   ORDER BY "
                                                                        "g.privilege_type), "
                                                                        "g.word, coalesce(g.what, "
                                                                        "'" SCHEMA_MARK "'),"
                                                                        "   "
                                                                        "coalesce(quote_ident(r."
                                                                        "rolname), 'PUBLIC'),"
                                                                        "   CASE WHEN "
                                                                        "g.is_grantable THEN ' "
                                                                        "WITH GRANT OPTION' END) "
                                                                        "AS definition, NULL AS "
                                                                        "comment"
                                                                        " FROM given g LEFT JOIN "
                                                                        "pg_roles r ON r.oid = "
                                                                        "g.grantee"
                                                                        " GROUP BY g.namespace, "
                                                                        "g.on_what, g.word, "
                                                                        "g.what, g.columns, "
                                                                        "r.rolname, g.is_grantable"
                                                                        " UNION ALL SELECT "
                                                                        "a.namespace::int8, "
                                                                        "a.on_what,"
                                                                        "  concat_ws(' ', a.word, "
                                                                        "a.on_what, 'not to "
                                                                        "PUBLIC'),"
                                                                        "  format('REVOKE ALL ON "
                                                                        "%s %s FROM PUBLIC', "
                                                                        "a.word, a.what), NULL"
                                                                        " FROM acl a WHERE a.word "
                                                                        "IN ('FUNCTION', "
                                                                        "'PROCEDURE', 'TYPE')"
                                                                        "  AND NOT EXISTS (SELECT "
                                                                        "FROM aclexplode(a.acl) x "
                                                                        "WHERE x.grantee = 0)",
};

/* What is named and no more: nobody could make it from the model. */
static const struct pg_stmt others_stmt = {
    .name = "schema_read_others",
    .sql = "SELECT " NAMESPACE ", i.identity AS name, i.type AS on_what, NULL AS definition,"
           " NULL AS comment FROM pg_depend d"
           " CROSS JOIN LATERAL pg_identify_object(d.classid, d.objid, 0) i"
           " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"
           " AND (d.classid IN ('pg_operator'::regclass, 'pg_collation'::regclass,"
           "   'pg_conversion'::regclass, 'pg_opclass'::regclass, 'pg_opfamily'::regclass,"
           "   'pg_ts_config'::regclass, 'pg_ts_dict'::regclass, 'pg_ts_parser'::regclass,"
           "   'pg_ts_template'::regclass)"
           "  OR d.classid = 'pg_type'::regclass AND EXISTS (SELECT FROM pg_type t"
           "   WHERE t.oid = d.objid AND t.typtype = 'b'"
           "   AND NOT EXISTS (SELECT FROM pg_type y WHERE y.typarray = t.oid)))"
           " AND NOT EXISTS (SELECT FROM pg_depend e"
           "  WHERE e.classid = d.classid AND e.objid = d.objid AND e.deptype = 'e')",
};

static const struct {
    object_kind kind;
    const struct pg_stmt *stmt;
    bool of_tables;
} kinds[] = {
    {OBJECT_COMPOSITE, &composites_stmt, false},
    {OBJECT_RANGE, &ranges_stmt, false},
    {OBJECT_SEQUENCE, &sequences_stmt, false},
    {OBJECT_FUNCTION, &functions_stmt, false},
    {OBJECT_STATISTICS, &statistics_stmt, false},
    {OBJECT_TRIGGER, &triggers_stmt, true},
    {OBJECT_RULE, &rules_stmt, true},
    {OBJECT_POLICY, &policies_stmt, true},
    {OBJECT_GRANT, &grants_stmt, false},
    {OBJECT_OTHER, &others_stmt, false},
};

static err_code set_definition(const struct read_schema *of, const char *text,
                               struct schema_object *o, struct err *err)
{
    if (!text)
        return ERR_NONE;
    o->definition = o->kind == OBJECT_FUNCTION ? schema_mark(text, of->name)
                                               : schema_unqualify(text, of->name, &of->shadowed);
    return o->definition ? ERR_NONE : no_memory(err);
}

/* Whether there are types in its name. */
static bool has_signature(object_kind kind)
{
    return kind == OBJECT_FUNCTION || kind == OBJECT_GRANT || kind == OBJECT_OTHER;
}

static err_code add_object(struct schema_reader *r, object_kind kind, const struct pg_rows *rows,
                           size_t row, struct err *err)
{
    struct read_schema *of = reader_schema(r, rows, row);
    struct schema_object *o = list_grow((void **)&of->out->objects, of->out->n_objects, sizeof *o);

    if (!o)
        return no_memory(err);
    of->out->n_objects++;
    o->kind = kind;
    err_code rc = has_signature(kind) ? copy_sql(of, rows, row, "name", &o->name, err)
                                      : copy_text(rows, row, "name", &o->name, err);
    if (!rc)
        rc = kind == OBJECT_GRANT ? copy_sql(of, rows, row, "on_what", &o->on, err)
                                  : copy_text(rows, row, "on_what", &o->on, err);
    if (!rc)
        rc = copy_text(rows, row, "comment", &o->comment, err);
    return rc ? rc : set_definition(of, pg_text(rows, row, "definition"), o, err);
}

static int in_order(const void *a, const void *b)
{
    const struct schema_object *x = a, *y = b;
    int order = (x->kind > y->kind) - (x->kind < y->kind);

    if (!order)
        order = strcmp(x->name, y->name);
    if (!order)
        order = strcmp(x->on ? x->on : "", y->on ? y->on : "");
    return order;
}

err_code read_objects(struct schema_reader *r, struct err *err)
{
    err_code rc = ERR_NONE;

    for (size_t k = 0; k < ARRAY_LEN(kinds) && !rc; k++) {
        CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
        const struct str *of = kinds[k].of_tables ? &r->oid_array : &r->namespaces;
        rc = pg_query(r->pg, kinds[k].stmt, PG_ARGS(PG_ARG(str_text(of))), &rows, err);
        for (size_t i = 0; i < pg_rows_count(rows) && !rc; i++)
            rc = add_object(r, kinds[k].kind, rows, i, err);
    }
    for (size_t i = 0; i < r->n && !rc; i++)
        if (r->schemas[i].out && r->schemas[i].out->n_objects)
            qsort(r->schemas[i].out->objects, r->schemas[i].out->n_objects,
                  sizeof(struct schema_object), in_order);
    return rc;
}
