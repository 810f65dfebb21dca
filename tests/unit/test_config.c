/* SPDX-License-Identifier: MIT */
/* Settings: every source, their order, and every way to get them wrong. */
#include <check.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "service/config.h"
#include "service/config_setting.h"

#define URL "TENANTD_DATABASE_URL=postgresql://localhost/x"
#define ARGS(...) ((const char *const[]){__VA_ARGS__, NULL})
#define NOTHING ((const char *const[]){NULL})

static char folder[] = "/tmp/tenantd-config-XXXXXX";
static char path[64], secret_path[64];

static void make_folder(void)
{
    ck_assert_ptr_nonnull(mkdtemp(folder));
    (void)snprintf(path, sizeof path, "%s/tenantd.yaml", folder);
    (void)snprintf(secret_path, sizeof secret_path, "%s/secret", folder);
}

static void remove_folder(void)
{
    (void)unlink(path);
    (void)unlink(secret_path);
    ck_assert_int_eq(rmdir(folder), 0);
}

static void write_file(const char *name, const char *text)
{
    FILE *f = fopen(name, "w");
    ck_assert_ptr_nonnull(f);
    ck_assert_int_ge(fputs(text, f), 0);
    ck_assert_int_eq(fclose(f), 0);
}

static err_code load(const char *const *args, const char *const *env, struct config *out,
                     struct str *report)
{
    size_t n = 0;
    struct err err = {.code = ERR_NONE};

    while (args[n])
        n++;
    return config_load(&(struct config_input){.args = args, .arg_count = n, .env = env}, out,
                       report, &err);
}

/* Loads yaml from a file, with a database in the environment. */
static err_code load_yaml(const char *yaml, struct config *out, struct str *report)
{
    write_file(path, yaml);
    return load(ARGS("--config", path), ARGS(URL), out, report);
}

static size_t lines_of(const struct str *report)
{
    size_t n = 0;
    for (const char *c = str_text(report); *c; c++)
        n += *c == '\n';
    return n;
}

START_TEST(test_defaults_hold)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    ck_assert_int_eq(load(NOTHING, ARGS(URL), &c, &report), ERR_NONE);
    ck_assert_str_eq(str_text(&report), "");
    ck_assert_str_eq(c.database_url, "postgresql://localhost/x");
    ck_assert_str_eq(c.listen.host, "127.0.0.1");
    ck_assert_uint_eq(c.listen.port, 8080);
    ck_assert_uint_eq(c.admin_listen.port, 9090);
    ck_assert(!c.dev && c.connection.retry.jitter);
    ck_assert_int_eq(c.pool.max, 10);
    ck_assert_int_eq(c.isolation.pool_ttl_ms, 3600000);
    ck_assert_int_eq(c.http.max_bundle_bytes, 33554432);
    ck_assert_double_eq(c.connection.retry.backoff_multiplier, 2);
    ck_assert_str_eq(c.isolation.schema_name_template, "tenant_{id}");
    ck_assert_str_eq(c.migrations.folder, "");
}
END_TEST

START_TEST(test_later_sources_win)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    write_file(path, "pool: {max: 3, idle_timeout_ms: 1000}\n"
                     "connection:\n  retry:\n    max_attempts: 7\n    backoff_multiplier: 1.5\n"
                     "jobs.workers: 2\n");
    ck_assert_int_eq(
        load(ARGS("--pool-max", "6", "--jobs-workers=9", "--jobs-workers=10"),
             (const char *const[]){URL, "TENANTD_POOL_MAX=5", "TENANTD_POOL_IDLE_TIMEOUT_MS=2000",
                                   "TENANTD_CONFIG=/nowhere", NULL},
             &c, &report),
        ERR_CONFIG_INVALID);
    ck_assert_ptr_nonnull(strstr(str_text(&report), "/nowhere"));
    str_reset(&report);
    ck_assert_int_eq(
        load(ARGS("--config", path, "--pool-max", "6", "--jobs-workers=9", "--jobs-workers=10"),
             ARGS(URL, "TENANTD_POOL_MAX=5", "TENANTD_POOL_IDLE_TIMEOUT_MS=2000"), &c, &report),
        ERR_NONE);
    ck_assert_int_eq(c.pool.max, 6);
    ck_assert_int_eq(c.pool.idle_timeout_ms, 2000);
    ck_assert_int_eq(c.connection.retry.max_attempts, 7);
    ck_assert_double_eq_tol(c.connection.retry.backoff_multiplier, 1.5, 1e-9);
    ck_assert_int_eq(c.jobs.workers, 10);
}
END_TEST

