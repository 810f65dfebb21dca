/* SPDX-License-Identifier: MIT */
/* Every setting. To add one is to add its field to struct config and a row here. */
#include "service/config_setting.h"

#define AT(field) .at = offsetof(struct config, field)
#define WORDS(...) ((const char *const[]){__VA_ARGS__, NULL})

enum {
    SECOND_MS = 1000,
    HOUR_MS = 3600 * SECOND_MS,
    DAY_MS = 24 * HOUR_MS,
    MIB = 1 << 20,
    NAME_BYTES = 63, /* PostgreSQL's NAMEDATALEN - 1 */
    PATH_BYTES = 4095,
    SECRET_BYTES = 8192,
    RULES_BYTES = 65536,
};

static const struct setting rows[] = {
    {.name = "database_url", .kind = SETTING_SECRET, AT(database_url), .fallback = "",
     .max = SECRET_BYTES,
     .help = "Control database: a postgresql:// URI or keyword=value pairs. Required without dev. "
             "A flag can be seen by other users of the machine: prefer the variable or a file."},
    {.name = "listen", .kind = SETTING_ADDRESS, AT(listen), .fallback = "127.0.0.1:8080",
     .help = "Where the API is served."},
    {.name = "admin_listen", .kind = SETTING_ADDRESS, AT(admin_listen),
     .fallback = "127.0.0.1:9090",
     .help = "Where probes and metrics are served."},
    {.name = "dev", .kind = SETTING_BOOL, AT(dev), .fallback = "false",
     .help = "Start a private PostgreSQL under data_dir and use it; for development only."},
    {.name = "data_dir", .kind = SETTING_TEXT, AT(data_dir), .fallback = "", .max = PATH_BYTES,
     .help = "Folder of the private PostgreSQL of dev; made if it is not there."},
    {.name = "admin_token", .kind = SETTING_SECRET, AT(admin_token), .fallback = "",
     .max = SECRET_BYTES,
     .help = "An API token that holds every scope; made sure to exist at the start."},
    {.name = "log_level", .kind = SETTING_CHOICE, AT(log_level), .fallback = "info",
     .choices = WORDS("debug", "info", "warn", "error"),
     .help = "The least level that is logged."},

    {.name = "http.io_threads", .kind = SETTING_COUNT, AT(http.io_threads), .fallback = "4",
     .min = 1, .max = 16, .unit = "threads",
     .help = "Threads that read requests and write replies."},
    {.name = "http.handlers", .kind = SETTING_COUNT, AT(http.handlers), .fallback = "8", .min = 1,
     .max = 256, .unit = "threads",
     .help = "Threads that answer requests."},
    {.name = "http.queue", .kind = SETTING_COUNT, AT(http.queue), .fallback = "256", .min = 1,
     .max = 65536, .unit = "requests",
     .help = "Requests that may wait for a handler; one more is refused with 503."},
    {.name = "http.receive_timeout_ms", .kind = SETTING_AMOUNT, AT(http.receive_timeout_ms),
     .fallback = "10000", .min = 100, .max = HOUR_MS, .unit = "ms",
     .help = "Time a client has to send one whole request."},
    {.name = "http.idle_timeout_s", .kind = SETTING_AMOUNT, AT(http.idle_timeout_s),
     .fallback = "75", .min = 1, .max = 3600, .unit = "s",
     .help = "How long a kept-alive connection may stand without a request."},
    {.name = "http.drain_timeout_ms", .kind = SETTING_AMOUNT, AT(http.drain_timeout_ms),
     .fallback = "20000", .min = 0, .max = HOUR_MS, .unit = "ms",
     .help = "Time that requests and tasks under way get to finish at shutdown."},
    {.name = "http.cors_origins", .kind = SETTING_TEXT, AT(http.cors_origins),
     .fallback = "", .max = 4096,
     .help = "Origins whose pages may call the API from a browser, as https://a.example, with a "
             "comma between them; none when empty."},
    {.name = "http.max_body_bytes", .kind = SETTING_AMOUNT, AT(http.max_body_bytes),
     .fallback = "262144", .min = 1024, .max = 64 * MIB, .unit = "bytes",
     .help = "The largest request body taken."},
    {.name = "http.max_bundle_bytes", .kind = SETTING_AMOUNT, AT(http.max_bundle_bytes),
     .fallback = "33554432", .min = 1024, .max = 1024 * MIB, .unit = "bytes",
     .help = "The largest bundle of migrations taken."},

    {.name = "control.pool_max", .kind = SETTING_COUNT, AT(control.pool_max), .fallback = "20",
     .min = 1, .max = 1000, .unit = "connections",
     .help = "Connections to the control database, part of server.max_connections: one a handler, one a"
             " worker, and two."},
    {.name = "control.pool_wait_ms", .kind = SETTING_AMOUNT, AT(control.pool_wait_ms),
     .fallback = "5000", .min = 1, .max = HOUR_MS, .unit = "ms",
     .help = "How long a request may wait for one of them."},

    {.name = "server.max_connections", .kind = SETTING_COUNT, AT(server.max_connections),
     .fallback = "40", .min = 2, .max = 10000, .unit = "connections",
     .help = "Connections this replica opens to one PostgreSQL server, for everything together."},

    {.name = "isolation.schema_name_template", .kind = SETTING_TEXT,
     AT(isolation.schema_name_template), .fallback = "tenant_{id}", .min = 4, .max = NAME_BYTES,
     .help = "Name of a tenant's schema; {id} stands for the tenant's id."},
    {.name = "isolation.max_pools", .kind = SETTING_COUNT, AT(isolation.max_pools),
     .fallback = "50", .min = 1, .max = 100000, .unit = "pools",
     .help = "Pools of tenants kept at a time; the one that was unused longest gives way."},
    {.name = "isolation.pool_ttl_ms", .kind = SETTING_AMOUNT, AT(isolation.pool_ttl_ms),
     .fallback = "3600000", .min = 100, .max = 30LL * DAY_MS, .unit = "ms",
     .help = "A pool that was not used for so long is closed."},

    {.name = "pool.max", .kind = SETTING_COUNT, AT(pool.max), .fallback = "10", .min = 1,
     .max = 1000, .unit = "connections",
     .help = "Connections a tenant may use at a time."},
    {.name = "pool.idle_timeout_ms", .kind = SETTING_AMOUNT, AT(pool.idle_timeout_ms),
     .fallback = "30000", .min = 100, .max = DAY_MS, .unit = "ms",
     .help = "A connection that was not used for so long is closed."},
    {.name = "pool.acquire_timeout_ms", .kind = SETTING_AMOUNT, AT(pool.acquire_timeout_ms),
     .fallback = "5000", .min = 1, .max = HOUR_MS, .unit = "ms",
     .help = "How long a request may wait for a connection of its tenant."},

    {.name = "connection.retry.max_attempts", .kind = SETTING_COUNT,
     AT(connection.retry.max_attempts), .fallback = "3", .min = 1, .max = 100, .unit = "attempts",
     .help = "Attempts to open a connection, the first one included."},
    {.name = "connection.retry.initial_delay_ms", .kind = SETTING_AMOUNT,
     AT(connection.retry.initial_delay_ms), .fallback = "100", .min = 0, .max = HOUR_MS,
     .unit = "ms",
     .help = "Pause before the second attempt."},
    {.name = "connection.retry.max_delay_ms", .kind = SETTING_AMOUNT,
     AT(connection.retry.max_delay_ms), .fallback = "5000", .min = 0, .max = HOUR_MS, .unit = "ms",
     .help = "The longest pause between attempts."},
    {.name = "connection.retry.backoff_multiplier", .kind = SETTING_NUMBER,
     AT(connection.retry.backoff_multiplier), .fallback = "2", .min = 1, .max = 10,
     .help = "Each pause is so many times the one before."},
    {.name = "connection.retry.jitter", .kind = SETTING_BOOL, AT(connection.retry.jitter),
     .fallback = "true",
     .help = "Lengthen each pause by up to a quarter, at random."},
    {.name = "connection.connect_timeout_s", .kind = SETTING_COUNT,
     AT(connection.connect_timeout_s), .fallback = "5", .min = 1, .max = 3600, .unit = "s",
     .help = "How long one attempt may take."},

    {.name = "migrations.folder", .kind = SETTING_TEXT, AT(migrations.folder), .fallback = "",
     .max = PATH_BYTES,
     .help = "Folder of the tenants' migrations, read at the start and watched; none when empty."},
    {.name = "migrations.table", .kind = SETTING_TEXT, AT(migrations.table),
     .fallback = "__drizzle_migrations", .min = 1, .max = NAME_BYTES,
     .help = "Table in each tenant's schema that records what is applied."},
    {.name = "migrations.default_format", .kind = SETTING_CHOICE, AT(migrations.default_format),
     .fallback = "name",
     .choices = WORDS("name", "hash", "drizzle-kit", "drizzle-kit-v1"),
     .help = "Format of the table where it is made anew; an existing one keeps its own."},
    {.name = "migrations.watch_interval_ms", .kind = SETTING_AMOUNT,
     AT(migrations.watch_interval_ms), .fallback = "2000", .min = 0, .max = HOUR_MS, .unit = "ms",
     .help = "How often the folder is looked at; 0: only at the start."},
    {.name = "migrations.lock_timeout_ms", .kind = SETTING_AMOUNT, AT(migrations.lock_timeout_ms),
     .fallback = "3000", .min = 1, .max = HOUR_MS, .unit = "ms",
     .help = "How long a migration may wait for a lock, and so hold up others behind it."},
    {.name = "migrations.baseline", .kind = SETTING_BOOL, AT(migrations.baseline),
     .fallback = "true",
     .help = "New tenants begin with what all migrations make together, once that is proven equal to "
             "replaying them one by one; where it is not they are replayed."},
    {.name = "migrations.lock_attempts", .kind = SETTING_COUNT, AT(migrations.lock_attempts),
     .fallback = "20", .min = 1, .max = 10000, .unit = "attempts",
     .help = "How often a tenant is tried whose locks are not to be had, with growing pauses."},
    {.name = "migrations.statement_timeout_ms", .kind = SETTING_AMOUNT,
     AT(migrations.statement_timeout_ms), .fallback = "600000", .min = 0, .max = DAY_MS,
     .unit = "ms",
     .help = "How long a statement of a migration may run; 0: no limit."},
    {.name = "migrations.max_parallel", .kind = SETTING_COUNT, AT(migrations.max_parallel),
     .fallback = "0", .min = 0, .max = 256, .unit = "tenants",
     .help = "Tenants of one server that are migrated at a time; 0: as many as prove best."},
    {.name = "migrations.plan_ttl_s", .kind = SETTING_AMOUNT, AT(migrations.plan_ttl_s),
     .fallback = "86400", .min = 1, .max = 2592000, .unit = "s",
     .help = "How long a plan may wait for its run."},

    {.name = "migrations.allow", .kind = SETTING_TEXT, AT(migrations.allow), .fallback = "",
     .max = PATH_BYTES,
     .help = "Classes of statements that migrations may contain though they are refused otherwise, "
             "with commas between: transaction_control, search_path, role, session_setting, "
             "prepared_statement, temporary_table, extension, schema, foreign_schema, server."},
    {.name = "migrations.schemas", .kind = SETTING_TEXT, AT(migrations.schemas), .fallback = "",
     .max = PATH_BYTES,
     .help = "Schemas that migrations may name besides the shared one, with commas between."},

    {.name = "shared.schema", .kind = SETTING_TEXT, AT(shared.schema), .fallback = "public",
     .min = 1, .max = NAME_BYTES,
     .help = "The schema that all tenants share."},
    {.name = "shared.migrations_folder", .kind = SETTING_TEXT, AT(shared.migrations_folder),
     .fallback = "", .max = PATH_BYTES,
     .help = "Folder of its migrations; none when empty."},
    {.name = "shared.table", .kind = SETTING_TEXT, AT(shared.table),
     .fallback = "__drizzle_shared_migrations", .min = 1, .max = NAME_BYTES,
     .help = "Table in it that records what is applied."},

    {.name = "shared.seeds_folder", .kind = SETTING_TEXT, AT(shared.seeds_folder), .fallback = "",
     .max = PATH_BYTES,
     .help = "Folder of its seeds, NAME.sql each, read and watched as migrations are."},

    {.name = "seeds.folder", .kind = SETTING_TEXT, AT(seeds.folder), .fallback = "",
     .max = PATH_BYTES,
     .help = "Folder of the tenants' seeds, NAME.sql each, read at the start and watched."},

    {.name = "warm.size", .kind = SETTING_COUNT, AT(warm.size), .fallback = "0", .min = 0,
     .max = 1000, .unit = "schemas",
     .help = "Schemas that stand ready, with every migration; a new tenant gets one in milliseconds. "
             "0: none, and those that are left are dropped."},

    {.name = "query.role_mode", .kind = SETTING_CHOICE, AT(query.role_mode),
     .fallback = "per_tenant", .choices = WORDS("per_tenant", "off"),
     .help = "per_tenant: a query runs as a role that reaches its tenant's schema alone, made when it "
             "is first needed; the server's own role needs CREATEROLE for it. off: no queries."},
    {.name = "query.max_parallel", .kind = SETTING_COUNT, AT(query.max_parallel), .fallback = "4",
     .min = 1, .max = 256, .unit = "queries",
     .help = "Requests for queries that run at a time; each holds one of http.handlers. One more is "
             "refused with 503."},

    {.name = "clone.personal_label", .kind = SETTING_TEXT, AT(clone.personal_label),
     .fallback = "@pii", .max = 100,
     .help = "A column whose comment has this in it is personal data: a clone with rows needs a rule "
             "for it; none is when empty."},
    {.name = "clone.timeout_ms", .kind = SETTING_AMOUNT, AT(clone.timeout_ms),
     .fallback = "3600000", .min = 0, .max = DAY_MS, .unit = "ms",
     .help = "How long a clone may take; 0: no limit."},

    {.name = "jobs.workers", .kind = SETTING_COUNT, AT(jobs.workers), .fallback = "8", .min = 1,
     .max = 256, .unit = "threads",
     .help = "Threads that run tasks."},
    {.name = "jobs.poll_interval_ms", .kind = SETTING_AMOUNT, AT(jobs.poll_interval_ms),
     .fallback = "1000", .min = 10, .max = HOUR_MS, .unit = "ms",
     .help = "How often work is looked for when no notification came."},
    {.name = "jobs.lease_ms", .kind = SETTING_AMOUNT, AT(jobs.lease_ms), .fallback = "30000",
     .min = 1000, .max = HOUR_MS, .unit = "ms",
     .help = "A replica that was silent for so long is taken for dead and its tasks are given to "
             "others."},
    {.name = "jobs.retention_days", .kind = SETTING_COUNT, AT(jobs.retention_days),
     .fallback = "30", .min = 1, .max = 3650, .unit = "days",
     .help = "How long finished jobs are kept."},

    {.name = "events.retention_days", .kind = SETTING_COUNT, AT(events.retention_days),
     .fallback = "7", .min = 1, .max = 3650, .unit = "days",
     .help = "How long events are kept for those who come back to a stream."},

    {.name = "events.max_streams", .kind = SETTING_COUNT, AT(events.max_streams),
     .fallback = "1000", .min = 1, .max = 100000, .unit = "streams",
     .help = "Event streams open at once; never more than three quarters of the connections, which "
             "are 125 for each of http.io_threads."},
    {.name = "events.max_streams_per_token", .kind = SETTING_COUNT,
     AT(events.max_streams_per_token), .fallback = "20", .min = 1, .max = 100000,
     .unit = "streams", .help = "Of these, how many one token may have."},

    {.name = "tenants.purge_after_days", .kind = SETTING_COUNT, AT(tenants.purge_after_days),
     .fallback = "30", .min = 0, .max = 3650, .unit = "days",
     .help = "How long the record of a deleted tenant is kept."},

    {.name = "metrics.auth_user", .kind = SETTING_TEXT, AT(metrics.auth_user), .fallback = "",
     .max = 255,
     .help = "User name that /metrics asks for; none when empty."},
    {.name = "metrics.auth_password", .kind = SETTING_SECRET, AT(metrics.auth_password),
     .fallback = "", .max = SECRET_BYTES,
     .help = "Password that /metrics asks for."},

    {.name = "lint.rules", .kind = SETTING_JSON, AT(lint.rules), .fallback = "",
     .max = RULES_BYTES,
     .help = "Levels and options of lint rules other than their defaults, a mapping such as "
             "{ban-drop-table: off, table-naming: [error, {style: camelCase}]}; GET /v1/lint/rules "
             "lists them."},
    {.name = "lint.custom", .kind = SETTING_JSON, AT(lint.custom), .fallback = "",
     .max = RULES_BYTES,
     .help = "Rules of your own for live schemas, a mapping from names to {sql, level, description, "
             "instead}: a query over the schema's model ($1, jsonb, as the json export has it) that "
             "gives rows (object, message). It runs on the control database, and only reads."},
    {.name = "lint.gate", .kind = SETTING_CHOICE, AT(lint.gate), .fallback = "off",
     .choices = WORDS("off", "warn", "error"),
     .help = "Whether migrations are linted when they are registered: warn tells the issues, error "
             "refuses those that have errors."},

    {.name = "debug.exchange_log", .kind = SETTING_TEXT, AT(debug.exchange_log), .fallback = "",
     .max = PATH_BYTES,
     .help = "File that gets every request and reply, bodies included; none when empty."},
};

const struct setting *setting_rows(size_t *n)
{
    *n = ARRAY_LEN(rows);
    return rows;
}
