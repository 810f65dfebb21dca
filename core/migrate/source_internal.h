/* SPDX-License-Identifier: MIT */
/* What the readers of a source share. */
#pragma once

#include <stdbool.h>

#include "core/migrate/source.h"

enum {
    SOURCE_FILES_MAX = 20000,
    SOURCE_FILE_MAX = 256 * 1024 * 1024, /* bytes */
};

/* Whether the file matters: .sql files and the journal; hidden files do not. */
bool source_is_wanted(const char *path);
/* Takes path and content, also on failure; NULL for either means no memory. */
err_code source_add_take(struct source *source, char *path, char *content, size_t len,
                         struct err *err) MUST_USE;
/* Sets err with the path in field and message; returns code. */
err_code source_fail(struct err *err, err_code code, const char *path, const char *message);
err_code source_check_path(const char *path, struct err *err) MUST_USE;
/* Orders the files by path; fails when one occurs twice. */
err_code source_sort(struct source *source, struct err *err) MUST_USE;
