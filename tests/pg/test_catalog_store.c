/* SPDX-License-Identifier: MIT */
/* Catalogs of migrations: registering, unregistering, and the snapshots that threads share. */
#include <pthread.h>
#include <stdatomic.h>

#include "core/migrate/applied_store.h"
#include "core/migrate/catalog_store.h"
#include "core/tenant/tenant_store.h"
#include "tests/pg/job_support.h"

enum { ITEMS_MAX = 40 };
static const struct register_options in_order = {.by = "test"};
static const struct register_options any_order = {.by = "test", .allow_out_of_order = true};

static struct pg *clean(void)
{
    struct pg *pg = job_clean();
    pg_fixture_sql(pg, "TRUNCATE tenantd.migration; UPDATE tenantd.catalog SET revision = 1");
    return pg;
}

/* "0001_a 0002_b": each with SQL made of its name and of mark. */
static size_t make(const char *versions, const char *mark, struct migration *items)
{
    CLEANUP(freep) char *copy = strdup(versions);
    char *rest = NULL, sql[200];
    size_t n = 0;

    for (char *v = strtok_r(copy, " ", &rest); v; v = strtok_r(NULL, " ", &rest)) {
        (void)snprintf(sql, sizeof sql, "CREATE TABLE \"%s%s\" (id int);", v, mark);
        OK(migration_make(v, sql, strlen(sql), 0, &items[n++], NULL));
    }
    return n;
}

static err_code put(struct pg *pg, const char *catalog, const char *versions, const char *mark,
                    const struct register_options *options, struct register_result *out,
                    struct err *err)
{
    struct migration items[ITEMS_MAX];
    size_t n = make(versions, mark, items);
    err_code rc = catalog_register(pg, catalog, items, n, options, out, err);

    for (size_t i = 0; i < n; i++)
        migration_clear(&items[i]);
    ck_assert(!pg_in_transaction(pg));
    return rc;
}

static void must_put(struct pg *pg, const char *versions)
{
    struct register_result r;
    struct err err;
    ck_assert_msg(!put(pg, "tenant", versions, "", &in_order, &r, &err), "%s", err.msg);
    free(r.added);
}

static void holds(struct pg *pg, const char *catalog, const char *wanted)
{
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    CLEANUP(str_clear) struct str text = STR_INIT;

    OK(catalog_list(pg, catalog, "", 100, &rows, NULL));
    for (size_t i = 0; i < pg_rows_count(rows); i++)
        str_addf(&text, "%s ", pg_text(rows, i, "version"));
    ck_assert_str_eq(str_text(&text), wanted);
}

static int64_t revision_of(struct pg *pg, const char *catalog)
{
    struct catalog_info info;
    OK(catalog_info(pg, catalog, &info, NULL));
    return info.revision;
}

/* A tenant that has applied the given names (name format) or hashes. */
static void apply_to_tenant(struct pg *pg, const char *id, const char *name, const char *hash)
{
    CLEANUP(applied_set_freep) struct applied_set *set = NULL;
    json_auto_t *json = json_pack("{s:s, s:b, s:[[s?, s?, i]]}", "format", name ? "name" : "hash",
                                  "has_table", 1, "rows", name, hash, 0);
    struct tenant_spec spec = {.id = id, .server = "default", .schema = id};
    int64_t set_id = 0;

    OK(applied_set_from_json(json, &set, NULL));
    OK(applied_store_intern(pg, set, &set_id, NULL));
    OK(tenant_register(pg, &spec, NULL));
    OK(tenant_seen(pg, id, set_id, NULL));
}

START_TEST(migrations_are_registered)
{
    CLEANUP(pg_closep) struct pg *pg = clean();
    struct register_result r;
    struct catalog_info info;

    OK(catalog_info(pg, "tenant", &info, NULL));
    ck_assert(info.migrations == 0 && info.revision == 1 && !info.head[0]);
    OK(put(pg, "tenant", "0002_b 0001_a", "", &in_order, &r, NULL));
    ck_assert(r.added[0] && r.added[1] && r.added_count == 2 && !r.unchanged && r.revision == 2);
    free(r.added);
    OK(put(pg, "tenant", "0001_a 0003_c", "", &in_order, &r, NULL));
    ck_assert(!r.added[0] && r.added[1] && r.added_count == 1 && r.unchanged == 1);
    ck_assert_int_eq(r.revision, 3);
    free(r.added);
    OK(put(pg, "tenant", "0001_a 0002_b", "", &in_order, &r, NULL));
    ck_assert(!r.added_count && r.unchanged == 2 && r.revision == 3); /* nothing new: no reload */
    free(r.added);
    OK(catalog_register(pg, "tenant", NULL, 0, &in_order, &r, NULL));
    ck_assert(!r.added_count && r.revision == 3);
    free(r.added);
    OK(catalog_info(pg, "tenant", &info, NULL));
    ck_assert(info.migrations == 3 && info.revision == 3);
    ck_assert_str_eq(info.head, "0003_c");
    holds(pg, "shared", "");
    ck_assert_int_eq(revision_of(pg, "shared"), 1);
}
END_TEST