/* Each is one problem: what is given, and what the report must say about it. */
static const struct {
    const char *yaml, *says;
} bad_files[] = {
    {"pol: {max: 5}\n", ":1:1: there is no setting pol"},
    {"pool:\n  maxx: 5\n", ":2:3: there is no setting pool.maxx; did you mean pool.max?"},
    {"pool: {max: 5, max: 6}\n", ":1:16: the key max stands twice in the same mapping"},
    {"pool: {max: 5}\npool.max: 6\n", ":2:1: pool.max is set twice, first in line 1"},
    {"pool: {max: 5}\npool: {acquire_timeout_ms: 6}\n", ":2:1: the key pool stands twice"},
    {"pool: 5\n", ":1:1: pool is a section"},
    {"pool: {max: }\n", "pool.max has no value"},
    {"pool: {max: ~}\n", "pool.max has no value"},
    {"pool: {max: [5]}\n", "pool.max has a list or a mapping"},
    {"pool: &a {max: *a}\n", "pool.max has a list or a mapping"},
    {"pool: {max: five}\n", "pool.max: \"five\" is not a whole number; it takes one from 1 to 1000 "
                            "connections"},
    {"pool: {max: 0}\n", "\"0\" is out of range"},
    {"pool: {max: -1}\n", "\"-1\" is out of range"},
    {"pool: {max: 99999999999999999999}\n", "is out of range"},
    {"pool: {max: 5s}\n", "\"5s\" is not a whole number"},
    {"pool: {max: \" 5\"}\n", "\" 5\" is not a whole number"},
    {"pool: {max: \"\"}\n", "\"\" is not a whole number"},
    {"dev: maybe\n", "\"maybe\" is neither true nor false"},
    {"log_level: loud\n", "\"loud\" is not one of debug, info, warn, error"},
    {"listen: 8080\n", "\"8080\" is not HOST:PORT"},
    {"listen: ':8080'\n", "\":8080\" is not HOST:PORT"},
    {"listen: 'localhost:'\n", "is not HOST:PORT"},
    {"listen: 'localhost:65536'\n", "is not HOST:PORT"},
    {"listen: 'localhost:+1'\n", "is not HOST:PORT"},
    {"listen: '::1:8080'\n", "is not HOST:PORT"},
    {"listen: '[]:8080'\n", "is not HOST:PORT"},
    {"listen: 'a b:80'\n", "is not HOST:PORT"},
    {"connection: {retry: {backoff_multiplier: 1e3}}\n", "\"1e3\" is not a number"},
    {"connection: {retry: {backoff_multiplier: 0.5}}\n", "from 1 to 10"},
    {"connection: {retry: {backoff_multiplier: .}}\n", "is not a number"},
    {"migrations: {table: ''}\n", "has 0 bytes; it takes 1 to 63"},
    {"data_dir: \"a\\0b\"\n", "contains a NUL character"},
    {"admin_token: '[redacted]'\n", "write the secret itself"},
    {"- listen\n", ":1:1: the file must be a mapping"},
    {"? {a: b}\n: c\n", "this key is not the name of a setting"},
    {"listen: [\n", "this is not YAML"},
    {"listen: \"\xff\"\n", "this is not YAML"},
    {"dev: false\n---\ndev: true\n", ":2:1: a second YAML document"},
    {"isolation: {schema_name_template: tenant}\n", "must contain {id} exactly once"},
    {"isolation: {schema_name_template: '{id}{id}'}\n", "must contain {id} exactly once"},
    {"isolation: {schema_name_template: '{id}_{x}'}\n", "no placeholder but {id}"},
    {"isolation: {schema_name_template: 'pg_{id}'}\n", "starts with pg_"},
    {"isolation: {schema_name_template: 'tenantd_warm_{id}'}\n", "starts with tenantd_warm_"},
    {"isolation: {schema_name_template: \"a\\n{id}\"}\n", "control character"},
    {"admin_listen: 127.0.0.1:8080\n", "the address of listen too"},
    {"admin_listen: 0.0.0.0:8080\n", "the address of listen too"},
    {"dev: true\n", "data_dir is required with dev"},
    {"control: {pool_max: 40}\n", "leaves nothing of server.max_connections"},
    {"control: {pool_max: 10}\n", "control.pool_max is too few"},
    {"pool: {max: 41}\n", "is more than server.max_connections"},
    {"connection: {retry: {initial_delay_ms: 5001}}\n", "more than connection.retry.max_delay_ms"},
    {"metrics: {auth_user: x}\n", "needs metrics.auth_password"},
    {"metrics: {auth_password: x}\n", "needs metrics.auth_user"},
    {"metrics: {auth_user: 'x:y', auth_password: z}\n", "basic authentication"},
    {"http: {cors_origins: 'a.example'}\n", "http.cors_origins must be origins"},
    {"http: {cors_origins: '*'}\n", "http.cors_origins must be origins"},
    {"http: {cors_origins: 'https://'}\n", "http.cors_origins must be origins"},
    {"http: {cors_origins: 'https://a.example/'}\n", "http.cors_origins must be origins"},
    {"http: {cors_origins: 'https://a.example,,http://b'}\n", "http.cors_origins must be origins"},
    {"http: {cors_origins: 'https://a.example https://b'}\n", "http.cors_origins must be origins"},
    {"lint: {rules: {no-rule: off}}\n", ":1:8: lint.rules /no-rule: there is no such rule"},
    {"lint: {rules: {table-naming: [warn, {style: x}]}}\n",
     "lint.rules /table-naming/1/style: must be one of snake_case"},
    {"lint: {rules: {table-naming: ~}}\n", "lint.rules has a list or a mapping"},
    {"lint: {rules: &a {table-naming: *a}}\n", "lint.rules has a list or a mapping"},
    {"lint: {rules: [warn]}\n", "lint.rules must be an object"},
    {"lint: {rules: '{'}\n", "lint.rules "},
    {"lint: {custom: {ban-drop-table: {sql: SELECT 1}}}\n", "lint.custom /ban-drop-table: must be a name"},
    {"lint: {custom: {My: {sql: SELECT 1}}}\n", "lint.custom /My: must be a name"},
    {"lint: {custom: {mine: {}}}\n", "lint.custom /mine: needs sql"},
    {"lint: {custom: {mine: {sql: []}}}\n", "lint.custom /mine/sql: must be a text"},
    {"lint: {custom: {mine: {sql: SELECT 1, x: y}}}\n", "lint.custom /mine/x: is not known here"},
    {"lint: {custom: {mine: {sql: SELECT 1, level: high}}}\n", "the level must be off, warn or error"},
    {"lint: {custom: {mine: {sql: SELECT 1}}, rules: {mine: [warn]}}\n",
     "lint.rules /mine: must be off, warn or error"},
    {"lint: {gate: maybe}\n", "is not one of off, warn, error"},
    {"jobs: {lease_ms: 1000, poll_interval_ms: 1000}\n", "at least twice jobs.poll_interval_ms"},
    {"admin_token_file: /nowhere/at/all\n", "cannot read the file \"/nowhere/at/all\""},
    {"admin_token: x\nadmin_token_file: y\n", ":2:1: admin_token is set twice, first in line 1"},
    {"listen_file: x\n", "there is no setting listen_file"},
};

