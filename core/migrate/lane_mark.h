/* SPDX-License-Identifier: MIT */
/*
 * The mark of a migration that runs outside of transactions: a line in the comment of the tracking
 * table, so that it is in the tenant's schema with what it is about, and the table itself stays as
 * other tools know it. A schema with a mark is dirty: the migration was begun and is not recorded.
 *
 *     tenantd begun 0007_by_email <sha256> 1 running
 */
#pragma once

#include "core/base/str.h"
#include "core/migrate/migration.h"
#include "core/pg/pg.h"

struct lane_mark {
    char version[MIGRATION_VERSION_MAX + 1];
    char sha256[SHA256_HEX_SIZE];
    int done;     /* so many of its statements have ended well */
    bool running; /* the next one was sent: whether it ended is to be looked up */
};

/* false: there is no mark in the comment (NULL: no comment). */
bool lane_mark_parse(const char *comment, struct lane_mark *out);
/* Appends the comment with its mark replaced; mark NULL takes it out. What else is written in the
 * comment stays. */
void lane_mark_write(struct str *out, const char *comment, const struct lane_mark *mark);

/*
 * The comment of a schema's tracking table, "" when it has none or is not there, and the mark in it
 * (version "" for none). free() *comment; NULL: it does not matter.
 */
err_code lane_mark_read(struct pg *pg, const char *schema, const char *table,
                        struct lane_mark *mark, char **comment, struct err *err) MUST_USE;
/*
 * Takes the mark away, in the transaction that is open if one is: for who has settled by hand what
 * it is about, and records the migration or not as they see fit. ERR_NOT_FOUND: there is no mark, or
 * it is about another version (NULL: any).
 */
err_code lane_mark_resolve(struct pg *pg, const char *schema, const char *table,
                           const char *version, struct err *err) MUST_USE;
/* Appends COMMENT ON TABLE with the text; an empty one takes the comment away. table is quoted. */
void lane_mark_sql(struct str *sql, const char *table, const char *comment);
