/* SPDX-License-Identifier: MIT */
#include "core/migrate/sqlpolicy.h"

#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"

const struct sql_policy sql_policy_strict = {.names_public = true};
const struct sql_policy sql_policy_registered = {.allow = ~0U};
const struct sql_policy sql_policy_look = {.allow = ~0U, .look_only = true};

static const struct class_row {
    sql_class class;
    const char *name;
} classes[] = {
    {SQL_TRANSACTION_CONTROL, "transaction_control"},
    {SQL_SEARCH_PATH, "search_path"},
    {SQL_ROLE, "role"},
    {SQL_SESSION_SETTING, "session_setting"},
    {SQL_PREPARED, "prepared_statement"},
    {SQL_TEMPORARY_TABLE, "temporary_table"},
    {SQL_EXTENSION, "extension"},
    {SQL_SCHEMA, "schema"},
    {SQL_FOREIGN_SCHEMA, "foreign_schema"},
    {SQL_SERVER, "server"},
};

const char *sql_class_name(sql_class class)
{
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (classes[i].class == class)
            return classes[i].name;
    return "";
}

/* The next word of a list, of *n bytes; NULL at its end. */
static const char *next_word(const char **list, size_t *n)
{
    static const char between[] = ", \t\n";
    const char *word = *list + strspn(*list, between);

    *n = strcspn(word, between);
    *list = word + *n;
    return *n ? word : NULL;
}

static bool add_class(struct sql_policy *policy, const char *word, size_t n)
{
    for (size_t i = 0; i < ARRAY_LEN(classes); i++)
        if (strlen(classes[i].name) == n && strncmp(classes[i].name, word, n) == 0) {
            policy->allow |= classes[i].class;
            return true;
        }
    return false;
}

static err_code fail_class(const char *word, size_t n, struct err *err)
{
    CLEANUP(str_clear) struct str known = STR_INIT;

    for (size_t i = 0; i < ARRAY_LEN(classes); i++) {
        str_add(&known, i ? ", " : "");
        str_add(&known, classes[i].name);
    }
    return err_set(err, ERR_CONFIG_INVALID,
                   "names \"%.*s\", which is no class of statements; these are: %s",
                   (int)(n < 60 ? n : 60), word, str_text(&known));
}

static err_code add_schema(struct sql_policy *policy, const char *word, size_t n, struct err *err)
{
    char **schemas = realloc(policy->schemas, (policy->schema_count + 1) * sizeof *schemas);

    if (schemas) {
        policy->schemas = schemas;
        schemas[policy->schema_count] = strndup(word, n);
    }
    if (!schemas || !schemas[policy->schema_count])
        return err_set(err, ERR_INTERNAL, "out of memory");
    policy->schema_count++;
    return ERR_NONE;
}

err_code sql_policy_make(const char *allow, const char *shared_schema, const char *schemas,
                         struct sql_policy *out, struct err *err)
{
    struct sql_policy policy = {.allow = 0};
    const char *word;
    size_t n;
    err_code rc = add_schema(&policy, shared_schema, strlen(shared_schema), err);

    while (!rc && (word = next_word(&schemas, &n)))
        rc = add_schema(&policy, word, n, err);
    while (!rc && (word = next_word(&allow, &n)))
        if (!add_class(&policy, word, n))
            rc = fail_class(word, n, err);
    if (rc)
        sql_policy_clear(&policy);
    else
        *out = policy;
    return rc;
}

void sql_policy_clear(struct sql_policy *policy)
{
    for (size_t i = 0; i < policy->schema_count; i++)
        free(policy->schemas[i]);
    free(policy->schemas);
    *policy = (struct sql_policy){.allow = 0};
}

bool sql_policy_has_schema(const struct sql_policy *policy, const char *schema, size_t n)
{
    static const char *const own[] = {"pg_catalog", "information_schema", "pg_temp"};

    for (size_t i = 0; i < ARRAY_LEN(own); i++)
        if (strlen(own[i]) == n && strncmp(own[i], schema, n) == 0)
            return true;
    if (policy->names_public && n == strlen("public") && strncmp(schema, "public", n) == 0)
        return true;
    for (size_t i = 0; i < policy->schema_count; i++)
        if (strlen(policy->schemas[i]) == n && strncmp(policy->schemas[i], schema, n) == 0)
            return true;
    return false;
}
