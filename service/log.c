/* SPDX-License-Identifier: MIT */
#include "service/log.h"

#include <errno.h>
#include <inttypes.h>
#include <string.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/str.h"

const char *log_level_name(log_level level)
{
    switch (level) {
    case LOG_LEVEL_DEBUG:
        return "debug";
    case LOG_LEVEL_INFO:
        return "info";
    case LOG_LEVEL_WARN:
        return "warn";
    case LOG_LEVEL_ERROR:
        return "error";
    }
    return "error";
}

bool log_level_parse(const char *name, log_level *out)
{
    for (log_level level = LOG_LEVEL_DEBUG; level <= LOG_LEVEL_ERROR; level++) {
        if (str_eq(name, log_level_name(level))) {
            *out = level;
            return true;
        }
    }
    return false;
}

static void add_member(struct str *line, const char *key, const char *text)
{
    str_add_char(line, ',');
    str_add_json(line, key);
    str_add_char(line, ':');
    str_add_json(line, text);
}

static void add_given(struct str *line, const char *key, const char *text)
{
    if (*text)
        add_member(line, key, text);
}

static void add_err(struct str *line, const struct err *err)
{
    add_member(line, "code", err_name(err->code));
    add_member(line, "detail", err->msg);
    add_given(line, "sqlstate", err->sqlstate);
    add_given(line, "field", err->field);
    add_given(line, "subject", err->subject);
    if (err->at) {
        CLEANUP(str_clear) struct str at = STR_INIT;
        str_addf(&at, "%s:%d", err->at, err->at_line);
        add_member(line, "at", str_text(&at));
    }
}

static void add_field(struct str *line, const struct log_field *field)
{
    switch (field->kind) {
    case LOG_KIND_TEXT:
        add_member(line, field->key, field->value.text);
        return;
    case LOG_KIND_INT:
        str_addf(line, ",\"%s\":%" PRId64, field->key, field->value.number);
        return;
    case LOG_KIND_BOOL:
        str_addf(line, ",\"%s\":%s", field->key, field->value.flag ? "true" : "false");
        return;
    case LOG_KIND_ERR:
        add_err(line, field->value.err);
        return;
    }
}

/* A short write is not continued: the rest would land inside another thread's line. */
static void write_line(int fd, const struct str *line)
{
    while (write(fd, line->data, line->len) < 0 && errno == EINTR)
        continue;
}

void log_write(const struct log *log, log_level level, const char *event,
               const struct log_field *fields, size_t n)
{
    CLEANUP(str_clear) struct str line = STR_INIT;
    char now[RFC3339_SIZE];

    if (!log || level < log->least)
        return;
    clock_rfc3339(clock_unix_ms(), now);
    str_addf(&line, "{\"time\":\"%s\",\"level\":\"%s\",\"event\":\"%s\"", now,
             log_level_name(level), event);
    for (size_t i = 0; i < n; i++)
        add_field(&line, &fields[i]);
    str_add(&line, "}\n");
    if (str_ok(&line))
        write_line(log->fd, &line);
}
