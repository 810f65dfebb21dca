/* SPDX-License-Identifier: MIT */
/*
 * What a migration may do: classes of statements that are refused unless the configuration allows
 * them, and the schemas that may be named in front of a name.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"

typedef enum sql_class {
    SQL_NEVER = 0, /* cannot work in a migration, whatever is allowed */
    SQL_TRANSACTION_CONTROL = 1 << 0,
    SQL_SEARCH_PATH = 1 << 1,
    SQL_ROLE = 1 << 2,
    SQL_SESSION_SETTING = 1 << 3,
    SQL_PREPARED = 1 << 4,
    SQL_TEMPORARY_TABLE = 1 << 5,
    SQL_EXTENSION = 1 << 6,
    SQL_SCHEMA = 1 << 7,
    SQL_FOREIGN_SCHEMA = 1 << 8,
    SQL_SERVER = 1 << 9,
} sql_class;

/* Classes that may leave the session other than they found it. */
#define SQL_LEAVES_SESSION (SQL_SEARCH_PATH | SQL_ROLE | SQL_SESSION_SETTING | SQL_TRANSACTION_CONTROL)

struct sql_policy {
    unsigned allow; /* sql_class bits */
    char **schemas; /* that may be named besides PostgreSQL's own */
    size_t schema_count;
    bool names_public; /* so may "public" */
    bool look_only;    /* nothing is refused: for those who look at SQL and do not run it */
};

/* What NULL stands for: nothing is allowed, and only "public" may be named. */
extern const struct sql_policy sql_policy_strict;
/* For what was registered once: everything is allowed. */
extern const struct sql_policy sql_policy_registered;
extern const struct sql_policy sql_policy_look;

/*
 * allow and schemas are lists of words with commas or blanks between; either may be "". *out is the
 * caller's, sql_policy_clear(), written on success. ERR_CONFIG_INVALID for a word
 * that is no class; the message goes on after the name of the setting.
 */
err_code sql_policy_make(const char *allow, const char *shared_schema, const char *schemas,
                         struct sql_policy *out, struct err *err) MUST_USE;
void sql_policy_clear(struct sql_policy *policy);

/* The word of the configuration for a class: "extension". */
const char *sql_class_name(sql_class class);
/* Whether a name may be written after this schema. n is the length of schema. */
bool sql_policy_has_schema(const struct sql_policy *policy, const char *schema, size_t n);
