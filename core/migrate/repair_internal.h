/* SPDX-License-Identifier: MIT */
/* What the files about repairs share. */
#pragma once

#include "core/migrate/repair.h"

/* A decision in the making. */
struct deciding {
    const struct repair_wish *wish;
    const struct repair_look *look;
    struct plan plan; /* of what is recorded now */
    struct repair out;
};
/* Appends an edit of the entry; there is room for one of each. */
void repair_add(struct deciding *d, edit_kind kind, const struct plan_entry *entry);
err_code repair_decide_convert(struct deciding *d, struct err *err) MUST_USE;

/* A schema under repair, within its transaction. */
struct repairing {
    struct pg *pg;
    const struct catalog *catalog;
    const struct repair_wish *wish;
    const struct repair_options *options;
    struct str table; /* quoted, with its schema */
    /* what was found */
    struct applied_set *set, *backup;
    struct pg_rows *places; /* of the set's rows; NULL without a table */
    struct foreign_history history;
    char *backup_table;
};
/* The newest backup of a conversion, its name and what it says. ERR_HISTORY_NOT_FOUND. */
err_code repair_find_backup(struct repairing *r, struct err *err) MUST_USE;
/* Puts the table that `repair` describes in the place of this one, which becomes a backup. */
err_code repair_swap(struct repairing *r, const struct repair *repair, struct err *err) MUST_USE;
/* Writes the edits; the table is made when it is not there. */
err_code repair_write(struct repairing *r, const struct repair *repair, struct err *err) MUST_USE;
