/* SPDX-License-Identifier: MIT */
/* What a login can do that SQL is run with, without any parser before it: all of this is sent as it
 * stands, many statements at once. */
#include <pthread.h>

#include "core/migrate/apply.h"
#include "core/schema/introspect.h"
#include "core/schema/schema_json.h"
#include "core/tenant/login.h"
#include "tests/pg/job_support.h"

static const unsigned char key[] = "a key of the tests";
static struct pg *pg;
static struct login shared, mine, writer, theirs;

static struct login_wish wish(const struct login *login, const char *schema, login_kind kind)
{
    return (struct login_wish){.login = login,
                               .member_of = login == &shared ? NULL : shared.role,
                               .schema = schema,
                               .kind = kind,
                               .tracking_table = "track",
                               .lock_key = apply_lock_key(schema),
                               .lock_timeout_ms = 200};
}

static err_code ensure(struct pg *on, const struct login *login, const char *schema,
                       login_kind kind, struct err *err)
{
    struct login_wish w = wish(login, schema, kind);
    return login_ensure(on, &w, err);
}

static void make(const struct login *login, const char *schema, login_kind kind)
{
    struct err err;
    ck_assert_msg(!ensure(pg, login, schema, kind, &err), "%s", err.msg);
}

static void drop_logins(void)
{
    struct err err;
    const struct login *all[] = {&mine, &writer, &theirs, &shared};

    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS qa, qb, qs CASCADE");
    for (size_t i = 0; i < ARRAY_LEN(all); i++)
        ck_assert_msg(!login_drop(pg, all[i], &err), "%s", err.msg);
}

static void set_up(void)
{
    pg = job_clean();
    login_of(key, sizeof key, pg_fixture_url(), "qs", LOGIN_READ, &shared);
    login_of(key, sizeof key, pg_fixture_url(), "qa", LOGIN_READ, &mine);
    login_of(key, sizeof key, pg_fixture_url(), "qa", LOGIN_WRITE, &writer);
    login_of(key, sizeof key, pg_fixture_url(), "qb", LOGIN_READ, &theirs);
    drop_logins();
    pg_fixture_sql(
        pg, "CREATE SCHEMA qa; CREATE SCHEMA qb; CREATE SCHEMA qs;"
            "CREATE TABLE qa.note (id serial, body text); CREATE TABLE qa.track (id int);"
            "CREATE TABLE qa.track_backup_1 (id int); CREATE TABLE qa.__tenantd_seeds (id int);"
            "CREATE TABLE qb.note (id serial, body text); INSERT INTO qb.note VALUES (1, 'secret');"
            "CREATE TABLE qs.plan (id int); INSERT INTO qs.plan VALUES (1);"
            "INSERT INTO qa.note VALUES (1, 'mine')");
    make(&shared, "qs", LOGIN_READ);
    make(&mine, "qa", LOGIN_READ);
    make(&writer, "qa", LOGIN_WRITE);
    make(&theirs, "qb", LOGIN_READ);
}

static void tear_down(void)
{
    drop_logins();
    CLEANUP(freep)
    char *left = pg_fixture_value(
        pg, "SELECT count(*) AS v FROM pg_roles WHERE rolname ~ '^tenantd_._q[abs]_'"
            " AND NOT EXISTS (SELECT FROM pg_shdepend WHERE refobjid = oid)");
    ck_assert_str_eq(left, "0");
    pg_close(pg);
}

static struct pg *enter(const struct login *login)
{
    struct pg *in = NULL;
    struct err err;
    const struct pg_options options = {
        .url = pg_fixture_url(), .user = login->role, .password = login->password};
    ck_assert_msg(!pg_open(&options, &in, &err), "%s", err.msg);
    return in;
}

/* What PostgreSQL must say; "" for no error. */
struct attempt {
    const char *sql, *sqlstate;
};

static void try_all(const struct login *login, const struct attempt *attempts, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        CLEANUP(pg_closep) struct pg *in = enter(login);
        struct err err = {.code = ERR_NONE};
        err_code rc = pg_command(in, attempts[i].sql, &err);
        ck_assert_msg(str_eq(err.sqlstate, attempts[i].sqlstate) && !rc == !*attempts[i].sqlstate,
                      "%s: %s %s", attempts[i].sql, err.sqlstate, rc ? err.msg : "");
    }
}
#define TRY_ALL(login, attempts) try_all((login), (attempts), ARRAY_LEN(attempts))