START_TEST(test_bad_file)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    ck_assert_int_eq(load_yaml(bad_files[_i].yaml, &c, &report), ERR_CONFIG_INVALID);
    ck_assert_msg(strstr(str_text(&report), bad_files[_i].says), "%s gave: %s", bad_files[_i].yaml,
                  str_text(&report));
    ck_assert_ptr_null(c.sources); /* nothing was written */
}
END_TEST

/* A mapping, or its JSON; off is a word, 3 a number and "3" a word. */
START_TEST(test_rules)
{
    static const char *const files[] = {
        "lint:\n  rules:\n    table-naming: [error, {style: camelCase, exceptions: [a, \"3\"]}]\n"
        "    ban-drop-table: off\n    limit-index-columns: [warn, {columns: 3}]\n",
        "lint: {rules: '{\"table-naming\":[\"error\",{\"style\":\"camelCase\",\"exceptions\":"
        "[\"a\",\"3\"]}],\"ban-drop-table\":\"off\",\"limit-index-columns\":[\"warn\",{\"columns\":"
        "3}]}'}\n"};
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    ck_assert_msg(load_yaml(files[_i], &c, &report) == ERR_NONE, "%s", str_text(&report));
    ck_assert_str_eq(c.lint.rules,
                     "{\"table-naming\":[\"error\",{\"style\":\"camelCase\",\"exceptions\":[\"a\",\"3\"]"
                     "}],\"ban-drop-table\":\"off\",\"limit-index-columns\":[\"warn\",{\"columns\":3}]}");
    ck_assert_str_eq(c.lint.gate, "off");
}
END_TEST

