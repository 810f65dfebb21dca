/* SPDX-License-Identifier: MIT */
/* Staged runs: canaries, waves, gates, budgets, windows, deadlines, and what is said to them live.
 */
#include <stdlib.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"
#include "tests/support/pg_fixture.h"
#include "tests/support/step.h"

#define T "/v1/catalogs/tenant/migrations/"
#define RUNS "/v1/migration-runs"
#define SQL .type = "application/sql"

/* Twenty tenants; those with a row in public.broken fail at what follows. */
static const struct step fleet[] = {
    STEP("first", PUT, T "0001_users", "CREATE TABLE users (id int);", 201, NULL, SQL),
    STEP("twenty tenants", POST, "/v1/tenants/batch",
         "{'items':[{'id':'w00'},{'id':'w01'},{'id':'w02'},{'id':'w03'},{'id':'w04'},{'id':'w05'},"
         "{'id':'w06'},{'id':'w07'},{'id':'w08'},{'id':'w09'},{'id':'w10'},{'id':'w11'},"
         "{'id':'w12'},{'id':'w13'},{'id':'w14'},{'id':'w15'},{'id':'w16'},{'id':'w17'},"
         "{'id':'w18'},{'id':'w19'}]}",
         200, NULL, .headers = STEP_WAIT, .json = {"/progress/succeeded == 20"}),
};

/* One file of an API test is one daemon: every test registers the next migration. */
static void next_migration(const char *version)
{
    static const char body[] = "SELECT 1 / (CASE WHEN EXISTS (SELECT FROM public.broken"
                               " WHERE tenant = current_schema()) THEN 0 ELSE 1 END);";
    struct steps steps;
    char path[80];

    (void)snprintf(path, sizeof path, T "%s", version);
    steps_open(&steps);
    steps_run_one(&steps, &(struct step)STEP("next", PUT, path, body, 201, NULL, SQL));
    steps_close(&steps);
}

static void set_broken(const char *where)
{
    struct pg *pg = pg_fixture_connect();
    char sql[300];

    pg_fixture_sql(pg, "CREATE TABLE IF NOT EXISTS public.broken (tenant text);"
                       "TRUNCATE public.broken");
    (void)snprintf(sql, sizeof sql,
                   "INSERT INTO public.broken SELECT schema_name FROM tenantd.tenant WHERE %s",
                   where);
    pg_fixture_sql(pg, sql);
    pg_close(pg);
}

static int64_t count(const char *sql)
{
    struct pg *pg = pg_fixture_connect();
    CLEANUP(freep) char *text = pg_fixture_value(pg, sql);
    pg_close(pg);
    return strtoll(text, NULL, 10);
}

