/* SPDX-License-Identifier: MIT */
/* What the commands share: the connection, the calls, what is printed and the exit status. */
#pragma once

#include <jansson.h>

#include "service/ctl/args.h"
#include "service/ctl/table.h"
#include "service/ctl/transport.h"
#include "service/ctl/url.h"

enum {
    EXIT_DONE = 0,
    EXIT_REFUSED = 1, /* by the API, or the job did not succeed */
    EXIT_USAGE = 2,
    EXIT_UNREACHABLE = 3,
    EXIT_INTERRUPTED = 130, /* as shells say of SIGINT */
};

struct ctl {
    const char *url;
    char *token; /* NULL: none */
    bool json, quiet;
    long timeout_s;
    bool watching;    /* SIGINT is blocked and ends the wait, not the program */
    bool interrupted; /* it came */
    struct transport *transport;
};

extern const struct program_def ctl_program;
extern const struct command_def ctl_schema_commands[], ctl_file_commands[];
extern const size_t ctl_schema_command_count, ctl_file_command_count;

/* A call of the API. Everything is borrowed. */
struct api_request {
    const char *method, *path; /* {} in path stands for the next of the values */
    const char *values[3];
    const struct pairs *query;
    const json_t *json; /* the body; or: */
    const char *body, *content_type;
    size_t body_len;
    const char *if_match; /* the entity tag without quotes */
    long wait_s;          /* how much longer the reply may take because it was asked to */
    long fine;            /* a status that is an answer too, besides 2xx */
    bool hidden;          /* not a body to show with --json */
};

/*
 * Sends it, with an Idempotency-Key when it is a POST, again after lost connections and 503 where
 * that is safe. EXIT_DONE: *out is the reply, the caller clears its body. Otherwise the exit
 * status, and what went wrong has been printed.
 */
int api_send(struct ctl *ctl, const struct api_request *request, struct answer *out) MUST_USE;
/* The same for a JSON reply; *out is the caller's. With --json the body has been printed. */
int api_json(struct ctl *ctl, const struct api_request *request, json_t **out) MUST_USE;
/* Every page of a listing: calls each() with one page at a time. */
int api_pages(struct ctl *ctl, const char *path, const char *value, struct pairs *query,
              const char *items, void (*each)(void *ctx, const json_t *page), void *ctx,
              bool hidden) MUST_USE;
/* Prints a problem document to stderr. */
void problem_print(const struct ctl *ctl, const struct answer *answer);

/* Members of a JSON object; NULL and 0 when they are missing or of another type. */
const char *json_str(const json_t *object, const char *key);
long long json_int(const json_t *object, const char *key);

/* Prints what a command did; nothing with --json and --quiet. Arguments are made safe: the format
 * takes %s only. */
