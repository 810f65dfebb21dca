/* SPDX-License-Identifier: MIT */
/* The registry of tenants and of servers, and the contents of tracking tables. */
#include <pthread.h>

#include "core/migrate/applied_store.h"
#include "core/tenant/server_store.h"
#include "core/tenant/tenant_store.h"
#include "tests/pg/job_support.h"

static struct tenant_spec spec_of(const char *id, const char *schema)
{
    return (struct tenant_spec){.id = id, .server = "default", .schema = schema};
}

static void add(struct pg *pg, const char *id)
{
    struct tenant_spec spec = spec_of(id, id);
    OK(tenant_register(pg, &spec, NULL));
}

/* Text of a column of a tenant, compared. */
static void is(struct pg *pg, const char *id, const char *column, const char *wanted)
{
    char sql[300];
    (void)snprintf(sql, sizeof sql, "SELECT %s AS v FROM tenantd.tenant WHERE id = '%s'", column, id);
    CLEANUP(freep) char *text = pg_fixture_value(pg, sql);
    ck_assert_msg(str_eq(text, wanted), "%s of %s: %s", column, id, text);
}

START_TEST(a_tenant_is_registered_once)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    json_auto_t *labels = json_pack("{s:s}", "plan", "pro");
    struct tenant_spec spec = spec_of("a", "s_a"), again = spec;
    struct err err;

    spec.display_name = "Robert'); DROP TABLE tenantd.tenant; --";
    spec.labels = labels;
    OK(tenant_register(pg, &spec, &err));
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    OK(tenant_find(pg, "a", false, &t, &err));
    ck_assert_str_eq(t.display_name, spec.display_name);
    ck_assert(json_equal(t.labels, labels));
    ck_assert(t.state == TENANT_PROVISIONING && !t.applied_set && t.epoch == 1 && !t.active_job);
    ck_assert(t.created_at && t.updated_at && !t.checked_at && !t.last_error && !t.purge_at);
    ck_assert_int_eq(tenant_register(pg, &again, &err), ERR_TENANT_EXISTS);
    again.schema = "other";
    ck_assert_int_eq(tenant_register(pg, &again, &err), ERR_TENANT_EXISTS);
    again = spec_of("b", "s_a");
    ck_assert_int_eq(tenant_register(pg, &again, &err), ERR_SCHEMA_NAME_TAKEN);
    again = spec_of("b", "s_b");
    again.server = "elsewhere";
    ck_assert_int_eq(tenant_register(pg, &again, &err), ERR_SERVER_NOT_FOUND);
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant"), 1);
    /* on another server the schema's name is free */
    pg_fixture_sql(pg, "INSERT INTO tenantd.server (id) VALUES ('elsewhere')");
    again.schema = "s_a";
    OK(tenant_register(pg, &again, &err));
}
END_TEST

START_TEST(refusals_leave_the_transaction_usable)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    struct tenant_spec taken = spec_of("b", "a"), nowhere = spec_of("b", "b");

    nowhere.server = "nowhere";
    pg_fixture_sql(pg, "BEGIN");
    add(pg, "a");
    struct tenant_spec again = spec_of("a", "a");
    ck_assert_int_eq(tenant_register(pg, &again, NULL), ERR_TENANT_EXISTS);
    ck_assert_int_eq(tenant_register(pg, &taken, NULL), ERR_SCHEMA_NAME_TAKEN);
    ck_assert_int_eq(tenant_register(pg, &nowhere, NULL), ERR_SERVER_NOT_FOUND);
    add(pg, "c");
    pg_fixture_sql(pg, "COMMIT");
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant"), 2);
}
END_TEST

START_TEST(a_failed_tenant_starts_again)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    struct tenant_spec spec = spec_of("a", "new_name");

    add(pg, "a");
    pg_fixture_sql(pg, "UPDATE tenantd.tenant SET state = 'error', last_error = '{}',"
                       " display_name = 'old', labels = '{\"old\": \"1\"}'");
    OK(tenant_register(pg, &spec, NULL));
    is(pg, "a", "state", "provisioning");
    is(pg, "a", "schema_name", "new_name");
    is(pg, "a", "labels::text", "{}");
    is(pg, "a", "coalesce(display_name, last_error::text, 'none')", "none");
    is(pg, "a", "epoch", "2");
    ck_assert_int_eq(tenant_register(pg, &spec, NULL), ERR_TENANT_EXISTS);
    for (tenant_state s = TENANT_ACTIVE; s < TENANT_ERROR; s++) {
        OK(tenant_set_state(pg, "a", s, 1, NULL));
        ck_assert_int_eq(tenant_register(pg, &spec, NULL), ERR_TENANT_EXISTS);
        is(pg, "a", "state", tenant_state_name(s));
    }
}
END_TEST