/* Every way out that PostgreSQL has for SQL. */
static const struct attempt escapes[] = {
    {"SELECT * FROM qa.note, qs.plan", ""},
    {"SELECT * FROM qb.note", "42501"},
    {"SELECT query_to_xml('SELECT * FROM qb.note', true, true, '')", "42501"},
    {"SELECT table_to_xml('qb.note', true, true, '')", "42501"},
    {"SELECT schema_to_xml('qb', true, true, '')", "42501"},
    {"SELECT * FROM ts_stat('SELECT to_tsvector(body) FROM qb.note')", "42501"},
    {"SELECT set_config('role', 'postgres', false)", "42501"},
    {"SELECT set_config('session_authorization', 'postgres', false)", "42501"},
    {"SET ROLE postgres", "42501"},
    {"SET SESSION AUTHORIZATION postgres", "42501"},
    {"RESET ROLE; RESET SESSION AUTHORIZATION; SELECT * FROM qb.note", "42501"},
    {"SET search_path = qb; SELECT * FROM note", "42P01"},
    {"SELECT pg_read_file('/etc/hostname')", "42501"},
    {"SELECT pg_ls_dir('/')", "42501"},
    {"SELECT lo_export(1, '/tmp/x')", "42501"},
    {"SELECT lo_import('/etc/hostname')", "42501"},
    {"COPY qa.note TO PROGRAM 'cat'", "42501"},
    {"COPY qa.note TO '/tmp/x'", "42501"},
    {"DO $$ BEGIN PERFORM * FROM qb.note; END $$", "42501"},
    {"DO $$ BEGIN EXECUTE 'SET LOCAL ROLE postgres'; END $$", "42501"},
    {"SELECT * FROM tenantd.secret", "42501"},
    {"SELECT * FROM tenantd.token", "42501"},
    {"SELECT rolpassword FROM pg_authid", "42501"},
    {"ALTER ROLE postgres PASSWORD 'x'", "42501"},
    {"CREATE ROLE other", "42501"},
    {"GRANT USAGE ON SCHEMA qb TO public", "42501"},
    {"CREATE SCHEMA other", "42501"},
    {"CREATE TABLE qa.other (id int)", "42501"},
    {"CREATE EXTENSION dblink", "42501"},
    {"CREATE FUNCTION qa.f() RETURNS int LANGUAGE sql SECURITY DEFINER AS 'SELECT 1'", "42501"},
    {"ALTER TABLE qa.note ADD COLUMN x int", "42501"},
    {"BEGIN; LOCK TABLE qa.note IN ACCESS EXCLUSIVE MODE", "42501"},
    {"INSERT INTO qa.note VALUES (2, 'x')", "42501"},
    {"SET default_transaction_read_only = off; DELETE FROM qa.note", "42501"},
    {"SELECT nextval('qa.note_id_seq')", "42501"},
    {"UPDATE qs.plan SET id = 2", "42501"},
    {"ALTER SYSTEM SET work_mem = '1GB'", "42501"},
    {"SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE usename = 'postgres'", "42501"},
    {"SELECT pg_reload_conf()", "42501"},
    {"VACUUM FULL pg_authid", ""}, /* skipped with a warning */
};

START_TEST(who_reads_reaches_its_schema_alone)
{
    TRY_ALL(&mine, escapes);
}
END_TEST

static const struct attempt of_writer[] = {
    {"INSERT INTO qa.note (body) VALUES ('x'); UPDATE qa.note SET body = 'y'; DELETE FROM qa.note",
     ""},
    {"SELECT * FROM qs.plan, qa.track", ""},
    {"DELETE FROM qs.plan", "42501"},
    {"DELETE FROM qb.note", "42501"},
    {"DELETE FROM qa.track", "42501"},
    {"DELETE FROM qa.track_backup_1", "42501"},
    {"DELETE FROM qa.__tenantd_seeds", "42501"},
    {"TRUNCATE qa.note", "42501"},
    {"DROP TABLE qa.note", "42501"},
};

START_TEST(who_writes_writes_rows_of_its_schema_alone)
{
    TRY_ALL(&writer, of_writer);
}
END_TEST

static const struct attempt new_table[] = {{"SELECT * FROM qa.more", ""},
                                           {"SELECT * FROM qb.more", "42501"}};
static const struct attempt new_write[] = {{"INSERT INTO qa.more VALUES (1)", "42501"}};
static const struct attempt new_written[] = {{"INSERT INTO qa.more VALUES (1)", ""}};

