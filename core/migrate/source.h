/* SPDX-License-Identifier: MIT */
/*
 * Where migrations come from: a folder, or a bundle in memory (JSON files, tar.gz). Layouts: plain
 * NNNN_name.sql, drizzle-kit's (meta/_journal.json beside the files) and drizzle's folders
 * (YYYYMMDDHHMMSS_name/migration.sql). The way back is NNNN_name.down.sql beside NNNN_name.sql or
 * NNNN_name.up.sql, down.sql in a folder, or a section of the file itself (down.h). Flyway's
 * VNNNN__name.sql and UNNNN__name.sql are NNNN__name and its way back.
 */
#pragma once

#include <jansson.h>

#include "core/migrate/migration.h"

struct source_file {
    char *path; /* relative, '/'-separated */
    char *content;
    size_t len;
};

struct source {
    struct source_file *files;
    size_t count;
    const struct sql_policy *policy; /* what migrations may do; borrowed, NULL: the strict one */
};

void source_clear(struct source *source);
/* Reads the .sql files and meta/_journal.json below folder, one level deep. ERR_BUNDLE_INVALID,
 * err->field names the file. Symbolic links are followed only to regular files. */
err_code source_read_folder(const char *folder, struct source *out, struct err *err) MUST_USE;
/* {"files":[{"path","content"}]}: unknown members, absolute paths, "..", doubles are refused. */
err_code source_read_json(const json_t *body, struct source *out, struct err *err) MUST_USE;
/* tar, gzip-compressed or not; at most max_bytes unpacked; only regular files, safe paths. A single
 * common top folder is stripped. */
err_code source_read_tar(const void *bytes, size_t n, size_t max_bytes, struct source *out,
                         struct err *err) MUST_USE;
/*
 * Finds the layout and makes the migrations, ordered; *out and its count are the caller's.
 * ERR_JOURNAL_MISMATCH when journal and files differ either way, ERR_INVALID_MIGRATION_NAME,
 * ERR_BUNDLE_INVALID (two files of one version, no migration at all, mixed layouts),
 * ERR_DOWN_MISMATCH (a way back without its migration, or two of one), and what
 * migration_make() gives; err->field names the file.
 */
err_code source_migrations(const struct source *source, struct migration **out, size_t *count,
                           struct err *err) MUST_USE;