START_TEST(order_is_by_number)
{
    CLEANUP(pg_closep) struct pg *pg = clean();
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;

    must_put(pg, "10_x 9_x 2_b 2_a 0100_y 2_A");
    holds(pg, "tenant", "2_A 2_a 2_b 9_x 10_x 0100_y ");
    OK(catalog_list(pg, "tenant", "2_b", 2, &rows, NULL));
    ck_assert_uint_eq(pg_rows_count(rows), 2);
    ck_assert_str_eq(pg_text(rows, 0, "version"), "9_x");
    ck_assert_int_gt(pg_int(rows, 0, "size_bytes"), 10);
    ck_assert_int_eq(pg_int(rows, 0, "statement_count"), 1);
}
END_TEST

START_TEST(a_bundle_is_all_or_nothing)
{
    CLEANUP(pg_closep) struct pg *pg = clean();
    struct register_result r = {.added_count = 77};
    struct err err;

    must_put(pg, "0001_a 0002_b");
    ck_assert_int_eq(put(pg, "tenant", "0003_c 0002_b", " other bytes", &in_order, &r, &err),
                     ERR_MIGRATION_IMMUTABLE);
    ck_assert_str_eq(err.field, "0002_b");
    ck_assert_uint_eq(r.added_count, 77); /* untouched */
    holds(pg, "tenant", "0001_a 0002_b ");
    ck_assert_int_eq(revision_of(pg, "tenant"), 2);
    ck_assert_int_eq(put(pg, "tenant", "0003_c 0002_b", " other", &in_order, &r, NULL),
                     ERR_MIGRATION_IMMUTABLE);
    ck_assert_int_eq(put(pg, "nothing", "0001_a", "", &in_order, &r, &err), ERR_CATALOG_NOT_FOUND);
    /* in a transaction that fails later nothing stays either */
    pg_fixture_sql(pg, "BEGIN");
    struct migration one[1];
    (void)make("0009_z", "", one);
    OK(catalog_register(pg, "tenant", one, 1, &in_order, &r, NULL));
    free(r.added);
    migration_clear(one);
    pg_fixture_sql(pg, "ROLLBACK");
    holds(pg, "tenant", "0001_a 0002_b ");
}
END_TEST

START_TEST(what_sorts_before_an_applied_one_is_refused)
{
    CLEANUP(pg_closep) struct pg *pg = clean();
    struct register_result r;
    struct err err;

    must_put(pg, "0001_a 0005_e");
    must_put(pg, "0003_c"); /* nothing is applied: any order */
    apply_to_tenant(pg, "t", "0003_c", NULL);
    ck_assert_int_eq(put(pg, "tenant", "0004_d 0002_b", "", &in_order, &r, &err), ERR_OUT_OF_ORDER);
    ck_assert_str_eq(err.field, "0002_b");
    holds(pg, "tenant", "0001_a 0003_c 0005_e ");
    must_put(pg, "0004_d"); /* after all that is applied */
    OK(put(pg, "tenant", "0002_b", "", &any_order, &r, &err));
    free(r.added);
    OK(put(pg, "tenant", "0002_b", "", &in_order, &r, &err)); /* the same again is no news */
    free(r.added);
    OK(put(pg, "shared", "0009_x", "", &in_order, &r, &err)); /* the shared catalog has no tenants */
    free(r.added);
    OK(put(pg, "shared", "0001_x", "", &in_order, &r, &err));
    free(r.added);
    /* a content that no tenant has any more stands in nobody's way */
    OK(tenant_delete(pg, "t", NULL));
    must_put(pg, "0002_bb");
}
END_TEST

START_TEST(hashes_of_trackers_count_as_applied)
{
    CLEANUP(pg_closep) struct pg *pg = clean();
    struct register_result r;
    struct err err;

    must_put(pg, "0005_e");
    char *sha256 = pg_fixture_value(pg, "SELECT sha256 AS v FROM tenantd.migration");
    apply_to_tenant(pg, "t", NULL, sha256);
    free(sha256);
    ck_assert_int_eq(put(pg, "tenant", "0001_a", "", &in_order, &r, &err), ERR_OUT_OF_ORDER);
    ck_assert_int_eq(catalog_unregister(pg, "tenant", "0005_e", &err), ERR_MIGRATION_APPLIED);
    ck_assert_str_eq(err.subject, "t");
}
END_TEST

