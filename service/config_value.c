/* SPDX-License-Identifier: MIT */
/* Text to the value of a setting and back. */
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "service/config_setting.h"

static void *place(const struct setting *s, struct config *config)
{
    return (char *)config + s->at;
}

static const void *place_const(const struct setting *s, const struct config *config)
{
    return (const char *)config + s->at;
}

/* What was given, cut short and safe to print. */
static void add_given(struct str *why, const char *text)
{
    char cut[64];
    size_t n = utf8_valid_len(text, strnlen(text, sizeof cut - 4));

    (void)snprintf(cut, sizeof cut, "%.*s%s", (int)n, text, text[n] ? "..." : "");
    str_add_json(why, cut);
}

static void add_range(const struct setting *s, struct str *why)
{
    str_addf(why, "from %" PRId64 " to %" PRId64 "%s%s", s->min, s->max, s->unit ? " " : "",
             s->unit ? s->unit : "");
}

static bool parse_text(const struct setting *s, const char *text, char **out, struct str *why)
{
    size_t len = strlen(text);

    if (utf8_valid_len(text, len) != len) {
        str_add(why, "is not valid UTF-8");
        return false;
    }
    if (s->kind == SETTING_SECRET && strcmp(text, SETTING_REDACTED) == 0) {
        str_add(why,
                "is what --print-config shows in place of the secret; write the secret itself");
        return false;
    }
    if (len < (size_t)s->min || len > (size_t)s->max) {
        str_addf(why, "has %zu bytes; it takes %" PRId64 " to %" PRId64, len, s->min, s->max);
        return false;
    }
    char *copy = strdup(text);
    if (!copy) {
        str_add(why, "does not fit in memory");
        return false;
    }
    free(*out);
    *out = copy;
    return true;
}

/* Digits with a sign at most; strtoll() alone would also take blanks before them. */
static bool parse_whole(const struct setting *s, const char *text, int64_t *out, struct str *why)
{
    size_t sign = *text == '-';
    size_t digits = strspn(text + sign, "0123456789");

    errno = 0;
    int64_t value = strtoll(text, NULL, 10);
    if (!digits || text[sign + digits] || errno || value < s->min || value > s->max) {
        add_given(why, text);
        str_add(why, digits && !text[sign + digits] ? " is out of range; it takes a whole number "
                                                    : " is not a whole number; it takes one ");
        add_range(s, why);
        return false;
    }
    *out = value;
    return true;
}

/* A decimal fraction, whatever the locale's decimal point is. */
static bool parse_number(const struct setting *s, const char *text, double *out, struct str *why)
{
    size_t whole = strspn(text, "0123456789");
    size_t part = text[whole] == '.' ? strspn(text + whole + 1, "0123456789") : 0;
    size_t len = whole + (part ? part + 1 : 0);
    double value = 0, unit = 1;

    for (size_t i = 0; i < len; i++) {
        if (i > whole)
            unit /= 10;
        if (i < whole)
            value = value * 10 + (text[i] - '0');
        else if (i > whole)
            value += unit * (text[i] - '0');
    }
    if (!whole || text[len] || value < (double)s->min || value > (double)s->max) {
        add_given(why, text);
        str_add(why, " is not a number; it takes one such as 1.5, ");
        add_range(s, why);
        return false;
    }
    *out = value;
    return true;
}

static bool parse_bool(const char *text, bool *out, struct str *why)
{
    static const struct {
        const char *word;
        bool value;
    } words[] = {{"true", true}, {"false", false}, {"yes", true}, {"no", false},
                 {"on", true},   {"off", false},   {"1", true},   {"0", false}};

    for (size_t i = 0; i < ARRAY_LEN(words); i++) {
        if (strcasecmp(text, words[i].word) == 0) {
            *out = words[i].value;
            return true;
        }
    }
    add_given(why, text);
    str_add(why, " is neither true nor false");
    return false;
}

static bool parse_choice(const struct setting *s, const char *text, const char **out,
                         struct str *why)
{
    for (const char *const *word = s->choices; *word; word++) {
        if (strcmp(text, *word) == 0) {
            *out = *word;
            return true;
        }
    }
    add_given(why, text);
    str_add(why, " is not one of");
    for (const char *const *word = s->choices; *word; word++)
        str_addf(why, "%s %s", word == s->choices ? "" : ",", *word);
    return false;
}

