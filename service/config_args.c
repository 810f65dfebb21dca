/* SPDX-License-Identifier: MIT */
/* The command line: --name value and --name=value; a true-or-false setting may go without. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/config_setting.h"

static const struct {
    const char *flag;
    config_action action;
} actions[] = {
    {.flag = "--help", .action = CONFIG_SHOW_HELP},
    {.flag = "-h", .action = CONFIG_SHOW_HELP},
    {.flag = "--help-markdown", .action = CONFIG_SHOW_MARKDOWN},
    {.flag = "--version", .action = CONFIG_SHOW_VERSION},
    {.flag = "--print-config", .action = CONFIG_SHOW_EFFECTIVE},
    {.flag = "--check-config", .action = CONFIG_CHECK_ONLY},
};

/* A walk over the arguments. */
struct cursor {
    struct config_loader *loader;
    const char *const *args;
    size_t n, at;
    char name[SETTING_NAME_SIZE]; /* of the flag at hand, without its value */
    const char *value;            /* behind '='; NULL: none */
};

static bool take_action(const struct cursor *c, struct config_args *out)
{
    for (size_t i = 0; i < ARRAY_LEN(actions); i++) {
        if (strcmp(c->name, actions[i].flag) == 0 && !c->value) {
            if (out->action == CONFIG_RUN || actions[i].action < out->action)
                out->action = actions[i].action;
            return true;
        }
    }
    return false;
}

/* The value of the flag at hand: behind '=', or else the next argument. */
static const char *take_value(struct cursor *c)
{
    if (c->value)
        return c->value;
    if (c->at + 1 < c->n && !str_starts(c->args[c->at + 1], "--"))
        return c->args[++c->at];
    config_problem(c->loader, c->name, "a value must follow: %s VALUE or %s=VALUE", c->name,
                   c->name);
    return NULL;
}

static void take_setting(struct cursor *c, struct config_args *out)
{
    CLEANUP(str_clear) struct str nearest = STR_INIT;
    bool by_file = false;
    const struct setting *s = setting_find(&setting_in_args, c->name, &by_file);

    if (!s) {
        setting_suggest(&setting_in_args, c->name, &nearest);
        config_problem(c->loader, c->name, "there is no such flag%s, see --help",
                       str_text(&nearest));
        if (!c->value && c->at + 1 < c->n && *c->args[c->at + 1] != '-')
            c->at++; /* most likely its value: no problem of its own */
        return;
    }
    bool alone = s->kind == SETTING_BOOL && !c->value;
    const char *value = alone ? "true" : take_value(c);
    if (!value)
        return;
    struct config_arg *arg = &out->settings[out->count++];
    *arg = (struct config_arg){.setting = s, .value = value, .by_file = by_file};
    memcpy(arg->flag, c->name, sizeof arg->flag);
}

/* What stands behind '=' may be a secret and is never shown. */
static bool split_flag(struct cursor *c)
{
    const char *text = c->args[c->at];
    const char *equals = strchr(text, '=');
    size_t len = equals ? (size_t)(equals - text) : strlen(text);

    c->value = equals ? equals + 1 : NULL;
    if (*text != '-') {
        char source[32];
        (void)snprintf(source, sizeof source, "argument %zu", c->at + 1);
        config_problem(c->loader, source, "only flags are taken here, see --help");
        return false;
    }
    (void)snprintf(c->name, sizeof c->name, "%.*s", (int)(len < 200 ? len : 200), text);
    return true;
}

void config_args_read(struct config_loader *loader, const char *const *args, size_t n,
                      struct config_args *out)
{
    struct cursor c = {.loader = loader, .args = args, .n = n};

    out->settings = calloc(n ? n : 1, sizeof *out->settings);
    if (!out->settings) {
        config_problem(loader, "flags", "out of memory");
        return;
    }
    for (; c.at < n; c.at++) {
        if (!split_flag(&c) || take_action(&c, out))
            continue;
        if (strcmp(c.name, "--config") == 0)
            out->file = take_value(&c);
        else
            take_setting(&c, out);
    }
}

/* The last one wins, so that a wrapper's flags can be overridden by adding one. */
void config_args_apply(struct config_loader *loader, const struct config_args *args)
{
    for (size_t i = 0; i < args->count; i++)
        config_assign(loader, args->settings[i].setting, args->settings[i].value,
                      args->settings[i].by_file, args->settings[i].flag);
}

void config_args_clear(struct config_args *args)
{
    free(args->settings);
}
