/* SPDX-License-Identifier: MIT */
/*
 * Histories that other migration tools keep in a schema: how their tables are recognised by their
 * columns, and which versions of the catalog their rows are about. They are read, never written.
 */
#pragma once

#include "core/migrate/migration.h"
#include "core/pg/pg.h"

struct foreign_row {
    char *key;     /* the tool's version or name */
    char *hash;    /* of the file's bytes, where the tool keeps a SHA-256; else NULL */
    char *problem; /* why the row is not good: "failed", "dirty", …; NULL: it is */
    bool upto;     /* everything before it is applied as well */
};

struct foreign_reader;
struct foreign_history {
    const struct foreign_reader *reader;
    char *table;
    struct foreign_row *rows;
    size_t count;
};
void foreign_history_clear(struct foreign_history *history);

/* The tools' names, ends with NULL. */
extern const char *const foreign_names[];
const char *foreign_name(const struct foreign_reader *reader);
/* Whether tables of this name are a tool's own, and not part of what the migrations made. */
bool foreign_is_tracker(const char *table);

/*
 * Finds and reads the history in a schema. tool NULL or "auto": whichever is there; table NULL: the
 * tool's usual name. except is a table that is not looked at. ERR_HISTORY_NOT_FOUND,
 * ERR_AMBIGUOUS_FORMAT (several tables).
 */
err_code foreign_read(struct pg *pg, const char *schema, const char *tool, const char *table,
                      const char *except, struct foreign_history *out, struct err *err) MUST_USE;

/*
 * Sets applied[i] for every migration of the catalog that the history says is applied; applied has
 * the catalog's count. Pure. ERR_HISTORY_NOT_CLEAN for a row that is dirty, failed or rolled back,
 * ERR_UNMAPPABLE_ROWS for one that is about no version, several, or other bytes.
 */
err_code foreign_map(const struct catalog *catalog, const struct foreign_history *history,
                     bool *applied, struct err *err) MUST_USE;