struct racer {
    const char *id, *schema;
    err_code rc;
};

static void *race(void *arg)
{
    struct racer *r = arg;
    struct pg *pg = pg_fixture_connect();
    struct tenant_spec spec = spec_of(r->id, r->schema);
    r->rc = tenant_register(pg, &spec, NULL);
    pg_close(pg);
    return NULL;
}

static void run_race(struct racer *racers, size_t n, err_code loser)
{
    pthread_t threads[8];
    int won = 0;

    for (size_t i = 0; i < n; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, race, &racers[i]), 0);
    for (size_t i = 0; i < n; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert(racers[i].rc == ERR_NONE || racers[i].rc == loser);
        won += racers[i].rc == ERR_NONE;
    }
    ck_assert_int_eq(won, 1);
}

START_TEST(many_at_once_register_one)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    char ids[8][16];

    for (int round = 0; round < 20; round++) {
        struct racer same_id[8], same_schema[8];
        pg_fixture_sql(pg, "TRUNCATE tenantd.tenant CASCADE");
        for (int i = 0; i < 8; i++) {
            (void)snprintf(ids[i], sizeof ids[i], "t%d", i);
            same_id[i] = (struct racer){.id = "same", .schema = "same"};
            same_schema[i] = (struct racer){.id = ids[i], .schema = "shared_name"};
        }
        run_race(same_id, 8, ERR_TENANT_EXISTS);
        run_race(same_schema, 8, ERR_SCHEMA_NAME_TAKEN);
        pg_fixture_sql(pg, "UPDATE tenantd.tenant SET state = 'error' WHERE id = 'same'");
        run_race(same_id, 8, ERR_TENANT_EXISTS); /* one of them starts it again */
    }
}
END_TEST

START_TEST(a_found_tenant_is_locked)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean(), *other = pg_fixture_connect();
    struct tenant t = {.id = NULL};
    struct err err;

    add(pg, "a");
    ck_assert_int_eq(tenant_find(pg, "b", false, &t, &err), ERR_TENANT_NOT_FOUND);
    ck_assert_int_eq(tenant_find(pg, "'; --", true, &t, &err), ERR_TENANT_NOT_FOUND);
    ck_assert_ptr_null(t.id);
    pg_fixture_sql(pg, "BEGIN");
    OK(tenant_find(pg, "a", true, &t, &err));
    tenant_clear(&t);
    pg_fixture_sql(other, "SET lock_timeout = 50");
    OK(tenant_find(other, "a", false, &t, &err)); /* readers do not wait */
    tenant_clear(&t);
    ck_assert_int_eq(tenant_find(other, "a", true, &t, &err), ERR_LOCK_UNAVAILABLE);
    pg_fixture_sql(pg, "COMMIT");
    OK(tenant_find(other, "a", true, &t, &err));
    tenant_clear(&t);
}
END_TEST

START_TEST(the_live_job_is_shown)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(tenant_clear) struct tenant t = {.id = NULL};
    char queued[UUID_TEXT_SIZE], running[UUID_TEXT_SIZE];

    add(pg, "t1");
    job_make(pg, SPEC(), 1, "t", 0, queued);
    job_make(pg, SPEC(), 1, "t", 0, running);
    tell(pg, "UPDATE tenantd.task SET state = 'running', claimed_by = gen_random_uuid()"
             " WHERE job_id = '%s'", running);
    OK(tenant_find(pg, "t1", false, &t, NULL));
    ck_assert_str_eq(t.active_job, running);
    tell(pg, "UPDATE tenantd.task SET exclusive = false");
    tenant_clear(&t);
    OK(tenant_find(pg, "t1", false, &t, NULL));
    ck_assert_ptr_null(t.active_job);
}
END_TEST

/* Ids of what a filter lists, separated by blanks. */
static void lists(struct pg *pg, struct tenant_filter filter, const char *wanted)
{
    CLEANUP(str_clear) struct str ids = STR_INIT;
    struct tenant *tenants = NULL;
    size_t n = 0;

    filter.limit = filter.limit ? filter.limit : 100;
    OK(tenant_list(pg, &filter, &tenants, &n, NULL));
    for (size_t i = 0; i < n; i++)
        str_addf(&ids, "%s ", tenants[i].id);
    tenant_list_free(tenants, n);
    ck_assert_str_eq(str_text(&ids), wanted);
}

#define LISTS(wanted, ...) lists(pg, (struct tenant_filter){__VA_ARGS__}, wanted)

