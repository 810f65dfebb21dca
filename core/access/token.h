/* SPDX-License-Identifier: MIT */
/*
 * Bearer tokens as text: tnd_ID_SECRETCRC. The fixed prefix lets secret scanners find a leaked one,
 * the CRC-32 of all that stands before it lets a mistyped one fail without a query. Pure.
 */
#pragma once

#include "core/base/err.h"
#include "core/base/hash.h"

enum {
    TOKEN_ID_LEN = 16,     /* hexadecimal digits; public, names the token in lists and logs */
    TOKEN_SECRET_LEN = 48, /* hexadecimal digits: 192 bits */
    TOKEN_CRC_LEN = 8,
    TOKEN_ID_SIZE = TOKEN_ID_LEN + 1,
    TOKEN_TEXT_SIZE = sizeof "tnd__" + TOKEN_ID_LEN + TOKEN_SECRET_LEN + TOKEN_CRC_LEN,
};

/* What is kept of a token. The secret has so many bits that a plain digest protects it. */
struct token {
    char id[TOKEN_ID_SIZE];
    unsigned char secret_sha256[SHA256_SIZE];
};

/* A new token; out is the only place where its secret ever stands. */
void token_make(char out[TOKEN_TEXT_SIZE]);
/* Fails with ERR_UNAUTHENTICATED; the message never quotes the text. */
err_code token_parse(const char *text, struct token *out, struct err *err) MUST_USE;
/* Whether text has the form of an id. */
bool token_id_is_valid(const char *text);
