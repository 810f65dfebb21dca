/* SPDX-License-Identifier: MIT */
/* What the service says about itself. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/json.h"
#include "core/base/str.h"
#include "openapi/openapi.h"
#include "service/api/handlers.h"
#include "service/version.h"

struct reply version_get(struct call *call)
{
    char libpq[24];

    (void)snprintf(libpq, sizeof libpq, "%d.%d", pg_library_version() / 10000,
                   pg_library_version() % 10000);
    return reply_json(200, json_pack("{s:s, s:[s], s:i, s:s, s:s}", "version", TENANTD_VERSION,
                                     "api_versions", "v1", "control_schema",
                                     call->app->control_version, "libpq", libpq,
                                     "postgresql_parser", "15"));
}

struct reply config_get(struct call *call)
{
    const struct config *c = call->app->config;
    json_t *retry = json_pack("{s:i, s:I, s:I, s:f, s:b}", "max_attempts",
                              c->connection.retry.max_attempts, "initial_delay_ms",
                              (json_int_t)c->connection.retry.initial_delay_ms, "max_delay_ms",
                              (json_int_t)c->connection.retry.max_delay_ms, "backoff_multiplier",
                              c->connection.retry.backoff_multiplier, "jitter",
                              c->connection.retry.jitter);
    return reply_json(200, json_pack("{s:o, s:o}", "settings", config_json(c), "retry", retry));
}

#define ERR_CODE(code, kind, title) ERR_##code,
static const err_code all_codes[] = {ERR_LIST(ERR_CODE)};
#undef ERR_CODE

struct reply errors_list(struct call *call)
{
    json_t *list = json_array();

    (void)call;
    for (size_t i = 0; i < ARRAY_LEN(all_codes); i++)
        (void)json_array_append_new(
            list, json_pack("{s:s, s:i, s:s, s:b}", "code", err_name(all_codes[i]), "status",
                            http_status(all_codes[i]), "title", err_title(all_codes[i]),
                            "retryable", err_is_retryable(all_codes[i])));
    return reply_json(200, json_pack("{s:o}", "errors", list));
}

struct reply openapi_get(struct call *call)
{
    char digest[SHA256_HEX_SIZE], tag[40];

    sha256_hex(openapi_json, openapi_json_len, digest);
    (void)snprintf(tag, sizeof tag, "\"%.32s\"", digest);
    digest[32] = '\0';
    struct reply reply = call_has_tag(call, "If-None-Match", digest)
                             ? reply_empty(304)
                             : reply_text(200, "application/json",
                                          strndup((const char *)openapi_json, openapi_json_len));
    reply_header(&reply, "ETag", tag);
    reply_header(&reply, "Cache-Control", "public, max-age=60");
    return reply;
}