START_TEST(tables_that_come_later)
{
    pg_fixture_sql(pg, "CREATE TABLE qa.more (id int); CREATE TABLE qb.more (id int)");
    TRY_ALL(&mine, new_table); /* by default privileges */
    TRY_ALL(&writer, new_write);
    make(&writer, "qa", LOGIN_WRITE);
    TRY_ALL(&writer, new_written);
}
END_TEST

START_TEST(twice_changes_nothing)
{
    static const char sum[] =
        "SELECT string_agg(c.oid || c.xmin::text || coalesce(c.relacl::text, ''), ' ' ORDER BY "
        "c.oid)"
        " || (SELECT string_agg(xmin::text, ' ' ORDER BY oid) FROM pg_authid) AS v FROM pg_class c"
        " WHERE c.relnamespace IN ('qa'::regnamespace, 'qs'::regnamespace)";
    CLEANUP(freep) char *before = pg_fixture_value(pg, sum);
    make(&shared, "qs", LOGIN_READ);
    make(&mine, "qa", LOGIN_READ);
    make(&writer, "qa", LOGIN_WRITE);
    CLEANUP(freep) char *after = pg_fixture_value(pg, sum);
    ck_assert_str_eq(before, after);
}
END_TEST

static void *ensure_one(void *arg)
{
    CLEANUP(pg_closep) struct pg *on = pg_fixture_connect();
    struct login_wish w = wish(&mine, "qa", LOGIN_READ);
    err_code *rc = arg;

    w.lock_timeout_ms = 20000;
    w.refused = true;
    *rc = login_ensure(on, &w, NULL);
    return NULL;
}

/* Who was asked looks like who was not. */
START_TEST(a_schema_looks_as_it_did)
{
    char before[SHA256_HEX_SIZE], after[SHA256_HEX_SIZE];
    struct schema *model = NULL;
    struct err err;

    drop_logins();
    pg_fixture_sql(pg, "CREATE SCHEMA qs; CREATE SCHEMA qa; CREATE TABLE qa.note (id serial)");
    OK(schema_read(pg, "qa", NULL, &model, &err));
    OK(schema_fingerprint(model, before, &err));
    schema_free(model);
    make(&shared, "qs", LOGIN_READ);
    make(&mine, "qa", LOGIN_READ);
    make(&writer, "qa", LOGIN_WRITE);
    OK(schema_read(pg, "qa", NULL, &model, &err));
    OK(schema_fingerprint(model, after, &err));
    schema_free(model);
    ck_assert_str_eq(before, after);
}
END_TEST

START_TEST(many_at_the_same_time)
{
    pthread_t threads[8];
    err_code codes[ARRAY_LEN(threads)];

    tell(pg, "DROP OWNED BY \"%s\"; DROP ROLE \"%s\"", mine.role, mine.role);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++)
        ck_assert_int_eq(pthread_create(&threads[i], NULL, ensure_one, &codes[i]), 0);
    for (size_t i = 0; i < ARRAY_LEN(threads); i++) {
        (void)pthread_join(threads[i], NULL);
        OK(codes[i]);
    }
    pg_close(enter(&mine));
}
END_TEST

START_TEST(a_role_that_may_more_is_not_used)
{
    struct err err;

    tell(pg, "GRANT pg_read_all_data TO \"%s\"", mine.role);
    ck_assert_int_eq(ensure(pg, &mine, "qa", LOGIN_READ, &err), ERR_QUERY_UNAVAILABLE);
    tell(pg, "REVOKE pg_read_all_data FROM \"%s\"; ALTER ROLE \"%s\" CREATEROLE", mine.role,
         mine.role);
    ck_assert_int_eq(ensure(pg, &mine, "qa", LOGIN_READ, &err), ERR_QUERY_UNAVAILABLE);
    tell(pg, "ALTER ROLE \"%s\" NOCREATEROLE", mine.role);
    OK(ensure(pg, &mine, "qa", LOGIN_READ, &err));
    ck_assert_int_eq(ensure(pg, &mine, "nowhere", LOGIN_READ, &err), ERR_SCHEMA_MISSING);
}
END_TEST

START_TEST(a_migration_is_not_disturbed)
{
    CLEANUP(pg_closep) struct pg *other = pg_fixture_connect();
    struct err err;

    tell(other, "BEGIN; SELECT pg_advisory_xact_lock(%lld)", (long long)apply_lock_key("qa"));
    ck_assert_int_eq(ensure(pg, &mine, "qa", LOGIN_READ, &err), ERR_LOCK_UNAVAILABLE);
}
END_TEST

