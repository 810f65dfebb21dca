/* SPDX-License-Identifier: MIT */
#include "core/access/token.h"

#include <stdio.h>
#include <string.h>
#include <zlib.h>

#include "core/base/str.h"

static const char prefix[] = "tnd_";
enum {
    PREFIX_LEN = sizeof prefix - 1,
    SECRET_AT = PREFIX_LEN + TOKEN_ID_LEN + 1,
    CRC_AT = SECRET_AT + TOKEN_SECRET_LEN,
};

/* Eight digits for the first CRC_AT characters of a token. */
static void token_crc(const char *text, char out[TOKEN_CRC_LEN + 1])
{
    uLong crc = crc32(0, (const unsigned char *)text, CRC_AT);

    (void)snprintf(out, TOKEN_CRC_LEN + 1, "%08lx", crc & 0xffffffffUL);
}

void token_make(char out[TOKEN_TEXT_SIZE])
{
    unsigned char id[TOKEN_ID_LEN / 2], secret[TOKEN_SECRET_LEN / 2];
    char id_hex[TOKEN_ID_SIZE], secret_hex[TOKEN_SECRET_LEN + 1];

    random_bytes(id, sizeof id);
    random_bytes(secret, sizeof secret);
    hex_encode(id, sizeof id, id_hex);
    hex_encode(secret, sizeof secret, secret_hex);
    (void)snprintf(out, TOKEN_TEXT_SIZE, "%s%s_%s", prefix, id_hex, secret_hex);
    token_crc(out, out + CRC_AT);
    explicit_bzero(secret, sizeof secret);
    explicit_bzero(secret_hex, sizeof secret_hex);
}

static bool is_hex(const char *text, size_t n)
{
    return strspn(text, "0123456789abcdef") >= n;
}

bool token_id_is_valid(const char *text)
{
    return strlen(text) == TOKEN_ID_LEN && is_hex(text, TOKEN_ID_LEN);
}

static bool is_well_formed(const char *text)
{
    return strlen(text) == TOKEN_TEXT_SIZE - 1 && str_starts(text, prefix) &&
           is_hex(text + PREFIX_LEN, TOKEN_ID_LEN) && text[SECRET_AT - 1] == '_' &&
           is_hex(text + SECRET_AT, TOKEN_SECRET_LEN + TOKEN_CRC_LEN);
}

err_code token_parse(const char *text, struct token *out, struct err *err)
{
    char crc[TOKEN_CRC_LEN + 1];

    if (!is_well_formed(text))
        return err_set(err, ERR_UNAUTHENTICATED,
                       "the token is malformed; a token has %d characters and starts with tnd_",
                       TOKEN_TEXT_SIZE - 1);
    token_crc(text, crc);
    if (strcmp(crc, text + CRC_AT) != 0)
        return err_set(err, ERR_UNAUTHENTICATED,
                       "the token is malformed: its check digits do not match, so it was mistyped "
                       "or cut");
    memcpy(out->id, text + PREFIX_LEN, TOKEN_ID_LEN);
    out->id[TOKEN_ID_LEN] = '\0';
    sha256(text + SECRET_AT, TOKEN_SECRET_LEN, out->secret_sha256);
    return ERR_NONE;
}
