/* SPDX-License-Identifier: MIT */
/* A tool of the build: embed IN.yaml OUT.json OUT.c turns the contract into JSON and a C array. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/str.h"
#include "openapi/yaml_json.h"

static bool read_file(const char *path, struct str *out)
{
    char chunk[65536];
    size_t n;
    FILE *in = fopen(path, "rb");

    if (!in)
        return false;
    while ((n = fread(chunk, 1, sizeof chunk, in)) > 0)
        str_add_n(out, chunk, n);
    bool ok = !ferror(in) && str_ok(out);
    return !fclose(in) && ok;
}

static bool write_file(const char *path, const struct str *text)
{
    FILE *out = fopen(path, "wb");

    if (!out)
        return false;
    bool ok = fwrite(str_text(text), 1, text->len, out) == text->len;
    return !fclose(out) && ok;
}

/* As numbers: a string literal of that length is more than ISO C promises. */
static void c_source(const struct str *json, struct str *out)
{
    str_add(out, "/* made from openapi/openapi.yaml */\n#include \"openapi/openapi.h\"\n\n"
                 "const char openapi_json[] = {");
    for (size_t i = 0; i < json->len; i++)
        str_addf(out, "%s%d,", i % 20 ? "" : "\n    ", json->data[i]);
    str_addf(out, "\n    0};\nconst size_t openapi_json_len = %zu;\n", json->len);
}

static int complain(const char *path, const char *why)
{
    (void)fprintf(stderr, "%s: %s\n", path, why);
    return EXIT_FAILURE;
}

int main(int argc, char **argv)
{
    CLEANUP(str_clear) struct str yaml = STR_INIT;
    CLEANUP(str_clear) struct str json = STR_INIT;
    CLEANUP(str_clear) struct str source = STR_INIT;
    json_auto_t *value = NULL;
    struct err err;

    if (argc != 4)
        return complain("usage", "embed IN.yaml OUT.json OUT.c");
    if (!read_file(argv[1], &yaml))
        return complain(argv[1], "cannot be read");
    if (yaml_to_json(str_text(&yaml), yaml.len, &value, &err))
        return complain(argv[1], err.msg);
    CLEANUP(freep) char *text = json_dumps(value, JSON_COMPACT | JSON_ENSURE_ASCII);
    str_add(&json, text ? text : "");
    c_source(&json, &source);
    if (!text || !str_ok(&json) || !str_ok(&source))
        return complain(argv[1], "out of memory");
    if (!write_file(argv[2], &json))
        return complain(argv[2], "cannot be written");
    return write_file(argv[3], &source) ? EXIT_SUCCESS : complain(argv[3], "cannot be written");
}
