/* SPDX-License-Identifier: MIT */
#include "core/migrate/source.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/str.h"
#include "core/migrate/source_internal.h"

static void close_fdp(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

static void close_dirp(DIR **dir)
{
    if (*dir)
        (void)closedir(*dir);
}

/* Reads fd to its end, at most SOURCE_FILE_MAX bytes. */
static err_code read_all(int fd, const char *path, struct str *out, struct err *err)
{
    char block[16384];
    ssize_t n;

    while ((n = read(fd, block, sizeof block)) != 0) {
        if (n < 0 && errno != EINTR)
            return source_fail(err, ERR_BUNDLE_INVALID, path, strerror(errno));
        if (n > 0)
            str_add_n(out, block, (size_t)n);
        if (out->len > SOURCE_FILE_MAX)
            return source_fail(err, ERR_BUNDLE_INVALID, path, "the file is too large");
    }
    str_add_n(out, "", 0);
    return str_ok(out) ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

/* O_NONBLOCK: opening a FIFO must not wait for its writer. */
static err_code read_file(int folder, const char *name, const char *path, struct source *out,
                          struct err *err)
{
    CLEANUP(close_fdp) int fd = openat(folder, name, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
    CLEANUP(str_clear) struct str content = STR_INIT;
    struct stat st;

    if (fd < 0 || fstat(fd, &st))
        return source_fail(err, ERR_BUNDLE_INVALID, path, strerror(errno));
    if (!S_ISREG(st.st_mode))
        return source_fail(err, ERR_BUNDLE_INVALID, path, "not a regular file");
    err_code rc = read_all(fd, path, &content, err);
    if (rc)
        return rc;
    size_t len = content.len;
    return source_add_take(out, strdup(path), str_take(&content), len, err);
}

static err_code read_level(int folder, const char *prefix, int levels, struct source *out,
                           struct err *err);

static err_code read_entry(DIR *dir, const char *name, const char *prefix, int levels,
                           struct source *out, struct err *err)
{
    struct stat st;
    char path[PATH_MAX];

    if ((size_t)snprintf(path, sizeof path, "%s%s", prefix, name) + 1 >= sizeof path)
        return source_fail(err, ERR_BUNDLE_INVALID, name, "the path is too long");
    if (fstatat(dirfd(dir), name, &st, AT_SYMLINK_NOFOLLOW))
        return source_fail(err, ERR_BUNDLE_INVALID, path, strerror(errno));
    if (!S_ISDIR(st.st_mode))
        return source_is_wanted(path) ? read_file(dirfd(dir), name, path, out, err) : ERR_NONE;
    if (levels == 0)
        return ERR_NONE;
    int inner = openat(dirfd(dir), name, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
    if (inner < 0)
        return source_fail(err, ERR_BUNDLE_INVALID, path, strerror(errno));
    memcpy(path + strlen(path), "/", 2); /* fits, see above */
    return read_level(inner, path, levels - 1, out, err);
}

/* Takes folder, a descriptor. */
static err_code read_level(int folder, const char *prefix, int levels, struct source *out,
                           struct err *err)
{
    CLEANUP(close_dirp) DIR *dir = fdopendir(folder);
    if (!dir) {
        (void)close(folder);
        return err_set(err, ERR_SYSTEM_FAILED, "cannot list a folder: %s", strerror(errno));
    }
    for (;;) {
        errno = 0;
        const struct dirent *entry = readdir(dir);
        if (!entry)
            return errno ? source_fail(err, ERR_BUNDLE_INVALID, prefix, strerror(errno)) : ERR_NONE;
        if (entry->d_name[0] == '.')
            continue;
        err_code rc = read_entry(dir, entry->d_name, prefix, levels, out, err);
        if (rc)
            return rc;
    }
}

err_code source_read_folder(const char *folder, struct source *out, struct err *err)
{
    CLEANUP(source_clear) struct source source = {.files = NULL};
    int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

    if (fd < 0)
        return source_fail(err, ERR_BUNDLE_INVALID, folder, strerror(errno));
    err_code rc = read_level(fd, "", 1, &source, err);
    if (!rc)
        rc = source_sort(&source, err);
    if (rc)
        return rc;
    *out = source;
    source = (struct source){.files = NULL}; /* now the caller's */
    return ERR_NONE;
}