START_TEST(test_file_may_say_nothing)
{
    static const char *const files[] = {"", "# nothing\n", "---\n", "pool:\n", "pool: {}\n", "~\n"};
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    ck_assert_msg(load_yaml(files[_i], &c, &report) == ERR_NONE, "%s", str_text(&report));
    ck_assert_int_eq(c.pool.max, 10);
}
END_TEST

static const struct {
    const char *args[3];
    const char *says;
} bad_args[] = {
    {{"--pool-mx", "5"}, "--pool-mx: there is no such flag; did you mean --pool-max?"},
    {{"--pool-max"}, "--pool-max: a value must follow"},
    {{"--pool-max", "--dev"}, "--pool-max: a value must follow"},
    {{"--pool-max="}, "--pool-max: pool.max: \"\" is not a whole number"},
    {{"serve"}, "argument 1: only flags are taken here"},
    {{"--dev", "false"}, "argument 2: only flags are taken here"},
    {{"--dev=perhaps"}, "\"perhaps\" is neither"},
    {{"--help=x"}, "--help: there is no such flag"},
    {{"--"}, "--: there is no such flag"},
    {{"-x"}, "-x: there is no such flag"},
    {{"--config"}, "--config: a value must follow"},
    {{"--config=/"}, "cannot read the file \"/\""},
    {{"--database-url", "nonsense"}, "neither a postgresql:// URI nor"},
};

START_TEST(test_bad_argument)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    ck_assert_int_eq(load(bad_args[_i].args, ARGS(URL), &c, &report), ERR_CONFIG_INVALID);
    ck_assert_msg(strstr(str_text(&report), bad_args[_i].says), "%s", str_text(&report));
}
END_TEST

START_TEST(test_all_problems_at_once)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    write_file(path, "pool: {max: x, min: 1}\nlog_level: y\n");
    ck_assert_int_eq(load(ARGS("--config", path, "--http-queue=z", "--frob"),
                          ARGS("TENANTD_JOBS_WORKERS=w", "TENANTD_ADMIN_TOKEN_FILE=/nowhere"), &c,
                          &report),
                     ERR_CONFIG_INVALID);
    ck_assert_uint_eq(lines_of(&report), 7);
    ck_assert_ptr_nonnull(strstr(str_text(&report), "tenantd.yaml:2:1: log_level"));
    ck_assert_ptr_nonnull(strstr(str_text(&report), "TENANTD_JOBS_WORKERS: jobs.workers"));
    ck_assert_ptr_nonnull(strstr(str_text(&report), "--http-queue: http.queue"));
}
END_TEST

START_TEST(test_secret_by_file)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT, entry = STR_INIT;

    str_addf(&entry, "TENANTD_ADMIN_TOKEN_FILE=%s", secret_path);
    write_file(secret_path, "tnd_canary\n\n");
    ck_assert_int_eq(load(NOTHING, ARGS(URL, str_text(&entry)), &c, &report), ERR_NONE);
    ck_assert_str_eq(c.admin_token, "tnd_canary\n"); /* one newline goes */
    ck_assert_int_eq(
        load(NOTHING, ARGS(URL, str_text(&entry), "TENANTD_ADMIN_TOKEN=x"), &c, &report),
        ERR_CONFIG_INVALID);
    ck_assert_ptr_nonnull(strstr(str_text(&report), "TENANTD_ADMIN_TOKEN is set as well"));
    write_file(secret_path, "\n");
    str_reset(&report);
    ck_assert_int_eq(load(ARGS("--admin-token-file", secret_path), ARGS(URL), &c, &report),
                     ERR_CONFIG_INVALID);
    ck_assert_ptr_nonnull(strstr(str_text(&report), "is empty"));
}
END_TEST

