/* SPDX-License-Identifier: MIT */
/* import and scaffold: files that the API makes, printed or written. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "service/ctl/ctl.h"
#include "service/ctl/files.h"

/* Whether a path stays below the folder it is put behind. */
static bool is_below(const char *path)
{
    if (!path || !*path || *path == '/')
        return false;
    for (const char *p = path; p; p = strchr(p, '/')) {
        p += *p == '/';
        if (str_starts(p, "..") && (!p[2] || p[2] == '/'))
            return false;
    }
    return true;
}

/* Makes the folders of a path; what fails shows when the file is opened. */
static void make_folders(char *path)
{
    for (char *p = path + 1; *p; p++)
        if (*p == '/') {
            *p = '\0';
            (void)mkdir(path, 0777);
            *p = '/';
        }
}

static int write_file(struct ctl *ctl, const struct args *args, const char *path,
                      const char *content)
{
    CLEANUP(str_clear) struct str whole = STR_INIT;
    int flags = O_WRONLY | O_CREAT | O_CLOEXEC | (args_flag(args, "force") ? O_TRUNC : O_EXCL);

    str_addf(&whole, "%s/%s", args_value(args, "output"), path);
    if (!is_below(path) || !str_ok(&whole)) {
        complain("a file cannot be written to \"%s\"", path ? path : "");
        return EXIT_REFUSED;
    }
    make_folders(whole.data);
    int fd = open(str_text(&whole), flags, 0666);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    bool good = file && fputs(content, file) >= 0;
    if (file)
        good = fclose(file) == 0 && good;
    if (!good) {
        complain("cannot write %s: %s%s", str_text(&whole), strerror(errno),
                 errno == EEXIST ? "; --force overwrites it" : "");
        return EXIT_REFUSED;
    }
    say(ctl, "%s", str_text(&whole));
    return EXIT_DONE;
}

/* A file of the API's, where it was asked for. */
static int put(struct ctl *ctl, const struct args *args, const json_t *file)
{
    const char *path = json_str(file, "path"), *content = json_str(file, "content");
    CLEANUP(str_clear) struct str text = STR_INIT;

    if (!content) {
        complain("the API gave no file");
        return EXIT_REFUSED;
    }
    if (args_value(args, "output"))
        return write_file(ctl, args, path, content);
    str_add(&text, content);
    return ctl->json ? EXIT_DONE : output_write(NULL, &text);
}

static int post(struct ctl *ctl, const char *path, const json_t *body, json_t **out)
{
    struct api_request request = {.method = "POST", .path = path, .json = body};

    return api_json(ctl, &request, out);
}

/* Strings of options under other names; what was not given is not sent. */
struct text_option {
    const char *option, *member;
};

static json_t *body_of(const struct args *args, const struct text_option *options, size_t n)
{
    json_t *body = json_object();

    for (size_t i = 0; i < n; i++)
        if (args_value(args, options[i].option))
            (void)json_object_set_new(body, options[i].member,
                                      json_string(args_value(args, options[i].option)));
    if (args_flag(args, "shared"))
        (void)json_object_set_new(body, "type", json_string("shared"));
    return body;
}

static int draft(struct ctl *ctl, const struct args *args, const char *path, json_t *body)
{
    json_auto_t *reply = NULL;

    (void)json_object_set_new(body, "name", json_string(args->operands[0]));
    int status = post(ctl, path, body, &reply);
    return status ? status : put(ctl, args, reply);
}

static const struct text_option language[] = {{"language", "language"}};

int scaffold_schema(struct ctl *ctl, const struct args *args)
{
    static const struct {
        const char *option, *member;
        bool value;
    } flags[] = {
        {"no-timestamps", "timestamps", false},
        {"soft-delete", "soft_delete", true},
        {"serial", "uuid", false},
        {"no-zod", "with_zod", false},
        {"no-example", "with_example", false},
    };
    json_auto_t *body = body_of(args, language, ARRAY_LEN(language));

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (args_flag(args, flags[i].option))
            (void)json_object_set_new(body, flags[i].member, json_boolean(flags[i].value));
    return draft(ctl, args, "/v1/scaffold/schema", body);
}

int scaffold_seed(struct ctl *ctl, const struct args *args)
{
    static const struct text_option options[] = {{"language", "language"}, {"table", "table"}};
    json_auto_t *body = body_of(args, options, ARRAY_LEN(options));

    return draft(ctl, args, "/v1/scaffold/seed", body);
}

int scaffold_migration(struct ctl *ctl, const struct args *args)
{
    static const struct text_option options[] = {{"template", "template"},
                                                 {"table", "table"},
                                                 {"column", "column"},
                                                 {"references", "references"}};
    json_auto_t *body = body_of(args, options, ARRAY_LEN(options));

    if (args_value(args, "sequence"))
        (void)json_object_set_new(body, "sequence", json_integer(args_number(args, "sequence", 0)));
    return draft(ctl, args, "/v1/scaffold/migration", body);
}

static void print_warnings(const struct ctl *ctl, const json_t *warnings)
{
    size_t i;
    json_t *warning;

    json_array_foreach(warnings, i, warning) if (!ctl->quiet)
        complain("%s: %s", json_str(warning, "pointer"), json_str(warning, "detail"));
}

static json_t *import_body(const struct args *args, const char *text)
{
    static const struct text_option options[] = {
        {"format", "format"}, {"to", "output"}, {"name", "name"}, {"casing", "casing"}};
    static const struct text_option flags[] = {
        {"zod", "with_zod"}, {"lenient", "lenient"}, {"register", "register"}};
    json_t *body = body_of(args, options, ARRAY_LEN(options));
    bool sql = str_ends(args->operands[0], ".sql");

    for (size_t i = 0; i < ARRAY_LEN(flags); i++)
        if (args_flag(args, flags[i].option))
            (void)json_object_set_new(body, flags[i].member, json_true());
    if (!args_value(args, "format"))
        (void)json_object_set_new(body, "format", json_string(sql ? "sql" : "json"));
    (void)json_object_set_new(body, "content", json_string(text));
    return body;
}

int schema_import(struct ctl *ctl, const struct args *args)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    json_auto_t *body = NULL, *reply = NULL;
    struct err err = {.code = ERR_NONE};
    size_t i;
    json_t *file;

    if (files_read(args->operands[0], &text, &err)) {
        complain("%s", err.msg);
        return EXIT_USAGE;
    }
    if (utf8_valid_len(str_text(&text), text.len) != text.len) {
        complain("%s is not UTF-8", args->operands[0]);
        return EXIT_USAGE;
    }
    body = import_body(args, str_text(&text));
    int status = post(ctl, "/v1/schema/import", body, &reply);
    if (!status)
        print_warnings(ctl, json_object_get(reply, "warnings"));
    json_array_foreach(json_object_get(reply, "files"), i, file) if (!status) status =
        put(ctl, args, file);
    if (!status && json_str(reply, "registered"))
        say(ctl, "registered: %s", json_str(reply, "registered"));
    return status;
}
