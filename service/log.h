/* SPDX-License-Identifier: MIT */
/*
 * The log: one JSON object a line, each written by one write(2), so that the lines of threads and
 * processes that share the descriptor do not mix. Names of events and keys are literals; values
 * are escaped. What fails to be written is lost: a full disk must not stop the daemon.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"

typedef enum log_level {
    LOG_LEVEL_DEBUG,
    LOG_LEVEL_INFO,
    LOG_LEVEL_WARN,
    LOG_LEVEL_ERROR
} log_level;

const char *log_level_name(log_level level);
/* false: name is not the name of a level. */
bool log_level_parse(const char *name, log_level *out);

struct log {
    int fd;          /* borrowed */
    log_level least; /* events below it are not written */
};

typedef enum log_kind { LOG_KIND_TEXT, LOG_KIND_INT, LOG_KIND_BOOL, LOG_KIND_ERR } log_kind;

struct log_field {
    const char *key;
    log_kind kind;
    union {
        const char *text;
        int64_t number;
        bool flag;
        const struct err *err;
    } value;
};

#define LOG_STR(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_TEXT, .value.text = (v)})
#define LOG_INT(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_INT, .value.number = (v)})
#define LOG_BOOL(k, v) ((struct log_field){.key = (k), .kind = LOG_KIND_BOOL, .value.flag = (v)})
/* An error becomes "code", "detail" and, where it has them, "sqlstate", "field", "subject", "at".
 */
#define LOG_ERR(e) ((struct log_field){.kind = LOG_KIND_ERR, .value.err = (e)})

/* Writes an event with its fields, of which there is at least one; log may be NULL: no log.
 *     log_event(log, LOG_LEVEL_INFO, "tenant.created", LOG_STR("tenant", id), LOG_INT("ms", ms));
 */
#define log_event(log, level, event, ...)                                                          \
    log_write((log), (level), (event), (const struct log_field[]){__VA_ARGS__},                    \
              sizeof((const struct log_field[]){__VA_ARGS__}) / sizeof(struct log_field))
/* An event that needs no fields. */
#define log_plain(log, level, event) log_write((log), (level), (event), NULL, 0)

void log_write(const struct log *log, log_level level, const char *event,
               const struct log_field *fields, size_t n);