START_TEST(every_filter_filters)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    static const char *const ids[] = {"b", "a", "a-1", "a_1", "ab", "0", "a1"};

    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        add(pg, ids[i]);
    pg_fixture_sql(pg,
                   "UPDATE tenantd.tenant SET state = 'active' WHERE id IN ('a', 'ab');"
                   "UPDATE tenantd.tenant SET labels = '{\"plan\": \"pro\", \"eu\": \"1\"}' WHERE id = 'a';"
                   "UPDATE tenantd.tenant SET labels = '{\"plan\": \"pro\"}' WHERE id = 'b';"
                   "INSERT INTO tenantd.applied_set (format, has_table, digest, content)"
                   " OVERRIDING SYSTEM VALUE VALUES ('name', true, 'x', '{}'), ('name', true, 'y', '{}')");
    int64_t first = ask(pg, "SELECT min(id) AS v FROM tenantd.applied_set");
    tell(pg, "UPDATE tenantd.tenant SET applied_set = %lld WHERE id = '0'", (long long)first);
    tell(pg, "UPDATE tenantd.tenant SET applied_set = %lld WHERE id = 'b'", (long long)first + 1);
    char one[32], both[64];
    (void)snprintf(one, sizeof one, "{%lld}", (long long)first);
    (void)snprintf(both, sizeof both, "{%lld,%lld}", (long long)first, (long long)first + 1);

    /* ids are ordered as bytes: '-' before digits before '_' before letters */
    LISTS("0 a a-1 a1 a_1 ab b ", .limit = 100);
    LISTS("a ab ", .states = "{active}");
    LISTS("a ab ", .states = "{active,error}");
    LISTS("", .states = "{}");
    LISTS("a b ", .labels = "{\"plan\": \"pro\"}");
    LISTS("a ", .labels = "{\"plan\": \"pro\", \"eu\": \"1\"}");
    LISTS("", .labels = "{\"plan\": \"free\"}");
    LISTS("a a-1 a1 a_1 ab ", .id_prefix = "a");
    LISTS("a_1 ", .id_prefix = "a_");
    LISTS("", .id_prefix = "a%");
    LISTS("0 a a-1 a1 a_1 ab b ", .id_prefix = "");
    LISTS("0 ", .applied_sets = one);
    LISTS("0 b ", .applied_sets = both);
    LISTS("a a-1 a1 a_1 ab ", .applied_sets = "{}", .unknown_set = true);
    LISTS("", .applied_sets = "{}");
    LISTS("0 a a-1 a1 a_1 ab ", .applied_sets = one, .unknown_set = true);
    LISTS("a ", .labels = "{\"plan\": \"pro\"}", .states = "{active}", .id_prefix = "a");
    /* keyset: every page begins after the last id, each id comes once */
    LISTS("0 a ", .limit = 2);
    LISTS("a-1 a1 ", .after_id = "a", .limit = 2);
    LISTS("a_1 ab ", .after_id = "a1", .limit = 2);
    LISTS("b ", .after_id = "ab", .limit = 2);
    LISTS("", .after_id = "b", .limit = 2);
    LISTS("ab ", .after_id = "a_1", .id_prefix = "a");
    LISTS("a-1 a1 a_1 ab ", .after_id = "a", .id_prefix = "a"); /* after_id need not exist */
    LISTS("a1 a_1 ab b ", .after_id = "a-2");
}
END_TEST

START_TEST(a_tenant_is_updated)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    json_auto_t *labels = json_pack("{s:s, s:n}", "b", "2", "a");

    add(pg, "a");
    add(pg, "other");
    pg_fixture_sql(pg, "UPDATE tenantd.tenant SET labels = '{\"a\": \"1\", \"z\": \"9\"}',"
                       " display_name = 'old'");
    OK(tenant_update(pg, "a", labels, false, NULL, NULL));
    is(pg, "a", "labels::text", "{\"b\": \"2\", \"z\": \"9\"}");
    is(pg, "a", "display_name", "old");
    is(pg, "a", "epoch", "2");
    OK(tenant_update(pg, "a", NULL, true, NULL, NULL));
    is(pg, "a", "coalesce(display_name, 'none')", "none");
    is(pg, "a", "labels::text", "{\"b\": \"2\", \"z\": \"9\"}");
    OK(tenant_update(pg, "a", NULL, true, "new", NULL));
    is(pg, "a", "display_name", "new");
    is(pg, "other", "labels::text || epoch", "{\"a\": \"1\", \"z\": \"9\"}1");
    OK(tenant_bump(pg, "a", NULL));
    is(pg, "a", "epoch", "5");
    OK(tenant_delete(pg, "a", NULL));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.tenant"), 1);
    OK(tenant_delete(pg, "a", NULL)); /* repeated is fine */
}
END_TEST

