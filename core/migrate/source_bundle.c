/* SPDX-License-Identifier: MIT */
#include "core/migrate/source.h"

#include <archive.h>
#include <archive_entry.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "core/migrate/source_internal.h"

static char *copy_bytes(const char *bytes, size_t n)
{
    char *copy = malloc(n + 1);
    if (copy) {
        memcpy(copy, bytes, n);
        copy[n] = '\0';
    }
    return copy;
}

/* A member of the body that is not as it must be. */
static err_code fail_member(struct err *err, size_t index, const char *member, const char *message)
{
    char pointer[64];
    (void)snprintf(pointer, sizeof pointer, "/files/%zu%s", index, member);
    return source_fail(err, ERR_BUNDLE_INVALID, pointer, message);
}

static err_code read_json_file(const json_t *file, size_t index, struct source *source,
                               struct err *err)
{
    const json_t *path = json_object_get(file, "path"), *content = json_object_get(file, "content");

    if (!json_is_string(path) || !json_is_string(content))
        return fail_member(err, index, "", "must have \"path\" and \"content\", both strings");
    if (json_object_size(file) != 2)
        return fail_member(err, index, "", "may have \"path\" and \"content\" only");
    if (source_check_path(json_string_value(path), err))
        return fail_member(err, index, "/path",
                           "the path must be relative, without \"..\", \".\" and empty parts");
    size_t n = json_string_length(content);
    return source_add_take(source, strdup(json_string_value(path)),
                           copy_bytes(json_string_value(content), n), n, err);
}

err_code source_read_json(const json_t *body, struct source *out, struct err *err)
{
    CLEANUP(source_clear) struct source source = {.files = NULL};
    const json_t *files = json_object_get(body, "files");
    err_code rc = ERR_NONE;

    if (!json_is_array(files) || json_object_size(body) != 1)
        return source_fail(err, ERR_BUNDLE_INVALID, "/files",
                           "the body must be {\"files\": [{\"path\", \"content\"}, …]} only");
    for (size_t i = 0; i < json_array_size(files) && !rc; i++)
        rc = read_json_file(json_array_get(files, i), i, &source, err);
    if (!rc)
        rc = source_sort(&source, err);
    if (rc)
        return rc;
    *out = source;
    source = (struct source){.files = NULL}; /* now the caller's */
    return ERR_NONE;
}

static void archive_freep(struct archive **archive)
{
    if (*archive)
        (void)archive_read_free(*archive);
}

static err_code fail_archive(struct err *err, struct archive *archive)
{
    const char *why = archive_error_string(archive);
    return err_set(err, ERR_BUNDLE_INVALID, "not a tar archive, or a damaged one: %.200s",
                   why ? why : "no reason given");
}

/* Reads one entry's bytes; size is what its header promised and was held against the limit. */
static err_code read_content(struct archive *archive, const char *path, size_t size,
                             struct source *source, struct err *err)
{
    char *content = calloc(size + 1, 1);
    if (!content)
        return err_set(err, ERR_INTERNAL, "out of memory");
    la_ssize_t n = archive_read_data(archive, content, size);
    if (n < 0 || (size_t)n != size) {
        free(content);
        return n < 0 ? fail_archive(err, archive)
                     : source_fail(err, ERR_BUNDLE_INVALID, path, "the archive is cut short");
    }
    return source_add_take(source, strdup(path), content, size, err);
}

static err_code read_entry(struct archive *archive, struct archive_entry *entry, size_t *left,
                           struct source *source, struct err *err)
{
    const char *path = archive_entry_pathname(entry);
    la_int64_t size = archive_entry_size(entry);

    if (size < 0 || (uint64_t)size > *left)
        return err_set(err, ERR_BUNDLE_INVALID, "the archive is too large when unpacked");
    *left -= (size_t)size;
    if (!path)
        return err_set(err, ERR_BUNDLE_INVALID, "the archive has a path that is not text");
    while (str_starts(path, "./"))
        path += 2;
    if (archive_entry_filetype(entry) == AE_IFDIR)
        return ERR_NONE;
    err_code rc = source_check_path(path, err);
    if (rc)
        return rc;
    if (archive_entry_filetype(entry) != AE_IFREG || archive_entry_hardlink(entry))
        return source_fail(err, ERR_BUNDLE_INVALID, path, "only regular files are possible");
    return source_is_wanted(path) ? read_content(archive, path, (size_t)size, source, err)
                                  : ERR_NONE;
}

static err_code read_entries(struct archive *archive, size_t max_bytes, struct source *source,
                             struct err *err)
{
    struct archive_entry *entry;
    size_t left = max_bytes;

    for (int entries = 0; entries < 2 * SOURCE_FILES_MAX; entries++) {
        int status = archive_read_next_header(archive, &entry);
        if (status == ARCHIVE_EOF)
            return ERR_NONE;
        if (status != ARCHIVE_OK && status != ARCHIVE_WARN)
            return fail_archive(err, archive);
        err_code rc = read_entry(archive, entry, &left, source, err);
        if (rc)
            return rc;
    }
    return err_set(err, ERR_BUNDLE_INVALID, "the archive has too many entries");
}

/* Length of the folder that all files are in, with its slash; 0 when there is none. A folder that
 * holds a migration.sql is a migration, not a wrapping. */
static size_t common_top(const struct source *source)
{
    const char *first = source->count ? source->files[0].path : "";
    const char *slash = strchr(first, '/');
    size_t n = slash ? (size_t)(slash - first) + 1 : 0;

    for (size_t i = 0; i < source->count; i++) {
        const char *path = source->files[i].path;
        if (strncmp(path, first, n) != 0 || strcmp(path + n, "migration.sql") == 0 ||
            strcmp(path + n, "_journal.json") == 0)
            return 0;
    }
    return n;
}

err_code source_read_tar(const void *bytes, size_t n, size_t max_bytes, struct source *out,
                         struct err *err)
{
    CLEANUP(archive_freep) struct archive *archive = archive_read_new();
    CLEANUP(source_clear) struct source source = {.files = NULL};

    if (!archive)
        return err_set(err, ERR_INTERNAL, "out of memory");
    if (archive_read_support_format_tar(archive) != ARCHIVE_OK ||
        archive_read_support_filter_gzip(archive) != ARCHIVE_OK ||
        archive_read_open_memory(archive, bytes, n) != ARCHIVE_OK)
        return fail_archive(err, archive);
    err_code rc = read_entries(archive, max_bytes, &source, err);
    if (rc)
        return rc;
    size_t top = common_top(&source);
    for (size_t i = 0; i < source.count && top; i++)
        memmove(source.files[i].path, source.files[i].path + top,
                strlen(source.files[i].path + top) + 1);
    rc = source_sort(&source, err);
    if (rc)
        return rc;
    *out = source;
    source = (struct source){.files = NULL}; /* now the caller's */
    return ERR_NONE;
}
