/* SPDX-License-Identifier: MIT */
/* Any bytes as one or several files (the first byte says): no crash, and every issue has its place. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "core/lint/lint.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

enum { FILES = 4 };

static void check(bool holds)
{
    if (!holds)
        abort();
}

/* Pieces between bytes 0x01, which SQL has no use for. */
static size_t split(const char *text, size_t size, bool context, struct lint_file *out)
{
    size_t n = 0;

    while (n < FILES) {
        const char *end = memchr(text, 1, size);
        size_t len = end && n + 1 < FILES ? (size_t)(end - text) : size;
        out[n] = (struct lint_file){
            .path = "a", .sql = text, .len = len, .context = context && n == 0};
        n++;
        if (len == size)
            break;
        text += len + 1;
        size -= len + 1;
    }
    return n;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    static const char *const formats[] = {"text", "github", "sarif"};
    static struct lint_config *config;
    struct lint_file files[FILES];
    json_t *result = NULL, *issue;
    size_t i;

    if (!config)
        config = lint_config_new(NULL);
    if (!size)
        return 0;
    struct lint_input input = {.files = files, .separate = data[0] & 1};
    input.count = split((const char *)data + 1, size - 1, data[0] & 2, files);
    check(lint_files(config, &input, &result, NULL) == ERR_NONE);
    json_array_foreach (json_object_get(result, "issues"), i, issue) {
        check(json_integer_value(json_object_get(issue, "line")) >= 1);
        check(json_integer_value(json_object_get(issue, "column")) >= 1);
        check(json_string_length(json_object_get(issue, "message")) > 0);
    }
    for (i = 0; i < sizeof formats / sizeof formats[0]; i++) {
        const char *type = NULL;
        char *text = lint_report(result, formats[i], &type);
        check(text && type);
        free(text);
    }
    json_decref(result);
    return 0;
}
