/* SPDX-License-Identifier: MIT */
/* The files of a data folder. */
#include <errno.h>
#include <fcntl.h>
#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "core/base/str.h"
#include "service/dev/dev.h"
#include "service/dev/dev_internal.h"

static void closep(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
}

err_code dev_path(const char *dir, const char *name, char out[PATH_MAX], struct err *err)
{
    int n = snprintf(out, PATH_MAX, "%s/%s", dir, name);

    if (n < 0 || n >= PATH_MAX)
        return err_set(err, ERR_CONFIG_INVALID, "the path of the data folder is too long");
    return ERR_NONE;
}

err_code dev_make_dir(const char *path, const struct dev_user *owner, struct err *err)
{
    struct stat st;

    if (mkdir(path, owner ? 0700 : 0755) == 0) {
        if (owner && owner->switches && chown(path, owner->uid, owner->gid))
            return err_set(err, ERR_SYSTEM_FAILED, "cannot give \"%s\" to %s: %s", path,
                           owner->name, strerror(errno));
        return ERR_NONE;
    }
    if (errno != EEXIST)
        return err_set(err, ERR_CONFIG_INVALID, "cannot make the folder \"%s\": %s", path,
                       strerror(errno));
    if (stat(path, &st) || !S_ISDIR(st.st_mode))
        return err_set(err, ERR_CONFIG_INVALID, "\"%s\" is not a folder", path);
    if (owner && st.st_uid != owner->uid)
        return err_set(err, ERR_CONFIG_INVALID,
                       "\"%s\" belongs to user %u, PostgreSQL would run as %s; start tenantd as "
                       "the user that made it, or use another folder",
                       path, (unsigned)st.st_uid, owner->name);
    return ERR_NONE;
}

err_code dev_lock(const char *dir, int *fd, struct err *err)
{
    char path[PATH_MAX];
    CLEANUP(closep) int lock = -1;

    err_code failed = dev_path(dir, "lock", path, err);
    if (failed)
        return failed;
    lock = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (lock < 0)
        return err_set(err, ERR_CONFIG_INVALID, "cannot write to \"%s\": %s", path,
                       strerror(errno));
    if (flock(lock, LOCK_EX | LOCK_NB)) {
        if (errno == EWOULDBLOCK) /* not unusable: free again when the other has ended */
            return err_set(err, ERR_CONFLICT,
                           "another tenantd uses the data folder \"%s\"; stop it or use another "
                           "folder",
                           dir);
        return err_set(err, ERR_SYSTEM_FAILED, "cannot lock \"%s\": %s", path, strerror(errno));
    }
    *fd = lock;
    lock = -1; /* now the caller's */
    return ERR_NONE;
}

static bool write_all(int fd, const char *text)
{
    for (size_t left = strlen(text); left;) {
        ssize_t n = write(fd, text, left);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return false;
        text += n;
        left -= (size_t)n;
    }
    return fsync(fd) == 0;
}

/* A fresh file, made 0600 by mkstemp, takes the place of the old one in one step. */
err_code dev_write(const char *dir, const char *name, const char *text, struct err *err)
{
    char path[PATH_MAX], fresh[PATH_MAX];

    err_code failed = dev_path(dir, name, path, err);
    if (!failed)
        failed = dev_path(dir, ".fresh-XXXXXX", fresh, err);
    if (failed)
        return failed;
    CLEANUP(closep) int fd = mkostemp(fresh, O_CLOEXEC);
    if (fd < 0)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot write in \"%s\": %s", dir, strerror(errno));
    if (!write_all(fd, text) || rename(fresh, path)) {
        (void)err_set(err, ERR_SYSTEM_FAILED, "cannot write \"%s\": %s", path, strerror(errno));
        (void)unlink(fresh);
        return ERR_SYSTEM_FAILED;
    }
    return ERR_NONE;
}

err_code dev_read(const char *dir, const char *name, size_t max, struct str *out, bool *found,
                  struct err *err)
{
    char path[PATH_MAX], chunk[512];

    err_code failed = dev_path(dir, name, path, err);
    if (failed)
        return failed;
    CLEANUP(closep) int fd = open(path, O_RDONLY | O_CLOEXEC);
    *found = fd >= 0;
    if (fd < 0 && errno == ENOENT)
        return ERR_NONE;
    ssize_t n = fd < 0 ? -1 : 1;
    while (n > 0 && out->len < max) {
        n = read(fd, chunk, sizeof chunk);
        str_add_n(out, chunk, n > 0 ? (size_t)n : 0);
    }
    if (n < 0 || !str_ok(out))
        return err_set(err, ERR_SYSTEM_FAILED, "cannot read \"%s\": %s", path, strerror(errno));
    return ERR_NONE;
}

static int remove_one(const char *path, const struct stat *st, int kind, struct FTW *where)
{
    (void)st, (void)kind, (void)where;
    return remove(path);
}

void dev_remove_tree(const char *path)
{
    (void)nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS | FTW_MOUNT);
}

err_code dev_admin_token(const char *data_dir, char out[TOKEN_TEXT_SIZE], struct err *err)
{
    static const char name[] = "admin-token";
    CLEANUP(str_clear) struct str text = STR_INIT;
    char line[TOKEN_TEXT_SIZE + 1];
    struct token token;
    bool found;

    err_code failed = dev_read(data_dir, name, 4 * TOKEN_TEXT_SIZE, &text, &found, err);
    if (failed)
        return failed;
    if (text.len && text.data[text.len - 1] == '\n')
        text.data[--text.len] = '\0';
    if (found && token_parse(str_text(&text), &token, NULL))
        return err_set(err, ERR_CONFIG_INVALID,
                       "\"%s/%s\" does not hold a token; remove it to have one made", data_dir,
                       name);
    if (found) {
        memcpy(out, text.data, TOKEN_TEXT_SIZE);
        return ERR_NONE;
    }
    token_make(line);
    memcpy(out, line, TOKEN_TEXT_SIZE);
    line[TOKEN_TEXT_SIZE - 1] = '\n';
    line[TOKEN_TEXT_SIZE] = '\0';
    return dev_write(data_dir, name, line, err);
}
