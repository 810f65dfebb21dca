/* SPDX-License-Identifier: MIT */
/* The help, printed from the table of commands. */
#include <string.h>

#include "service/ctl/args.h"

enum { HELP_COLUMN = 26 };

static void add_padded(struct str *out, const char *text, const char *help)
{
    size_t n = strlen(text);

    str_addf(out, "  %s", text);
    if (n + 2 >= HELP_COLUMN) {
        str_add_char(out, '\n');
        n = 0;
        str_add(out, "  ");
    }
    str_addf(out, "%*s%s\n", HELP_COLUMN - (int)n, "", help);
}

static void add_option(struct str *out, const struct option_def *o)
{
    struct str left = STR_INIT;

    if (o->letter)
        str_addf(&left, "-%c, ", o->letter);
    str_addf(&left, "--%s", o->name);
    if (o->value)
        str_addf(&left, " %s%s", o->value, o->many || o->repeat ? "..." : "");
    add_padded(out, str_text(&left), o->help);
    str_clear(&left);
    if (!o->choices)
        return;
    str_addf(out, "%*s", HELP_COLUMN + 2, "");
    for (const char *const *c = o->choices; *c; c++)
        str_addf(out, "%s%s", c == o->choices ? "one of " : ", ", *c);
    str_add_char(out, '\n');
}

void args_usage(const struct program_def *program, const struct command_def *command,
                struct str *out)
{
    if (!command) {
        str_addf(out, "usage: %s COMMAND [options]\n", program->name);
        return;
    }
    str_addf(out, "usage: %s %s", program->name, command->name);
    if (*command->operands)
        str_addf(out, " %s", command->operands);
    str_add(out, command->options[0].name ? " [options]\n" : "\n");
}

void args_help(const struct program_def *program, const struct command_def *command,
               struct str *out)
{
    args_usage(program, command, out);
    str_addf(out, "\n%s\n", command ? command->help : program->help);
    if (!command) {
        str_add(out, "\nCommands:\n");
        const struct command_def *one;
        for (size_t i = 0; (one = command_at(program, i)); i++)
            add_padded(out, one->name, one->help);
    } else if (command->options[0].name) {
        str_add(out, "\nOptions:\n");
        for (const struct option_def *o = command->options; o->name; o++)
            add_option(out, o);
    }
    str_add(out, "\nOptions of every command:\n");
    for (const struct option_def *o = program->options; o->name; o++)
        add_option(out, o);
    str_addf(out, "\n%s", program->footer);
}
