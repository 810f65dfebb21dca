/* SPDX-License-Identifier: MIT */
/*
 * Judging the head of a request before anything acts on it. libmicrohttpd 0.9.75 is lax where two
 * readers of one byte stream could disagree about where a request ends (RFC 9112, 11.2), so each
 * request is checked again here. Pure: no I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "core/base/err.h"
#include "service/http/http.h"

/* What the head says about the body to come. */
struct vet_body {
    bool chunked;
    uint64_t length; /* 0 when chunked */
};

/*
 * Checks method_text, path and headers of req, sent with that version ("HTTP/1.1"). ERR_BAD_REQUEST
 * for what is malformed or ambiguous, ERR_NOT_IMPLEMENTED for a transfer coding other than chunked,
 * ERR_UNSUPPORTED_MEDIA_TYPE for a coded body.
 */
err_code vet_head(const struct request *req, const char *version, struct vet_body *out,
                  struct err *err) MUST_USE;
/* The origin-form of a request target: without scheme and authority, where it has them. */
const char *vet_origin_form(const char *target);
/* Decodes one parameter of the query, '+' already turned to a blank; *out is the caller's. */
err_code vet_query(const char *name, const char *value, struct http_field *out, struct err *err)
    MUST_USE;
/* 1 to 63 visible ASCII characters without quotes: safe in a header, a log line and a URL. */
bool vet_is_request_id(const char *text);
