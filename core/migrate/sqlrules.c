/* SPDX-License-Identifier: MIT */
#include "core/migrate/sqlrules.h"

#include <string.h>

#include "core/base/attr.h"
#include "core/base/str.h"
#include "core/migrate/sqlnode.h"

/* A condition on the fields of a node. */
typedef bool sql_condition(const json_t *fields);

static bool is_any(const char *value, const char *const *names, size_t n)
{
    for (size_t i = 0; i < n; i++)
        if (strcmp(value, names[i]) == 0)
            return true;
    return false;
}

static bool ends_transaction(const json_t *f)
{
    static const char *const savepoints[] = {"TRANS_STMT_SAVEPOINT", "TRANS_STMT_RELEASE",
                                             "TRANS_STMT_ROLLBACK_TO"};
    return !is_any(node_text(f, "kind"), savepoints, ARRAY_LEN(savepoints));
}

static bool sets_search_path(const json_t *f)
{
    return str_eq(node_text(f, "name"), "search_path");
}

static bool sets_role(const json_t *f)
{
    static const char *const names[] = {"role", "session_authorization"};
    return is_any(node_text(f, "name"), names, ARRAY_LEN(names));
}

static bool sets_session(const json_t *f)
{
    return !json_is_true(json_object_get(f, "is_local")) && !sets_search_path(f) && !sets_role(f);
}

static bool talks_to_client(const json_t *f)
{
    return !json_object_get(f, "filename");
}

static bool is_concurrent(const json_t *f)
{
    return json_is_true(json_object_get(f, "concurrent"));
}

static bool reindexes_concurrently(const json_t *f)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(f, "params"), i, item)
        if (str_eq(node_text(json_object_get(item, "DefElem"), "defname"), "concurrently"))
            return true;
    return false;
}

static bool reindexes_widely(const json_t *f)
{
    return !str_eq(node_text(f, "kind"), "REINDEX_OBJECT_INDEX") &&
           !str_eq(node_text(f, "kind"), "REINDEX_OBJECT_TABLE");
}

static bool detaches_concurrently(const json_t *f)
{
    size_t i;
    json_t *item;
    json_array_foreach (json_object_get(f, "cmds"), i, item) {
        const json_t *def = json_object_get(json_object_get(item, "AlterTableCmd"), "def");
        if (is_concurrent(json_object_get(def, "PartitionCmd")))
            return true;
    }
    return false;
}

static bool is_vacuum(const json_t *f)
{
    return json_is_true(json_object_get(f, "is_vacuumcmd"));
}

static bool has_no_relation(const json_t *f)
{
    return !json_object_get(f, "relation");
}

/* The kind of object that DROP, COMMENT, ALTER … RENAME, OWNER TO and SET SCHEMA are about. */
static const char *object_kind(const json_t *f)
{
    static const char *const keys[] = {"removeType", "renameType", "objectType", "objtype"};
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        if (json_object_get(f, keys[i]))
            return node_text(f, keys[i]);
    return "";
}

static bool is_schema(const json_t *f)
{
    return str_eq(object_kind(f), "OBJECT_SCHEMA");
}

static bool is_extension(const json_t *f)
{
    return str_eq(object_kind(f), "OBJECT_EXTENSION");
}

static bool is_of_cluster(const json_t *f)
{
    static const char *const kinds[] = {"OBJECT_DATABASE", "OBJECT_TABLESPACE", "OBJECT_ROLE"};
    return is_any(object_kind(f), kinds, ARRAY_LEN(kinds));
}

/* A temporary table that outlives the transaction is still there when the connection comes to the
 * next tenant. */
static bool keeps_temporary(const json_t *f)
{
    const json_t *into = json_object_get(f, "into");
    const json_t *relation = into ? json_object_get(into, "rel") : json_object_get(f, "relation");
    const char *on_commit = into ? node_text(into, "onCommit") : node_text(f, "oncommit");
    return str_eq(node_text(relation, "relpersistence"), "t") && !str_eq(on_commit, "ONCOMMIT_DROP");
}

static const char transaction[] =
    "a migration runs in a transaction of its own; it must not begin or end one";
static const char identity[] =
    "the search path and the role are set by tenantd; a migration must not change them";
static const char session[] = "the setting would outlive the migration; use SET LOCAL";
static const char no_transaction[] = "the statement is not possible in a transaction";
static const char copy[] = "COPY from or to the client is not possible in a migration; use INSERT";
static const char schema[] =
    "schemas are made, changed and dropped by tenantd; a migration works inside one";
static const char extension[] =
    "an extension belongs to the whole database; install it once, outside the migrations";
static const char cluster[] =
    "the statement is about the whole server or other tenants, not about one schema";
static const char prepared[] =
    "a prepared statement would outlive the migration; write the statement itself";
static const char temporary[] =
    "the temporary table would outlive the migration; add ON COMMIT DROP";

/* The first row that fits and is not allowed wins; without a condition every statement of the node
 * is refused. */
