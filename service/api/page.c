/* SPDX-License-Identifier: MIT */
#include "service/api/page.h"

#include <openssl/evp.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/str.h"
#include "service/api/fields.h"

enum { PAGE_DEFAULT = 100, PAGE_MAX = 1000, MAC_SIZE = 16, TOKEN_MAX = 700 };
static const int64_t token_life_ms = INT64_C(3) * 24 * 3600 * 1000;

/* What a token belongs to: the operation, the path and every filter, but not the page. */
static void add_list(const struct call *call, struct str *text)
{
    str_add(text, call->route->op);
    str_add(text, call->req->path);
    for (size_t i = 0; i < call->req->query_count; i++) {
        const struct http_field *q = &call->req->query[i];
        if (str_eq(q->name, "page_token") || str_eq(q->name, "page_size"))
            continue;
        str_addf(text, "\n%s=%s", q->name, q->value);
    }
}

static bool sign(const struct call *call, const char *payload, unsigned char mac[SHA256_SIZE])
{
    CLEANUP(str_clear) struct str text = STR_INIT;

    str_addf(&text, "%s\n", payload);
    add_list(call, &text);
    if (str_ok(&text))
        hmac_sha256(call->app->page_key, call->app->page_key_len, text.data, text.len, mac);
    return str_ok(&text);
}

static void url_safe(char *text, const char *from, const char *to)
{
    for (; *text; text++)
        for (int i = 0; i < 2; i++)
            if (*text == from[i])
                *text = to[i];
}

err_code page_next(const struct call *call, const char *last_key, json_t *list, struct err *err)
{
    unsigned char raw[MAC_SIZE + 32 + PAGE_KEY_SIZE], mac[SHA256_SIZE];
    char payload[32 + PAGE_KEY_SIZE], text[TOKEN_MAX];

    int n = snprintf(payload, sizeof payload, "%lld %s", (long long)clock_unix_ms(), last_key);
    if (n < 0 || (size_t)n >= sizeof payload || !sign(call, payload, mac))
        return err_set(err, ERR_INTERNAL, "cannot make a page token");
    memcpy(raw, mac, MAC_SIZE);
    memcpy(raw + MAC_SIZE, payload, (size_t)n);
    (void)EVP_EncodeBlock((unsigned char *)text, raw, MAC_SIZE + n);
    url_safe(text, "+/", "-_");
    text[strcspn(text, "=")] = '\0';
    (void)json_object_set_new(list, "next_page_token", json_string(text));
    return ERR_NONE;
}

/* Undoes the encoding; the number of bytes, 0 when it is none. */
static size_t decode(const char *token, unsigned char *raw)
{
    char text[TOKEN_MAX];
    size_t n = strlen(token), padded = (n + 3) / 4 * 4;

    if (!n || padded + 1 > sizeof text || n % 4 == 1)
        return 0;
    memset(text, '=', padded);
    memcpy(text, token, n);
    text[padded] = '\0';
    url_safe(text, "-_", "+/");
    int got = EVP_DecodeBlock(raw, (unsigned char *)text, (int)padded);
    return got < 0 ? 0 : (size_t)got - (padded - n);
}

static err_code read_token(const struct call *call, const char *token, struct page *page,
                           struct err *err)
{
    unsigned char raw[TOKEN_MAX], mac[SHA256_SIZE];
    char payload[TOKEN_MAX], *key;
    size_t n = decode(token, raw);

    if (n <= MAC_SIZE || n - MAC_SIZE >= sizeof payload ||
        memchr(raw + MAC_SIZE, '\0', n - MAC_SIZE)) /* one token a page, not many */
        return err_set(err, ERR_PAGE_TOKEN_INVALID, "page_token is not one of ours");
    memcpy(payload, raw + MAC_SIZE, n - MAC_SIZE);
    payload[n - MAC_SIZE] = '\0';
    if (!sign(call, payload, mac) || !bytes_equal(mac, raw, MAC_SIZE))
        return err_set(err, ERR_PAGE_TOKEN_INVALID,
                       "page_token belongs to another list or to other filters");
    int64_t issued = strtoll(payload, &key, 10);
    if (clock_unix_ms() - issued > token_life_ms)
        return err_set(err, ERR_PAGE_TOKEN_EXPIRED, "page_token is older than three days");
    (void)snprintf(page->after, sizeof page->after, "%s", *key ? key + 1 : "");
    page->first = false;
    return ERR_NONE;
}

err_code page_read(const struct call *call, struct page *out, struct err *err)
{
    const char *token = request_query(call->req, "page_token");
    int64_t size;
    err_code rc = query_int(call, "page_size", 1, INT64_MAX, PAGE_DEFAULT, &size, err);

    if (rc)
        return rc;
    *out = (struct page){.size = (int)(size > PAGE_MAX ? PAGE_MAX : size), .first = true};
    return token ? read_token(call, token, out, err) : ERR_NONE;
}
