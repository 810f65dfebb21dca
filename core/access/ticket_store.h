/* SPDX-License-Identifier: MIT */
/* Tickets: what a browser puts into a URL instead of its token, good once and not for long. */
#pragma once

#include "core/access/access.h"

enum {
    TICKET_LIFE_S = 60,
    TICKET_SECRET_SIZE = 24,
    TICKET_TEXT_SIZE = sizeof "tkt_" + 2 * TICKET_SECRET_SIZE,
};

/* A ticket for `who` with some of its scopes; out is the only place where it ever stands.
 * *expires_at is in milliseconds since 1970. */
err_code ticket_create(struct pg *pg, const struct principal *who, uint32_t scopes,
                       char out[TICKET_TEXT_SIZE], int64_t *expires_at, struct err *err) MUST_USE;
/* Takes the ticket: a second time it is not known. ERR_UNAUTHENTICATED, also when the token it was
 * made with has been revoked or has expired since. */
err_code ticket_redeem(struct pg *pg, const char *text, struct principal *out, struct err *err)
    MUST_USE;
