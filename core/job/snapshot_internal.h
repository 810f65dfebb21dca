/* SPDX-License-Identifier: MIT */
/* What the files about snapshots share. */
#pragma once

#include "core/base/hash.h"
#include "core/job/engine.h"

struct snapshot {
    struct apply_baseline baseline; /* without sql: the migrations are to be replayed, because: */
    char reason[256];
    char *text; /* the same SQL for people */
    size_t migrations;
    char fingerprint[SHA256_HEX_SIZE]; /* of a schema that is made so */
};
void snapshot_clear(struct snapshot *s);

/* Replays the catalog on the server and finds the snapshot, or the reason why there is none. Leaves
 * nothing behind. An error says that it could not be found out. */
err_code snapshot_build(const struct engine_settings *settings, struct pg *pg,
                        const struct catalog *catalog, struct snapshot *out, struct err *err)
    MUST_USE;
