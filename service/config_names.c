/* SPDX-License-Identifier: MIT */
/* How each source spells the settings, and what a misspelled one was meant to be. */
#include <ctype.h>
#include <stdio.h>
#include <string.h>

#include "service/config_setting.h"

const struct setting_spelling setting_in_yaml = {.prefix = "", .dot = '.', .underscore = '_'};
const struct setting_spelling setting_in_env = {
    .prefix = SETTING_ENV_PREFIX, .dot = '_', .underscore = '_', .upper = true};
const struct setting_spelling setting_in_args = {.prefix = "--", .dot = '-', .underscore = '-'};

void setting_spell(const struct setting_spelling *spelling, const char *name,
                   char out[SETTING_NAME_SIZE])
{
    int n = snprintf(out, SETTING_NAME_SIZE, "%s", spelling->prefix);

    for (char *to = out + n; to < out + SETTING_NAME_SIZE - 1; to++, name++) {
        *to = *name == '.'      ? spelling->dot
              : *name == '_'    ? spelling->underscore
              : spelling->upper ? (char)toupper((unsigned char)*name)
                                : *name;
        if (!*name)
            return;
    }
    out[SETTING_NAME_SIZE - 1] = '\0';
}

static bool is_spelled(const struct setting_spelling *spelling, const char *name,
                       const char *suffix, const char *text)
{
    char plain[SETTING_NAME_SIZE], spelled[SETTING_NAME_SIZE];

    (void)snprintf(plain, sizeof plain, "%s%s", name, suffix);
    setting_spell(spelling, plain, spelled);
    return strcmp(spelled, text) == 0;
}

const struct setting *setting_find(const struct setting_spelling *spelling, const char *text,
                                   bool *by_file)
{
    size_t n;
    const struct setting *rows = setting_rows(&n);

    for (size_t i = 0; i < n; i++) {
        bool file =
            rows[i].kind == SETTING_SECRET && is_spelled(spelling, rows[i].name, "_file", text);
        if (file || is_spelled(spelling, rows[i].name, "", text)) {
            *by_file = file;
            return &rows[i];
        }
    }
    return NULL;
}

bool setting_in_group(const struct setting *s, const struct setting_group *group)
{
    size_t n = strcspn(s->name, ".");

    if (!s->name[n])
        return !*group->prefix;
    return strlen(group->prefix) == n && strncmp(s->name, group->prefix, n) == 0;
}

static size_t least(size_t a, size_t b, size_t c)
{
    size_t ab = a < b ? a : b;
    return ab < c ? ab : c;
}

/* Levenshtein's distance: single-character edits between a and b, both shorter than the limit. */
static size_t edit_distance(const char *a, const char *b)
{
    size_t row[SETTING_NAME_SIZE + 1], len = strlen(b);

    for (size_t j = 0; j <= len; j++)
        row[j] = j;
    for (size_t i = 0; a[i]; i++) {
        size_t diagonal = row[0];
        row[0] = i + 1;
        for (size_t j = 1; j <= len; j++) {
            size_t replace = diagonal + (a[i] != b[j - 1]);
            diagonal = row[j];
            row[j] = least(replace, row[j] + 1, row[j - 1] + 1);
        }
    }
    return row[len];
}

void setting_suggest(const struct setting_spelling *spelling, const char *text, struct str *out)
{
    enum { NEAR = 3 };
    char spelled[SETTING_NAME_SIZE], best[SETTING_NAME_SIZE] = "";
    size_t n, distance = NEAR + 1;
    const struct setting *rows = setting_rows(&n);

    if (strlen(text) >= SETTING_NAME_SIZE)
        return;
    for (size_t i = 0; i < n; i++) {
        setting_spell(spelling, rows[i].name, spelled);
        size_t d = edit_distance(text, spelled);
        if (d < distance) {
            distance = d;
            memcpy(best, spelled, sizeof best);
        }
    }
    if (*best)
        str_addf(out, "; did you mean %s?", best);
}
