/* SPDX-License-Identifier: MIT */
#include "service/api/next_version.h"

#include <stdio.h>
#include <string.h>
#include <time.h>

#include "core/base/clock.h"
#include "core/migrate/catalog_store.h"

enum { FOLDER_DIGITS = 14, LEAST_DIGITS = 4, MOST_DIGITS = 18 };

/* YYYYMMDDhhmmss now, unless the head is later. */
static bool is_time(const char *head, char out[NEXT_VERSION_SIZE])
{
    time_t now = (time_t)(clock_unix_ms() / 1000);
    struct tm tm;

    return gmtime_r(&now, &tm) && strftime(out, NEXT_VERSION_SIZE, "%Y%m%d%H%M%S", &tm) &&
           strncmp(out, head, FOLDER_DIGITS) > 0;
}

err_code next_version(struct call *call, const char *catalog, char out[NEXT_VERSION_SIZE],
                      struct err *err)
{
    struct catalog_info info = {.head = ""};
    int64_t number = 0;
    err_code rc = catalog_info(call->pg, catalog, &info, err);

    if (rc)
        return rc;
    size_t width = strspn(info.head, "0123456789");
    if (width == FOLDER_DIGITS && is_time(info.head, out))
        return ERR_NONE;
    if (migration_number(info.head, &number, NULL))
        number = 0; /* of an empty catalog */
    (void)snprintf(out, NEXT_VERSION_SIZE, "%0*lld",
                   width > LEAST_DIGITS && width <= MOST_DIGITS ? (int)width : LEAST_DIGITS,
                   (long long)number + 1);
    return ERR_NONE;
}
