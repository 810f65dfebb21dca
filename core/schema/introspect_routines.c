/* SPDX-License-Identifier: MIT */
/* Functions, procedures and aggregates. */
#include "core/schema/introspect_objects.h"

/* Of an aggregate g: what CREATE AGGREGATE says after SFUNC and STYPE; NULL is left out. */
#define PART(condition, text) " CASE WHEN " condition " THEN " text " END,"
#define FUNCTION(word, column) PART("g." column " <> 0", "', " word " = ' || g." column)
#define MODIFY(word, function, column)                                                             \
    PART("g." function " <> 0", "', " word " = ' || CASE g." column                                \
         " WHEN 's' THEN 'SHAREABLE' WHEN 'w' THEN 'READ_WRITE' ELSE 'READ_ONLY' END")

/* clang-format off */
#define AGGREGATE_PARTS                                                                            \
    "concat(" PART("g.aggtransspace <> 0", "', SSPACE = ' || g.aggtransspace")                     \
    FUNCTION("FINALFUNC", "aggfinalfn")                                                            \
    PART("g.aggfinalextra", "', FINALFUNC_EXTRA'")                                                 \
    MODIFY("FINALFUNC_MODIFY", "aggfinalfn", "aggfinalmodify")                                     \
    FUNCTION("COMBINEFUNC", "aggcombinefn")                                                        \
    FUNCTION("SERIALFUNC", "aggserialfn")                                                          \
    FUNCTION("DESERIALFUNC", "aggdeserialfn")                                                      \
    " ', INITCOND = ' || quote_literal(g.agginitval),"                                             \
    FUNCTION("MSFUNC", "aggmtransfn")                                                              \
    FUNCTION("MINVFUNC", "aggminvtransfn")                                                         \
    PART("g.aggmtranstype <> 0", "', MSTYPE = ' || format_type(g.aggmtranstype, NULL)")            \
    PART("g.aggmtransspace <> 0", "', MSSPACE = ' || g.aggmtransspace")                            \
    FUNCTION("MFINALFUNC", "aggmfinalfn")                                                          \
    PART("g.aggmfinalextra", "', MFINALFUNC_EXTRA'")                                               \
    MODIFY("MFINALFUNC_MODIFY", "aggmfinalfn", "aggmfinalmodify")                                  \
    " ', MINITCOND = ' || quote_literal(g.aggminitval),"                                           \
    " (SELECT format(', SORTOP = OPERATOR(%I.%s)', n.nspname, p.oprname) FROM pg_operator p"       \
    "  JOIN pg_namespace n ON n.oid = p.oprnamespace WHERE p.oid = g.aggsortop),"                  \
    PART("g.aggkind = 'h'", "', HYPOTHETICAL'")                                                    \
    " CASE o.proparallel WHEN 's' THEN ', PARALLEL = SAFE'"                                        \
    "  WHEN 'r' THEN ', PARALLEL = RESTRICTED' END)"

/* Those that a range type brings with it depend on it internally. */
const struct pg_stmt functions_stmt = {
    .name = "schema_read_functions",
    .sql = "SELECT " NAMESPACE ", " SIGNATURE("o.oid", "o.proname") " AS name,"
           " CASE o.prokind WHEN 'p' THEN 'procedure' WHEN 'a' THEN 'aggregate' END AS on_what,"
           " CASE WHEN o.prokind <> 'a' THEN rtrim(pg_get_functiondef(o.oid), E'\\n')"
           "  ELSE (SELECT format('CREATE AGGREGATE %s.%I(%s) (SFUNC = %s, STYPE = %s%s)',"
           "   d.refobjid::regnamespace, o.proname, CASE WHEN g.aggkind = 'n' AND o.pronargs = 0"
           "    THEN '*' ELSE pg_get_function_arguments(o.oid) END,"
           "   g.aggtransfn, format_type(g.aggtranstype, NULL), " AGGREGATE_PARTS ")"
           "   FROM pg_aggregate g WHERE g.aggfnoid = o.oid) END AS definition,"
           " " DESCRIPTION("o.oid", "pg_proc", "0") " AS comment" OF_SCHEMAS("pg_proc")
           " AND NOT EXISTS (SELECT FROM pg_depend i"
           "  WHERE i.classid = d.classid AND i.objid = d.objid AND i.deptype = 'i')",
};
/* clang-format on */
