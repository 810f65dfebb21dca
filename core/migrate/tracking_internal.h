/* SPDX-License-Identifier: MIT */
/* What the files about tracking tables share. */
#pragma once

#include "core/migrate/tracking.h"

/* Appends a copy of the row; the digest is not brought up to date. false: no memory. */
bool applied_set_add(struct applied_set *set, const char *name, const char *hash,
                     int64_t at_ms) MUST_USE;
/* Appends what tracking_sql_insert() records for m at now_ms. */
bool applied_set_record(struct applied_set *set, const struct migration *m,
                        int64_t now_ms) MUST_USE;
/* Removes the row, or an equal one; the digest is not brought up to date. */
void applied_set_remove(struct applied_set *set, const struct applied_row *row);
/* Appends what tells a row from others. */
typedef void key_writer(struct str *key, tracking_format format, const struct applied_row *row);
/* Appends the keys of all rows in the order of their bytes. */
void applied_set_keys(const struct applied_set *set, key_writer *write, const char *between,
                      struct str *out);
/* Appends "schema"."table", quoted. Fails as pg_ident_quote() does. */
err_code tracking_name(const char *schema, const char *table, struct str *out,
                       struct err *err) MUST_USE;
/* Where a row of a tracking table stands, as text: only good inside the transaction that reads it. */
#define TRACKING_PLACE "tableoid::oid::text || ctid::text"
/* tracking_read() that also gives the place of each row of the set, as column place; *places (the
 * caller's) stays as it is when there is no table. */
err_code tracking_read_places(struct pg *pg, const char *schema, const char *table,
                              tracking_format fallback, struct applied_set **out,
                              struct pg_rows **places, struct err *err) MUST_USE;
