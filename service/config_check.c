/* SPDX-License-Identifier: MIT */
/* Rules that concern several settings, or one setting's meaning rather than its form. */
#include <stdio.h>
#include <string.h>

#include "core/lint/lint.h"
#include "core/migrate/sqlpolicy.h"
#include "core/tenant/tenant.h"
#include "service/config_setting.h"

static void refuse(struct config_loader *loader, const void *field, const char *why)
{
    size_t n;
    const struct setting *rows = setting_rows(&n);
    size_t at = (size_t)((const char *)field - (const char *)loader->config);

    for (size_t i = 0; i < n; i++)
        if (rows[i].at == at)
            config_problem(loader, loader->config->sources[i], "%s %s", rows[i].name, why);
}

static void check_database(struct config_loader *loader)
{
    const struct config *c = loader->config;
    const char *url = c->database_url;

    if (c->dev && !*c->data_dir)
        refuse(loader, &c->data_dir, "is required with dev: the folder to keep PostgreSQL in");
    if (c->dev && *url)
        refuse(loader, &c->database_url,
               "cannot be used with dev, which starts a PostgreSQL of "
               "its own; remove one of the two");
    if (!c->dev && !*url)
        refuse(loader, &c->database_url,
               "is required: a postgresql:// URI in "
               "TENANTD_DATABASE_URL, or dev for a private PostgreSQL");
    if (*url && !str_starts(url, "postgresql://") && !str_starts(url, "postgres://") &&
        !strchr(url, '='))
        refuse(loader, &c->database_url, "is neither a postgresql:// URI nor keyword=value pairs");
}

static bool is_wildcard(const char *host)
{
    return strcmp(host, "0.0.0.0") == 0 || strcmp(host, "::") == 0;
}

static void check_addresses(struct config_loader *loader)
{
    const struct config_address *api = &loader->config->listen;
    const struct config_address *admin = &loader->config->admin_listen;
    bool same_host =
        strcmp(api->host, admin->host) == 0 || is_wildcard(api->host) || is_wildcard(admin->host);

    if (api->port && api->port == admin->port && same_host)
        refuse(loader, admin, "is the address of listen too; give it another port");
}

static void check_template(struct config_loader *loader)
{
    char *const *field = &loader->config->isolation.schema_name_template;
    const char *text = *field;
    const char *id = strstr(text, "{id}");

    if (!id || strstr(id + 1, "{id}"))
        refuse(loader, field, "must contain {id} exactly once, such as tenant_{id}");
    else if (strcspn(text, "{}") != (size_t)(id - text) || id[4 + strcspn(id + 4, "{}")])
        refuse(loader, field, "knows no placeholder but {id}");
    else if (str_starts(text, "pg_"))
        refuse(loader, field, "starts with pg_, which PostgreSQL keeps for itself");
    else if (str_starts(text, TENANT_WARM_PREFIX))
        refuse(loader, field, "starts with " TENANT_WARM_PREFIX ", as schemas do that stand ready");
    for (const char *c = text; *c; c++) {
        if ((unsigned char)*c < 0x20 || *c == 0x7f) {
            refuse(loader, field, "contains a control character");
            return;
        }
    }
}

enum { CONTROL_OTHERS = 3 }; /* control connections beside the workers', at least */

static void check_connections(struct config_loader *loader)
{
    const struct config *c = loader->config;

    if (c->control.pool_max >= c->server.max_connections)
        refuse(loader, &c->control.pool_max,
               "leaves nothing of server.max_connections for the tenants; lower it");
    else if (c->control.pool_max < c->jobs.workers + CONTROL_OTHERS)
        refuse(loader, &c->control.pool_max,
               "is too few: each of jobs.workers holds one while it works, the heartbeat, the leader"
               " and requests need three more");
    else if (c->pool.max > c->server.max_connections)
        refuse(loader, &c->pool.max, "is more than server.max_connections");
    if (c->connection.retry.initial_delay_ms > c->connection.retry.max_delay_ms)
        refuse(loader, &c->connection.retry.initial_delay_ms,
               "is more than connection.retry.max_delay_ms");
}

