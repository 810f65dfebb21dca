/* SPDX-License-Identifier: MIT */
/* What the files that write catalogs share; all of it inside an open transaction. */
#pragma once

#include "core/migrate/catalog_store.h"

/* Locks the catalog, so that two bundles at once cannot interleave. ERR_CATALOG_NOT_FOUND. */
err_code catalog_lock(struct pg *pg, const char *catalog, struct err *err) MUST_USE;
/* Every replica loads the catalog anew; revision may be NULL. */
err_code catalog_bump(struct pg *pg, const char *catalog, int64_t *revision, struct err *err)
    MUST_USE;
/* Stores the way back that m has; *changed: there was another, or none. Does nothing without. */
err_code catalog_store_down(struct pg *pg, const char *catalog, const struct migration *m,
                            const char *by, bool *changed, struct err *err) MUST_USE;
