/* SPDX-License-Identifier: MIT */
#include <stdlib.h>

#include "core/pg/pg_internal.h"

struct pg_canceller {
    PGcancel *cancel;
};

struct pg_canceller *pg_canceller_new(const struct pg *pg)
{
    struct pg_canceller *canceller = malloc(sizeof *canceller);
    if (!canceller)
        return NULL;
    canceller->cancel = PQgetCancel(pg->conn);
    if (!canceller->cancel) {
        free(canceller);
        return NULL;
    }
    return canceller;
}

void pg_canceller_fire(struct pg_canceller *canceller)
{
    char ignored[256]; /* best effort by contract: a failure shows as the statement going on */
    (void)PQcancel(canceller->cancel, ignored, sizeof ignored);
}

void pg_canceller_free(struct pg_canceller *canceller)
{
    if (!canceller)
        return;
    PQfreeCancel(canceller->cancel);
    free(canceller);
}
