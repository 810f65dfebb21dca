/* SPDX-License-Identifier: MIT */
/* Calls of the API: the one way out, and what is done when it does not answer. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "core/base/hash.h"
#include "core/base/json.h"
#include "core/base/retry.h"
#include "service/ctl/ctl.h"

enum { HEADERS_MAX = 6, RETRY_AFTER_MAX_S = 30 };

/* A request as it goes out; the same for every attempt, its key included. */
struct outgoing {
    const struct api_request *request;
    struct str url, headers[HEADERS_MAX];
    const char *list[HEADERS_MAX + 1];
    size_t count;
    char *json;
};

static void outgoing_clear(struct outgoing *o)
{
    str_clear(&o->url);
    for (size_t i = 0; i < o->count; i++)
        str_clear(&o->headers[i]);
    free(o->json);
}

static void add_header(struct outgoing *o, const char *name, const char *before, const char *value,
                       const char *after)
{
    struct str *line = &o->headers[o->count];

    str_addf(line, "%s: %s%s%s", name, before, value, after);
    o->list[o->count++] = str_text(line);
}

static void add_headers(const struct ctl *ctl, struct outgoing *o)
{
    const struct api_request *request = o->request;
    char key[UUID_TEXT_SIZE];

    if (ctl->token)
        add_header(o, "Authorization", "Bearer ", ctl->token, "");
    if (request->json || request->content_type)
        add_header(o, "Content-Type", "",
                   request->json ? "application/json" : request->content_type, "");
    if (request->if_match)
        add_header(o, "If-Match", "\"", request->if_match, "\"");
    if (str_eq(request->method, "POST")) {
        uuid7(key);
        add_header(o, "Idempotency-Key", "", key, "");
    }
}

static err_code prepare(const struct ctl *ctl, struct outgoing *o, struct err *err)
{
    const struct api_request *request = o->request;
    err_code rc = url_build(ctl->url, request->path, request->values, request->query, &o->url, err);

    if (rc)
        return rc;
    add_headers(ctl, o);
    o->json = request->json ? json_dumps(request->json, JSON_COMPACT) : NULL;
    for (size_t i = 0; i < o->count; i++)
        if (!str_ok(&o->headers[i]))
            return err_set(err, ERR_INTERNAL, "out of memory");
    if (request->json && !o->json)
        return err_set(err, ERR_VALIDATION_FAILED, "an argument is not UTF-8");
    return ERR_NONE;
}

static bool stop_asked(void *ctx)
{
    struct ctl *ctl = ctx;
    sigset_t pending;

    if (ctl->watching && sigpending(&pending) == 0 && sigismember(&pending, SIGINT) == 1)
        ctl->interrupted = true;
    return ctl->interrupted;
}

static exchange_end attempt(struct ctl *ctl, const struct outgoing *o, struct answer *answer,
                            struct err *err)
{
    const struct api_request *request = o->request;
    struct exchange exchange = {.method = request->method,
                                .url = str_text(&o->url),
                                .headers = o->list,
                                .body = o->json ? o->json : request->body,
                                .body_len = o->json ? strlen(o->json) : request->body_len,
                                .timeout_s = ctl->timeout_s + request->wait_s,
                                .stop = stop_asked,
                                .ctx = ctl};
    return transport_run(ctl->transport, &exchange, answer, err);
}

/* A POST has its key, GET and PUT have no second effect; a DELETE's second answer would differ. */
static bool is_worth_another(const struct api_request *request, exchange_end end,
                             const struct answer *answer)
{
    if (end == EXCHANGE_NOT_SENT)
        return true;
    if (end == EXCHANGE_LOST)
        return !str_eq(request->method, "DELETE");
    if (end != EXCHANGE_DONE)
        return false;
    /* with retries of our own, a key "in progress" is that of our own lost request */
    return (answer->status == 503 && answer->retry_after_s > 0) ||
           (answer->status == 409 &&
            strstr(str_text(&answer->body), "\"IDEMPOTENCY_IN_PROGRESS\""));
}

static void pause_for(struct ctl *ctl, int64_t ms)
{
    struct timespec left = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    sigset_t interrupt;

    if (!ctl->watching) {
        (void)nanosleep(&left, NULL);
        return;
    }
    (void)sigemptyset(&interrupt);
    (void)sigaddset(&interrupt, SIGINT);
    if (sigtimedwait(&interrupt, NULL, &left) == SIGINT)
        ctl->interrupted = true;
}

