/* SPDX-License-Identifier: MIT */
/* The YAML file. `pool: {max: 5}` and `pool.max: 5` are the same setting. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <yaml.h>

#include "service/config_setting.h"

enum { DEPTH_MAX = 8, PATH_SIZE = 256, SOURCE_SIZE = 4200 };

struct yaml_walk {
    struct config_loader *loader;
    yaml_document_t *document;
    const char *file;
    size_t *seen; /* line of each setting, 0: not met yet */
};

static void yaml_place(const char *file, yaml_mark_t mark, char out[SOURCE_SIZE])
{
    (void)snprintf(out, SOURCE_SIZE, "%s:%zu:%zu", file, mark.line + 1, mark.column + 1);
}

static const char *scalar_of(const yaml_node_t *node)
{
    return node->type == YAML_SCALAR_NODE ? (const char *)node->data.scalar.value : NULL;
}

/* YAML 1.1: nothing, ~ and null, unless quoted. */
static bool is_null(const yaml_node_t *node)
{
    const char *text = scalar_of(node);

    return text && node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE &&
           (!*text || str_eq(text, "~") || str_eq(text, "null"));
}

/* Whether some setting's name starts with path and a dot. */
static bool is_section(const char *path)
{
    size_t n, len = strlen(path);
    const struct setting *rows = setting_rows(&n);

    for (size_t i = 0; i < n; i++)
        if (strncmp(rows[i].name, path, len) == 0 && rows[i].name[len] == '.')
            return true;
    return false;
}

static json_t *json_of(yaml_document_t *document, const yaml_node_t *node, int depth);

static json_t *object_of(yaml_document_t *document, const yaml_node_t *node, int depth)
{
    json_t *out = json_object();

    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const char *key = scalar_of(yaml_document_get_node(document, p->key));
        json_t *value = json_of(document, yaml_document_get_node(document, p->value), depth);
        if (!key || json_object_get(out, key) || json_object_set_new(out, key, value)) {
            json_decref(out);
            return NULL;
        }
    }
    return out;
}

static json_t *list_of(yaml_document_t *document, const yaml_node_t *node, int depth)
{
    json_t *out = json_array();

    for (yaml_node_item_t *i = node->data.sequence.items.start; i < node->data.sequence.items.top;
         i++)
        if (json_array_append_new(out,
                                  json_of(document, yaml_document_get_node(document, *i), depth))) {
            json_decref(out);
            return NULL;
        }
    return out;
}

/* A whole number without quotes is one; all else is text. NULL: it is not for JSON. */
static json_t *json_of(yaml_document_t *document, const yaml_node_t *node, int depth)
{
    const char *text = scalar_of(node);

    if (depth == DEPTH_MAX)
        return NULL;
    if (node->type == YAML_MAPPING_NODE)
        return object_of(document, node, depth + 1);
    if (node->type == YAML_SEQUENCE_NODE)
        return list_of(document, node, depth + 1);
    if (!text || is_null(node))
        return NULL;
    size_t digits = strspn(text, "0123456789");
    bool number = node->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && digits && digits < 18;
    return number && !text[digits] ? json_integer(strtoll(text, NULL, 10)) : json_string(text);
}

/* A mapping or a list where JSON is taken; its text is the caller's, NULL when it is neither. */
static char *json_text_of(const struct yaml_walk *walk, const struct setting *s,
                          const yaml_node_t *value)
{
    json_auto_t *json = s->kind == SETTING_JSON && !scalar_of(value)
                            ? json_of(walk->document, value, 0)
                            : NULL;
    return json ? json_dumps(json, JSON_COMPACT) : NULL;
}

static void take_value(struct yaml_walk *walk, const struct setting *s, bool by_file,
                       const yaml_node_t *value, const char *source, size_t line)
{
    size_t n, index = (size_t)(s - setting_rows(&n));
    CLEANUP(freep) char *json = json_text_of(walk, s, value);
    const char *text = json ? json : scalar_of(value);

    if (walk->seen[index]) {
        config_problem(walk->loader, source, "%s is set twice, first in line %zu; keep one",
                       s->name, walk->seen[index]);
        return;
    }
    walk->seen[index] = line;
    if (!text || is_null(value))
        config_problem(walk->loader, source, "%s has %s; give it one value or remove the key",
                       s->name, text ? "no value" : "a list or a mapping as its value");
    else if (!json && strlen(text) != value->data.scalar.length)
        config_problem(walk->loader, source, "%s contains a NUL character", s->name);
    else
        config_assign(walk->loader, s, text, by_file, source);
}

static void walk_mapping(struct yaml_walk *walk, const yaml_node_t *node, const char *prefix,
                         int depth);

