/* SPDX-License-Identifier: MIT */
/* lint: of files, a tenant or a catalog; the exit status says whether there are errors. */
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "service/ctl/ctl.h"
#include "service/ctl/files.h"

static int by_name(const void *a, const void *b)
{
    return strcmp(json_str(*(json_t *const *)a, "path"), json_str(*(json_t *const *)b, "path"));
}

/* The folder's files in the order of their names, without the ways back. */
static err_code add_folder(json_t *files, const char *folder, struct err *err)
{
    json_auto_t *bundle = NULL;
    err_code rc = files_bundle(folder, &bundle, err);
    json_t *found = json_object_get(bundle, "files");
    size_t n = json_array_size(found);
    json_t **sorted = rc ? NULL : calloc(n, sizeof *sorted);

    for (size_t i = 0; sorted && i < n; i++)
        sorted[i] = json_array_get(found, i);
    if (sorted)
        qsort(sorted, n, sizeof *sorted, by_name);
    for (size_t i = 0; sorted && i < n; i++) {
        const char *path = json_str(sorted[i], "path");
        CLEANUP(str_clear) struct str full = STR_INIT;
        str_addf(&full, "%s%s%s", folder, str_ends(folder, "/") ? "" : "/", path);
        if (str_ends(path, ".sql") && !str_ends(path, ".down.sql"))
            (void)json_array_append_new(files,
                                        json_pack("{s:s, s:O}", "path", str_text(&full), "sql",
                                                  json_object_get(sorted[i], "content")));
    }
    free(sorted);
    return rc;
}

static err_code add_path(json_t *files, const char *path, struct err *err)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    bool input = str_eq(path, "-");
    struct stat st;

    if (!input && stat(path, &st))
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: %s", path, strerror(errno));
    if (!input && S_ISDIR(st.st_mode))
        return add_folder(files, path, err);
    err_code rc = files_read(input ? "/dev/stdin" : path, &text, err);
    if (rc)
        return rc;
    json_t *sql = json_stringn(str_text(&text), text.len);
    if (json_array_append_new(files, json_pack("{s:s, s:o}", "path", input ? "stdin.sql" : path,
                                               "sql", sql)))
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: is not UTF-8 text", path);
    return ERR_NONE;
}

static err_code add_rules(json_t *body, const char *path, struct err *err)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    json_error_t why;
    err_code rc = files_read(path, &text, err);

    if (rc)
        return rc;
    json_t *rules = json_loads(str_text(&text), JSON_REJECT_DUPLICATES, &why);
    if (json_object_set_new(body, "rules", rules))
        return err_set(err, ERR_SYSTEM_FAILED, "%.300s: is not JSON: %s", path, why.text);
    return ERR_NONE;
}

static void set_text(json_t *body, const char *key, const char *value)
{
    if (value)
        (void)json_object_set_new(body, key, json_string(value));
}

static err_code fill(const struct args *args, json_t *body, struct err *err)
{
    json_t *files = json_array();
    err_code rc = ERR_NONE;

    for (size_t i = 0; i < args->operand_count && !rc; i++)
        rc = add_path(files, args->operands[i], err);
    if (args->operand_count)
        (void)json_object_set(body, "files", files);
    json_decref(files);
    set_text(body, "tenant_id", args_value(args, "tenant"));
    set_text(body, "catalog", args_value(args, "catalog"));
    set_text(body, "version", args_value(args, "only"));
    set_text(body, "from", args_value(args, "from"));
    if (args_flag(args, "shared"))
        (void)json_object_set_new(body, "shared", json_true());
    if (args_flag(args, "separate"))
        (void)json_object_set_new(body, "separate", json_true());
    return !rc && args_value(args, "rules") ? add_rules(body, args_value(args, "rules"), err) : rc;
}

int lint_run(struct ctl *ctl, const struct args *args)
{
    const char *format = args_value(args, "format");
    json_auto_t *body = json_object();
    struct pairs query = {.count = 0};
    struct api_request request = {
        .method = "POST", .path = "/v1/lint", .json = body, .query = &query};
    struct answer answer;
    struct err err;

    if (fill(args, body, &err)) {
        complain("%s", err.msg);
        return EXIT_USAGE;
    }
    pairs_add(&query, "format", ctl->json ? "json" : format ? format : "text");
    int status = api_send(ctl, &request, &answer);
    if (status)
        return status;
    status = output_write(args_value(args, "output"), &answer.body);
    str_clear(&answer.body);
    return status ? status : answer.lint_errors ? EXIT_REFUSED : EXIT_DONE;
}
