/* SPDX-License-Identifier: MIT */
/* Who may do what beside the owner, and beside the logins of queries, which come and go. */
#include "core/schema/introspect_objects.h"
#include "core/schema/normal.h"
#include "core/tenant/login.h"

/* clang-format off */
#define RELATIONS                                                                                  \
    " FROM pg_depend d JOIN pg_class c ON c.oid = d.objid"                                         \
    " WHERE d.refclassid = 'pg_namespace'::regclass AND d.refobjid = ANY ($1::oid[])"              \
    " AND d.classid = 'pg_class'::regclass AND c.relkind IN ('r', 'p', 'v', 'm', 'f', 'S')"         \
    " AND ($2::text IS NULL OR NOT (" LEFT_OUT("c.relname")                                        \
    "  OR c.relname = $2::text || '_id_seq'))"

/* Every list of access rights, with what it is of. */
#define LISTS                                                                                      \
    "SELECT c.relnamespace AS namespace, c.relname AS on_what, c.relowner AS owner,"               \
    " CASE c.relkind WHEN 'S' THEN 'SEQUENCE' ELSE 'TABLE' END AS word,"                           \
    " c.oid::regclass::text AS what, '' AS columns, c.relacl AS acl"                               \
    RELATIONS " AND c.relacl IS NOT NULL"                                                          \
    " UNION ALL SELECT c.relnamespace, c.relname, c.relowner, 'TABLE', c.oid::regclass::text,"     \
    "  format(' (%I)', a.attname), a.attacl FROM (SELECT c.*" RELATIONS ") c"                      \
    "  JOIN pg_attribute a ON a.attrelid = c.oid AND a.attacl IS NOT NULL AND NOT a.attisdropped"  \
    " UNION ALL SELECT o.pronamespace, " SIGNATURE("o.oid", "o.proname") ", o.proowner,"           \
    "  CASE o.prokind WHEN 'p' THEN 'PROCEDURE' ELSE 'FUNCTION' END,"                              \
    "  format('%s.%s', d.refobjid::regnamespace, " SIGNATURE("o.oid", "o.proname") "), '',"        \
    "  o.proacl" OF_SCHEMAS("pg_proc") " AND o.proacl IS NOT NULL"                                 \
    " UNION ALL SELECT o.typnamespace, o.typname, o.typowner, 'TYPE',"                             \
    "  format('%s.%I', d.refobjid::regnamespace, o.typname), '', o.typacl"                         \
    OF_SCHEMAS("pg_type") " AND o.typacl IS NOT NULL"                                              \
    " UNION ALL SELECT oid, NULL, nspowner, 'SCHEMA', NULL, '', nspacl FROM pg_namespace"          \
    "  WHERE oid = ANY ($1::oid[]) AND nspacl IS NOT NULL"

/* PUBLIC may run functions and use types unless that is taken from it. */
const struct pg_stmt grants_stmt = {
    .name = "schema_read_grants",
    .sql = "WITH list AS (" LISTS "),"
           " given AS (SELECT l.*, x.grantee, x.is_grantable, x.privilege_type"
           "  FROM list l CROSS JOIN LATERAL aclexplode(l.acl) x WHERE x.grantee <> l.owner"
           "   AND NOT EXISTS (SELECT FROM pg_roles q WHERE q.oid = x.grantee"
           "    AND q.rolname ~ '" LOGIN_NAMES "'))"
           " SELECT g.namespace::int8 AS namespace, g.on_what,"
           "  concat_ws(' ', g.word || g.columns, g.on_what, 'to', coalesce(r.rolname, 'PUBLIC'),"
           "   CASE WHEN g.is_grantable THEN 'with grant option' END) AS name,"
           "  format('GRANT %s ON %s %s TO %s%s', string_agg(g.privilege_type || g.columns, ', '"
           "   ORDER BY g.privilege_type), g.word, coalesce(g.what, '" SCHEMA_MARK "'),"
           "   coalesce(quote_ident(r.rolname), 'PUBLIC'),"
           "   CASE WHEN g.is_grantable THEN ' WITH GRANT OPTION' END) AS definition,"
           "  NULL AS comment"
           " FROM given g LEFT JOIN pg_roles r ON r.oid = g.grantee"
           " GROUP BY g.namespace, g.on_what, g.word, g.what, g.columns, r.rolname, g.is_grantable"
           " UNION ALL SELECT l.namespace::int8, l.on_what,"
           "  concat_ws(' ', l.word, l.on_what, 'not to PUBLIC'),"
           "  format('REVOKE ALL ON %s %s FROM PUBLIC', l.word, l.what), NULL"
           " FROM list l WHERE l.word IN ('FUNCTION', 'PROCEDURE', 'TYPE')"
           "  AND NOT EXISTS (SELECT FROM aclexplode(l.acl) x WHERE x.grantee = 0)",
};
/* clang-format on */