static exchange_end attempts(struct ctl *ctl, const struct outgoing *o, struct answer *answer,
                             struct err *err)
{
    struct retry_policy policy = RETRY_DEFAULT;
    exchange_end end;

    policy.max_attempts = 4;
    policy.initial_delay_ms = 200;
    for (int n = 1;; n++) {
        end = attempt(ctl, o, answer, err);
        if (n >= policy.max_attempts || !is_worth_another(o->request, end, answer))
            return end;
        int64_t delay = retry_delay_ms(&policy, n + 1, retry_random());
        int64_t asked =
            answer->retry_after_s < RETRY_AFTER_MAX_S ? answer->retry_after_s : RETRY_AFTER_MAX_S;
        str_clear(&answer->body);
        pause_for(ctl, asked * 1000 > delay ? asked * 1000 : delay);
        if (ctl->interrupted)
            return EXCHANGE_STOPPED;
    }
}

static int explain_end(const struct ctl *ctl, exchange_end end, const struct err *err)
{
    switch (end) {
    case EXCHANGE_DONE:
    case EXCHANGE_STOPPED:
        break;
    case EXCHANGE_NOT_SENT:
    case EXCHANGE_LOST:
    case EXCHANGE_FAILED:
        complain("%s is not reachable: %s", ctl->url, err->msg);
        return EXIT_UNREACHABLE;
    case EXCHANGE_TIMEOUT:
        complain("%s did not answer in time (--timeout is %ld s): %s", ctl->url, ctl->timeout_s,
                 err->msg);
        return EXIT_UNREACHABLE;
    }
    return EXIT_INTERRUPTED;
}

static int judge(const struct ctl *ctl, const struct api_request *request,
                 const struct answer *answer)
{
    if ((answer->status >= 200 && answer->status < 300) || answer->status == request->fine)
        return EXIT_DONE;
    if (ctl->json && answer->body.len)
        (void)printf("%s\n", str_text(&answer->body));
    problem_print(ctl, answer);
    return EXIT_REFUSED;
}

int api_send(struct ctl *ctl, const struct api_request *request, struct answer *out)
{
    struct outgoing o = {.request = request};
    struct answer answer = {.status = 0};
    struct err err = {.code = ERR_NONE};
    int status = EXIT_USAGE;

    if (prepare(ctl, &o, &err)) {
        complain("%s", err.msg);
    } else {
        exchange_end end = attempts(ctl, &o, &answer, &err);
        status = end == EXCHANGE_DONE ? judge(ctl, request, &answer) : explain_end(ctl, end, &err);
    }
    outgoing_clear(&o);
    if (status == EXIT_DONE)
        *out = answer;
    else
        str_clear(&answer.body);
    return status;
}

int api_json(struct ctl *ctl, const struct api_request *request, json_t **out)
{
    struct answer answer;
    struct err err;
    json_t *body = NULL;
    int status = api_send(ctl, request, &answer);

    if (status)
        return status;
    if (json_parse(str_text(&answer.body), answer.body.len, &body, &err)) {
        complain("%s answered %ld with something that is not of this API: %s", ctl->url,
                 answer.status, err.msg);
        status = EXIT_REFUSED;
    } else if (ctl->json && !request->hidden) {
        (void)printf("%s\n", str_text(&answer.body));
    }
    str_clear(&answer.body);
    if (!status)
        *out = body;
    return status;
}

int api_pages(struct ctl *ctl, const char *path, const char *value, struct pairs *query,
              const char *items, void (*each)(void *ctx, const json_t *page), void *ctx,
              bool hidden)
{
    json_t *token = NULL; /* what the query's last pair borrows */
    size_t filters = query->count;
    int status;

    do {
        json_t *page = NULL;
        query->count = filters;
        pairs_add(query, "page_token", json_string_value(token));
        struct api_request request = {
            .method = "GET", .path = path, .values = {value}, .query = query, .hidden = hidden};
        status = api_json(ctl, &request, &page);
        json_decref(token);
        token = json_incref(json_object_get(page, "next_page_token"));
        if (!status)
            each(ctx, json_object_get(page, items));
        json_decref(page);
    } while (!status && json_is_string(token));
    json_decref(token);
    return status;
}