void say(const struct ctl *ctl, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same to stderr, always, after the program's name. */
void complain(const char *fmt, ...) PRINTF_LIKE(1, 2);
/* Writes text to the file, or prints it when path is NULL or "-". */
int output_write(const char *path, const struct str *text) MUST_USE;
/* Prints the table and clears it; without a heading and a row: what is said of nothing. */
void table_print(const struct ctl *ctl, struct table *table, const char *when_empty);
/* "name  value" lines. */
struct detail {
    const char *name, *value; /* NULL shows as "-" */
};
void details_print(const struct ctl *ctl, const struct detail *details, size_t n);

/*
 * Shows the job, which it takes: with wait after following it to its end, otherwise how to do that.
 * The exit status says whether it succeeded.
 */
int job_show(struct ctl *ctl, json_t *job, bool wait) MUST_USE;
/* Prints what a dry run answered. */
typedef void preview_fn(const struct ctl *ctl, const struct args *args, const json_t *preview);
/*
 * Sends the body to the path, whose {} is id (may be NULL): with --dry-run shows what would be, by
 * preview; otherwise shows the job, and waits for it but with --no-wait. The exit status says how it
 * went.
 */
int job_start(struct ctl *ctl, const struct args *args, const char *path, const char *id,
              const json_t *body, preview_fn *preview) MUST_USE;
/* One line of labels as k=v,k=v; appended raw. */
void labels_text(json_t *labels, struct str *out);
/* {"k": "v"} of the --label options; NULL and a complaint when one is not KEY=VALUE. */
json_t *labels_of(const struct args *args) MUST_USE;
/* Adds "strategy" to a run's body when options of `run` ask for it; false and a complaint when one
 * makes no sense. */
bool strategy_add(const struct args *args, json_t *body) MUST_USE;
/* The selector of --all, --id and --label; NULL and a complaint when it names nobody. */
json_t *selector_of(const struct args *args) MUST_USE;
/* Strings of a list, with ", " between them; appended. */
void names_join(const json_t *list, struct str *out);

/* The selector, target and direction of the options as a body; NULL and a complaint. */
json_t *target_body(const struct args *args) MUST_USE;
/* A table of a plan's or a dry run's cohorts. */
void cohorts_print(const struct ctl *ctl, const json_t *plan, bool down);
/* The commands, in the order of the table. */
int tenants_list(struct ctl *ctl, const struct args *args);
int tenants_get(struct ctl *ctl, const struct args *args);
int tenants_create(struct ctl *ctl, const struct args *args);
int tenants_clone(struct ctl *ctl, const struct args *args);
int tenants_suspend(struct ctl *ctl, const struct args *args);
int tenants_resume(struct ctl *ctl, const struct args *args);
int tenants_delete(struct ctl *ctl, const struct args *args);
int tenants_import(struct ctl *ctl, const struct args *args);
int migrations_list(struct ctl *ctl, const struct args *args);
int migrations_push(struct ctl *ctl, const struct args *args);
int run_start(struct ctl *ctl, const struct args *args);
int plan_make(struct ctl *ctl, const struct args *args);
int rollback_plan(struct ctl *ctl, const struct args *args);
int tenant_resolve(struct ctl *ctl, const struct args *args);
int repair_start(struct ctl *ctl, const struct args *args);
int status_show(struct ctl *ctl, const struct args *args);
int events_show(struct ctl *ctl, const struct args *args);
int report_write(struct ctl *ctl, const struct args *args);
int seeds_list(struct ctl *ctl, const struct args *args);
int seeds_push(struct ctl *ctl, const struct args *args);
int seed_apply(struct ctl *ctl, const struct args *args);
int query_sql(struct ctl *ctl, const struct args *args);
int drift_scan(struct ctl *ctl, const struct args *args);
int drift_status(struct ctl *ctl, const struct args *args);
int drift_show(struct ctl *ctl, const struct args *args);
int drift_accept(struct ctl *ctl, const struct args *args);
int drift_unaccept(struct ctl *ctl, const struct args *args);
int warm_pool_get(struct ctl *ctl, const struct args *args);
int warm_pool_drain(struct ctl *ctl, const struct args *args);
int jobs_list(struct ctl *ctl, const struct args *args);
int jobs_get(struct ctl *ctl, const struct args *args);
int jobs_wait(struct ctl *ctl, const struct args *args);
int jobs_cancel(struct ctl *ctl, const struct args *args);
int jobs_retry(struct ctl *ctl, const struct args *args);
int jobs_pause(struct ctl *ctl, const struct args *args);
int jobs_resume(struct ctl *ctl, const struct args *args);
int runs_promote(struct ctl *ctl, const struct args *args);
int runs_skip(struct ctl *ctl, const struct args *args);
int lint_run(struct ctl *ctl, const struct args *args);
int export_schema(struct ctl *ctl, const struct args *args);
int diff_show(struct ctl *ctl, const struct args *args);
int schema_import(struct ctl *ctl, const struct args *args);
int scaffold_schema(struct ctl *ctl, const struct args *args);
int scaffold_seed(struct ctl *ctl, const struct args *args);
int scaffold_migration(struct ctl *ctl, const struct args *args);
int health_show(struct ctl *ctl, const struct args *args);
int token_create(struct ctl *ctl, const struct args *args);
int version_show(struct ctl *ctl, const struct args *args);