START_TEST(an_unapplied_migration_can_go)
{
    CLEANUP(pg_closep) struct pg *pg = clean();
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    struct register_result r;
    struct err err;

    must_put(pg, "0001_a 0002_b 0003_c");
    apply_to_tenant(pg, "t", "0002_b", NULL);
    ck_assert_int_eq(catalog_unregister(pg, "tenant", "0002_b", &err), ERR_MIGRATION_APPLIED);
    ck_assert_int_eq(catalog_unregister(pg, "tenant", "0009_x", &err), ERR_MIGRATION_NOT_FOUND);
    ck_assert_int_eq(catalog_unregister(pg, "tenant", "'; --", &err), ERR_MIGRATION_NOT_FOUND);
    ck_assert_int_eq(catalog_unregister(pg, "nothing", "0001_a", &err), ERR_CATALOG_NOT_FOUND);
    ck_assert_int_eq(revision_of(pg, "tenant"), 2);
    OK(catalog_unregister(pg, "tenant", "0003_c", &err));
    ck_assert_int_eq(revision_of(pg, "tenant"), 3);
    holds(pg, "tenant", "0001_a 0002_b ");
    ck_assert_int_eq(catalog_get(pg, "tenant", "0003_c", &rows, &err), ERR_MIGRATION_NOT_FOUND);
    ck_assert_ptr_null(rows);
    OK(catalog_get(pg, "tenant", "0001_a", &rows, &err));
    ck_assert_str_eq(pg_text(rows, 0, "sql"), "CREATE TABLE \"0001_a\" (id int);");
    /* its name is free for other bytes */
    OK(put(pg, "tenant", "0003_c", " new bytes", &in_order, &r, &err));
    free(r.added);
}
END_TEST

struct bundle {
    char versions[200];
    const char *mark;
    err_code rc;
    size_t added;
};

static void *put_bundle(void *arg)
{
    struct bundle *b = arg;
    struct pg *pg = pg_fixture_connect();
    struct register_result r = {.added = NULL};
    struct err err;

    b->rc = put(pg, "tenant", b->versions, b->mark, &in_order, &r, &err);
    b->added = b->rc ? 0 : r.added_count;
    free(r.added);
    pg_close(pg);
    return NULL;
}

/* Bundles in different orders at once: no deadlock, every version once, either one's bytes whole. */
START_TEST(bundles_at_once_do_not_interleave)
{
    enum { BUNDLES = 8 };
    CLEANUP(pg_closep) struct pg *pg = clean();
    struct bundle bundles[BUNDLES];
    pthread_t threads[BUNDLES];
    size_t added = 0;

    for (int i = 0; i < BUNDLES; i++) {
        bundles[i] = (struct bundle){.mark = i < BUNDLES - 1 ? "" : " others"};
        (void)strcpy(bundles[i].versions, i % 2 ? "0003_c 0002_b 0001_a" : "0001_a 0002_b 0003_c");
        ck_assert_int_eq(pthread_create(&threads[i], NULL, put_bundle, &bundles[i]), 0);
    }
    for (int i = 0; i < BUNDLES; i++) {
        (void)pthread_join(threads[i], NULL);
        ck_assert(bundles[i].rc == ERR_NONE || bundles[i].rc == ERR_MIGRATION_IMMUTABLE);
        added += bundles[i].added;
    }
    ck_assert_uint_eq(added, 3);
    ck_assert_int_eq(revision_of(pg, "tenant"), 2);
    ck_assert_int_eq(ask(pg, "SELECT count(DISTINCT position('others' IN convert_from(sql, 'UTF8')) > 0)"
                             " AS v FROM tenantd.migration"),
                     1);
}
END_TEST