/* As in production: the server's role is no superuser. */
START_TEST(made_by_a_role_that_may_create_roles)
{
    struct pg *keeper = NULL;
    struct err err;
    struct login own;

    pg_fixture_sql(pg, "DROP SCHEMA IF EXISTS qk CASCADE; DROP ROLE IF EXISTS keeper_q;"
                       "CREATE ROLE keeper_q LOGIN; CREATE SCHEMA qk AUTHORIZATION keeper_q");
    OK(pg_open(&(struct pg_options){.url = pg_fixture_url(), .user = "keeper_q"}, &keeper, &err));
    pg_fixture_sql(keeper, "CREATE TABLE qk.note (id int)");
    login_of(key, sizeof key, pg_fixture_url(), "qk", LOGIN_READ, &own);
    struct login_wish w = wish(&own, "qk", LOGIN_READ);
    w.member_of = NULL;
    ck_assert_int_eq(login_ensure(keeper, &w, &err), ERR_QUERY_UNAVAILABLE);
    ck_assert_ptr_nonnull(strstr(err.msg, "CREATEROLE"));
    pg_fixture_sql(pg, "ALTER ROLE keeper_q CREATEROLE");
    ck_assert_msg(!login_ensure(keeper, &w, &err), "%s", err.msg);
    w.refused = true;
    ck_assert_msg(!login_ensure(keeper, &w, &err), "%s", err.msg);
    CLEANUP(freep)
    char *kept = pg_fixture_value(
        pg, "SELECT bool_and(rolpassword LIKE 'SCRAM-SHA-256$%') AS v FROM pg_authid"
            " WHERE rolname ~ '^tenantd_._qk_'");
    ck_assert_str_eq(kept, "t");
    static const struct attempt reads[] = {{"SELECT * FROM qk.note", ""},
                                           {"TABLE qa.note", "42501"}};
    TRY_ALL(&own, reads);
    pg_fixture_sql(keeper, "DROP SCHEMA qk CASCADE");
    ck_assert_msg(!login_drop(keeper, &own, &err), "%s", err.msg);
    pg_close(keeper);
    CLEANUP(freep)
    char *left =
        pg_fixture_value(pg, "SELECT count(*) AS v FROM pg_roles WHERE rolname ~ '^tenantd_._qk_'");
    ck_assert_str_eq(left, "0");
    pg_fixture_sql(pg, "DROP ROLE keeper_q");
}
END_TEST

START_TEST(names_are_told_apart)
{
    struct login a, b;
    char schema[64];

    memset(schema, 'x', 63);
    schema[63] = '\0';
    login_of(key, sizeof key, "default", schema, LOGIN_READ, &a);
    schema[62] = 'y'; /* beyond what the name shows */
    login_of(key, sizeof key, "default", schema, LOGIN_READ, &b);
    ck_assert_str_ne(a.role, b.role);
    ck_assert_str_ne(a.password, b.password);
    ck_assert_uint_le(strlen(a.role), 63);
    login_of(key, sizeof key, "other", schema, LOGIN_READ, &a);
    ck_assert_str_ne(a.role, b.role);
    login_of(key, sizeof key, "default", schema, LOGIN_WRITE, &a);
    ck_assert_str_ne(a.role, b.role);
    login_of(key, 3, "default", schema, LOGIN_READ, &a);
    ck_assert_str_ne(a.role, b.role);
}
END_TEST

int main(void)
{
    pg_fixture_start();
    TCase *tc = tcase_create("query_login");
    tcase_set_timeout(tc, 60);
    tcase_add_checked_fixture(tc, set_up, tear_down);
    tcase_add_test(tc, who_reads_reaches_its_schema_alone);
    tcase_add_test(tc, who_writes_writes_rows_of_its_schema_alone);
    tcase_add_test(tc, tables_that_come_later);
    tcase_add_test(tc, twice_changes_nothing);
    tcase_add_test(tc, a_schema_looks_as_it_did);
    tcase_add_test(tc, many_at_the_same_time);
    tcase_add_test(tc, a_role_that_may_more_is_not_used);
    tcase_add_test(tc, a_migration_is_not_disturbed);
    tcase_add_test(tc, made_by_a_role_that_may_create_roles);
    tcase_add_test(tc, names_are_told_apart);
    return run_suite("query_login", tc);
}