static const struct sql_rule {
    const char *node;
    sql_condition *when;
    const char *message;
    sql_class class;
} rules[] = {
    {.node = "TransactionStmt", .when = ends_transaction, .message = transaction,
     .class = SQL_TRANSACTION_CONTROL},
    {.node = "VariableSetStmt", .when = sets_search_path, .message = identity,
     .class = SQL_SEARCH_PATH},
    {.node = "VariableSetStmt", .when = sets_role, .message = identity, .class = SQL_ROLE},
    {.node = "VariableSetStmt", .when = sets_session, .message = session,
     .class = SQL_SESSION_SETTING},
    {.node = "DiscardStmt", .message = session, .class = SQL_SESSION_SETTING},
    {.node = "PrepareStmt", .message = prepared, .class = SQL_PREPARED},
    {.node = "DeallocateStmt", .message = prepared, .class = SQL_PREPARED},
    {.node = "CopyStmt", .when = talks_to_client, .message = copy},
    {.node = "DropStmt", .when = is_schema, .message = schema, .class = SQL_SCHEMA},
    {.node = "DropStmt", .when = is_extension, .message = extension, .class = SQL_EXTENSION},
    {.node = "ReindexStmt", .when = reindexes_widely, .message = cluster, .class = SQL_SERVER},
    {.node = "ClusterStmt", .when = has_no_relation, .message = no_transaction},
    {.node = "CreateSchemaStmt", .message = schema, .class = SQL_SCHEMA},
    {.node = "CommentStmt", .when = is_schema, .message = schema, .class = SQL_SCHEMA},
    {.node = "RenameStmt", .when = is_schema, .message = schema, .class = SQL_SCHEMA},
    {.node = "RenameStmt", .when = is_of_cluster, .message = cluster, .class = SQL_SERVER},
    {.node = "AlterOwnerStmt", .when = is_schema, .message = schema, .class = SQL_SCHEMA},
    {.node = "AlterOwnerStmt", .when = is_of_cluster, .message = cluster, .class = SQL_SERVER},
    {.node = "AlterObjectSchemaStmt", .when = is_extension, .message = extension,
     .class = SQL_EXTENSION},
    {.node = "CreateExtensionStmt", .message = extension, .class = SQL_EXTENSION},
    {.node = "AlterExtensionStmt", .message = extension, .class = SQL_EXTENSION},
    {.node = "AlterExtensionContentsStmt", .message = extension, .class = SQL_EXTENSION},
    {.node = "CreatedbStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "DropdbStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "AlterDatabaseStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "AlterDatabaseSetStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "AlterDatabaseRefreshCollStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "CreateTableSpaceStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "DropTableSpaceStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "AlterTableSpaceOptionsStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "CreateRoleStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "AlterRoleStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "AlterRoleSetStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "DropRoleStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "DropOwnedStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "ReassignOwnedStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "AlterSystemStmt", .message = cluster, .class = SQL_SERVER},
    {.node = "CreateSubscriptionStmt", .message = no_transaction},
    {.node = "AlterSubscriptionStmt", .message = no_transaction},
    {.node = "DropSubscriptionStmt", .message = no_transaction},
    {.node = "CreateStmt", .when = keeps_temporary, .message = temporary,
     .class = SQL_TEMPORARY_TABLE},
    {.node = "CreateTableAsStmt", .when = keeps_temporary, .message = temporary,
     .class = SQL_TEMPORARY_TABLE},
};

/* What cannot run in a transaction, or may do there other than alone. */
static const struct kind_rule {
    const char *node;
    sql_condition *when;
    statement_kind kind;
} kinds[] = {
    {.node = "IndexStmt", .when = is_concurrent, .kind = STATEMENT_CREATE_INDEX},
    {.node = "DropStmt", .when = is_concurrent, .kind = STATEMENT_DROP_INDEX},
    {.node = "ReindexStmt", .when = reindexes_concurrently, .kind = STATEMENT_REINDEX},
    {.node = "AlterTableStmt", .when = detaches_concurrently, .kind = STATEMENT_DETACH},
    {.node = "VacuumStmt", .when = is_vacuum, .kind = STATEMENT_VACUUM},
    {.node = "CallStmt", .kind = STATEMENT_CALL},
    {.node = "DoStmt", .kind = STATEMENT_CALL},
};

static statement_kind kind_of(const json_t *node)
{
    for (size_t i = 0; i < ARRAY_LEN(kinds); i++) {
        const json_t *fields = json_object_get(node, kinds[i].node);
        if (fields && (!kinds[i].when || kinds[i].when(fields)))
            return kinds[i].kind;
    }
    return STATEMENT_PLAIN;
}

/* Savepoints, SET LOCAL and SET CONSTRAINTS end with the transaction they stand in. */
static bool needs_transaction(const json_t *node)
{
    const json_t *set = json_object_get(node, "VariableSetStmt");
    return json_object_get(node, "TransactionStmt") || json_object_get(node, "ConstraintsSetStmt") ||
           (set && json_is_true(json_object_get(set, "is_local")));
}

struct sql_verdict sql_judge(const json_t *node, unsigned allow)
{
    struct sql_verdict verdict = {.kind = kind_of(node),
                                  .needs_transaction = needs_transaction(node)};

    for (size_t i = 0; i < ARRAY_LEN(rules) && !verdict.refusal; i++) {
        const json_t *fields = json_object_get(node, rules[i].node);
        if (!fields || (rules[i].when && !rules[i].when(fields)))
            continue;
        verdict.class |= rules[i].class;
        if (!(allow & rules[i].class)) {
            verdict.class = rules[i].class;
            verdict.refusal = rules[i].message;
        }
    }
    return verdict;
}
