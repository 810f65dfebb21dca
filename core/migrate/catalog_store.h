/* SPDX-License-Identifier: MIT */
/*
 * Registered migrations in the control schema, and snapshots of whole catalogs for the engine. A
 * registered migration never changes.
 */
#pragma once

#include "core/migrate/migration.h"
#include "core/pg/pg.h"

struct catalog_info {
    char name[16];
    int64_t revision, migrations;
    char head[MIGRATION_VERSION_MAX + 1]; /* "" for an empty catalog */
};
/* ERR_CATALOG_NOT_FOUND unless name is "tenant" or "shared". */
err_code catalog_info(struct pg *pg, const char *name, struct catalog_info *out,
                      struct err *err) MUST_USE;

struct register_options {
    const char *by;          /* principal */
    bool allow_out_of_order; /* a version may sort before one that is applied somewhere */
};
struct register_result {
    bool *added; /* for each migration, in their order; free() */
    size_t added_count, unchanged;
    size_t downs; /* ways back that are new, or other than before */
    int64_t revision;
};
/*
 * Registers migrations, all or none. The same bytes again are unchanged; their way back may be
 * another, and stays when none is given. ERR_MIGRATION_IMMUTABLE (err->field: version) for other
 * bytes, ERR_OUT_OF_ORDER, ERR_CATALOG_NOT_FOUND.
 */
err_code catalog_register(struct pg *pg, const char *catalog, const struct migration *items,
                          size_t count, const struct register_options *options,
                          struct register_result *out, struct err *err) MUST_USE;
/* ERR_MIGRATION_NOT_FOUND, ERR_MIGRATION_APPLIED (err->subject: a tenant). */
err_code catalog_unregister(struct pg *pg, const char *catalog, const char *version,
                            struct err *err) MUST_USE;

/*
 * The way back of one migration as a script of its own. ERR_MIGRATION_IMMUTABLE when it is a section
 * of the migration's file, ERR_MIGRATION_NOT_FOUND, ERR_DOWN_MISMATCH (it has no statement), and what
 * migration_make() gives. *changed: there was another, or none.
 */
err_code catalog_put_down(struct pg *pg, const char *catalog, const char *version, const char *sql,
                          size_t len, const char *by, bool *changed, struct err *err) MUST_USE;
err_code catalog_delete_down(struct pg *pg, const char *catalog, const char *version,
                             struct err *err) MUST_USE;

/* Rows (catalog, version, number, sha256, size_bytes, statement_count, when_ms,
 * no_transaction, registered_by, registered_at, down_sha256 and the rest of down_…, NULL without a way back) after the given version
 * in catalog order ("" from the start), limit at most. */
err_code catalog_list(struct pg *pg, const char *catalog, const char *after, int limit,
                      struct pg_rows **out, struct err *err) MUST_USE;
/* The same for one, with its bytes as columns sql and down_sql. ERR_MIGRATION_NOT_FOUND. */
err_code catalog_get(struct pg *pg, const char *catalog, const char *version,
                     struct pg_rows **out, struct err *err) MUST_USE;

/* The catalogs in memory, reloaded when their revision moved; shared by all threads. */
struct catalog_cache;
err_code catalog_cache_new(struct catalog_cache **out, struct err *err) MUST_USE;
void catalog_cache_free(struct catalog_cache *cache);
/*
 * A snapshot that stays valid until it is released, whatever is registered meanwhile. With
 * min_revision a snapshot in memory that is at least that new is taken without asking the database;
 * 0 asks always.
 */
err_code catalog_acquire(struct catalog_cache *cache, struct pg *pg, const char *name,
                         int64_t min_revision, const struct catalog **out,
                         struct err *err) MUST_USE;
void catalog_release(struct catalog_cache *cache, const struct catalog *catalog); /* NULL is fine */
