/* SPDX-License-Identifier: MIT */
#include "core/migrate/source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "core/migrate/down.h"
#include "core/migrate/source_internal.h"

static const char journal_path[] = "meta/_journal.json";

enum layout { LAYOUT_UNKNOWN, LAYOUT_FILES, LAYOUT_FOLDERS };

/* The migrations made so far, and what they are made of. */
struct making {
    const struct source *source;
    json_t *when; /* of the journal, by version, not yet taken; NULL without a journal */
    enum layout layout;
    struct migration *items;
    size_t count;
};

void source_clear(struct source *source)
{
    for (size_t i = 0; i < source->count; i++) {
        free(source->files[i].path);
        free(source->files[i].content);
    }
    free(source->files);
    *source = (struct source){.files = NULL};
}

bool source_is_wanted(const char *path)
{
    const char *slash = strrchr(path, '/');
    const char *name = slash ? slash + 1 : path;

    if (name[0] == '.') /* also the "._name" that macOS puts into archives */
        return false;
    return str_ends(name, ".sql") || (strcmp(name, "_journal.json") == 0 && slash &&
                                      str_ends(path, journal_path));
}

err_code source_add_take(struct source *source, char *path, char *content, size_t len,
                         struct err *err)
{
    if (!path || !content || source->count == SOURCE_FILES_MAX) {
        free(path);
        free(content);
        return source->count == SOURCE_FILES_MAX
                   ? err_set(err, ERR_BUNDLE_INVALID, "more than %d files", SOURCE_FILES_MAX)
                   : err_set(err, ERR_INTERNAL, "out of memory");
    }
    if ((source->count & (source->count - 1)) == 0) { /* a power of two: full */
        size_t cap = source->count ? 2 * source->count : 1;
        struct source_file *files = realloc(source->files, cap * sizeof *files);
        if (!files) {
            free(path);
            free(content);
            return err_set(err, ERR_INTERNAL, "out of memory");
        }
        source->files = files;
    }
    source->files[source->count++] =
        (struct source_file){.path = path, .content = content, .len = len};
    return ERR_NONE;
}

err_code source_fail(struct err *err, err_code code, const char *path, const char *message)
{
    (void)err_set(err, code, "%.300s: %s", path, message);
    return err ? err_in(err, path) : code;
}

/* A path component by component: no "", ".", "..", control character or backslash. */
static bool path_is_safe(const char *path)
{
    for (const char *p = path; *p; p++)
        if ((unsigned char)*p < 0x20 || *p == '\\' || *p == 0x7f)
            return false;
    for (const char *part = path;; part++) {
        size_t n = strcspn(part, "/");
        if (n == 0 || (n == 1 && part[0] == '.') || (n == 2 && part[0] == '.' && part[1] == '.'))
            return false;
        part += n;
        if (!*part)
            return true;
    }
}

err_code source_check_path(const char *path, struct err *err)
{
    if (!path_is_safe(path) || utf8_valid_len(path, strlen(path)) != strlen(path))
        return source_fail(err, ERR_BUNDLE_INVALID, path,
                           "the path must be relative, without \"..\", \".\" and empty parts");
    return ERR_NONE;
}

static int compare_paths(const void *a, const void *b)
{
    const struct source_file *x = a, *y = b;
    return strcmp(x->path, y->path);
}

err_code source_sort(struct source *source, struct err *err)
{
    if (source->count)
        qsort(source->files, source->count, sizeof *source->files, compare_paths);
    for (size_t i = 1; i < source->count; i++)
        if (strcmp(source->files[i - 1].path, source->files[i].path) == 0)
            return source_fail(err, ERR_BUNDLE_INVALID, source->files[i].path,
                               "the path occurs twice");
    return ERR_NONE;
}

static const struct source_file *find_file(const struct source *source, const char *path)
{
    for (size_t i = 0; i < source->count; i++)
        if (strcmp(source->files[i].path, path) == 0)
            return &source->files[i];
    return NULL;
}

/* How the files of each layout are called. */
static const struct file_name {
    const char *ending;
    bool in_folder, down;
} file_names[] = {
    {".down.sql", false, true},
    {".up.sql", false, false},
    {".sql", false, false},
    {"/migration.sql", true, false},
    {"/down.sql", true, true},
};

