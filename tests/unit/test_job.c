/* SPDX-License-Identifier: MIT */
#include <check.h>
#include <stdlib.h>

#include "core/base/str.h"
#include "core/job/finish.h"

static const struct decide_case {
    const char *what;
    struct job_view view;
    struct job_decision want;
} decide_cases[] = {
    {"no task at all", {.wave_count = 1}, {.state = JOB_SUCCEEDED}},
    {"nothing but targets with nothing to do",
     {.noop = 5, .wave_count = 1},
     {.state = JOB_SUCCEEDED}},
    {"nothing has begun",
     {.all = {.queued = 3}, .open_live = 3, .wave_count = 1},
     {.state = JOB_QUEUED}},
    {"begun",
     {.all = {.queued = 2, .running = 1}, .open_live = 3, .wave_count = 1},
     {.state = JOB_RUNNING}},
    {"running does not go back to queued",
     {.state = JOB_RUNNING, .all = {.queued = 3}, .open_live = 3, .wave_count = 1},
     {.state = JOB_RUNNING}},
    {"all succeeded", {.state = JOB_RUNNING, .all = {.succeeded = 3}}, {.state = JOB_SUCCEEDED}},
    {"all skipped", {.state = JOB_RUNNING, .all = {.skipped = 3}}, {.state = JOB_SUCCEEDED}},
    {"some failed",
     {.state = JOB_RUNNING, .all = {.succeeded = 2, .failed = 1}},
     {.state = JOB_PARTIAL}},
    {"some skipped, some failed",
     {.state = JOB_RUNNING, .all = {.skipped = 2, .failed = 1}},
     {.state = JOB_PARTIAL}},
    {"all failed", {.state = JOB_RUNNING, .all = {.failed = 1}}, {.state = JOB_FAILED}},
    {"all failed beside targets with nothing to do",
     {.state = JOB_RUNNING, .all = {.failed = 1}, .noop = 9},
     {.state = JOB_FAILED}},
    {"a kind cancelled all its tasks itself",
     {.state = JOB_RUNNING, .all = {.cancelled = 2}},
     {.state = JOB_CANCELLED}},
    {"a failure does not stop the others",
     {.state = JOB_RUNNING, .all = {.queued = 1, .failed = 1}, .open_live = 1, .wave_count = 1},
     {.state = JOB_RUNNING}},
    {"the first failure stops",
     {.state = JOB_RUNNING,
      .all = {.queued = 5, .running = 1, .failed = 1},
      .open_live = 6,
      .wave_count = 1,
      .stop_on_failure = true},
     {.state = JOB_RUNNING, .cancel_queued = true}},
    {"stopped, some succeeded",
     {.state = JOB_RUNNING,
      .all = {.succeeded = 1, .failed = 1, .cancelled = 5},
      .stop_on_failure = true},
     {.state = JOB_PARTIAL}},
    {"stopped at once",
     {.state = JOB_RUNNING, .all = {.failed = 1, .cancelled = 5}, .stop_on_failure = true},
     {.state = JOB_FAILED}},
    {"the wave is not over",
     {.state = JOB_RUNNING, .all = {.queued = 9, .running = 1}, .open_live = 1, .wave_count = 2},
     {.state = JOB_RUNNING}},
    {"the next wave opens",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 1}, .wave_count = 2},
     {.state = JOB_RUNNING, .open_wave = 1}},
    {"a failure in a wave that need not be whole",
     {.state = JOB_RUNNING, .all = {.queued = 9, .failed = 1}, .wave_count = 2},
     {.state = JOB_RUNNING, .open_wave = 1}},
    {"a strict wave goes on to its end",
     {.state = JOB_RUNNING,
      .all = {.queued = 9, .running = 1, .failed = 1},
      .open_live = 1,
      .strict_failed = 1,
      .wave_count = 2,
      .strict_waves = 1},
     {.state = JOB_RUNNING}},
    {"a strict wave failed: no other opens",
     {.state = JOB_RUNNING,
      .all = {.queued = 9, .succeeded = 1, .failed = 1},
      .strict_failed = 1,
      .wave_count = 2,
      .strict_waves = 1},
     {.state = JOB_RUNNING, .cancel_queued = true}},
    {"a strict wave failed: the job has failed",
     {.state = JOB_RUNNING,
      .all = {.succeeded = 1, .failed = 1, .cancelled = 9},
      .strict_failed = 1,
      .wave_count = 2,
      .strict_waves = 1},
     {.state = JOB_FAILED}},
    {"cancel: the queued go",
     {.state = JOB_RUNNING,
      .all = {.queued = 2, .running = 1},
      .open_live = 3,
      .wave_count = 1,
      .cancel_requested = true},
     {.state = JOB_CANCELLING, .cancel_queued = true}},
    {"cancel: the running are waited for",
     {.state = JOB_CANCELLING,
      .all = {.running = 1, .cancelled = 2},
      .open_live = 1,
      .wave_count = 1,
      .cancel_requested = true},
     {.state = JOB_CANCELLING}},
    {"cancelled",
     {.state = JOB_CANCELLING, .all = {.succeeded = 1, .cancelled = 2}, .cancel_requested = true},
     {.state = JOB_CANCELLED}},
    {"the cancel came too late",
     {.state = JOB_CANCELLING, .all = {.succeeded = 3}, .cancel_requested = true},
     {.state = JOB_SUCCEEDED}},
    {"cancel: no wave opens",
     {.state = JOB_CANCELLING, .all = {.queued = 2}, .wave_count = 2, .cancel_requested = true},
     {.state = JOB_CANCELLING, .cancel_queued = true}},
    {"paused: nothing opens",
     {.state = JOB_PAUSED, .all = {.queued = 9, .succeeded = 1}, .wave_count = 2},
     {.state = JOB_PAUSED}},
    {"paused, and nothing is left to start",
     {.state = JOB_PAUSED, .all = {.succeeded = 3}, .wave_count = 1},
     {.state = JOB_SUCCEEDED}},
    {"paused and cancelled",
     {.state = JOB_PAUSED, .all = {.queued = 2}, .open_live = 2, .wave_count = 1,
      .cancel_requested = true},
     {.state = JOB_CANCELLING, .cancel_queued = true, .reason = END_CANCELLED}},
    {"the budget is spent: paused",
     {.state = JOB_RUNNING, .all = {.queued = 9, .running = 1, .failed = 3}, .open_live = 10,
      .wave_count = 1, .rollout = {.limit = {.by_count = true, .max_failures = 2}}},
     {.state = JOB_PAUSED, .missing_failures = 1}},
    {"within the budget",
     {.state = JOB_RUNNING, .all = {.queued = 9, .running = 1, .failed = 2}, .open_live = 10,
      .wave_count = 1, .rollout = {.limit = {.by_count = true, .max_failures = 2}}},
     {.state = JOB_RUNNING}},
    {"the budget was raised",
     {.state = JOB_RUNNING, .all = {.queued = 9, .failed = 3}, .open_live = 9, .wave_count = 1,
      .rollout = {.limit = {.by_count = true, .max_failures = 2}, .extra_failures = 1}},
     {.state = JOB_RUNNING}},
    {"a ratio says nothing among few",
     {.state = JOB_RUNNING, .all = {.queued = 90, .succeeded = 9, .failed = 10}, .open_live = 90,
      .wave_count = 1, .rollout = {.limit = {.by_ratio = true, .max_ratio = 0.1}}},
     {.state = JOB_RUNNING}},
    {"a ratio is exceeded",
     {.state = JOB_RUNNING, .all = {.queued = 90, .succeeded = 17, .failed = 3}, .open_live = 90,
      .wave_count = 1, .rollout = {.limit = {.by_ratio = true, .max_ratio = 0.1}}},
     {.state = JOB_PAUSED, .missing_failures = 1}},
    {"the budget is spent and nothing is left",
     {.state = JOB_RUNNING, .all = {.succeeded = 1, .failed = 3}, .wave_count = 1,
      .rollout = {.limit = {.by_count = true}}},
     {.state = JOB_PARTIAL}},
    {"the budget is spent: cancelled",
     {.state = JOB_RUNNING, .all = {.queued = 9, .running = 1, .failed = 1}, .open_live = 10,
      .wave_count = 1,
      .rollout = {.limit = {.by_count = true}, .on_budget = ON_BUDGET_CANCEL}},
     {.state = JOB_RUNNING, .cancel_queued = true, .reason = END_BUDGET, .missing_failures = 1}},
    {"the budget is spent and does not matter",
     {.state = JOB_RUNNING, .all = {.queued = 9, .failed = 1}, .open_live = 9, .wave_count = 1,
      .rollout = {.limit = {.by_count = true}, .on_budget = ON_BUDGET_CONTINUE}},
     {.state = JOB_RUNNING, .missing_failures = 1}},
    {"cancelled by its budget without a success",
     {.state = JOB_RUNNING, .all = {.cancelled = 9}, .wave_count = 1, .reason = END_BUDGET},
     {.state = JOB_FAILED, .reason = END_BUDGET}},
    {"the deadline: the queued go",
     {.state = JOB_RUNNING, .all = {.queued = 9, .running = 1}, .open_live = 10, .wave_count = 1,
      .past_deadline = true},
     {.state = JOB_RUNNING, .cancel_queued = true, .reason = END_DEADLINE}},
    {"the deadline of one that ends anyway",
     {.state = JOB_RUNNING, .all = {.running = 1}, .open_live = 1, .wave_count = 1,
      .past_deadline = true},
     {.state = JOB_RUNNING}},
    {"a wave bears less than the run",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 4, .failed = 1}, .wave_count = 2,
      .wave = {.done = 5, .failed = 1},
      .rollout = {.waves = (const struct wave[]){{.tasks = 5, .limit = {.by_count = true}},
                                                 {.tasks = 9}}}},
     {.state = JOB_PAUSED, .missing_failures = 1}},
    {"a wave's ratio counts at its end, however small it is",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 4, .failed = 1}, .wave_count = 2,
      .wave = {.done = 5, .failed = 1},
      .rollout = {.waves = (const struct wave[]){
                      {.tasks = 5, .limit = {.by_ratio = true, .max_ratio = 0.1}}, {.tasks = 9}}}},
     {.state = JOB_PAUSED, .missing_failures = 1}},
    {"the wave bakes",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 5}, .wave_count = 2,
      .rollout = {.rested_ms = 999, .waves = (const struct wave[]){{.tasks = 5, .bake_ms = 1000},
                                                                   {.tasks = 9}}}},
     {.state = JOB_RUNNING, .wait = WAVE_BAKES}},
    {"the wave has baked",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 5}, .wave_count = 2,
      .rollout = {.rested_ms = 1000, .waves = (const struct wave[]){{.tasks = 5, .bake_ms = 1000},
                                                                    {.tasks = 9}}}},
     {.state = JOB_RUNNING, .open_wave = 1}},
    {"an empty wave does not bake",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 5}, .wave_count = 3, .open_wave = 1,
      .rollout = {.waves = (const struct wave[]){{.tasks = 5}, {.bake_ms = 1000}, {.tasks = 9}}}},
     {.state = JOB_RUNNING, .open_wave = 2}},
    {"the gate is shut",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 5}, .wave_count = 2,
      .rollout = {.waves = (const struct wave[]){{.tasks = 5}, {.tasks = 9, .gated = true}}}},
     {.state = JOB_RUNNING, .wait = WAVE_GATED}},
    {"promoted: neither gate nor bake time",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 5}, .wave_count = 2,
      .rollout = {.promoted_wave = 1, .waves = (const struct wave[]){
                                          {.tasks = 5, .bake_ms = 1000},
                                          {.tasks = 9, .gated = true}}}},
     {.state = JOB_RUNNING, .open_wave = 1}},
    {"a gate before nobody",
     {.state = JOB_RUNNING, .all = {.queued = 9, .succeeded = 5}, .wave_count = 3,
      .rollout = {.waves = (const struct wave[]){{.tasks = 5}, {.gated = true}, {.tasks = 9}}}},
     {.state = JOB_RUNNING, .open_wave = 1}},
    {"what has ended stays",
     {.state = JOB_FAILED, .all = {.queued = 2, .succeeded = 9}, .open_live = 2},
     {.state = JOB_FAILED}},
};

