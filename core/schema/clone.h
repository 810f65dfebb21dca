/* SPDX-License-Identifier: MIT */
/*
 * A schema made after another one of the same database: everything that schema_read() sees, under
 * its own names, with the rows that are wanted, changed where they tell who somebody is.
 */
#pragma once

#include <jansson.h>

#include "core/base/hash.h"
#include "core/pg/pg.h"
#include "core/schema/model.h"

typedef enum clone_data {
    CLONE_ALL,
    CLONE_NONE,   /* the structure alone */
    CLONE_SAMPLE, /* some rows of each table, and all rows that those refer to */
} clone_data;
/* false: there is no such word. */
bool clone_data_parse(const char *word, clone_data *out);
const char *clone_data_name(clone_data data);

/* Which rows come along, and how. JSON is as in requests, and borrowed like all text. */
struct clone_spec {
    clone_data data;
    const json_t *exclude;   /* tables whose rows stay behind; NULL: none */
    const json_t *anonymize; /* {"table.column": {"rule": ...}}; NULL: nothing is changed */
    int64_t sample_rows;     /* of each table, in the order of its key; 0: by percent */
    double sample_percent;
    const char *personal;       /* a column whose comment has this in it needs a rule; "": none */
    const char *tracking_table; /* its rows always come along, and those of the table of seeds */
};

/* The members "include_data", "exclude_tables", "anonymize" and "sample" of a job's args, which the
 * spec borrows. */
void clone_spec_read(const json_t *args, struct clone_spec *out);

/* What about a spec does not fit: pointer is a JSON pointer into the request. */
typedef void clone_tell(void *ctx, const char *pointer, const char *code, const char *text);
/* Tells everything about the spec that does not fit the model; how many that is. Pure. */
size_t clone_check(const struct schema *s, const struct clone_spec *spec, clone_tell *tell,
                   void *ctx);
/* {"statements", "tables": [{"name", "kind", "rows": "all", "anonymized": ["email"]}]}: what a
 * clone would do; "rows" is "all", "sample" or "none". NULL: no memory. */
json_t *clone_outline(const struct schema *s, const struct clone_spec *spec, size_t statements);

struct clone_options {
    const char *source, *target;
    const char *comment;              /* of the schema that is made */
    const char *shared_schema;        /* second on the path where functions may run; NULL: none */
    int64_t source_lock, target_lock; /* the advisory locks that writers of these schemas take */
    const struct clone_spec *spec;
    unsigned char key[SHA256_SIZE];            /* of hashes: the same key gives the same fakes */
    int lock_timeout_ms, statement_timeout_ms; /* 0: no limit */
    int64_t deadline_ms;                       /* for the whole; 0: no limit */
    bool (*stopped)(void *ctx);                /* asked between statements; NULL: never */
    void *stopped_ctx;
};

struct clone_result {
    json_t *tables; /* [{"name", "rows", "bytes", "duration_ms"}] of those with rows; owned */
    int64_t rows, bytes;
    char fingerprint[SHA256_HEX_SIZE];
    const char *step; /* where it is, or stopped: "lock", "read", ...; a literal */
};
void clone_result_clear(struct clone_result *result);

/*
 * Makes the schema `target`, in one transaction: afterwards all of it is there, or nothing. The
 * rows are those of one moment; the source can be read and written meanwhile, but not migrated.
 * Equal fingerprints of both are a condition of success. Errors: ERR_LOCK_UNAVAILABLE    somebody
 * works on one of them: try again later ERR_SCHEMA_MISSING      the source; ERR_SCHEMA_EXISTS the
 * target ERR_UNSUPPORTED_OBJECT  see schema_script() ERR_VALIDATION_FAILED   see clone_check(); the
 * first problem ERR_CANCELLED           stopped() said so, or the time is over
 * ERR_FINGERPRINT_MISMATCH what was made is not what was there
 * or as PostgreSQL says.
 */
err_code schema_clone(struct pg *pg, const struct clone_options *options,
                      struct clone_result *result, struct err *err) MUST_USE;
