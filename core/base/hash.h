/* SPDX-License-Identifier: MIT */
/* Digests, random bytes and the ids made of them; libcrypto does the work. */
#pragma once

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum {
    SHA256_SIZE = 32,
    SHA256_HEX_SIZE = 2 * SHA256_SIZE + 1,
    UUID_TEXT_SIZE = 37,
};

void sha256(const void *bytes, size_t n, unsigned char out[SHA256_SIZE]);
/* The digest as 64 lower-case hexadecimal digits and a NUL. */
void sha256_hex(const void *bytes, size_t n, char out[SHA256_HEX_SIZE]);
void hmac_sha256(const void *key, size_t key_len, const void *bytes, size_t n,
                 unsigned char out[SHA256_SIZE]);
/* n bytes as 2n hexadecimal digits and a NUL. */
void hex_encode(const unsigned char *bytes, size_t n, char *out);
/* n bytes in Base64 (RFC 4648, 4) with padding, and a NUL: 4 * ((n + 2) / 3) + 1 characters. */
void base64_encode(const void *bytes, size_t n, char *out);
/* Compares in a time that depends on n alone. */
bool bytes_equal(const void *a, const void *b, size_t n);
/* Cryptographically strong; ends the process if the system has none to give. */
void random_bytes(void *out, size_t n);
/* A UUID of version 7 (RFC 9562, 5.7): sorts by the time it was made. */
void uuid7(char out[UUID_TEXT_SIZE]);
bool uuid_is_valid(const char *text);
