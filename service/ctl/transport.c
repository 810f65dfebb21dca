/* SPDX-License-Identifier: MIT */
#include "service/ctl/transport.h"

#include <curl/curl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

enum { BODY_MAX = 256 * 1024 * 1024, CONNECT_TIMEOUT_S = 10 };

struct transport {
    CURL *curl;
    const char *user_agent;
};

struct transport *transport_new(const char *user_agent)
{
    struct transport *transport = calloc(1, sizeof *transport);

    if (!transport || curl_global_init(CURL_GLOBAL_DEFAULT)) {
        free(transport);
        return NULL;
    }
    transport->user_agent = user_agent;
    transport->curl = curl_easy_init();
    if (transport->curl)
        return transport;
    transport_free(transport);
    return NULL;
}

void transport_free(struct transport *transport)
{
    if (!transport)
        return;
    curl_easy_cleanup(transport->curl);
    curl_global_cleanup();
    free(transport);
}

static size_t take_body(char *bytes, size_t size, size_t n, void *arg)
{
    struct str *body = arg;

    if (size * n > BODY_MAX - body->len)
        return 0;
    str_add_n(body, bytes, size * n);
    return str_ok(body) ? size * n : 0;
}

static int take_progress(void *arg, curl_off_t down_total, curl_off_t down, curl_off_t up_total,
                         curl_off_t up)
{
    const struct exchange *exchange = arg;

    (void)down_total, (void)down, (void)up_total, (void)up;
    return exchange->stop && exchange->stop(exchange->ctx);
}

static struct curl_slist *list_of(const char *const *headers)
{
    struct curl_slist *list = curl_slist_append(NULL, "Expect:"); /* no pause before a body */

    for (size_t i = 0; headers && headers[i] && list; i++) {
        struct curl_slist *longer = curl_slist_append(list, headers[i]);
        if (!longer) {
            curl_slist_free_all(list);
            return NULL;
        }
        list = longer;
    }
    return list;
}

static void set_options(const struct transport *t, const struct exchange *e, struct answer *answer,
                        char problem[CURL_ERROR_SIZE])
{
    CURL *c = t->curl;

    curl_easy_reset(c);
    curl_easy_setopt(c, CURLOPT_URL, e->url);
    curl_easy_setopt(c, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(c, CURLOPT_PROTOCOLS_STR, "http,https");
    curl_easy_setopt(c, CURLOPT_USERAGENT, t->user_agent);
    curl_easy_setopt(c, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(c, CURLOPT_CONNECTTIMEOUT, (long)CONNECT_TIMEOUT_S);
    curl_easy_setopt(c, CURLOPT_TIMEOUT, e->timeout_s);
    curl_easy_setopt(c, CURLOPT_ERRORBUFFER, problem);
    curl_easy_setopt(c, CURLOPT_WRITEFUNCTION, take_body);
    curl_easy_setopt(c, CURLOPT_WRITEDATA, &answer->body);
    curl_easy_setopt(c, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(c, CURLOPT_XFERINFOFUNCTION, take_progress);
    curl_easy_setopt(c, CURLOPT_XFERINFODATA, e);
    if (e->body) {
        curl_easy_setopt(c, CURLOPT_POSTFIELDSIZE_LARGE, (curl_off_t)e->body_len);
        curl_easy_setopt(c, CURLOPT_POSTFIELDS, e->body);
    }
    curl_easy_setopt(c, CURLOPT_CUSTOMREQUEST, e->method);
}

static exchange_end end_of(CURLcode code)
{
    switch ((int)code) {
    case CURLE_OK:
        return EXCHANGE_DONE;
    case CURLE_COULDNT_RESOLVE_HOST:
    case CURLE_COULDNT_RESOLVE_PROXY:
    case CURLE_COULDNT_CONNECT:
        return EXCHANGE_NOT_SENT;
    case CURLE_SEND_ERROR:
    case CURLE_RECV_ERROR:
    case CURLE_GOT_NOTHING:
    case CURLE_PARTIAL_FILE:
        return EXCHANGE_LOST;
    case CURLE_OPERATION_TIMEDOUT:
        return EXCHANGE_TIMEOUT;
    case CURLE_ABORTED_BY_CALLBACK:
        return EXCHANGE_STOPPED;
    default:
        return EXCHANGE_FAILED;
    }
}

static void read_head(CURL *curl, struct answer *answer)
{
    char *type = NULL;
    curl_off_t seconds = 0;

    (void)curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &answer->status);
    (void)curl_easy_getinfo(curl, CURLINFO_CONTENT_TYPE, &type);
    (void)curl_easy_getinfo(curl, CURLINFO_RETRY_AFTER, &seconds);
    (void)snprintf(answer->content_type, sizeof answer->content_type, "%.127s", type ? type : "");
    answer->retry_after_s = seconds > 0 && seconds < 3600 ? (long)seconds : 0;
    struct curl_header *errors = NULL;
    if (!curl_easy_header(curl, "Lint-Errors", 0, CURLH_HEADER, -1, &errors))
        answer->lint_errors = strtol(errors->value, NULL, 10);
}

exchange_end transport_run(struct transport *transport, const struct exchange *exchange,
                           struct answer *answer, struct err *err)
{
    char problem[CURL_ERROR_SIZE] = "";
    struct curl_slist *headers = list_of(exchange->headers);

    *answer = (struct answer){.status = 0};
    if (!headers) {
        (void)err_set(err, ERR_INTERNAL, "out of memory");
        return EXCHANGE_FAILED;
    }
    set_options(transport, exchange, answer, problem);
    curl_easy_setopt(transport->curl, CURLOPT_HTTPHEADER, headers);
    CURLcode code = curl_easy_perform(transport->curl);
    if (code)
        (void)err_set(err, ERR_SYSTEM_FAILED, "%s", *problem ? problem : curl_easy_strerror(code));
    else
        read_head(transport->curl, answer);
    /* the handle outlives both */
    curl_easy_setopt(transport->curl, CURLOPT_HTTPHEADER, NULL);
    curl_easy_setopt(transport->curl, CURLOPT_ERRORBUFFER, NULL);
    curl_slist_free_all(headers);
    return end_of(code);
}
