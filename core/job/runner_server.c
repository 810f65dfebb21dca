/* SPDX-License-Identifier: MIT */
/* A server with trouble that concerns every task on it is paused, and goes on when a probe ended. */
#include "core/base/str.h"
#include "core/job/finish.h"
#include "core/job/runner_internal.h"
#include "core/tenant/server_store.h"

static void copy_member(json_t *to, const char *key, const json_t *from)
{
    json_t *value = json_object_get(from, key);
    (void)json_object_set(to, key, value ? value : json_null());
}

/* Before its task is put back: who claims it next would meet the same. */
static void pause_server(struct slot *slot, const struct chunk *chunk, const json_t *outcome)
{
    struct err err = {.code = ERR_NONE};
    json_auto_t *why = json_object();
    const char *message = json_string_value(json_object_get(outcome, "message"));

    copy_member(why, "code", outcome);
    copy_member(why, "sqlstate", outcome);
    copy_member(why, "message", outcome);
    if (runner_connect(slot->runner, &slot->control, TROUBLE_SERVER) &&
        server_pause(slot->control, chunk->server, why, chunk->probing, &err))
        runner_trouble(slot->runner, TROUBLE_SERVER, &err);
    (void)err_set(&err, ERR_DATABASE_UNAVAILABLE, "server %s is paused: %.300s", chunk->server,
                  message ? message : "");
    runner_trouble(slot->runner, TROUBLE_SERVER, &err);
}

/* Whether the task came to an end that says that work is possible. */
static bool has_worked(const struct finished *item)
{
    return !item->given_back && (item->state == TASK_SUCCEEDED || item->state == TASK_SKIPPED ||
                                 item->state == TASK_FAILED);
}

bool chunk_mind_server(struct slot *slot, const struct chunk *chunk, const struct finished *item)
{
    struct err err = {.code = ERR_NONE};
    const struct task_result *r = &item->result;

    if (r->verdict == VERDICT_SNOOZE && r->snooze == SNOOZE_SERVER) {
        pause_server(slot, chunk, r->outcome);
        return true;
    }
    if (chunk->probing && has_worked(item) &&
        runner_connect(slot->runner, &slot->control, TROUBLE_SERVER) &&
        server_resume(slot->control, chunk->server, &err))
        runner_trouble(slot->runner, TROUBLE_SERVER, &err);
    return false;
}
