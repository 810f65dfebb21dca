/* SPDX-License-Identifier: MIT */
/*
 * Tables of requests and what they must be answered with, run one after the other against the
 * daemon. In paths, bodies and headers {name} stands for what an earlier step kept under this name.
 */
#pragma once

#include <jansson.h>

#include "service/http/http.h"
#include "tests/support/http_client.h"

enum { STEP_CHECKS = 12, STEP_NAMES = 24, STEP_VALUE_SIZE = 512 };

struct step {
    const char *label;
    http_method method;
    const char *path;
    const char *body; /* NULL: none. JSON is written with ' for ", see .raw */
    int status;
    const char *code; /* of the problem document; NULL: it is none */
    /*
     * "WHAT OP VALUE": WHAT is a JSON pointer ("/progress/failed", "" for the whole), one with "#"
     * behind for the size of an array or object ("/tasks#"), a header ("@ETag"), or "body" for the
     * text. OP is ==, != or ~ (has VALUE inside it, as text). VALUE is JSON with ' for ", or
     * "absent", "present".
     */
    const char *json[STEP_CHECKS];
    const char *headers; /* "Prefer: wait=30\r\n…"; each line ends with \r\n */
    const char *type;    /* NULL: application/json */
    const char *keep;    /* "job=/id etag=@ETag": names for later steps */
    const char *token;   /* NULL: the admin's; "": none; may be "{name}" */
    const char *verb;    /* another method's text */
    bool raw;            /* the body is sent as it stands */
    bool streamed;       /* the reply is, and is read to its end */
};

/* A row of a table: STEP("label", GET, "/v1/tenants", NULL, 200, "CODE", .json = {…}). */
#define STEP(l, m, p, b, ...)                                                                      \
    {                                                                                              \
        .label = (l), .method = HTTP_##m, .path = (p), .body = (b), .status = __VA_ARGS__          \
    }
#define STEP_WAIT "Prefer: wait=50\r\n"

/* What steps have kept, and the last reply. */
struct steps {
    struct http_client client;
    struct {
        char name[32], value[STEP_VALUE_SIZE];
    } kept[STEP_NAMES];
    size_t count;
    json_t *reply; /* NULL when it is not JSON */
};

void steps_open(struct steps *steps);
void steps_close(struct steps *steps);
void steps_keep(struct steps *steps, const char *name, const char *value);
const char *steps_get(const struct steps *steps, const char *name); /* fails the test without */
/* Sends one and checks its reply; fails the test with label, request and reply. */
void steps_run_one(struct steps *steps, const struct step *step);
void steps_run_all(struct steps *steps, const struct step *table, size_t n);
/* A table with a connection and names of its own. */
void steps_run_table(const struct step *table, size_t n);
#define STEPS_RUN(table) steps_run_table((table), ARRAY_LEN(table))
