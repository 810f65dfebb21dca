/* SPDX-License-Identifier: MIT */
#include "service/ctl/url.h"

#include <assert.h>
#include <string.h>

void pairs_add(struct pairs *pairs, const char *name, const char *value)
{
    if (!value)
        return;
    if (pairs->count < PAIRS_MAX)
        pairs->list[pairs->count] = (struct pair){.name = name, .value = value};
    pairs->count++;
}

static bool is_unreserved(char c)
{
    return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
           (c && strchr("-._~", c));
}

void url_encode(struct str *out, const char *bytes, size_t n)
{
    for (size_t i = 0; i < n; i++) {
        if (is_unreserved(bytes[i]))
            str_add_char(out, bytes[i]);
        else
            str_addf(out, "%%%02X", (unsigned)(unsigned char)bytes[i]);
    }
}

/* Dot segments go away on the way to the server unless their dots are encoded (RFC 3986, 5.2.4). */
static void add_segment(struct str *out, const char *value)
{
    if (str_eq(value, "."))
        str_add(out, "%2E");
    else if (str_eq(value, ".."))
        str_add(out, "%2E%2E");
    else
        url_encode(out, value, strlen(value));
}

err_code url_check_base(const char *text, struct err *err)
{
    const char *host = str_starts(text, "http://")    ? text + strlen("http://")
                       : str_starts(text, "https://") ? text + strlen("https://")
                                                      : NULL;
    if (!host || !*host || *host == '/' || *host == ':')
        return err_set(err, ERR_VALIDATION_FAILED,
                       "the URL is http://HOST[:PORT] or https://HOST[:PORT], not \"%.100s\"",
                       text);
    for (const char *p = host; *p; p++)
        if ((unsigned char)*p <= ' ' || (unsigned char)*p >= 0x7f || strchr("?#@\"\\", *p))
            return err_set(err, ERR_VALIDATION_FAILED,
                           "the URL \"%.100s\" must have no query, fragment, name or blank", text);
    return ERR_NONE;
}

err_code url_build(const char *base, const char *path, const char *const *values,
                   const struct pairs *query, struct str *out, struct err *err)
{
    size_t n = strlen(base);

    if (query && query->count > PAIRS_MAX)
        return err_set(err, ERR_VALIDATION_FAILED, "at most %d filters fit into one request",
                       PAIRS_MAX);
    while (n && base[n - 1] == '/')
        n--;
    str_add_n(out, base, n);
    for (const char *hole; (hole = strstr(path, "{}")); path = hole + 2) {
        assert(values && *values);
        str_add_n(out, path, (size_t)(hole - path));
        add_segment(out, *values++);
    }
    str_add(out, path);
    for (size_t i = 0; query && i < query->count; i++) {
        const struct pair *pair = &query->list[i];
        str_addf(out, "%c%s=", i ? '&' : '?', pair->name);
        url_encode(out, pair->value, strlen(pair->value));
    }
    return str_ok(out) ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}