START_TEST(decisions)
{
    const struct decide_case *c = &decide_cases[_i];
    struct job_decision got = job_decide(&c->view), again;

    ck_assert_msg(got.state == c->want.state, "%s: %s", c->what, job_state_name(got.state));
    ck_assert_msg(got.open_wave == c->want.open_wave, "%s: wave %d", c->what, got.open_wave);
    ck_assert_msg(got.cancel_queued == c->want.cancel_queued, "%s", c->what);
    ck_assert_msg(got.wait == c->want.wait, "%s: waits", c->what);
    ck_assert_msg(got.missing_failures == c->want.missing_failures, "%s: missing", c->what);
    if (c->want.reason != END_NONE || !c->want.cancel_queued)
        ck_assert_msg(got.reason == c->want.reason, "%s: reason", c->what);
    again = job_decide(&c->view);
    ck_assert(again.state == got.state && again.open_wave == got.open_wave);
}
END_TEST

START_TEST(states_have_names)
{
    job_state job = JOB_QUEUED;
    task_state task = TASK_QUEUED;

    for (job_state s = JOB_QUEUED; s <= JOB_CANCELLED; s++) {
        ck_assert(job_state_parse(job_state_name(s), &job));
        ck_assert_int_eq(job, s);
        ck_assert_int_eq(job_state_is_terminal(s),
                         s >= JOB_SUCCEEDED);
    }
    for (task_state s = TASK_QUEUED; s <= TASK_CANCELLED; s++) {
        ck_assert(task_state_parse(task_state_name(s), &task));
        ck_assert_int_eq(task, s);
    }
    ck_assert(!job_state_parse("done", &job));
    ck_assert(!job_state_parse(NULL, &job));
    ck_assert(!task_state_parse("", &task));
}
END_TEST

