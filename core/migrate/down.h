/* SPDX-License-Identifier: MIT */
/*
 * The way back of a migration: a file of its own (NNNN_name.down.sql), or the last section of the
 * migration's file, after a line that says so. What trackers record stays the hash of the whole
 * file.
 */
#pragma once

#include "core/migrate/migration.h"

/* Where a file's down section is. */
struct down_section {
    size_t
        up_len;  /* the bytes before the marker's line: what runs upwards; all when there is none */
    size_t from; /* of the first line after the marker; the file's length when there is none */
};

/*
 * Looks for the marker: "-- migrate:down" (dbmate), "-- +goose Down" or "-- +migrate Down" alone in
 * its line, in any case, with words behind it or not; or "-- Down Migration" (node-pg-migrate), without. ERR_SQL_SYNTAX_ERROR with the line when
 * another section follows: a tool that runs sections in another order would mean something else by
 * them.
 */
err_code down_section_find(const char *sql, size_t len, struct down_section *out, struct err *err)
    MUST_USE;

/*
 * Gives m the way back that its own file has in this section, or the one of another file. A script
 * without a statement, as tools leave them for people to fill, is none. Errors as migration_make()
 * gives them, about the script's lines; ERR_DOWN_MISMATCH when a file comes beside a section.
 */
err_code migration_take_section(struct migration *m, const struct sql_policy *policy,
                                const struct down_section *section, struct err *err) MUST_USE;
err_code migration_set_down(struct migration *m, const char *sql, size_t len, struct err *err)
    MUST_USE;
/* The same by another policy than the strict one. */
err_code migration_set_down_by(struct migration *m, const struct sql_policy *policy,
                               const char *sql, size_t len, struct err *err) MUST_USE;