START_TEST(times_go_with_states)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    static const char times[] = "concat_ws(' ', CASE WHEN suspended_at IS NOT NULL THEN 's' END,"
                                " CASE WHEN archived_at IS NOT NULL THEN 'a' END,"
                                " extract(day FROM purge_at - archived_at))";

    add(pg, "a");
    OK(tenant_set_state(pg, "a", TENANT_SUSPENDED, 30, NULL));
    is(pg, "a", times, "s");
    OK(tenant_set_state(pg, "a", TENANT_ARCHIVED, 30, NULL));
    is(pg, "a", times, "a 30");
    OK(tenant_set_state(pg, "a", TENANT_DELETING, 0, NULL));
    is(pg, "a", times, "a 30");
    OK(tenant_set_state(pg, "a", TENANT_ACTIVE, 0, NULL));
    is(pg, "a", times, "");
    is(pg, "a", "epoch", "5");
}
END_TEST

START_TEST(what_was_seen_is_kept)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(applied_set_freep) struct applied_set *set = applied_set_empty(TRACKING_HASH);
    CLEANUP(applied_set_freep) struct applied_set *back = NULL;
    int64_t id = 0, again = 0;

    add(pg, "a");
    OK(applied_store_intern(pg, set, &id, NULL));
    OK(applied_store_intern(pg, set, &again, NULL));
    ck_assert(id > 0 && id == again);
    set->format = TRACKING_NAME;
    OK(applied_store_intern(pg, set, &again, NULL));
    ck_assert(again != id);
    set->has_table = true;
    OK(applied_store_intern(pg, set, &again, NULL));
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.applied_set"), 3);
    OK(applied_store_get(pg, id, &back, NULL));
    ck_assert(back->format == TRACKING_HASH && !back->has_table && back->count == 0);
    applied_set_free(back);
    OK(applied_store_get(pg, 0, &back, NULL));
    ck_assert_ptr_null(back);
    ck_assert_int_eq(applied_store_get(pg, 999999, &back, NULL), ERR_INTERNAL);
    ck_assert_ptr_null(back);

    OK(tenant_seen(pg, "a", id, NULL));
    is(pg, "a", "epoch || ' ' || (checked_at IS NOT NULL)", "2 true");
    OK(tenant_seen(pg, "a", id, NULL)); /* nothing new: no cache must be dropped */
    is(pg, "a", "epoch", "2");
    OK(tenant_seen(pg, "a", again, NULL));
    is(pg, "a", "epoch", "3");
}
END_TEST

static void *intern_many(void *arg)
{
    struct pg *pg = pg_fixture_connect();
    struct applied_set *set = applied_set_empty(TRACKING_HASH);
    for (int i = 0; i < 20; i++) {
        int64_t id = 0;
        (void)snprintf(set->digest, sizeof set->digest, "digest %d", i);
        if (applied_store_intern(pg, set, &id, NULL) || !id)
            *(bool *)arg = true;
    }
    applied_set_free(set);
    pg_close(pg);
    return NULL;
}

START_TEST(one_content_is_stored_once_by_many)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    pthread_t threads[6];
    bool failed[6] = {false};

    for (int i = 0; i < 6; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, intern_many, &failed[i]), 0);
    for (int i = 0; i < 6; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert(!failed[i]);
    }
    ck_assert_int_eq(ask(pg, "SELECT count(*) AS v FROM tenantd.applied_set"), 20);
}
END_TEST

START_TEST(unknown_ids_are_named)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    struct selector s = {.ids = (char[]){"{a,x,\"b\",\"y,z\",x}"}};
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    add(pg, "a");
    add(pg, "b");
    OK(tenant_unknown_ids(pg, &s, &rows, NULL));
    ck_assert_uint_eq(pg_rows_count(rows), 3);
    ck_assert_str_eq(pg_text(rows, 0, "id"), "x");
    ck_assert_int_eq(pg_int(rows, 0, "place"), 1);
    ck_assert_str_eq(pg_text(rows, 1, "id"), "y,z");
    ck_assert_int_eq(pg_int(rows, 2, "place"), 4);
}
END_TEST

