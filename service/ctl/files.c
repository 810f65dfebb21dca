/* SPDX-License-Identifier: MIT */
#include "service/ctl/files.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <string.h>
#include <sys/stat.h>

enum { FILE_MAX = 32 * 1024 * 1024 }; /* what the API takes as one body */

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}

static void close_folder(DIR **d)
{
    if (*d)
        (void)closedir(*d);
}

err_code files_read(const char *path, struct str *out, struct err *err)
{
    CLEANUP(close_file) FILE *f = fopen(path, "re");
    char chunk[65536];
    size_t n;

    if (!f)
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: %s", path, strerror(errno));
    while ((n = fread(chunk, 1, sizeof chunk, f)) > 0) {
        str_add_n(out, chunk, n);
        if (out->len > FILE_MAX)
            return err_set(err, ERR_SYSTEM_FAILED, "%.300s: larger than 32 MiB", path);
    }
    if (ferror(f) || !str_ok(out))
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: %s", path,
                       ferror(f) ? strerror(errno) : "out of memory");
    return ERR_NONE;
}

static err_code add_file(const char *full, const char *inside, json_t *files, struct err *err)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    err_code rc = files_read(full, &text, err);

    if (rc)
        return rc;
    const char *bytes = str_text(&text);
    if (memchr(bytes, '\0', text.len) || utf8_valid_len(bytes, text.len) != text.len)
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: is not UTF-8 text", full);
    json_t *file =
        json_pack("{s:s, s:o}", "path", inside, "content", json_stringn(bytes, text.len));
    if (json_array_append_new(files, file))
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: the name is not UTF-8", full);
    return ERR_NONE;
}

static err_code add_folder(const char *folder, const char *inside, json_t *files, struct err *err);

static err_code add_entry(const char *folder, const char *inside, const char *name, json_t *files,
                          struct err *err)
{
    CLEANUP(str_clear) struct str full = STR_INIT;
    CLEANUP(str_clear) struct str path = STR_INIT;
    struct stat st;

    str_addf(&full, "%s/%s", folder, name);
    str_addf(&path, "%s%s%s", inside, *inside ? "/" : "", name);
    if (stat(str_text(&full), &st))
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: %s", str_text(&full), strerror(errno));
    if (S_ISDIR(st.st_mode)) /* one level, as every layout has it */
        return *inside ? ERR_NONE : add_folder(str_text(&full), name, files, err);
    if (!S_ISREG(st.st_mode) || (!str_ends(name, ".sql") && !str_eq(name, "_journal.json")))
        return ERR_NONE;
    return add_file(str_text(&full), str_text(&path), files, err);
}

static err_code add_folder(const char *folder, const char *inside, json_t *files, struct err *err)
{
    CLEANUP(close_folder) DIR *dir = opendir(folder);
    err_code rc = ERR_NONE;

    if (!dir)
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: %s", folder, strerror(errno));
    for (const struct dirent *entry; !rc && (entry = readdir(dir));)
        if (entry->d_name[0] != '.')
            rc = add_entry(folder, inside, entry->d_name, files, err);
    return rc;
}

err_code files_bundle(const char *folder, json_t **out, struct err *err)
{
    json_auto_t *files = json_array();
    bool any = false;
    err_code rc = add_folder(folder, "", files, err);

    for (size_t i = 0; i < json_array_size(files); i++)
        any = any || str_ends(json_string_value(json_object_get(json_array_get(files, i), "path")),
                              ".sql");
    if (!rc && !any)
        rc = err_set(err, ERR_SYSTEM_FAILED, "%.300s: there is no .sql file in it", folder);
    if (!rc)
        *out = json_pack("{s:O}", "files", files);
    return rc;
}
