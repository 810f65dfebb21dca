/* SPDX-License-Identifier: MIT */
#include "tests/support/step.h"

#include <check.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "tests/support/daemon.h"

enum { REPLY_MS = 90000 };

void steps_open(struct steps *steps)
{
    *steps = (struct steps){.count = 0};
    http_client_open(&steps->client, daemon_port());
}

void steps_close(struct steps *steps)
{
    http_client_close(&steps->client);
    json_decref(steps->reply);
    steps->reply = NULL;
}

static const char *find(const struct steps *steps, const char *name, size_t n)
{
    for (size_t i = 0; i < steps->count; i++)
        if (strlen(steps->kept[i].name) == n && strncmp(steps->kept[i].name, name, n) == 0)
            return steps->kept[i].value;
    return NULL;
}

const char *steps_get(const struct steps *steps, const char *name)
{
    const char *value = find(steps, name, strlen(name));
    ck_assert_msg(value != NULL, "no step has kept \"%s\"", name);
    return value;
}

void steps_keep(struct steps *steps, const char *name, const char *value)
{
    size_t i = 0;

    while (i < steps->count && strcmp(steps->kept[i].name, name) != 0)
        i++;
    ck_assert_uint_lt(i, STEP_NAMES);
    ck_assert_uint_lt(strlen(value), STEP_VALUE_SIZE);
    (void)snprintf(steps->kept[i].name, sizeof steps->kept[i].name, "%s", name);
    (void)snprintf(steps->kept[i].value, sizeof steps->kept[i].value, "%s", value);
    steps->count += i == steps->count;
}

/* Appends text with {name} replaced and, where asked for, ' turned to ". */
static void expand(const struct steps *steps, const char *text, bool quotes, struct str *out)
{
    for (const char *p = text; *p; p++) {
        size_t n = *p == '{' ? strcspn(p + 1, "}") : 0;
        const char *value = n && p[n + 1] ? find(steps, p + 1, n) : NULL;
        if (value) {
            str_add(out, value);
            p += n + 1;
        } else
            str_add_char(out, quotes && *p == '\'' ? '"' : *p);
    }
}

static void add_token(const struct steps *steps, const struct step *step, struct str *out)
{
    if (step->token && !*step->token)
        return;
    str_add(out, "Authorization: Bearer ");
    expand(steps, step->token ? step->token : daemon_token(), false, out);
    str_add(out, "\r\n");
}

static const char *verb_of(const struct step *step)
{
    return step->verb ? step->verb : http_method_name(step->method);
}

static void send_step(struct steps *steps, const struct step *step)
{
    CLEANUP(str_clear) struct str text = STR_INIT, body = STR_INIT;
    bool is_json = !step->type || str_ends(step->type, "json");

    if (step->body && step->raw)
        str_add(&body, step->body);
    else if (step->body)
        expand(steps, step->body, is_json, &body);
    str_addf(&text, "%s ", verb_of(step));
    expand(steps, step->path, false, &text);
    str_add(&text, " HTTP/1.1\r\nHost: tenantd\r\n");
    add_token(steps, step, &text);
    if (step->headers)
        expand(steps, step->headers, false, &text);
    if (step->body)
        str_addf(&text, "Content-Type: %s\r\nContent-Length: %zu\r\n",
                 step->type ? step->type : "application/json", body.len);
    str_add(&text, "\r\n");
    str_add_n(&text, str_text(&body), body.len);
    ck_assert(str_ok(&text));
    (void)http_client_write(&steps->client, text.data, text.len);
}

_Noreturn static void fail_step(const struct steps *steps, const struct step *step, const char *what)
{
    CLEANUP(str_clear) struct str path = STR_INIT;

    expand(steps, step->path, false, &path);
    ck_abort_msg("%s: %s\n  %s %s %s\n  %d %s", step->label, what, verb_of(step), str_text(&path),
                 step->body ? step->body : "", steps->client.status,
                 steps->client.body ? steps->client.body : "");
}

/* RFC 6901: the value at a pointer, NULL when there is none. */
static const json_t *at_pointer(const json_t *value, const char *pointer)
{
    char key[128];

    while (value && *pointer == '/') {
        size_t n = strcspn(++pointer, "/"), k = 0;
        for (size_t i = 0; i < n && k + 1 < sizeof key; i++) {
            bool escape = pointer[i] == '~' && i + 1 < n;
            key[k++] = !escape ? pointer[i] : pointer[i + 1] == '1' ? '/' : '~';
            i += escape;
        }
        key[k] = '\0';
        pointer += n;
        value = json_is_array(value) ? json_array_get(value, strtoul(key, NULL, 10))
                                     : json_object_get(value, key);
    }
    return value;
}

/* What a check or .keep names, as a new reference; NULL when it is not there. */
static json_t *look_up(struct steps *steps, const char *what)
{
    size_t n = strlen(what);
    char pointer[256];

    if (*what == '@') {
        const char *header = http_client_header(&steps->client, what + 1);
        return header ? json_string(header) : NULL;
    }
    if (strcmp(what, "body") == 0)
        return json_stringn_nocheck(steps->client.body, steps->client.body_len);
    bool size = n && what[n - 1] == '#';
    (void)snprintf(pointer, sizeof pointer, "%.*s", (int)(n - size), what);
    const json_t *value = at_pointer(steps->reply, pointer);
    if (size && value)
        return json_integer((json_int_t)(json_is_array(value) ? json_array_size(value)
                                                              : json_object_size(value)));
    return json_incref((json_t *)(uintptr_t)value);
}