/* Wherever a secret stands, and however wrong the rest is, it is not shown. */
START_TEST(test_secrets_stay_secret)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT, yaml = STR_INIT;

    ck_assert_int_eq(load(ARGS("--database-urll=canary", "--admin-token", "canary\xff", "canary"),
                          ARGS("TENANTD_DATABASE_URL=canary", "TENANTD_DATABSE_URL=canary"), &c,
                          &report),
                     ERR_CONFIG_INVALID);
    ck_assert_uint_eq(lines_of(&report), 3);
    ck_assert_ptr_null(strstr(str_text(&report), "canary"));
    str_reset(&report);
    ck_assert_int_eq(
        load(NOTHING,
             ARGS("TENANTD_DATABASE_URL=postgres://canary@/", "TENANTD_ADMIN_TOKEN=canary"), &c,
             &report),
        ERR_NONE);
    config_write_yaml(&c, &yaml);
    json_auto_t *json = config_json(&c);
    CLEANUP(freep) char *text = json_dumps(json, 0);
    ck_assert_ptr_null(strstr(str_text(&yaml), "canary"));
    ck_assert_ptr_nonnull(strstr(str_text(&yaml), "admin_token: \"[redacted]\""));
    ck_assert_ptr_null(strstr(text, "canary"));
}
END_TEST

START_TEST(test_unknown_variable_warns)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    ck_assert_int_eq(load(NOTHING,
                          ARGS(URL, "TENANTD_POOL_MX=1", "TENANTD_SERVICE_HOST=10.0.0.1",
                               "TENANTD_PORT=tcp://10.0.0.1:8080",
                               "TENANTD_PORT_8080_TCP_ADDR=10.0.0.1", "TENANTD_DEV="),
                          &c, &report),
                     ERR_NONE);
    ck_assert_str_eq(str_text(&report), "TENANTD_POOL_MX: no setting has this variable; did you "
                                        "mean TENANTD_POOL_MAX?\n");
}
END_TEST

static const struct {
    const char *flag;
    config_action action;
} actions[] = {
    {"--help", CONFIG_SHOW_HELP},
    {"-h", CONFIG_SHOW_HELP},
    {"--version", CONFIG_SHOW_VERSION},
    {"--help-markdown", CONFIG_SHOW_MARKDOWN},
};

START_TEST(test_help_needs_no_configuration)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    ck_assert_int_eq(
        load(ARGS("--pool-max=x", actions[_i].flag, "--check-config"), NOTHING, &c, &report),
        ERR_NONE);
    ck_assert_int_eq(c.action, actions[_i].action);
}
END_TEST

START_TEST(test_check_and_print_are_actions)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(config_clear) struct config d = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;

    ck_assert_int_eq(load(ARGS("--check-config", "--dev", "--data-dir=/x"), NOTHING, &c, &report),
                     ERR_NONE);
    ck_assert_int_eq(c.action, CONFIG_CHECK_ONLY);
    ck_assert(c.dev);
    ck_assert_int_eq(load(ARGS("--print-config"), ARGS(URL), &d, &report), ERR_NONE);
    ck_assert_int_eq(d.action, CONFIG_SHOW_EFFECTIVE);
    ck_assert_int_eq(load(ARGS("--check-config"), NOTHING, &d, &report), ERR_CONFIG_INVALID);
}
END_TEST

START_TEST(test_printed_yaml_reads_back)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(config_clear) struct config again = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT, first = STR_INIT, second = STR_INIT;

    ck_assert_int_eq(load(ARGS("--dev", "--data-dir=/x \"y\"\n#\t\\", "--listen=[::1]:0",
                               "--connection-retry-backoff-multiplier=1.25",
                               "--lint-rules={\"ban-drop-table\": \"off\"}"),
                          NOTHING, &c, &report),
                     ERR_NONE);
    config_write_yaml(&c, &first);
    write_file(path, str_text(&first));
    ck_assert_msg(load(ARGS("--config", path), NOTHING, &again, &report) == ERR_NONE, "%s in\n%s",
                  str_text(&report), str_text(&first));
    ck_assert_str_eq(again.data_dir, c.data_dir);
    ck_assert_str_eq(again.listen.host, "::1");
    size_t n;
    const struct setting *rows = setting_rows(&n);
    for (size_t i = 0; i < n; i++) {
        str_reset(&first);
        str_reset(&second);
        setting_format(&rows[i], &c, &first);
        setting_format(&rows[i], &again, &second);
        ck_assert_str_eq(str_text(&first), str_text(&second));
    }
}
END_TEST

