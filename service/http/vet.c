/* SPDX-License-Identifier: MIT */
#include "service/http/vet.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "core/base/str.h"
#include "service/http/route.h"

#define ALPHANUMERIC "abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789"

/* RFC 9110, 5.6.2 */
static bool is_token(const char *text)
{
    return *text && !text[strspn(text, ALPHANUMERIC "!#$%&'*+-.^_`|~")];
}

static bool is_visible(const char *text)
{
    for (; *text; text++)
        if (*text < 0x21 || *text > 0x7e)
            return false;
    return true;
}

/* A tab may stand in a field value, no other control character may (RFC 9110, 5.5). */
static bool has_control(const char *text)
{
    for (; *text; text++)
        if (((unsigned char)*text < 0x20 && *text != '\t') || *text == 0x7f)
            return true;
    return false;
}

/* The value of a header that may be there once, NULL if it is not; *count says how often it is. */
static const char *single(const struct request *req, const char *name, int *count)
{
    const char *value = NULL;

    *count = 0;
    for (size_t i = 0; i < req->header_count; i++)
        if (strcasecmp(req->headers[i].name, name) == 0) {
            value = req->headers[i].value;
            ++*count;
        }
    return value;
}

static err_code check_line(const struct request *req, struct err *err)
{
    if (!is_token(req->method_text))
        return err_set(err, ERR_BAD_REQUEST, "the method is not a token");
    if (req->path[0] != '/')
        return err_set(err, ERR_BAD_REQUEST, "the path does not start with '/'");
    if (!is_visible(req->path))
        return err_set(err, ERR_BAD_REQUEST,
                       "the path has characters that must be escaped as %%XX");
    CLEANUP(freep) char *decoded = url_decode(req->path, strlen(req->path), false);
    if (!decoded)
        return err_set(err, ERR_BAD_REQUEST,
                       "the path has an escape that is not %%XX, a NUL, or is not UTF-8");
    return ERR_NONE;
}

static err_code check_fields(const struct request *req, struct err *err)
{
    for (size_t i = 0; i < req->header_count; i++) {
        const struct http_field *field = &req->headers[i];
        if (!is_token(field->name))
            return err_set(err, ERR_BAD_REQUEST, "the name of header %zu is not a token", i + 1);
        if (has_control(field->value))
            return err_set(err, ERR_BAD_REQUEST, "the value of %.64s has a control character",
                           field->name);
    }
    return ERR_NONE;
}

static err_code check_host(const struct request *req, const char *version, struct err *err)
{
    int count = 0;
    const char *host = single(req, "Host", &count);

    if (count > 1)
        return err_set(err, ERR_BAD_REQUEST, "there is more than one Host");
    if (!host)
        return str_eq(version, "HTTP/1.0") ? ERR_NONE
                                           : err_set(err, ERR_BAD_REQUEST, "there is no Host");
    if (!is_visible(host) || strpbrk(host, "/?#@,\\\"<>"))
        return err_set(err, ERR_BAD_REQUEST, "the Host is not a host and a port");
    return ERR_NONE;
}

static err_code check_length(const char *text, uint64_t *out, struct err *err)
{
    size_t n = strlen(text);

    /* 18 digits fit into 64 bits and are more than any body has */
    if (!n || n > 18 || text[strspn(text, "0123456789")])
        return err_set(err, ERR_BAD_REQUEST, "the Content-Length is not a number of bytes");
    *out = strtoull(text, NULL, 10);
    return ERR_NONE;
}

/* Where does the body end? There must be one answer (RFC 9112, 6.3). */
static err_code check_framing(const struct request *req, const char *version, struct vet_body *out,
                              struct err *err)
{
    int lengths = 0, codings = 0;
    const char *length = single(req, "Content-Length", &lengths);
    const char *coding = single(req, "Transfer-Encoding", &codings);

    if (lengths > 1 || codings > 1)
        return err_set(err, ERR_BAD_REQUEST, "there is more than one %s",
                       lengths > 1 ? "Content-Length" : "Transfer-Encoding");
    if (length && coding)
        return err_set(err, ERR_BAD_REQUEST,
                       "there is both a Content-Length and a Transfer-Encoding");
    if (coding && str_eq(version, "HTTP/1.0"))
        return err_set(err, ERR_BAD_REQUEST, "HTTP/1.0 has no Transfer-Encoding");
    if (coding && strcasecmp(coding, "chunked") != 0)
        return err_set(err, ERR_NOT_IMPLEMENTED, "the only Transfer-Encoding taken is chunked");
    *out = (struct vet_body){.chunked = coding != NULL};
    return length ? check_length(length, &out->length, err) : ERR_NONE;
}

static err_code check_coding(const struct request *req, struct err *err)
{
    if (request_header(req, "Content-Encoding"))
        return err_set(err, ERR_UNSUPPORTED_MEDIA_TYPE,
                       "send the body as it is, without Content-Encoding");
    return ERR_NONE;
}

/* Only a field that is a list may come twice (RFC 9110, 5.3); which of two others would hold? */
static err_code check_singles(const struct request *req, struct err *err)
{
    static const char *const names[] = {"Authorization", "Content-Type", "Idempotency-Key"};
    int count = 0;

    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        (void)single(req, names[i], &count);
        if (count > 1)
            return err_set(err, ERR_BAD_REQUEST, "there is more than one %s", names[i]);
    }
    return ERR_NONE;
}

err_code vet_head(const struct request *req, const char *version, struct vet_body *out,
                  struct err *err)
{
    struct vet_body body = {.length = 0};

    err_code code = check_fields(req, err);
    if (!code)
        code = check_framing(req, version, &body, err);
    if (!code)
        code = check_line(req, err);
    if (!code)
        code = check_host(req, version, err);
    if (!code)
        code = check_coding(req, err);
    if (!code)
        code = check_singles(req, err);
    if (!code)
        *out = body;
    return code;
}

const char *vet_origin_form(const char *target)
{
    size_t scheme = strncasecmp(target, "http://", 7) == 0    ? 7
                    : strncasecmp(target, "https://", 8) == 0 ? 8
                                                              : 0;
    if (!scheme)
        return target;
    target += scheme;
    target += strcspn(target, "/");
    return *target ? target : "/";
}

err_code vet_query(const char *name, const char *value, struct http_field *out, struct err *err)
{
    CLEANUP(freep) char *name_decoded = url_decode(name, strlen(name), false);
    CLEANUP(freep) char *value_decoded = url_decode(value, strlen(value), false);

    if (!name_decoded || !value_decoded)
        return err_set(err, ERR_BAD_REQUEST,
                       "the query has an escape that is not %%XX, a NUL, or is not UTF-8");
    *out = (struct http_field){.name = name_decoded, .value = value_decoded};
    name_decoded = NULL;
    value_decoded = NULL; /* now the caller's */
    return ERR_NONE;
}

bool vet_is_request_id(const char *text)
{
    size_t n = strlen(text);

    return n >= 1 && n < HTTP_ID_SIZE && is_visible(text) && !strpbrk(text, "\"'");
}