static const struct job_kind kind = {.name = "t", .chunk = 4, .max_attempts = 3, .max_snoozes = 2};

static const struct finish_case {
    task_verdict verdict;
    int attempt, snoozes;
    int64_t wanted_ms;
    double random;
    task_state state;
    int64_t delay_ms;
    bool refund, snoozed;
    task_verdict after;
} finish_cases[] = {
    {VERDICT_SUCCEEDED, 1, 0, 0, 0, TASK_SUCCEEDED, 0, false, false, VERDICT_SUCCEEDED},
    {VERDICT_SKIPPED, 1, 0, 0, 0, TASK_SKIPPED, 0, false, false, VERDICT_SKIPPED},
    {VERDICT_FAILED, 1, 0, 0, 0, TASK_FAILED, 0, false, false, VERDICT_FAILED},
    {VERDICT_CANCELLED, 1, 0, 0, 0, TASK_CANCELLED, 0, false, false, VERDICT_CANCELLED},
    {VERDICT_RETRY, 1, 0, 0, 0, TASK_QUEUED, 1000, false, false, VERDICT_RETRY},
    {VERDICT_RETRY, 2, 0, 0, 0.5, TASK_QUEUED, 3000, false, false, VERDICT_RETRY},
    {VERDICT_RETRY, 2, 0, 70, 0.5, TASK_QUEUED, 70, false, false, VERDICT_RETRY},
    {VERDICT_RETRY, 3, 0, 70, 0.5, TASK_FAILED, 0, false, false, VERDICT_FAILED},
    {VERDICT_SNOOZE, 1, 0, 0, 0, TASK_QUEUED, 500, true, true, VERDICT_SNOOZE},
    {VERDICT_SNOOZE, 9, 1, 40, 0, TASK_QUEUED, 40, true, true, VERDICT_SNOOZE},
    {VERDICT_SNOOZE, 1, 2, 40, 0, TASK_FAILED, 0, false, true, VERDICT_FAILED},
};

