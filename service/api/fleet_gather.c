/* SPDX-License-Identifier: MIT */
/* Rows of many tenants become one text; what went wrong with whom stands beside it. */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/base/json.h"
#include "core/query/value.h"
#include "service/api/fleet.h"

enum {
    SHOWN_MAX = 1000,       /* of errors, and of unreachable tenants */
    PENDING_HIGH = 1 << 20, /* bytes that a client may be behind before it is waited for */
    SLOW_CLIENT_MS = 30000,
    ROOM_PAUSE_MS = 5,
};

void fleet_job_free(struct fleet_job *job)
{
    if (!job)
        return;
    json_decref(job->body);
    json_decref(job->errors);
    json_decref(job->unreachable);
    query_params_clear(&job->params);
    pg_shape_clear(&job->shape);
    pg_rows_free(job->rows);
    free(job->members);
    stream_release(job->stream);
    str_clear(&job->out);
    free(job);
}

static void add_json(struct str *out, const char *tenant_id, const struct pg_shape *shape,
                     const struct pg_row *row)
{
    str_add(out, ",[");
    str_add_json(out, tenant_id);
    for (size_t i = 0; i < row->count; i++) {
        str_add_char(out, ',');
        query_add_json_value(out, shape->columns[i].oid, row->values[i], row->lengths[i]);
    }
    str_add_char(out, ']');
}

/* For an aggregate: everything as text, which PostgreSQL then reads. */
static void add_text(struct str *out, const char *tenant_id, const struct pg_shape *shape,
                     const struct pg_row *row)
{
    (void)shape;
    str_add(out, ",[");
    str_add_json(out, tenant_id);
    for (size_t i = 0; i < row->count; i++) {
        str_add_char(out, ',');
        str_add_json(out, row->values[i]);
    }
    str_add_char(out, ']');
}

static void add_ndjson(struct str *out, const char *tenant_id, const struct pg_shape *shape,
                       const struct pg_row *row)
{
    str_add(out, "{\"tenant_id\":");
    str_add_json(out, tenant_id);
    str_add(out, ",\"row\":");
    query_add_json(out, shape, row);
    str_add(out, "}\n");
}

static void add_csv(struct str *out, const char *tenant_id, const struct pg_shape *shape,
                    const struct pg_row *row)
{
    (void)shape;
    query_add_csv(out, tenant_id, strlen(tenant_id));
    for (size_t i = 0; i < row->count; i++) {
        str_add_char(out, ',');
        query_add_csv(out, row->values[i], row->lengths[i]);
    }
    str_add(out, "\r\n");
}

void fleet_write_columns(const struct fleet_job *job, struct str *out)
{
    str_add(out, "[{\"name\":\"tenant_id\",\"type\":\"text\"}");
    for (size_t i = 0; i < job->shape.count; i++) {
        str_add(out, ",{\"name\":");
        str_add_json(out, job->shape.columns[i].name);
        str_add(out, ",\"type\":");
        str_add_json(out, job->shape.columns[i].type);
        str_add_char(out, '}');
    }
    str_add_char(out, ']');
}

static void write_head(const struct fleet_job *job, struct str *out)
{
    if (job->output == FLEET_NDJSON) {
        str_add(out, "{\"columns\":");
        fleet_write_columns(job, out);
        str_add(out, "}\n");
        return;
    }
    str_add(out, "tenant_id");
    for (size_t i = 0; i < job->shape.count; i++) {
        str_add_char(out, ',');
        query_add_csv(out, job->shape.columns[i].name, strlen(job->shape.columns[i].name));
    }
    str_add(out, "\r\n");
}

/* Waits until the client has read most of what it was sent; false: it has gone, or reads nothing.
 */
static bool await_room(struct stream *stream)
{
    const struct timespec pause = {.tv_nsec = ROOM_PAUSE_MS * 1000000L};
    int64_t until = clock_mono_ms() + SLOW_CLIENT_MS;

    while (stream_probe(stream) == STREAM_OPEN && stream_pending(stream) > PENDING_HIGH) {
        if (clock_mono_ms() > until) {
            stream_cut(stream);
            break;
        }
        (void)nanosleep(&pause, NULL);
    }
    return stream_look(stream) == STREAM_OPEN;
}

static bool send_text(struct fleet_job *job, const struct str *text)
{
    job->lost = !str_ok(text) || !stream_write(job->stream, str_text(text), text->len) ||
                !await_room(job->stream);
    return !job->lost;
}