static bool parse_port(const char *text, uint16_t *out)
{
    size_t digits = strspn(text, "0123456789");

    if (!digits || digits > 5 || text[digits])
        return false;
    long port = strtol(text, NULL, 10);
    *out = (uint16_t)port;
    return port <= UINT16_MAX;
}

static bool parse_address(const char *text, struct config_address *out, struct str *why)
{
    const char *colon = strrchr(text, ':');
    bool bracketed = *text == '[' && colon && colon > text + 2 && colon[-1] == ']';
    const char *host = bracketed ? text + 1 : text;
    size_t len = colon ? (size_t)(colon - host) - bracketed : 0;
    bool plain = bracketed || (len && strcspn(host, ":[] /") >= len);
    uint16_t port = 0;

    if (!len || len > 255 || !plain || !parse_port(colon + 1, &port)) {
        add_given(why, text);
        str_add(why, " is not HOST:PORT, such as 127.0.0.1:8080, [::1]:8080 or, for every "
                     "interface, 0.0.0.0:8080");
        return false;
    }
    char *copy = strndup(host, len);
    if (!copy) {
        str_add(why, "does not fit in memory");
        return false;
    }
    free(out->host);
    *out = (struct config_address){.host = copy, .port = port};
    return true;
}

static bool parse_count(const struct setting *s, const char *text, int *out, struct str *why)
{
    int64_t value;

    if (!parse_whole(s, text, &value, why))
        return false;
    *out = (int)value; /* the table keeps .max below INT_MAX; a test holds it */
    return true;
}

bool setting_parse(const struct setting *s, const char *text, struct config *config,
                   struct str *why)
{
    void *at = place(s, config);

    switch (s->kind) {
    case SETTING_TEXT:
    case SETTING_JSON:
    case SETTING_SECRET:
        return parse_text(s, text, at, why);
    case SETTING_COUNT:
        return parse_count(s, text, at, why);
    case SETTING_AMOUNT:
        return parse_whole(s, text, at, why);
    case SETTING_NUMBER:
        return parse_number(s, text, at, why);
    case SETTING_BOOL:
        return parse_bool(text, at, why);
    case SETTING_CHOICE:
        return parse_choice(s, text, at, why);
    case SETTING_ADDRESS:
        return parse_address(text, at, why);
    }
    return false;
}

static void format_address(const struct config_address *address, struct str *out)
{
    bool v6 = strchr(address->host, ':') != NULL;

    str_addf(out, "\"%s%s%s:%u\"", v6 ? "[" : "", address->host, v6 ? "]" : "",
             (unsigned)address->port);
}

/* %g would follow the locale; a setting has few decimals. */
static void format_number(double value, struct str *out)
{
    int64_t thousandths = (int64_t)(value * 1000 + 0.5);

    str_addf(out, "%" PRId64, thousandths / 1000);
    if (thousandths % 1000)
        str_addf(out, ".%03" PRId64, thousandths % 1000);
}

void setting_format(const struct setting *s, const struct config *config, struct str *out)
{
    const void *at = place_const(s, config);

    switch (s->kind) {
    case SETTING_TEXT:
    case SETTING_JSON:
        str_add_json(out, *(char *const *)at);
        return;
    case SETTING_SECRET:
        str_add_json(out, **(char *const *)at ? SETTING_REDACTED : "");
        return;
    case SETTING_COUNT:
        str_addf(out, "%d", *(const int *)at);
        return;
    case SETTING_AMOUNT:
        str_addf(out, "%" PRId64, *(const int64_t *)at);
        return;
    case SETTING_NUMBER:
        format_number(*(const double *)at, out);
        return;
    case SETTING_BOOL:
        str_add(out, *(const bool *)at ? "true" : "false");
        return;
    case SETTING_CHOICE:
        str_add_json(out, *(const char *const *)at);
        return;
    case SETTING_ADDRESS:
        format_address(at, out);
        return;
    }
}

void setting_free(const struct setting *s, struct config *config)
{
    if (s->kind == SETTING_SECRET && *(char **)place(s, config))
        explicit_bzero(*(char **)place(s, config), strlen(*(char **)place(s, config)));
    if (s->kind == SETTING_TEXT || s->kind == SETTING_JSON || s->kind == SETTING_SECRET)
        free(*(char **)place(s, config));
    if (s->kind == SETTING_ADDRESS)
        free(((struct config_address *)place(s, config))->host);
}