START_TEST(cohorts_are_groups_of_what_is_applied)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL, *some = NULL, *states = NULL;
    struct selector all = {.ids = NULL};
    struct selector both = {.ids = (char[]){"{t01,t02,u1,zz}"}, .labels = (char[]){"{\"a\":\"1\"}"}};

    pg_fixture_sql(
        pg, "INSERT INTO tenantd.applied_set (format, has_table, digest, content)"
            " VALUES ('name', true, 'x', '{}');"
            "INSERT INTO tenantd.tenant (id, server, schema_name, state, applied_set, labels)"
            " SELECT 't' || to_char(g, 'FM00'), 'default', 't' || g, CASE g % 2 WHEN 0 THEN 'active'"
            "  ELSE 'suspended' END, (SELECT id FROM tenantd.applied_set),"
            "  CASE WHEN g = 1 THEN '{\"a\": \"1\"}'::jsonb ELSE '{}' END FROM generate_series(1, 12) g;"
            "INSERT INTO tenantd.tenant (id, server, schema_name, state, labels) VALUES"
            " ('u1', 'default', 'u1', 'active', '{\"a\": \"1\"}'), ('p', 'default', 'p', 'provisioning', '{}'),"
            " ('r', 'default', 'r', 'archived', '{}'), ('d', 'default', 'd', 'deleting', '{}'),"
            " ('e', 'default', 'e', 'error', '{}')");
    OK(tenant_cohorts(pg, &all, &rows, NULL));
    ck_assert_uint_eq(pg_rows_count(rows), 2);
    ck_assert_int_eq(pg_bigint(rows, 0, "tenants"), 12);
    json_auto_t *sample = json_loads(pg_text(rows, 0, "sample"), 0, NULL);
    ck_assert_uint_eq(json_array_size(sample), 5);
    ck_assert_str_eq(json_string_value(json_array_get(sample, 0)), "t01");
    ck_assert(pg_is_null(rows, 1, "applied_set") && pg_bigint(rows, 1, "tenants") == 1);
    OK(tenant_cohorts(pg, &both, &some, NULL)); /* ids and labels must both hold */
    ck_assert_uint_eq(pg_rows_count(some), 2);
    ck_assert(pg_bigint(some, 0, "tenants") == 1 && pg_bigint(some, 1, "tenants") == 1);
    OK(tenant_count_by_state(pg, &states, NULL));
    ck_assert_uint_eq(pg_rows_count(states), 6);
}
END_TEST

START_TEST(servers_are_listed)
{
    CLEANUP(pg_closep) struct pg *pg = job_clean();
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL, *one = NULL, *none = NULL;
    char *url = NULL;
    struct err err;

    pg_fixture_sql(pg, "INSERT INTO tenantd.server (id, url, max_parallel, state)"
                       " VALUES ('b', 'postgresql://x', 7, 'paused')");
    add(pg, "a");
    OK(server_list(pg, NULL, &rows, &err));
    ck_assert_uint_eq(pg_rows_count(rows), 2);
    ck_assert_str_eq(pg_text(rows, 0, "id"), "b");
    ck_assert(pg_bool(rows, 0, "url_set") && pg_int(rows, 0, "max_parallel") == 7);
    ck_assert_int_eq(pg_int(rows, 0, "tenants"), 0);
    ck_assert(!pg_bool(rows, 1, "url_set") && pg_is_null(rows, 1, "max_parallel"));
    ck_assert_int_eq(pg_int(rows, 1, "tenants"), 1);
    OK(server_list(pg, "default", &one, &err));
    ck_assert_uint_eq(pg_rows_count(one), 1);
    ck_assert_int_eq(server_list(pg, "x", &none, &err), ERR_SERVER_NOT_FOUND);
    ck_assert_ptr_null(none);
    OK(server_url(pg, "b", &url, &err));
    ck_assert_str_eq(url, "postgresql://x");
    free(url);
    OK(server_url(pg, "default", &url, &err));
    ck_assert_ptr_null(url);
    ck_assert_int_eq(server_url(pg, "x", &url, &err), ERR_SERVER_NOT_FOUND);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("tenant_store");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, a_tenant_is_registered_once);
    tcase_add_test(tc, refusals_leave_the_transaction_usable);
    tcase_add_test(tc, a_failed_tenant_starts_again);
    tcase_add_test(tc, many_at_once_register_one);
    tcase_add_test(tc, a_found_tenant_is_locked);
    tcase_add_test(tc, the_live_job_is_shown);
    tcase_add_test(tc, every_filter_filters);
    tcase_add_test(tc, a_tenant_is_updated);
    tcase_add_test(tc, times_go_with_states);
    tcase_add_test(tc, what_was_seen_is_kept);
    tcase_add_test(tc, one_content_is_stored_once_by_many);
    tcase_add_test(tc, unknown_ids_are_named);
    tcase_add_test(tc, cohorts_are_groups_of_what_is_applied);
    tcase_add_test(tc, servers_are_listed);
    return run_suite("tenant_store", tc);
}
