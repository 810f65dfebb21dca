/* SPDX-License-Identifier: MIT */
/*
 * The settings of the daemon as plain data. Each comes from the last of these that has it: its
 * default, the YAML file, TENANTD_… in the environment, a flag. config_table.c is the list.
 */
#pragma once

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "core/base/str.h"

/* What the command line asks for. */
typedef enum config_action {
    CONFIG_RUN,
    CONFIG_SHOW_HELP,      /* --help */
    CONFIG_SHOW_MARKDOWN,  /* --help-markdown */
    CONFIG_SHOW_VERSION,   /* --version */
    CONFIG_SHOW_EFFECTIVE, /* --print-config */
    CONFIG_CHECK_ONLY,     /* --check-config */
} config_action;

struct config_address {
    char *host;    /* a name or a numeric address, IPv6 without brackets */
    uint16_t port; /* 0: any free one */
};

/* Text is owned, never NULL, and "" where a setting may be left out; a `const char *` is one of
 * the words of the setting. */
struct config {
    config_action action;
    char **sources; /* where each setting came from, in the order of the table; owned */

    char *database_url, *admin_token, *data_dir;
    struct config_address listen, admin_listen;
    bool dev;
    const char *log_level;
    struct {
        int io_threads, handlers, queue;
        int64_t receive_timeout_ms, idle_timeout_s, drain_timeout_ms;
        int64_t max_body_bytes, max_bundle_bytes;
        char *cors_origins;
    } http;
    struct {
        int pool_max;
        int64_t pool_wait_ms;
    } control;
    struct {
        int max_connections;
    } server;
    struct {
        char *schema_name_template;
        int max_pools;
        int64_t pool_ttl_ms;
    } isolation;
    struct {
        int max;
        int64_t idle_timeout_ms, acquire_timeout_ms;
    } pool;
    struct {
        int connect_timeout_s;
        struct {
            int max_attempts;
            int64_t initial_delay_ms, max_delay_ms;
            double backoff_multiplier;
            bool jitter;
        } retry;
    } connection;
    struct {
        char *folder, *table;
        char *allow, *schemas;      /* words with commas between: what migrations may do */
        const char *default_format; /* of tracking tables that have to be made */
        int64_t watch_interval_ms, lock_timeout_ms, statement_timeout_ms, plan_ttl_s;
        int max_parallel, lock_attempts;
        bool baseline;
    } migrations;
    struct {
        char *schema, *migrations_folder, *table, *seeds_folder;
    } shared;
    struct {
        char *folder;
    } seeds;
    struct {
        int size;
    } warm;
    struct {
        const char *role_mode;
        int max_parallel;
    } query;
    struct {
        char *personal_label;
        int64_t timeout_ms;
    } clone;
    struct {
        int workers, retention_days;
        int64_t poll_interval_ms, lease_ms;
    } jobs;
    struct {
        int retention_days, max_streams, max_streams_per_token;
    } events;
    struct {
        int purge_after_days;
    } tenants;
    struct {
        char *auth_user, *auth_password;
    } metrics;
    struct {
        char *rules, *custom; /* JSON objects, or "" */
        const char *gate; /* off, warn or error */
    } lint;
    struct {
        char *exchange_log;
    } debug;
};

struct config_input {
    const char *const *args; /* without the program's name */
    size_t arg_count;
    const char *const *env; /* "NAME=value", NULL-terminated; NULL: none */
};

/*
 * Reads all sources. *out is the caller's (config_clear()), written on success only. Fails with
 * ERR_CONFIG_INVALID: report then holds a line for every problem there is, with its source (place
 * in the file, variable or flag) and what would be right. On success report holds warnings, or
 * nothing. Secrets never appear in it. When the action is to show help or version nothing else is
 * looked at.
 */
err_code config_load(const struct config_input *input, struct config *out, struct str *report,
                     struct err *err) MUST_USE;
void config_clear(struct config *config);
/* How many of a job's tasks may run at a time where the request does not say. */
int config_max_parallel(const struct config *config);

/* The effective configuration as YAML that can be read back, but for the secrets. */
void config_write_yaml(const struct config *config, struct str *out);
/* {"pool.max": {"value": 10, "source": "default"}, …}; a secret's value is "[redacted]".
 * NULL: no memory. */
json_t *config_json(const struct config *config);
/* Every setting with its flag, variable, default and meaning, for a terminal of 100 columns. */
void config_write_help(struct str *out);
/* The lint rules with levels and options as configured; lint_config_free(). NULL: no memory. */
struct lint_config;
struct lint_config *config_lint(const struct config *config);
/* The same as Markdown tables. */
void config_write_markdown(struct str *out);