/* "0001_a.sql" and "0001_a.up.sql" -> "0001_a", "20240101000000_a/migration.sql" ->
 * "20240101000000_a"; NULL for a path of no layout. free() it. */
static char *version_of(const char *path, const struct file_name **name)
{
    const char *slash = strchr(path, '/');

    for (size_t i = 0; i < ARRAY_LEN(file_names); i++) {
        *name = &file_names[i];
        const char *end = path + strlen(path) - strlen((*name)->ending);
        if (str_ends(path, (*name)->ending) && (slash ? slash == end : !(*name)->in_folder))
            return strndup(path, (size_t)(end - path));
    }
    return NULL;
}

/* Flyway's "V7__add_invoices" is "7__add_invoices" here, in place, and "U7__…" its way back. A version
 * of several parts is refused: versions are ordered by one number. */
static err_code take_flyway(char *version, const char *path, bool *down, struct err *err)
{
    bool is_flyway = *version == 'V' || *version == 'U';
    size_t n = is_flyway ? strspn(version + 1, "0123456789") : 0;

    if (!n)
        return ERR_NONE;
    if (strncmp(version + 1 + n, "__", 2) != 0)
        return source_fail(err, ERR_INVALID_MIGRATION_NAME, path,
                           "the version must be one number, as in V0007__add_invoices.sql");
    *down = *version == 'U';
    memmove(version, version + 1, strlen(version));
    return ERR_NONE;
}

/* The instant that a folder's leading YYYYMMDDHHMMSS names, in UTC; 0 when it names none. */
static int64_t when_of_folder(const char *version)
{
    struct tm tm = {.tm_isdst = 0};
    char stamp[15];

    if (strspn(version, "0123456789") != sizeof stamp - 1)
        return 0;
    memcpy(stamp, version, sizeof stamp - 1);
    stamp[sizeof stamp - 1] = '\0';
    const char *end = strptime(stamp, "%Y%m%d%H%M%S", &tm);
    return end && !*end ? (int64_t)timegm(&tm) * 1000 : 0;
}

static err_code read_journal_entry(json_t *when, const json_t *entry, struct err *err)
{
    const char *tag = json_string_value(json_object_get(entry, "tag"));
    const json_t *ms = json_object_get(entry, "when");

    if (!tag || !json_is_integer(ms))
        return source_fail(err, ERR_JOURNAL_MISMATCH, journal_path,
                           "every entry must have \"tag\", a string, and \"when\", an integer");
    if (json_object_get(when, tag))
        return source_fail(err, ERR_JOURNAL_MISMATCH, tag, "the journal names it twice");
    if (json_object_set_new(when, tag, json_integer(json_integer_value(ms))))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return ERR_NONE;
}

static err_code read_journal(const struct source_file *file, json_t **out, struct err *err)
{
    json_auto_t *root = NULL, *when = json_object();
    err_code rc = json_parse(file->content, file->len, &root, err);
    if (rc) {
        if (rc == ERR_MALFORMED_JSON && err) {
            err->code = ERR_BUNDLE_INVALID;
            return err_in(err, journal_path);
        }
        return rc == ERR_MALFORMED_JSON ? ERR_BUNDLE_INVALID : rc;
    }
    const json_t *entries = json_object_get(root, "entries");
    if (!json_is_array(entries))
        return source_fail(err, ERR_BUNDLE_INVALID, journal_path, "it has no array \"entries\"");
    for (size_t i = 0; i < json_array_size(entries) && !rc; i++)
        rc = read_journal_entry(when, json_array_get(entries, i), err);
    if (rc)
        return rc;
    *out = when;
    when = NULL; /* now the caller's */
    return ERR_NONE;
}

/* What is left in the journal when every file has taken its entry has no file. */
static err_code check_journal(const struct making *m, struct err *err)
{
    const char *tag = json_object_iter_key(json_object_iter(m->when));
    if (!tag)
        return ERR_NONE;
    return source_fail(err, ERR_JOURNAL_MISMATCH, tag,
                       "the journal names it, but there is no such file");
}