static bool contains(const json_t *value, const json_t *wanted)
{
    bool plain = json_is_string(value);
    CLEANUP(freep) char *text =
        plain ? strdup(json_string_value(value)) : json_dumps(value, JSON_ENCODE_ANY);
    return text && json_is_string(wanted) && strstr(text, json_string_value(wanted));
}

static bool holds(const json_t *value, const char *op, const char *wanted_text)
{
    json_auto_t *wanted = json_loads(wanted_text, JSON_DECODE_ANY, NULL);
    bool equal = op[0] != '~';

    if (strcmp(wanted_text, "absent") == 0 || strcmp(wanted_text, "present") == 0)
        return (value == NULL) == (wanted_text[0] == 'a');
    ck_assert_msg(wanted != NULL, "not JSON: %s", wanted_text);
    if (!value)
        return false;
    if (!equal)
        return contains(value, wanted);
    return json_equal(value, wanted) == (op[0] == '=');
}

static void check(struct steps *steps, const struct step *step, const char *text)
{
    CLEANUP(str_clear) struct str filled = STR_INIT;
    static const char *const ops[] = {" == ", " != ", " ~ "};
    char what[256];
    char *at = NULL;
    const char *op = "";

    expand(steps, text, true, &filled);
    for (size_t i = 0; i < ARRAY_LEN(ops) && !at; i++) {
        at = strstr(filled.data, ops[i]);
        op = ops[i];
    }
    ck_assert_msg(at != NULL, "%s: not a check: %s", step->label, text);
    (void)snprintf(what, sizeof what, "%.*s", (int)(at - filled.data), filled.data);
    json_auto_t *value = look_up(steps, what);
    if (!holds(value, op + 1, at + strlen(op)))
        fail_step(steps, step, filled.data);
}

/* ".keep": words "name=what". */
static void keep(struct steps *steps, const struct step *step)
{
    char words[256], *rest = NULL;

    (void)snprintf(words, sizeof words, "%s", step->keep ? step->keep : "");
    for (char *word = strtok_r(words, " ", &rest); word; word = strtok_r(NULL, " ", &rest)) {
        char *what = strchr(word, '=');
        ck_assert_ptr_nonnull(what);
        *what++ = '\0';
        json_auto_t *value = look_up(steps, what);
        CLEANUP(freep) char *text = json_is_string(value) ? strdup(json_string_value(value))
                                    : value ? json_dumps(value, JSON_ENCODE_ANY) : NULL;
        if (!text)
            fail_step(steps, step, what);
        steps_keep(steps, word, text);
    }
}

/* A problem document is whole and says what was expected. */
static void check_problem(struct steps *steps, const struct step *step)
{
    const char *type = http_client_header(&steps->client, "Content-Type");
    char code[80];

    if (!type || strcmp(type, "application/problem+json") != 0)
        fail_step(steps, step, "no problem document");
    (void)snprintf(code, sizeof code, "/code == '%s'", step->code);
    check(steps, step, code);
    (void)snprintf(code, sizeof code, "/status == %d", step->status);
    check(steps, step, code);
    static const char *const members[] = {"/type != null", "/title != null", "/detail != null",
                                          "/retryable != null", "/request_id != null"};
    for (size_t i = 0; i < ARRAY_LEN(members); i++)
        check(steps, step, members[i]);
}

/* The chunks of a body become the body that checks look at. */
static void read_stream(struct steps *steps, const struct step *step)
{
    struct http_client *client = &steps->client;
    struct str body = STR_INIT;

    if (http_client_read_until(client, &body, NULL, REPLY_MS) != 0)
        fail_step(steps, step, "the stream has an end");
    free(client->body);
    client->body_len = body.len;
    client->body = str_take(&body);
}

void steps_run_one(struct steps *steps, const struct step *step)
{
    bool head = str_eq(step->verb, "HEAD");

    send_step(steps, step);
    int status = http_client_read_within(&steps->client, head, REPLY_MS);
    if (step->streamed && status == step->status)
        read_stream(steps, step);
    json_decref(steps->reply);
    steps->reply = status > 0 && steps->client.body
                       ? json_loadb(steps->client.body, steps->client.body_len, 0, NULL)
                       : NULL;
    if (status != step->status) {
        char what[48];
        (void)snprintf(what, sizeof what, "%d expected", step->status);
        fail_step(steps, step, what);
    }
    if (step->code)
        check_problem(steps, step);
    keep(steps, step);
    for (size_t i = 0; i < STEP_CHECKS && step->json[i]; i++)
        check(steps, step, step->json[i]);
    const char *connection = http_client_header(&steps->client, "Connection");
    if (str_eq(connection, "close") || str_eq(connection, "Close")) {
        http_client_close(&steps->client);
        http_client_open(&steps->client, daemon_port());
    }
}

void steps_run_all(struct steps *steps, const struct step *table, size_t n)
{
    for (size_t i = 0; i < n; i++)
        steps_run_one(steps, &table[i]);
}

void steps_run_table(const struct step *table, size_t n)
{
    struct steps steps;

    steps_open(&steps);
    steps_run_all(&steps, table, n);
    steps_close(&steps);
}