START_TEST(test_json_names_sources)
{
    CLEANUP(config_clear) struct config c = {.action = CONFIG_RUN};
    CLEANUP(str_clear) struct str report = STR_INIT;
    const char *source = NULL;
    int value = 0;
    size_t n;

    ck_assert_int_eq(load(ARGS("--pool-max=4"), ARGS(URL), &c, &report), ERR_NONE);
    json_auto_t *json = config_json(&c);
    ck_assert_int_eq(
        json_unpack(json, "{s{siss!}}", "pool.max", "value", &value, "source", &source), 0);
    ck_assert_int_eq(value, 4);
    ck_assert_str_eq(source, "--pool-max");
    (void)setting_rows(&n);
    ck_assert_uint_eq(json_object_size(json), n);
}
END_TEST

START_TEST(test_help_fits_and_is_complete)
{
    CLEANUP(str_clear) struct str help = STR_INIT, markdown = STR_INIT;
    char flag[SETTING_NAME_SIZE], variable[SETTING_NAME_SIZE];
    size_t n, column = 0;
    const struct setting *rows = setting_rows(&n);

    config_write_help(&help);
    config_write_markdown(&markdown);
    for (const char *c = str_text(&help); *c; c++) {
        column = *c == '\n' ? 0 : column + 1;
        ck_assert_msg(column <= 100, "too long: %.100s", c - 100);
    }
    for (size_t i = 0; i < n; i++) {
        setting_spell(&setting_in_args, rows[i].name, flag);
        setting_spell(&setting_in_env, rows[i].name, variable);
        ck_assert_msg(strstr(str_text(&help), flag) && strstr(str_text(&help), variable), "%s",
                      flag);
        ck_assert_msg(strstr(str_text(&markdown), variable) != NULL, "%s", variable);
    }
}
END_TEST

/* What the code takes for granted about the table. */
START_TEST(test_table_is_sound)
{
    size_t n, group_count;
    const struct setting *rows = setting_rows(&n);
    const struct setting_group *groups = setting_groups(&group_count);
    char variable[SETTING_NAME_SIZE];
    bool by_file;

    for (size_t i = 0; i < n; i++) {
        size_t in = 0;
        for (size_t g = 0; g < group_count; g++)
            in += setting_in_group(&rows[i], &groups[g]);
        ck_assert_msg(in == 1, "%s is in %zu groups", rows[i].name, in);
        ck_assert_msg(strlen(rows[i].name) + sizeof "TENANTD__FILE" <= SETTING_NAME_SIZE, "%s",
                      rows[i].name);
        ck_assert(rows[i].kind != SETTING_COUNT || rows[i].max <= INT32_MAX);
        setting_spell(&setting_in_env, rows[i].name, variable);
        ck_assert_msg(setting_find(&setting_in_env, variable, &by_file) == &rows[i], "%s is taken",
                      variable);
        for (size_t j = 0; j < i; j++)
            ck_assert_msg(rows[i].at != rows[j].at, "%s and %s share a field", rows[i].name,
                          rows[j].name);
    }
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("config");
    TCase *tc = tcase_create("config");

    tcase_add_unchecked_fixture(tc, make_folder, remove_folder);
    tcase_add_test(tc, test_defaults_hold);
    tcase_add_test(tc, test_later_sources_win);
    tcase_add_loop_test(tc, test_bad_file, 0, ARRAY_LEN(bad_files));
    tcase_add_loop_test(tc, test_file_may_say_nothing, 0, 6);
    tcase_add_loop_test(tc, test_rules, 0, 2);
    tcase_add_loop_test(tc, test_bad_argument, 0, ARRAY_LEN(bad_args));
    tcase_add_test(tc, test_all_problems_at_once);
    tcase_add_test(tc, test_secret_by_file);
    tcase_add_test(tc, test_secrets_stay_secret);
    tcase_add_test(tc, test_unknown_variable_warns);
    tcase_add_loop_test(tc, test_help_needs_no_configuration, 0, ARRAY_LEN(actions));
    tcase_add_test(tc, test_check_and_print_are_actions);
    tcase_add_test(tc, test_printed_yaml_reads_back);
    tcase_add_test(tc, test_json_names_sources);
    tcase_add_test(tc, test_help_fits_and_is_complete);
    tcase_add_test(tc, test_table_is_sound);
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed ? EXIT_FAILURE : EXIT_SUCCESS;
}