static void check_metrics(struct config_loader *loader)
{
    const struct config *c = loader->config;

    if (*c->metrics.auth_user && !*c->metrics.auth_password)
        refuse(loader, &c->metrics.auth_user, "needs metrics.auth_password beside it");
    if (!*c->metrics.auth_user && *c->metrics.auth_password)
        refuse(loader, &c->metrics.auth_password, "needs metrics.auth_user beside it");
    if (strchr(c->metrics.auth_user, ':'))
        refuse(loader, &c->metrics.auth_user, "contains ':', which basic authentication forbids");
}

/* An origin (RFC 6454, 7) as a browser sends it: scheme and host, and a port that is not usual. */
static bool is_origin(const char *text, size_t n)
{
    size_t scheme = str_starts(text, "https://") ? 8 : str_starts(text, "http://") ? 7 : 0;

    return scheme && n > scheme && strcspn(text + scheme, "/?#@* \"\\") >= n - scheme;
}

static void check_origins(struct config_loader *loader)
{
    char *const *field = &loader->config->http.cors_origins;

    for (const char *at = *field; *at;) {
        at += strspn(at, " ");
        size_t n = strcspn(at, ",");
        while (n && at[n - 1] == ' ')
            n--;
        if (!is_origin(at, n)) {
            refuse(loader, field, "must be origins such as https://a.example, without a path");
            return;
        }
        at += strcspn(at, ",");
        at += *at == ',';
    }
}

static void check_policy(struct config_loader *loader)
{
    struct sql_policy policy;
    struct err err;

    if (sql_policy_make(loader->config->migrations.allow, "", "", &policy, &err))
        refuse(loader, &loader->config->migrations.allow, err.msg);
    else
        sql_policy_clear(&policy);
}

static void refuse_part(struct config_loader *loader, const void *field, const char *pointer,
                        const char *detail)
{
    char why[500];

    (void)snprintf(why, sizeof why, "%s%s%s", pointer, *pointer ? ": " : "", detail);
    refuse(loader, field, why);
}

static void refuse_rule(void *ctx, const char *pointer, const char *code, const char *detail)
{
    struct config_loader *loader = ctx;
    (void)code;
    refuse_part(loader, &loader->config->lint.rules, pointer, detail);
}

static void refuse_custom(void *ctx, const char *pointer, const char *code, const char *detail)
{
    struct config_loader *loader = ctx;
    (void)code;
    refuse_part(loader, &loader->config->lint.custom, pointer, detail);
}

/* For those who read what was checked before. */
static void refuse_nothing(void *ctx, const char *pointer, const char *code, const char *detail)
{
    (void)ctx, (void)pointer, (void)code, (void)detail;
}

/* Levels may be of rules of one's own, which come first. */
static void read_lint(const struct config *c, struct lint_config *lint, lint_complaint *rule,
                      lint_complaint *custom, void *ctx)
{
    if (!lint)
        return;
    lint_config_custom(lint, c->lint.custom, custom, ctx);
    lint_config_read(lint, c->lint.rules, rule, ctx);
}

struct lint_config *config_lint(const struct config *config)
{
    struct lint_config *lint = lint_config_new(NULL);

    read_lint(config, lint, refuse_nothing, refuse_nothing, NULL);
    return lint;
}

static void check_lint(struct config_loader *loader)
{
    CLEANUP(lint_config_freep) struct lint_config *lint = lint_config_new(NULL);

    read_lint(loader->config, lint, refuse_rule, refuse_custom, loader);
}

void config_check(struct config_loader *loader)
{
    check_database(loader);
    check_addresses(loader);
    check_template(loader);
    check_connections(loader);
    check_metrics(loader);
    check_origins(loader);
    check_policy(loader);
    check_lint(loader);
    if (loader->config->jobs.lease_ms < 2 * loader->config->jobs.poll_interval_ms)
        refuse(loader, &loader->config->jobs.lease_ms,
               "must be at least twice "
               "jobs.poll_interval_ms");
}
