/* SPDX-License-Identifier: MIT */
/* Files that are sent: a whole one, or a folder of migrations as a bundle. */
#pragma once

#include <jansson.h>

#include "core/base/err.h"
#include "core/base/str.h"

/* Appends the file's bytes; ERR_SYSTEM_FAILED, also when it is larger than 32 MiB. */
err_code files_read(const char *path, struct str *out, struct err *err) MUST_USE;
/*
 * {"files": [{"path", "content"}]} of the .sql files and _journal.json in folder and in the folders
 * in it; names that begin with a dot are left out. *out is the caller's. Fails with
 * ERR_SYSTEM_FAILED, also when there is no .sql file or one is not UTF-8.
 */
err_code files_bundle(const char *folder, json_t **out, struct err *err) MUST_USE;