START_TEST(a_snapshot_stays_as_it_was)
{
    CLEANUP(pg_closep) struct pg *pg = clean();
    struct catalog_cache *cache = NULL;
    const struct catalog *old = NULL, *same = NULL, *now = NULL, *shared = NULL;
    struct err err;

    OK(catalog_cache_new(&cache, NULL));
    must_put(pg, "0001_a");
    OK(catalog_acquire(cache, pg, "tenant", 0, &old, NULL));
    OK(catalog_acquire(cache, pg, "shared", 0, &shared, NULL));
    OK(catalog_acquire(cache, pg, "tenant", 0, &same, NULL));
    ck_assert_ptr_eq(old, same);
    ck_assert(old->count == 1 && shared->count == 0);
    must_put(pg, "0002_b");
    /* one that is new enough is taken without asking: here there is nobody to ask */
    catalog_release(cache, same);
    OK(catalog_acquire(cache, NULL, "tenant", 2, &same, NULL));
    ck_assert_ptr_eq(old, same);
    OK(catalog_acquire(cache, pg, "tenant", 3, &now, NULL));
    ck_assert(now != old && now->count == 2 && old->count == 1);
    ck_assert_str_eq(old->items[0].version, "0001_a");
    ck_assert_uint_eq(catalog_find(now, "0002_b"), 1);
    catalog_release(cache, old);
    catalog_release(cache, same);
    catalog_release(cache, now);
    /* the newest is kept although nobody holds it */
    OK(catalog_acquire(cache, NULL, "tenant", 3, &same, NULL));
    ck_assert_ptr_eq(now, same);
    catalog_release(cache, same);
    catalog_release(cache, shared);
    catalog_release(cache, NULL);
    ck_assert_int_eq(catalog_acquire(cache, pg, "nothing", 0, &now, &err), ERR_CATALOG_NOT_FOUND);
    OK(catalog_unregister(pg, "tenant", "0002_b", NULL));
    OK(catalog_acquire(cache, pg, "tenant", 0, &now, NULL));
    ck_assert_uint_eq(now->count, 1);
    catalog_release(cache, now);
    catalog_cache_free(cache);
    catalog_cache_free(NULL);
}
END_TEST

static struct {
    struct catalog_cache *cache;
    atomic_bool stop, failed;
    atomic_int acquired;
} threads_share;

/* A catalog of n migrations has 1 to n: one that is half loaded or freed would not. */
static void *acquire_and_look(void *arg)
{
    struct pg *pg = pg_fixture_connect();
    size_t least = 0;

    (void)arg;
    while (!atomic_load(&threads_share.stop)) {
        const struct catalog *c = NULL;
        if (catalog_acquire(threads_share.cache, pg, "tenant", 0, &c, NULL)) {
            atomic_store(&threads_share.failed, true);
            break;
        }
        bool good = c->count >= least;
        for (size_t i = 0; i < c->count && good; i++)
            good = c->items[i].number == (int64_t)i + 1 && strlen(c->items[i].sql) > 10;
        least = c->count;
        if (!good)
            atomic_store(&threads_share.failed, true);
        catalog_release(threads_share.cache, c);
        atomic_fetch_add(&threads_share.acquired, 1);
    }
    pg_close(pg);
    return NULL;
}

START_TEST(threads_share_snapshots_while_they_are_replaced)
{
    enum { THREADS = 4, VERSIONS = 25 };
    CLEANUP(pg_closep) struct pg *pg = clean();
    pthread_t threads[THREADS];
    char version[32];

    OK(catalog_cache_new(&threads_share.cache, NULL));
    for (int i = 0; i < THREADS; i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, acquire_and_look, NULL), 0);
    for (int i = 1; i <= VERSIONS; i++) {
        int seen = atomic_load(&threads_share.acquired);
        int64_t deadline = clock_mono_ms() + 10000;
        (void)snprintf(version, sizeof version, "%04d_v", i);
        must_put(pg, version);
        while (atomic_load(&threads_share.acquired) < seen + THREADS && clock_mono_ms() < deadline)
            (void)nanosleep(&(struct timespec){.tv_nsec = 1000000}, NULL);
    }
    atomic_store(&threads_share.stop, true);
    for (int i = 0; i < THREADS; i++)
        (void)pthread_join(threads[i], NULL);
    ck_assert(!atomic_load(&threads_share.failed));
    ck_assert_int_ge(atomic_load(&threads_share.acquired), VERSIONS * THREADS);
    catalog_cache_free(threads_share.cache);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("catalog_store");
    tcase_set_timeout(tc, 120);
    tcase_add_test(tc, migrations_are_registered);
    tcase_add_test(tc, order_is_by_number);
    tcase_add_test(tc, a_bundle_is_all_or_nothing);
    tcase_add_test(tc, what_sorts_before_an_applied_one_is_refused);
    tcase_add_test(tc, hashes_of_trackers_count_as_applied);
    tcase_add_test(tc, an_unapplied_migration_can_go);
    tcase_add_test(tc, bundles_at_once_do_not_interleave);
    tcase_add_test(tc, a_snapshot_stays_as_it_was);
    tcase_add_test(tc, threads_share_snapshots_while_they_are_replaced);
    return run_suite("catalog_store", tc);
}