START_TEST(verdicts)
{
    const struct finish_case *c = &finish_cases[_i];
    struct task task = {.attempt = c->attempt, .snoozes = c->snoozes};
    struct finished item = {.task = &task,
                            .result = {.verdict = c->verdict, .retry_after_ms = c->wanted_ms}};

    finish_decide(&kind, &item, c->random);
    ck_assert_int_eq(item.state, c->state);
    ck_assert_int_eq(item.delay_ms, c->delay_ms);
    ck_assert_int_eq(item.refund, c->refund);
    ck_assert_int_eq(item.snoozed, c->snoozed);
    ck_assert_int_eq(item.result.verdict, c->after);
    finished_clear(&item);
}
END_TEST

static const struct snooze_case {
    snooze_reason reason;
    int snoozes, lock_waits;
    double random;
    task_state state;
    int64_t delay_ms;
    bool snoozed, lock_wait;
} snooze_cases[] = {
    {SNOOZE_LOCK, 0, 0, 0, TASK_QUEUED, 250, true, true},
    {SNOOZE_LOCK, 99, 1, 0, TASK_QUEUED, 500, true, true}, /* the kind's own limit is another */
    {SNOOZE_LOCK, 2, 2, 0.5, TASK_QUEUED, 1500, true, true},
    {SNOOZE_LOCK, 3, 3, 0, TASK_QUEUED, 2000, true, true},
    {SNOOZE_LOCK, 4, 4, 0, TASK_FAILED, 0, true, true}, /* the fifth of five attempts */
    {SNOOZE_LANE, 999, 999, 0, TASK_QUEUED, 500, false, false},
    {SNOOZE_LANE, 0, 0, 0.5, TASK_QUEUED, 2250, false, false},
    {SNOOZE_SERVER, 999, 999, 0, TASK_QUEUED, 500, true, false},
};

