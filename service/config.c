/* SPDX-License-Identifier: MIT */
#include "service/config.h"

#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/config_setting.h"

enum { FILE_BYTES_MAX = 1 << 20 };

void config_problem(struct config_loader *loader, const char *source, const char *fmt, ...)
{
    char text[1024];
    va_list args;

    va_start(args, fmt);
    (void)vsnprintf(text, sizeof text, fmt, args);
    va_end(args);
    str_addf(&loader->problems, "%s: %s\n", source, text);
    loader->problem_count++;
}

static bool read_all(int fd, struct str *out)
{
    char chunk[8192];

    while (out->len <= FILE_BYTES_MAX) {
        ssize_t n = read(fd, chunk, sizeof chunk);
        if (n < 0 && errno == EINTR)
            continue;
        if (n <= 0)
            return n == 0 && str_ok(out);
        str_add_n(out, chunk, (size_t)n);
    }
    errno = EFBIG;
    return false;
}

bool config_slurp(struct config_loader *loader, const char *path, const char *source,
                  struct str *out)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    bool done = fd >= 0 && read_all(fd, out);

    if (!done)
        config_problem(loader, source, "cannot read the file \"%s\": %s", path, strerror(errno));
    if (fd >= 0)
        (void)close(fd);
    return done;
}

/* Notes where the value came from, for --print-config. */
static void note_source(struct config_loader *loader, const struct setting *s, const char *source)
{
    size_t n;
    char **noted = &loader->config->sources[s - setting_rows(&n)];
    char *copy = strdup(source);

    if (!copy) {
        config_problem(loader, source, "out of memory");
        return;
    }
    free(*noted);
    *noted = copy;
}

static void assign_text(struct config_loader *loader, const struct setting *s, const char *text,
                        const char *source)
{
    CLEANUP(str_clear) struct str why = STR_INIT;

    if (setting_parse(s, text, loader->config, &why))
        note_source(loader, s, source);
    else
        config_problem(loader, source, "%s: %s", s->name, str_text(&why));
}

/* A file written by an editor or by echo ends in a newline that is no part of the secret. */
static void assign_file(struct config_loader *loader, const struct setting *s, const char *path,
                        const char *source)
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    if (!config_slurp(loader, path, source, &text))
        return;
    if (text.len && text.data[text.len - 1] == '\n')
        text.data[--text.len] = '\0';
    if (!text.len)
        config_problem(loader, source, "%s: the file \"%s\" is empty", s->name, path);
    else if (strlen(text.data) != text.len)
        config_problem(loader, source, "%s: the file \"%s\" contains a NUL character", s->name,
                       path);
    else
        assign_text(loader, s, text.data, source);
    if (text.data)
        explicit_bzero(text.data, text.len);
}

void config_assign(struct config_loader *loader, const struct setting *s, const char *text,
                   bool by_file, const char *source)
{
    if (by_file)
        assign_file(loader, s, text, source);
    else
        assign_text(loader, s, text, source);
}

static void assign_defaults(struct config_loader *loader)
{
    size_t n;
    const struct setting *rows = setting_rows(&n);

    for (size_t i = 0; i < n; i++)
        assign_text(loader, &rows[i], rows[i].fallback, "default");
}

static void read_sources(struct config_loader *loader, const struct config_input *input,
                         const struct config_args *args)
{
    const char *file =
        args->file ? args->file : config_env(input->env, SETTING_ENV_PREFIX "CONFIG");

    assign_defaults(loader);
    if (file)
        config_read_file(loader, file);
    config_read_env(loader, input->env);
    config_args_apply(loader, args);
    if (!loader->problem_count) /* a value that could not be read would only confuse the rules */
        config_check(loader);
}

static bool wants_settings(config_action action)
{
    return action == CONFIG_RUN || action == CONFIG_SHOW_EFFECTIVE || action == CONFIG_CHECK_ONLY;
}

static err_code finish(struct config_loader *loader, struct str *report, struct err *err)
{
    const struct str *lines = loader->problem_count ? &loader->problems : &loader->warnings;

    str_add(report, str_text(lines));
    if (!str_ok(report) || !str_ok(lines))
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    if (loader->problem_count)
        return err_set(err, ERR_CONFIG_INVALID, "the configuration has %zu problem%s",
                       loader->problem_count, loader->problem_count == 1 ? "" : "s");
    return ERR_NONE;
}

static void config_loader_clear(struct config_loader *loader)
{
    str_clear(&loader->problems);
    str_clear(&loader->warnings);
}

err_code config_load(const struct config_input *input, struct config *out, struct str *report,
                     struct err *err)
{
    size_t n;
    CLEANUP(config_clear) struct config config = {.action = CONFIG_RUN};
    CLEANUP(config_args_clear) struct config_args args = {.action = CONFIG_RUN};
    CLEANUP(config_loader_clear) struct config_loader loader = {.config = &config};

    (void)setting_rows(&n);
    config.sources = calloc(n, sizeof *config.sources);
    if (!config.sources)
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    config_args_read(&loader, input->args, input->arg_count, &args);
    config.action = args.action;
    if (wants_settings(args.action)) {
        read_sources(&loader, input, &args);
        err_code failed = finish(&loader, report, err);
        if (failed)
            return failed;
    }
    *out = config;
    config = (struct config){.action = CONFIG_RUN}; /* now the caller's */
    return ERR_NONE;
}

void config_clear(struct config *config)
{
    size_t n;
    const struct setting *rows = setting_rows(&n);

    for (size_t i = 0; i < n; i++)
        setting_free(&rows[i], config);
    for (size_t i = 0; config->sources && i < n; i++)
        free(config->sources[i]);
    free(config->sources);
    *config = (struct config){.action = CONFIG_RUN};
}

/* As many as a request could ask for: then only the server's own pace limits them. */
enum { MAX_PARALLEL = 64 };

int config_max_parallel(const struct config *config)
{
    int fixed = config->migrations.max_parallel;
    return fixed ? fixed : MAX_PARALLEL;
}
