/* SPDX-License-Identifier: MIT */
/* migrations list and push, and status: the fleet against the catalog. */
#include <errno.h>
#include <libgen.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "service/ctl/ctl.h"
#include "service/ctl/files.h"

static const char *catalog_of(const struct args *args)
{
    return args_flag(args, "shared") ? "shared" : "tenant";
}

static void add_migrations(void *ctx, const json_t *migrations)
{
    struct table *table = ctx;
    size_t i;
    json_t *m;

    json_array_foreach(migrations, i, m)
    {
        char digest[13];
        const char *sha256 = json_str(m, "sha256");
        (void)snprintf(digest, sizeof digest, "%.12s", sha256 ? sha256 : "-");
        table_add(table, json_str(m, "version"));
        table_add_int(table, json_int(m, "statements"));
        table_add_int(table, json_int(m, "size_bytes"));
        table_add(table, digest);
        table_add(table, json_str(m, "registered_at"));
    }
}

int migrations_list(struct ctl *ctl, const struct args *args)
{
    static const char *const headings[] = {"VERSION", "STATEMENTS", "BYTES",
                                           "SHA256",  "REGISTERED", NULL};
    struct pairs query = {.count = 0};
    struct table table;

    table_init(&table, headings);
    int status = api_pages(ctl, "/v1/catalogs/{}/migrations", catalog_of(args), &query,
                           "migrations", add_migrations, &table, false);
    if (status)
        table_clear(&table);
    else
        table_print(ctl, &table, "no migrations");
    return status;
}

static int push_folder(struct ctl *ctl, const struct args *args)
{
    struct err err = {.code = ERR_NONE};
    json_auto_t *body = NULL, *reply = NULL;

    if (files_bundle(args->operands[0], &body, &err)) {
        complain("%s", err.msg);
        return EXIT_USAGE;
    }
    struct api_request request = {.method = "POST",
                                  .path = "/v1/catalogs/{}/bundles",
                                  .values = {catalog_of(args)},
                                  .json = body};
    int status = api_json(ctl, &request, &reply);
    if (status)
        return status;
    const json_t *added = json_object_get(reply, "added");
    size_t i;
    json_t *version;
    json_array_foreach(added, i, version) say(ctl, "+ %s", json_string_value(version));
    say(ctl, "%s: %zu added, %lld unchanged", catalog_of(args), json_array_size(added),
        json_int(reply, "unchanged"));
    return EXIT_DONE;
}

static bool cut_end(char *text, const char *end)
{
    bool has = str_ends(text, end);
    if (has)
        text[strlen(text) - strlen(end)] = '\0';
    return has;
}

static int push_file(struct ctl *ctl, const struct args *args)
{
    CLEANUP(str_clear) struct str sql = STR_INIT;
    CLEANUP(freep) char *path = strdup(args->operands[0]);
    json_auto_t *migration = NULL;
    struct err err = {.code = ERR_NONE};
    char *version = path ? basename(path) : NULL;

    if (!version || !str_ends(version, ".sql") || str_eq(version, ".sql")) {
        complain("%s: a migration is a file VERSION.sql, or a folder of them", args->operands[0]);
        return EXIT_USAGE;
    }
    bool down = cut_end(version, ".down.sql");
    (void)(down || cut_end(version, ".up.sql") || cut_end(version, ".sql"));
    if (files_read(args->operands[0], &sql, &err)) {
        complain("%s", err.msg);
        return EXIT_USAGE;
    }
    struct api_request request = {.method = "PUT",
                                  .path = down ? "/v1/catalogs/{}/migrations/{}/down"
                                               : "/v1/catalogs/{}/migrations/{}",
                                  .values = {catalog_of(args), version},
                                  .content_type = "application/sql",
                                  .body = str_text(&sql),
                                  .body_len = sql.len};
    int status = api_json(ctl, &request, &migration);
    if (!status)
        say(ctl, "%s: %s%s, %lld statements", catalog_of(args), version,
            down ? ", the way back" : "", json_int(migration, "statements"));
    return status;
}

int migrations_push(struct ctl *ctl, const struct args *args)
{
    struct stat st;

    if (stat(args->operands[0], &st)) {
        complain("%s: %s", args->operands[0], strerror(errno));
        return EXIT_USAGE;
    }
    return S_ISDIR(st.st_mode) ? push_folder(ctl, args) : push_file(ctl, args);
}

static void add_cohorts(struct table *table, const json_t *cohorts)
{
    size_t i;
    json_t *cohort;

    json_array_foreach(cohorts, i, cohort)
    {
        const json_t *sample = json_object_get(cohort, "sample");
        struct str ids = STR_INIT;
        for (size_t s = 0; s < json_array_size(sample); s++)
            str_addf(&ids, "%s%s", s ? "," : "", json_string_value(json_array_get(sample, s)));
        table_add_int(table, json_int(cohort, "tenants"));
        table_add(table, json_str(cohort, "status"));
        table_add(table, json_str(cohort, "head"));
        table_add_int(table, json_int(cohort, "applied"));
        table_add_int(table, json_int(cohort, "pending"));
        table_add_int(table, json_int(cohort, "orphaned"));
        table_add_int(table, json_int(cohort, "modified"));
        table_add(table, str_text(&ids));
        str_clear(&ids);
    }
}

int status_show(struct ctl *ctl, const struct args *args)
{
    static const char *const headings[] = {"TENANTS",  "STATUS",      "HEAD",
                                           "APPLIED",  "PENDING",     "ORPHANED",
                                           "MODIFIED", "FOR EXAMPLE", NULL};
    json_auto_t *fleet = NULL;
    struct table table;
    struct api_request request = {.method = "GET", .path = "/v1/migration-status"};
    int status = api_json(ctl, &request, &fleet);

    (void)args;
    if (status)
        return status;
    table_init(&table, headings);
    add_cohorts(&table, json_object_get(fleet, "cohorts"));
    table_print(ctl, &table, NULL);
    say(ctl, "%lld of %lld tenants at %s, %lld behind, %lld diverged, %lld dirty, %lld unknown",
        json_int(fleet, "ok"), json_int(fleet, "tenants"),
        json_str(fleet, "head") ? json_str(fleet, "head") : "an empty catalog",
        json_int(fleet, "behind"), json_int(fleet, "diverged"), json_int(fleet, "dirty"),
        json_int(fleet, "unknown"));
    return EXIT_DONE;
}
