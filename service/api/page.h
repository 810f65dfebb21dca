/* SPDX-License-Identifier: MIT */
/*
 * Pages by keyset. A page token is the last key, signed together with the list it belongs to, so
 * that it can be neither forged nor used with other filters, and needs no state here.
 */
#pragma once

#include "service/api/api.h"

enum { PAGE_KEY_SIZE = 256 };

struct page {
    int size;                    /* entries wanted */
    char after[PAGE_KEY_SIZE];   /* the last key of the page before; "" on the first */
    bool first;
};

/* From page_size and page_token. ERR_INVALID_PARAMETER, ERR_PAGE_TOKEN_INVALID,
 * ERR_PAGE_TOKEN_EXPIRED (three days). */
err_code page_read(const struct call *call, struct page *out, struct err *err) MUST_USE;
/* Adds next_page_token for the last key to list when there may be more. */
err_code page_next(const struct call *call, const char *last_key, json_t *list,
                   struct err *err) MUST_USE;