START_TEST(snoozes)
{
    const struct snooze_case *c = &snooze_cases[_i];
    struct task task = {.attempt = 1, .snoozes = c->snoozes, .lock_waits = c->lock_waits};
    struct finished item = {.task = &task,
                            .result = {.verdict = VERDICT_SNOOZE,
                                       .snooze = c->reason,
                                       .lock_attempts = 5}};

    finish_decide(&kind, &item, c->random);
    ck_assert_int_eq(item.state, c->state);
    ck_assert_int_eq(item.delay_ms, c->delay_ms);
    ck_assert_int_eq(item.refund, c->state == TASK_QUEUED);
    ck_assert(item.snoozed == c->snoozed && item.lock_wait == c->lock_wait);
    if (c->state == TASK_FAILED)
        ck_assert_str_eq(json_string_value(json_object_get(item.result.outcome, "code")),
                         "LOCK_UNAVAILABLE");
    finished_clear(&item);
}
END_TEST

START_TEST(a_delay_is_bounded)
{
    const struct job_kind patient = {.max_attempts = 1000};
    struct task task = {.attempt = 900};
    struct finished item = {.task = &task, .result = {.verdict = VERDICT_RETRY}};

    finish_decide(&patient, &item, 0.999999);
    ck_assert_int_le(item.delay_ms, 600000);
    ck_assert_int_ge(item.delay_ms, 599000);
}
END_TEST

START_TEST(who_snoozed_too_often_waited_for_a_lock_unless_told)
{
    struct task task = {.attempt = 1, .snoozes = 2};
    struct finished item = {.task = &task, .result = {.verdict = VERDICT_SNOOZE}};

    item.result.outcome = json_pack("{s:s}", "detail", "busy");
    finish_decide(&kind, &item, 0);
    ck_assert_str_eq(json_string_value(json_object_get(item.result.outcome, "code")),
                     "LOCK_UNAVAILABLE");
    ck_assert_str_eq(json_string_value(json_object_get(item.result.outcome, "detail")), "busy");
    finished_clear(&item);
    item.result = (struct task_result){.verdict = VERDICT_SNOOZE,
                                       .outcome = json_pack("{s:s}", "code", "SERVER_AWAY")};
    finish_decide(&kind, &item, 0);
    ck_assert_str_eq(json_string_value(json_object_get(item.result.outcome, "code")),
                     "SERVER_AWAY");
    finished_clear(&item);
}
END_TEST

int main(void)
{
    TCase *tc = tcase_create("job");
    tcase_add_loop_test(tc, decisions, 0, ARRAY_LEN(decide_cases));
    tcase_add_test(tc, states_have_names);
    tcase_add_loop_test(tc, verdicts, 0, ARRAY_LEN(finish_cases));
    tcase_add_loop_test(tc, snoozes, 0, (int)ARRAY_LEN(snooze_cases));
    tcase_add_test(tc, a_delay_is_bounded);
    tcase_add_test(tc, who_snoozed_too_often_waited_for_a_lock_unless_told);
    Suite *suite = suite_create("job");
    suite_add_tcase(suite, tc);
    SRunner *runner = srunner_create(suite);
    srunner_run_all(runner, CK_NORMAL);
    int failed = srunner_ntests_failed(runner);
    srunner_free(runner);
    return failed != 0;
}
