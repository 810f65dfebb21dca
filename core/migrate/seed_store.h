/* SPDX-License-Identifier: MIT */
/* The seeds in the control schema: by name, each for the tenants or for the shared schema. */
#pragma once

#include "core/migrate/seed_text.h"
#include "core/pg/pg.h"

enum { SEED_NAME_MAX = 100 };

struct seed_spec {
    const char *name;
    const char *scope; /* "tenant" or "shared"; NULL: as it is, or "tenant" for a new one */
    const char *mode;  /* "once" or "always"; NULL: as it is, or "once" for a new one */
    const struct seed_text *text;
    const char *by; /* principal */
};

/* ERR_INVALID_PARAMETER unless it is 1 to 100 of [A-Za-z0-9_.-], with a letter or digit first. */
err_code seed_check_name(const char *name, struct err *err) MUST_USE;

typedef enum seed_put_answer { SEED_CREATED, SEED_REPLACED, SEED_UNCHANGED } seed_put_answer;
/* Stores a seed under its name. ERR_CONFLICT when the name is one of the other scope. */
err_code seed_put(struct pg *pg, const struct seed_spec *spec, seed_put_answer *answer,
                  struct err *err) MUST_USE;
/* ERR_SEED_NOT_FOUND. What it did to schemas stays. */
err_code seed_delete(struct pg *pg, const char *name, struct err *err) MUST_USE;

/* Rows (name, scope, mode, sha256, size_bytes, statement_count, variables as JSON, updated_by,
 * created_at, updated_at) after a name ("" from the start); scope NULL: any. */
err_code seed_list(struct pg *pg, const char *scope, const char *after, int limit,
                   struct pg_rows **out, struct err *err) MUST_USE;
/* The same for one, with its bytes as column sql. ERR_SEED_NOT_FOUND. */
err_code seed_get(struct pg *pg, const char *name, struct pg_rows **out, struct err *err) MUST_USE;