/* All migrations are files, or all are folders; a journal speaks of files. */
static err_code check_layout(struct making *m, const char *path, bool in_folder, struct err *err)
{
    enum layout layout = in_folder ? LAYOUT_FOLDERS : LAYOUT_FILES;

    if (m->when && in_folder)
        return source_fail(err, ERR_BUNDLE_INVALID, path,
                           "there is a journal, so migrations must be NAME.sql");
    if (m->layout != LAYOUT_UNKNOWN && m->layout != layout)
        return source_fail(err, ERR_BUNDLE_INVALID, path,
                           "NAME.sql and NAME/migration.sql stand side by side");
    m->layout = layout;
    return ERR_NONE;
}

static err_code make_up(struct making *m, const struct source_file *file, const char *version,
                        bool in_folder, struct err *err)
{
    const json_t *when = json_object_get(m->when, version);
    if (m->when && !when)
        return source_fail(err, ERR_JOURNAL_MISMATCH, file->path, "the journal does not name it");
    int64_t ms = in_folder ? when_of_folder(version) : json_integer_value(when);
    (void)json_object_del(m->when, version);
    err_code rc =
        migration_make_by(m->source->policy, version, file->content, file->len, ms,
                          &m->items[m->count], err);
    if (!rc)
        m->count++;
    return rc && err ? err_in(err, file->path) : rc;
}

static err_code make_down(struct making *m, const struct source_file *file, const char *version,
                          struct err *err)
{
    for (size_t i = 0; i < m->count; i++) {
        if (strcmp(m->items[i].version, version) != 0)
            continue;
        err_code rc = migration_set_down_by(&m->items[i], m->source->policy,
                                            file->content, file->len, err);
        return rc && err ? err_in(err, file->path) : rc;
    }
    return source_fail(err, ERR_DOWN_MISMATCH, file->path,
                       "there is no migration that it takes back");
}

/* One file, if it is of the way that is asked for. */
static err_code make_one(struct making *m, const struct source_file *file, bool down,
                         struct err *err)
{
    const struct file_name *name;
    CLEANUP(freep) char *version = version_of(file->path, &name);

    if (!version)
        return source_fail(err, ERR_BUNDLE_INVALID, file->path,
                           "migrations are NAME.sql, or NAME/migration.sql, nothing deeper");
    bool is_down = name->down;
    err_code rc = take_flyway(version, file->path, &is_down, err);
    if (!rc)
        rc = check_layout(m, file->path, name->in_folder, err);
    if (rc || is_down != down)
        return rc;
    return down ? make_down(m, file, version, err)
                : make_up(m, file, version, name->in_folder, err);
}

static err_code make_way(struct making *m, bool down, struct err *err)
{
    err_code rc = ERR_NONE;
    for (size_t i = 0; i < m->source->count && !rc; i++)
        if (str_ends(m->source->files[i].path, ".sql"))
            rc = make_one(m, &m->source->files[i], down, err);
    return rc;
}

static err_code make_all(struct making *m, struct err *err)
{
    err_code rc = make_way(m, false, err);
    if (!rc)
        rc = make_way(m, true, err);
    if (rc)
        return rc;
    if (m->count == 0)
        return err_set(err, ERR_BUNDLE_INVALID, "there is no .sql file");
    qsort(m->items, m->count, sizeof *m->items, migration_compare);
    for (size_t i = 1; i < m->count; i++)
        if (strcmp(m->items[i - 1].version, m->items[i].version) == 0)
            return source_fail(err, ERR_BUNDLE_INVALID, m->items[i].version,
                               "two files have this version");
    return ERR_NONE;
}

err_code source_migrations(const struct source *source, struct migration **out, size_t *count,
                           struct err *err)
{
    json_auto_t *when = NULL;
    const struct source_file *journal = find_file(source, journal_path);
    struct making m = {.source = source};

    err_code rc = journal ? read_journal(journal, &when, err) : ERR_NONE;
    if (rc)
        return rc;
    m.when = when;
    m.items = calloc(source->count ? source->count : 1, sizeof *m.items);
    if (!m.items)
        return err_set(err, ERR_INTERNAL, "out of memory");
    rc = make_all(&m, err);
    if (!rc)
        rc = check_journal(&m, err);
    if (rc) {
        migrations_free(m.items, m.count);
        return rc;
    }
    *out = m.items; /* now the caller's */
    *count = m.count;
    return ERR_NONE;
}