static void walk_pair(struct yaml_walk *walk, const yaml_node_t *key, const yaml_node_t *value,
                      const char *prefix, int depth)
{
    char source[SOURCE_SIZE], path[PATH_SIZE];
    const char *name = scalar_of(key);
    bool by_file = false;

    yaml_place(walk->file, key->start_mark, source);
    int n = snprintf(path, sizeof path, "%s%s%s", prefix, *prefix ? "." : "", name ? name : "");
    if (!name || n >= (int)sizeof path) {
        config_problem(walk->loader, source, "this key is not the name of a setting");
        return;
    }
    const struct setting *s = setting_find(&setting_in_yaml, path, &by_file);
    if (s) {
        take_value(walk, s, by_file, value, source, key->start_mark.line + 1);
        return;
    }
    if (is_section(path)) {
        if (value->type == YAML_MAPPING_NODE && depth < DEPTH_MAX)
            walk_mapping(walk, value, path, depth + 1);
        else if (!is_null(value)) /* a section with all its settings commented out is fine */
            config_problem(walk->loader, source, "%s is a section; settings belong under it", path);
        return;
    }
    CLEANUP(str_clear) struct str nearest = STR_INIT;
    setting_suggest(&setting_in_yaml, path, &nearest);
    config_problem(walk->loader, source, "there is no setting %s%s", path, str_text(&nearest));
}

/* YAML forbids equal keys in a mapping; libyaml does not look. */
static bool is_repeated(struct yaml_walk *walk, const yaml_node_t *node,
                        const yaml_node_pair_t *pair)
{
    const char *name = scalar_of(yaml_document_get_node(walk->document, pair->key));

    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; name && p < pair; p++)
        if (str_eq(name, scalar_of(yaml_document_get_node(walk->document, p->key))))
            return true;
    return false;
}

static void walk_mapping(struct yaml_walk *walk, const yaml_node_t *node, const char *prefix,
                         int depth)
{
    for (yaml_node_pair_t *p = node->data.mapping.pairs.start; p < node->data.mapping.pairs.top;
         p++) {
        const yaml_node_t *key = yaml_document_get_node(walk->document, p->key);
        const yaml_node_t *value = yaml_document_get_node(walk->document, p->value);
        if (is_repeated(walk, node, p)) {
            char source[SOURCE_SIZE];
            yaml_place(walk->file, key->start_mark, source);
            config_problem(walk->loader, source, "the key %s stands twice in the same mapping",
                           scalar_of(key));
        } else {
            walk_pair(walk, key, value, prefix, depth);
        }
    }
}

static void walk_document(struct config_loader *loader, const char *file, yaml_document_t *document)
{
    char source[SOURCE_SIZE];
    size_t n;
    const yaml_node_t *root = yaml_document_get_root_node(document);

    (void)setting_rows(&n);
    size_t *seen = calloc(n, sizeof *seen);
    if (!seen) {
        config_problem(loader, file, "out of memory");
        return;
    }
    struct yaml_walk walk = {.loader = loader, .document = document, .file = file, .seen = seen};
    if (root->type == YAML_MAPPING_NODE) {
        walk_mapping(&walk, root, "", 0);
    } else if (!is_null(root)) {
        yaml_place(file, root->start_mark, source);
        config_problem(loader, source,
                       "the file must be a mapping of settings, such as "
                       "`listen: 127.0.0.1:8080`");
    }
    free(seen);
}

static void parser_problem(struct config_loader *loader, const char *file, yaml_parser_t *parser)
{
    char source[SOURCE_SIZE];

    yaml_place(file, parser->problem_mark, source);
    config_problem(loader, source, "this is not YAML: %s%s%s",
                   parser->problem ? parser->problem : "it cannot be read",
                   parser->context ? " " : "", parser->context ? parser->context : "");
}

/* Walks the first document; a second one is an error, since it would be silently ignored. */
static void walk_documents(struct config_loader *loader, const char *file, yaml_parser_t *parser)
{
    for (int count = 0; count < 2; count++) {
        char source[SOURCE_SIZE];
        yaml_document_t document;
        if (!yaml_parser_load(parser, &document)) {
            parser_problem(loader, file, parser);
            return;
        }
        yaml_node_t *root = yaml_document_get_root_node(&document);
        if (root && count) {
            yaml_place(file, document.start_mark, source);
            config_problem(loader, source, "a second YAML document starts here; only one is read");
        } else if (root) {
            walk_document(loader, file, &document);
        }
        yaml_document_delete(&document);
        if (!root)
            return;
    }
}

void config_read_file(struct config_loader *loader, const char *path)
{
    yaml_parser_t parser;
    CLEANUP(str_clear) struct str text = STR_INIT;

    if (!config_slurp(loader, path, path, &text))
        return;
    if (!yaml_parser_initialize(&parser)) {
        config_problem(loader, path, "out of memory");
        return;
    }
    yaml_parser_set_input_string(&parser, (const unsigned char *)str_text(&text), text.len);
    walk_documents(loader, path, &parser);
    yaml_parser_delete(&parser);
}