static const struct step staged[] = {
    STEP("rehearsed", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'strategy':{'canary':{'count':3},'waves':[{'percent':50},"
         "{'percent':100}]}}",
         200, NULL,
         .json = {"/waves# == 3", "/waves/0/tasks == 3", "/waves/1/tasks == 9",
                  "/waves/2/tasks == 8", "/tenants == 20", "/noop == 0"}),
    STEP("nothing of it is left", GET, RUNS "?state=queued,running", NULL, 200, NULL,
         .json = {"/migration_runs == []"}),
    STEP("not without an end", POST, RUNS "?dry_run=true",
         "{'selector':{'all':true},'strategy':{'waves':[{'count':5}]}}", 422, "WAVES_INCOMPLETE"),
    STEP("canary, then half by half", POST, RUNS,
         "{'selector':{'all':true},'strategy':{'order':'id','canary':{'tenants':['w19'],'count':1},"
         "'waves':[{'percent':50},{'percent':100,'gate':'manual'}]}}",
         202, NULL, .keep = "run=/id",
         .json = {"/rollout/waves# == 3", "/rollout/waves/0/name == 'canary'",
                  "/rollout/waves/0/tasks == 2", "/rollout/waves/1/tasks == 9",
                  "/rollout/waves/2/tasks == 9", "/rollout/waves/0/max_failures == 0",
                  "/rollout/waves/1/max_failures == null", "/rollout/waves/2/gate == 'manual'"}),
    STEP("the canary are the named and the first", GET, RUNS "/{run}/tasks?page_size=3", NULL, 200,
         NULL,
         .json = {"/tasks/0/tenant_id == 'w19'", "/tasks/0/wave == 0",
                  "/tasks/1/tenant_id == 'w00'", "/tasks/1/wave == 0",
                  "/tasks/2/tenant_id == 'w01'", "/tasks/2/wave == 1"}),
};

static const struct step promoted[] = {
    STEP("it waits", GET, RUNS "/{run}", NULL, 200, NULL,
         .json = {"/state == 'running'", "/progress/succeeded == 11", "/progress/queued == 9",
                  "/rollout/waves/0/state == 'ended'", "/rollout/waves/1/progress/succeeded == 9",
                  "/rollout/waves/2/state == 'pending'", "/rollout/open_wave == 1"}),
    STEP("CI goes on waiting", GET, RUNS "/{run}?wait=1&expect=succeeded", NULL, 202, NULL),
    STEP("another run over them", POST, RUNS, "{'selector':{'ids':['w05','w18']}}", 409,
         "RUN_CONFLICT", .json = {"/detail ~ '{run}'"}),
    STEP("nor of one of them", POST, "/v1/tenants/w18/migrate", NULL, 409, "RUN_CONFLICT"),
    STEP("over those that are through", POST, RUNS, "{'selector':{'ids':['w19']}}", 200, NULL,
         .headers = STEP_WAIT, .json = {"/progress/skipped == 1"}),
    STEP("queued behind it", POST, RUNS, "{'selector':{'ids':['w18']},'on_conflict':'queue'}", 200,
         NULL, .headers = STEP_WAIT, .json = {"/progress/succeeded == 1"}),
    STEP("with an old tag", POST, RUNS "/{run}/promote", NULL, 412, "ETAG_MISMATCH",
         .headers = "If-Match: \"j1\"\r\n"),
    STEP("the gate is opened", POST, RUNS "/{run}/promote", "{}", 200, NULL,
         .json = {"/rollout/open_wave == 2", "/rollout/waiting == null"}),
    STEP("to the end", GET, RUNS "/{run}?wait=50&expect=succeeded", NULL, 200, NULL,
         .json = {"/progress/succeeded == 19", "/progress/skipped == 1"}),
    STEP("there is no other gate", POST, RUNS "/{run}/promote", NULL, 409, "INVALID_STATE"),
};

/* Polls the run until its member, or that of its rollout, says so. */
static void await_word(struct steps *steps, const char *member, const char *word)
{
    static const struct step look = STEP("look", GET, RUNS "/{run}?wait=1", NULL, 200, NULL);

    for (int tries = 0; tries < 60; tries++) {
        steps_run_one(steps, &look);
        const json_t *rollout = json_object_get(steps->reply, "rollout");
        const json_t *value = json_object_get(steps->reply, member);
        if (str_eq(json_string_value(value ? value : json_object_get(rollout, member)), word))
            return;
    }
    ck_abort_msg("the run never said %s %s", member, word);
}

START_TEST(waves_open_one_after_the_other)
{
    struct steps steps;

    set_broken("false");
    next_migration("0010_staged");
    steps_open(&steps);
    steps_run_all(&steps, staged, ARRAY_LEN(staged));
    await_word(&steps, "waiting", "gate");
    steps_run_all(&steps, promoted, ARRAY_LEN(promoted));
    steps_close(&steps);
    ck_assert_int_eq(count("SELECT count(*) AS v FROM tenantd.task a JOIN tenantd.task b"
                           " ON a.job_id = b.job_id AND a.wave < b.wave JOIN tenantd.job j"
                           " ON j.id = a.job_id AND j.waves IS NOT NULL"
                           " WHERE a.finished_at > b.claimed_at"),
                     0);
    ck_assert_int_eq(count("SELECT (array_agg(e.type || coalesce(data ->> 'name', '') ORDER BY id)"
                           " = '{run.wave_openedwave-1,run.promoted,run.wave_openedwave-2}')::int"
                           " AS v FROM tenantd.event e WHERE type LIKE 'run.%'"),
                     1);
}
END_TEST

static const struct step budget[] = {
    STEP("two may fail", POST, RUNS,
         "{'selector':{'all':true},'max_parallel':1,"
         "'strategy':{'order':'id','failure_budget':{'max_failures':2}}}",
         202, NULL, .keep = "run=/id", .json = {"/rollout/failure_budget/max_failures == 2"}),
    STEP("the third pauses it", GET, RUNS "/{run}?wait=20&expect=paused", NULL, 400,
         "INVALID_PARAMETER"),
};

static const struct step raised[] = {
    STEP("nothing is done after it", GET, RUNS "/{run}", NULL, 200, NULL,
         .keep = "task=/failures/0/id",
         .json = {"/state == 'paused'", "/rollout/pause_reason == 'budget'",
                  "/progress/failed == 3", "/progress/succeeded == 0", "/progress/queued == 17",
                  "/progress/running == 0", "/finished_at == null"}),
    STEP("not without a bigger budget", POST, RUNS "/{run}/resume", NULL, 409, "BUDGET_EXCEEDED",
         .json = {"/detail ~ 'at least'", "/detail ~ '1'"}),
    STEP("it is as it was", GET, RUNS "/{run}", NULL, 200, NULL,
         .json = {"/state == 'paused'", "/rollout/failure_budget/extra_failures == 0"}),
    STEP("a wrong number", POST, RUNS "/{run}/resume", "{'extra_failures':-1}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/extra_failures'"}),
    STEP("a task of nobody", POST, RUNS "/{run}/tasks/1/skip", "{'reason':'x'}", 404,
         "TASK_NOT_FOUND"),
    STEP("no task at all", POST, RUNS "/{run}/tasks/x/skip", "{'reason':'x'}", 404,
         "TASK_NOT_FOUND"),
    STEP("without a reason", POST, RUNS "/{run}/tasks/{task}/skip", "{}", 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/reason'"}),
    STEP("one goes without", POST, RUNS "/{run}/tasks/{task}/skip", "{'reason':'is being moved'}",
         200, NULL,
         .json = {"/progress/skipped == 1", "/progress/failed == 2", "/state == 'paused'"}),
    STEP("why", GET, RUNS "/{run}/tasks?state=skipped", NULL, 200, NULL,
         .json = {"/tasks/0/outcome/skip_reason == 'is being moved'",
                  "/tasks/0/outcome/skipped_by != null", "/tasks/0/outcome/sqlstate == '22012'"}),
    STEP("a skipped one stays", POST, RUNS "/{run}/tasks/{task}/skip", "{'reason':'again'}", 409,
         "INVALID_STATE"),
    STEP("now it goes on", POST, RUNS "/{run}/resume", "{'extra_failures':20}", 200, NULL,
         .json = {"/state == 'running'", "/rollout/pause_reason == null"}),
    STEP("twice is once", POST, RUNS "/{run}/resume", NULL, 409, "INVALID_STATE"),
    STEP("to the end", GET, RUNS "/{run}?wait=50", NULL, 200, NULL,
         .json = {"/state == 'partial'", "/progress/failed == 4", "/progress/succeeded == 15"}),
    STEP("nothing is said to the dead", POST, RUNS "/{run}/pause", NULL, 409, "INVALID_STATE"),
    STEP("nor changed", PATCH, RUNS "/{run}", "{'max_parallel':2}", 409, "INVALID_STATE"),
};

START_TEST(a_spent_budget_pauses)
{
    struct steps steps;

    set_broken("id < 'w03' OR id > 'w16'");
    next_migration("0011_budget");
    steps_open(&steps);
    steps_run_all(&steps, budget, ARRAY_LEN(budget));
    await_word(&steps, "state", "paused");
    set_broken("id < 'w03' OR id > 'w17'");
    steps_run_all(&steps, raised, ARRAY_LEN(raised));
    steps_close(&steps);
}
END_TEST

static const struct step canary_dies[] = {
    STEP("a canary that fails", POST, RUNS,
         "{'selector':{'all':true},'strategy':{'canary':{'tenants':['w00','w01']},"
         "'waves':[{'count':3},{'count':4},{}],'on_budget':'cancel'}}",
         202, NULL, .keep = "run=/id"),
    STEP("ends the run", GET, RUNS "/{run}?wait=50", NULL, 200, NULL,
         .json = {"/state == 'partial'", "/progress/failed == 1", "/progress/succeeded == 1",
                  "/progress/cancelled == 16", "/progress/skipped == 2",
                  "/rollout/end_reason == 'budget'", "/rollout/waves/3/tasks == 9"}),
    STEP("what is left, without the broken", POST, RUNS "/{run}/retry", "{'codes':['CANCELLED']}",
         200, NULL, .headers = STEP_WAIT,
         .json = {"/state == 'succeeded'", "/progress/total == 16", "/retry_of == '{run}'"}),
};

START_TEST(a_canary_that_dies_stops_it)
{
    struct steps steps;

    set_broken("false");
    next_migration("0012_canary");
    set_broken("id = 'w00'");
    steps_open(&steps);
    steps_run_one(&steps,
                  &(struct step)STEP("two are there", POST, RUNS,
                                     "{'selector':{'ids':['w18','w19']}}", 200, NULL,
                                     .headers = STEP_WAIT, .json = {"/progress/succeeded == 2"}));
    steps_run_all(&steps, canary_dies, ARRAY_LEN(canary_dies));
    steps_close(&steps);
}
END_TEST

static const struct step paused[] = {
    STEP("outside its window", POST, RUNS, NULL, 202, NULL, .keep = "run=/id"),
    STEP("paused before it began", POST, RUNS "/{run}/pause", NULL, 200, NULL,
         .json = {"/state == 'paused'", "/rollout/pause_reason == 'requested'",
                  "/started_at == null", "/rollout/waiting == null"}),
    STEP("twice is once", POST, "/v1/jobs/{run}/pause", NULL, 200, NULL,
         .json = {"/state == 'paused'"}),
    STEP("faster, once it goes", PATCH, RUNS "/{run}",
         "{'max_parallel':7,'failure_budget':{'max_ratio':0.5},'on_budget':'continue'}", 200, NULL,
         .json = {"/rollout/max_parallel == 7", "/rollout/failure_budget/max_ratio == 0.5",
                  "/rollout/failure_budget/max_failures == null",
                  "/rollout/on_budget == 'continue'", "/state == 'paused'"}),
    STEP("nothing", PATCH, RUNS "/{run}", "{}", 422, "VALIDATION_FAILED"),
    STEP("too much", PATCH, RUNS "/{run}",
         "{'max_parallel':65,'failure_budget':{'max_ratio':2},"
         "'on_budget':'explode','speed':1}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 4"}),
    STEP("resumed", POST, "/v1/jobs/{run}/resume", NULL, 200, NULL, .json = {"/state == 'queued'"}),
    STEP("paused once more", POST, RUNS "/{run}/pause", NULL, 200, NULL),
    STEP("cancelled", POST, RUNS "/{run}/cancel", NULL, 202, NULL,
         .json = {"/state == 'cancelled'", "/rollout/pause_reason == null",
                  "/rollout/end_reason == 'cancelled'"}),
};

START_TEST(pauses_windows_and_changes)
{
    struct steps steps;
    CLEANUP(str_clear) struct str body = STR_INIT;
    struct pg *pg = pg_fixture_connect();
    CLEANUP(freep)
    char *day = pg_fixture_value(
        pg, "SELECT to_char(now() AT TIME ZONE 'UTC' + interval '2 days', 'dy') AS v");
    struct step first = paused[0];

    set_broken("false");
    next_migration("0013_windows");
    str_addf(&body,
             "{'selector':{'all':true},'windows':[{'days':['%s'],'from':'22:00','to':'04:00',"
             "'time_zone':'UTC'}]}",
             day);
    first.body = str_text(&body);
    steps_open(&steps);
    steps_run_one(&steps, &first);
    await_word(&steps, "waiting", "window");
    steps_run_all(&steps, paused + 1, ARRAY_LEN(paused) - 1);
    steps_close(&steps);
    pg_close(pg);
}
END_TEST

START_TEST(a_window_opens_and_a_deadline_comes)
{
    struct steps steps;
    struct pg *pg = pg_fixture_connect();

    steps_open(&steps);
    steps_run_one(&steps, &(struct step)STEP("all day", POST, RUNS,
                                             "{'selector':{'ids':['w00']},'windows':[{'days':"
                                             "['mon','tue','wed','thu','fri','sat','sun'],"
                                             "'from':'00:00','to':'00:00','time_zone':"
                                             "'Pacific/Chatham'}]}",
                                             200, NULL, .headers = STEP_WAIT,
                                             .json = {"/progress/succeeded == 1"}));
    steps_run_one(&steps, &(struct step)STEP("gated for ever", POST, RUNS,
                                             "{'selector':{'all':true},'deadline_seconds':3600,"
                                             "'strategy':{'canary':{'count':1},"
                                             "'waves':[{'gate':'manual'}]}}",
                                             202, NULL, .keep = "run=/id",
                                             .json = {"/rollout/deadline_at != null"}));
    await_word(&steps, "waiting", "gate");
    pg_fixture_sql(pg, "UPDATE tenantd.job SET deadline_at = now(), look_at = now()"
                       " WHERE finished_at IS NULL");
    steps_run_one(&steps,
                  &(struct step)STEP("its time is up", GET, RUNS "/{run}?wait=50", NULL, 200, NULL,
                                     .json = {"/state == 'partial'", "/progress/succeeded == 1",
                                              "/rollout/end_reason == 'deadline'"}));
    steps_close(&steps);
    pg_close(pg);
}
END_TEST

static const struct step bakes[] = {
    STEP("a canary bakes", POST, RUNS,
         "{'selector':{'all':true},'strategy':{'canary':{'count':1,'bake_seconds':3600},"
         "'waves':[{'count':2,'bake_seconds':1},{}]}}",
         202, NULL, .keep = "run=/id"),
};

static const struct step baked[] = {
    STEP("it bakes", GET, RUNS "/{run}", NULL, 200, NULL,
         .json = {"/rollout/waves/0/state == 'baking'"}),
    STEP("long enough", POST, RUNS "/{run}/promote", NULL, 200, NULL,
         .json = {"/rollout/open_wave == 1"}),
    STEP("too early", GET, RUNS "/{run}?wait=50&expect=succeeded", NULL, 200, NULL),
};

START_TEST(a_wave_bakes)
{
    struct steps steps;

    steps_open(&steps);
    steps_run_all(&steps, bakes, ARRAY_LEN(bakes));
    await_word(&steps, "waiting", "bake");
    steps_run_all(&steps, baked, ARRAY_LEN(baked));
    steps_close(&steps);
    ck_assert_int_eq(count("SELECT count(*) AS v FROM tenantd.task a JOIN tenantd.task b"
                           " ON a.job_id = b.job_id AND a.wave = 1 AND b.wave = 2"
                           " AND a.finished_at + interval '1 s' > b.claimed_at JOIN tenantd.job j"
                           " ON j.id = a.job_id AND j.waves #>> '{1,bake_seconds}' = '1'"),
                     0);
}
END_TEST

#define RUN(strategy) "{'selector':{'all':true},'strategy':" strategy "}"

static const struct step wrong[] = {
    STEP("nothing in the canary", POST, RUNS, RUN("{'canary':{}}"), 422, "VALIDATION_FAILED",
         .json = {"/errors/0/pointer == '/strategy/canary'"}),
    STEP("a canary that is not there", POST, RUNS,
         RUN("{'canary':{'tenants':['w00','nobody','w1']}}"), 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2", "/errors/0/pointer == '/strategy/canary/tenants/1'",
                  "/errors/0/code == 'TENANT_NOT_FOUND'"}),
    STEP("a canary outside the selector", POST, RUNS,
         "{'selector':{'ids':['w01']},'strategy':{'canary':{'tenants':['w00']}}}", 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/strategy/canary/tenants/0'"}),
    STEP("percents that shrink", POST, RUNS, RUN("{'waves':[{'percent':50},{'percent':50}]}"), 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/strategy/waves/1'"}),
    STEP("percents that end too early", POST, RUNS,
         RUN("{'waves':[{'percent':10},{'percent':90}]}"), 422, "VALIDATION_FAILED",
         .json = {"/errors/0/detail ~ '100'"}),
    STEP("a percent over 100", POST, RUNS, RUN("{'waves':[{'percent':110}]}"), 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/strategy/waves/0/percent'"}),
    STEP("both sizes", POST, RUNS, RUN("{'waves':[{'percent':100,'count':3}]}"), 422,
         "VALIDATION_FAILED"),
    STEP("percents and counts", POST, RUNS, RUN("{'waves':[{'count':3},{'percent':100}]}"), 422,
         "VALIDATION_FAILED"),
    STEP("the rest too early", POST, RUNS, RUN("{'waves':[{},{'percent':100}]}"), 422,
         "VALIDATION_FAILED"),
    STEP("no wave", POST, RUNS, RUN("{'waves':[]}"), 422, "VALIDATION_FAILED"),
    STEP("counts that leave some out", POST, RUNS, RUN("{'waves':[{'count':3},{'count':4}]}"), 422,
         "WAVES_INCOMPLETE", .json = {"/detail ~ '12 of 19'"}),
    STEP("a budget out of range", POST, RUNS,
         RUN("{'failure_budget':{'max_failures':-1,'max_ratio':1.5}}"), 422, "VALIDATION_FAILED",
         .json = {"/errors# == 2", "/errors/0/pointer == '/strategy/failure_budget/max_failures'"}),
    STEP("a gate that is not there", POST, RUNS, RUN("{'waves':[{'gate':'iron'}]}"), 422,
         "VALIDATION_FAILED"),
    STEP("a word too much", POST, RUNS, RUN("{'canary':{'count':1,'gate':'manual'}}"), 422,
         "VALIDATION_FAILED", .json = {"/errors/0/pointer == '/strategy/canary/gate'"}),
    STEP("a canary with nothing to do", POST, RUNS, RUN("{'canary':{'tenants':['w00']}}"), 422,
         "EMPTY_CANARY"),
    STEP("windows of no day", POST, RUNS,
         "{'selector':{'all':true},'windows':[{'days':[],'from':'1:00','to':'25:00',"
         "'time_zone':'UTC'}]}",
         422, "VALIDATION_FAILED", .json = {"/errors# == 3"}),
    STEP("a time zone of nowhere", POST, RUNS,
         "{'selector':{'all':true},'windows':[{'days':['mon'],'from':'01:00','to':'02:00',"
         "'time_zone':'Mars/Olympus'}]}",
         422, "VALIDATION_FAILED", .json = {"/errors/0/code == 'WINDOW_NEVER_OPENS'"}),
    STEP("no window", POST, RUNS, "{'selector':{'all':true},'windows':[]}", 422,
         "VALIDATION_FAILED"),
    STEP("none of it was made", GET, RUNS "?state=queued,running,paused", NULL, 200, NULL,
         .json = {"/migration_runs == []"}),
};

START_TEST(wrong_strategies_are_refused)
{
    struct steps steps;
    CLEANUP(str_clear) struct str body = STR_INIT;
    struct pg *pg = pg_fixture_connect();
    CLEANUP(freep)
    char *day = pg_fixture_value(
        pg, "SELECT to_char(now() AT TIME ZONE 'UTC' + interval '3 days', 'dy') AS v");

    next_migration("0014_wrong");
    steps_open(&steps);
    steps_run_one(&steps,
                  &(struct step)STEP("one is there", POST, RUNS, "{'selector':{'ids':['w00']}}",
                                     200, NULL, .headers = STEP_WAIT));
    steps_run_all(&steps, wrong, ARRAY_LEN(wrong));
    str_addf(&body,
             "{'selector':{'all':true},'deadline_seconds':3600,'windows':[{'days':['%s'],"
             "'from':'22:00','to':'23:00','time_zone':'UTC'}]}",
             day);
    steps_run_one(&steps, &(struct step)STEP("a window after the deadline", POST, RUNS,
                                             str_text(&body), 422, "VALIDATION_FAILED",
                                             .json = {"/errors/0/code == 'WINDOW_NEVER_OPENS'"}));
    steps_close(&steps);
    pg_close(pg);
}
END_TEST

START_TEST(the_fleet_is_there)
{
    set_broken("false");
    STEPS_RUN(fleet);
}
END_TEST

int main(void)
{
    Suite *suite = suite_create("api rollout");
    TCase *tc = tcase_create("rollout");

    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, the_fleet_is_there);
    tcase_add_test(tc, waves_open_one_after_the_other);
    tcase_add_test(tc, a_spent_budget_pauses);
    tcase_add_test(tc, a_canary_that_dies_stops_it);
    tcase_add_test(tc, pauses_windows_and_changes);
    tcase_add_test(tc, a_window_opens_and_a_deadline_comes);
    tcase_add_test(tc, a_wave_bakes);
    tcase_add_test(tc, wrong_strategies_are_refused);
    suite_add_tcase(suite, tc);
    return daemon_run(suite, NULL);
}
