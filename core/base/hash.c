/* SPDX-License-Identifier: MIT */
#include "core/base/hash.h"

#include <ctype.h>
#include <openssl/crypto.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <openssl/rand.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"

void sha256(const void *bytes, size_t n, unsigned char out[SHA256_SIZE])
{
    if (!EVP_Digest(bytes, n, out, NULL, EVP_sha256(), NULL))
        abort();
}

void hex_encode(const unsigned char *bytes, size_t n, char *out)
{
    static const char digits[] = "0123456789abcdef";
    for (size_t i = 0; i < n; i++) {
        out[2 * i] = digits[bytes[i] >> 4];
        out[2 * i + 1] = digits[bytes[i] & 15];
    }
    out[2 * n] = '\0';
}

void sha256_hex(const void *bytes, size_t n, char out[SHA256_HEX_SIZE])
{
    unsigned char digest[SHA256_SIZE];
    sha256(bytes, n, digest);
    hex_encode(digest, sizeof digest, out);
}

void hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t n,
                 unsigned char out[SHA256_SIZE])
{
    if (!HMAC(EVP_sha256(), key, (int)key_len, bytes, n, out, NULL))
        abort();
}

void base64_encode(const void *bytes, size_t n, char *out)
{
    (void)EVP_EncodeBlock((unsigned char *)out, bytes, (int)n);
}

bool bytes_equal(const void *a, const void *b, size_t n)
{
    return CRYPTO_memcmp(a, b, n) == 0;
}

void random_bytes(void *out, size_t n)
{
    if (RAND_bytes(out, (int)n) != 1)
        abort();
}

void uuid7(char out[UUID_TEXT_SIZE])
{
    unsigned char b[16];
    uint64_t ms = (uint64_t)clock_unix_ms();

    random_bytes(b, sizeof b);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (unsigned char)((b[6] & 0x0f) | 0x70);
    b[8] = (unsigned char)((b[8] & 0x3f) | 0x80);
    char hex[33];
    hex_encode(b, sizeof b, hex);
    (void)snprintf(out, UUID_TEXT_SIZE, "%.8s-%.4s-%.4s-%.4s-%.12s", hex, hex + 8, hex + 12,
                   hex + 16, hex + 20);
}

bool uuid_is_valid(const char *text)
{
    if (strlen(text) != UUID_TEXT_SIZE - 1)
        return false;
    for (int i = 0; i < UUID_TEXT_SIZE - 1; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        if (dash ? text[i] != '-' : !isxdigit((unsigned char)text[i]))
            return false;
    }
    return true;
}