/* The first rows tell what the columns are. */
static bool take_shape(struct fleet_job *job, const struct pg_shape *shape)
{
    CLEANUP(str_clear) struct str head = STR_INIT;

    if (job->has_shape)
        return true;
    job->has_shape = pg_shape_copy(shape, &job->shape);
    if (!job->has_shape || !job->stream)
        return job->has_shape;
    write_head(job, &head);
    return send_text(job, &head);
}

static void note_problem(struct fleet_job *job, const struct fleet_result *result)
{
    json_t *list = result->unreachable ? job->unreachable : job->errors;

    *(result->unreachable ? &job->unreachable_count : &job->error_count) += 1;
    if (json_array_size(list) >= SHOWN_MAX)
        return;
    const char *sqlstate = result->err->sqlstate;
    (void)json_array_append_new(list, json_pack("{s:s, s:s, s:o, s:s*}", "tenant_id",
                                                result->member->id, "code", err_name(result->code),
                                                "detail", json_text(result->err->msg), "sqlstate",
                                                *sqlstate ? sqlstate : NULL));
}

static bool add_rows(struct fleet_job *job, const struct fleet_result *result)
{
    bool fits = job->row_count + result->row_count <= job->max_total_rows &&
                job->bytes + (int64_t)result->rows->len <= job->form.max_bytes;

    job->truncated |= !fits || result->truncated;
    if (!fits)
        return false;
    job->row_count += result->row_count;
    job->bytes += (int64_t)result->rows->len;
    job->succeeded++;
    if (job->stream)
        return !result->rows->len || send_text(job, result->rows);
    str_add_n(&job->out, str_text(result->rows), result->rows->len);
    return str_ok(&job->out);
}

static bool take_result(void *arg, const struct fleet_result *result)
{
    struct fleet_job *job = arg;

    if (result->code == ERR_CANCELLED)
        return false;
    if (result->code) {
        note_problem(job, result);
        return true;
    }
    return take_shape(job, result->shape) && add_rows(job, result);
}

/* The client is gone, or the replica is about to be. */
static bool is_stopped(void *arg)
{
    const struct fleet_job *job = arg;

    return atomic_load(&job->app->draining) ||
           (job->stream && stream_probe(job->stream) != STREAM_OPEN);
}

err_code fleet_gather(struct fleet_job *job, int64_t until, struct err *err)
{
    const struct fleet fleet = {
        .env = &job->env,
        .sql = job->form.sql,
        .params = &job->params,
        .members = job->members,
        .count = job->count,
        .parallel = (int)job->parallel,
        .timeout_ms = job->form.timeout_ms,
        .until = until,
        .max_rows =
            job->form.max_rows < job->max_total_rows ? job->form.max_rows : job->max_total_rows,
        .max_bytes = (size_t)job->form.max_bytes < QUERY_BYTES_DEFAULT ? (size_t)job->form.max_bytes
                                                                       : QUERY_BYTES_DEFAULT,
        .arg = job,
        .add = job->aggregates               ? add_text
               : job->output == FLEET_NDJSON ? add_ndjson
               : job->output == FLEET_CSV    ? add_csv
                                             : add_json,
        .done = take_result,
        .stopped = is_stopped};

    return fleet_run(&fleet, err);
}

static void write_list(struct str *out, const char *name, const json_t *list)
{
    CLEANUP(freep) char *text = json_dumps(list, JSON_COMPACT);
    str_addf(out, ",\"%s\":", name);
    str_add(out, text ? text : "[]");
}

void fleet_write_summary(struct fleet_job *job, struct str *out)
{
    str_addf(out,
             "\"row_count\":%lld,\"tenants\":%zu,\"succeeded\":%lld,\"truncated\":%s,"
             "\"error_count\":%lld,\"unreachable_count\":%lld,\"duration_ms\":%lld",
             (long long)job->row_count, job->count, (long long)job->succeeded,
             job->truncated ? "true" : "false", (long long)job->error_count,
             (long long)job->unreachable_count, (long long)(clock_mono_ms() - job->started_ms));
    write_list(out, "errors", job->errors);
    write_list(out, "unreachable", job->unreachable);
}

err_code fleet_tell(struct fleet_job *job, struct pg *pg, struct err *err)
{
    const struct query_told told = {.sql = job->form.sql,
                                    .rows = job->row_count,
                                    .duration_ms = clock_mono_ms() - job->started_ms,
                                    .tenants = (int64_t)job->count};

    return query_tell(job->app, &job->who, job->request_id, pg, &told, err);
}
