/* SPDX-License-Identifier: MIT */
#include "service/ctl/args.h"

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/ctl/nearest.h"

struct parser {
    const struct program_def *program;
    const char *const *words;
    size_t n, at;
    struct args *args;
    struct err *err;
};

void args_clear(struct args *args)
{
    free(args->operands);
    free(args->given);
    *args = (struct args){.command = NULL};
}

static const struct given *find_given(const struct args *args, const char *option)
{
    for (size_t i = args->given_count; i-- > 0;)
        if (str_eq(args->given[i].option->name, option))
            return &args->given[i];
    return NULL;
}

const char *args_value(const struct args *args, const char *option)
{
    const struct given *given = find_given(args, option);
    return given ? given->value : NULL;
}

bool args_flag(const struct args *args, const char *option)
{
    return find_given(args, option) != NULL;
}

long args_number(const struct args *args, const char *option, long when_absent)
{
    const char *text = args_value(args, option);
    return text ? strtol(text, NULL, 10) : when_absent;
}

const char *args_next(const struct args *args, const char *option, size_t *at)
{
    while (*at < args->given_count) {
        const struct given *given = &args->given[(*at)++];
        if (str_eq(given->option->name, option))
            return given->value;
    }
    return NULL;
}

static const struct option_def *find_in(const struct option_def *list, const char *name, size_t n,
                                        char letter)
{
    for (const struct option_def *o = list; o && o->name; o++)
        if (letter ? o->letter == letter : strlen(o->name) == n && memcmp(o->name, name, n) == 0)
            return o;
    return NULL;
}

static const struct option_def *find_option(const struct parser *p, const char *name, size_t n,
                                            char letter)
{
    const struct command_def *command = p->args->command;
    const struct option_def *own = command ? find_in(command->options, name, n, letter) : NULL;
    return own ? own : find_in(p->program->options, name, n, letter);
}

static err_code unknown_option(const struct parser *p, const char *word, size_t n)
{
    struct nearest near = nearest_start(word + 2, n);
    const struct command_def *command = p->args->command;

    for (const struct option_def *o = command ? command->options : NULL; o && o->name; o++)
        nearest_offer(&near, o->name);
    for (const struct option_def *o = p->program->options; o->name; o++)
        nearest_offer(&near, o->name);
    if (n && near.best)
        return err_set(p->err, ERR_VALIDATION_FAILED,
                       "there is no option %.40s; did you mean --%s?", word, near.best);
    return err_set(p->err, ERR_VALIDATION_FAILED, "there is no option %.40s%s%s", word,
                   command ? " for " : "", command ? command->name : "");
}

static bool is_whole_number(const char *text)
{
    size_t digits = strspn(text, "0123456789");
    return digits > 0 && digits <= 9 && !text[digits];
}

static err_code check_value(const struct parser *p, const struct option_def *o, const char *value)
{
    char all[200] = "";
    size_t len = 0;

    if (!*value)
        return err_set(p->err, ERR_VALIDATION_FAILED, "--%s must not be empty", o->name);
    if (o->integer && !is_whole_number(value))
        return err_set(p->err, ERR_VALIDATION_FAILED, "--%s is a whole number, not \"%.40s\"",
                       o->name, value);
    for (const char *const *c = o->choices; c && *c; c++) {
        if (str_eq(*c, value))
            return ERR_NONE;
        int wrote = snprintf(all + len, sizeof all - len, "%s%s", len ? ", " : "", *c);
        len = wrote > 0 && len + (size_t)wrote < sizeof all ? len + (size_t)wrote : len;
    }
    if (o->choices)
        return err_set(p->err, ERR_VALIDATION_FAILED, "--%s is one of %s, not \"%.40s\"", o->name,
                       all, value);
    return ERR_NONE;
}

static err_code add_given(const struct parser *p, const struct option_def *o, const char *value)
{
    err_code rc = value ? check_value(p, o, value) : ERR_NONE;

    if (!rc && !o->repeat && !o->many && value && args_flag(p->args, o->name))
        rc = err_set(p->err, ERR_VALIDATION_FAILED, "--%s can be given once", o->name);
    if (!rc)
        p->args->given[p->args->given_count++] = (struct given){.option = o, .value = value};
    return rc;
}

/* The option's value: what stands after "=", else the next word, or words. */
static err_code take_value(struct parser *p, const struct option_def *o, const char *attached)
{
    if (!o->value) {
        if (attached)
            return err_set(p->err, ERR_VALIDATION_FAILED, "--%s takes no value", o->name);
        return add_given(p, o, NULL);
    }
    if (attached)
        return add_given(p, o, attached);
    if (p->at >= p->n || (p->words[p->at][0] == '-' && p->words[p->at][1]))
        return err_set(p->err, ERR_VALIDATION_FAILED, "--%s needs a value: --%s %s", o->name,
                       o->name, o->value);
    err_code rc = add_given(p, o, p->words[p->at++]);
    while (!rc && o->many && p->at < p->n && p->words[p->at][0] != '-')
        rc = add_given(p, o, p->words[p->at++]);
    return rc;
}

static err_code take_option(struct parser *p, const char *word)
{
    if (word[1] == '-') {
        size_t n = strcspn(word + 2, "=");
        const struct option_def *o = find_option(p, word + 2, n, 0);
        return o ? take_value(p, o, word[2 + n] ? word + 3 + n : NULL) : unknown_option(p, word, n);
    }
    const struct option_def *o = find_option(p, "", 0, word[1]);
    return o ? take_value(p, o, word[2] ? word + 2 : NULL) : unknown_option(p, word, 0);
}

const struct command_def *command_at(const struct program_def *program, size_t i)
{
    for (size_t t = 0; t < program->table_count; i -= *program->tables[t++].count)
        if (i < *program->tables[t].count)
            return &program->tables[t].commands[i];
    return NULL;
}

static const struct command_def *find_command(const struct program_def *program, const char *first,
                                              const char *second)
{
    char name[64];

    (void)snprintf(name, sizeof name, "%s%s%s", first, second ? " " : "", second ? second : "");
    const struct command_def *command = NULL;
    for (size_t i = 0; (command = command_at(program, i)); i++)
        if (str_eq(command->name, name))
            return command;
    return NULL;
}

static bool is_group(const struct program_def *program, const char *first)
{
    const struct command_def *command;
    size_t n = strlen(first);

    for (size_t i = 0; (command = command_at(program, i)); i++)
        if (n && str_starts(command->name, first) && command->name[n] == ' ')
            return true;
    return false;
}

static const char *nearest_command(const struct program_def *program, const char *words)
{
    struct nearest near = nearest_start(words, strlen(words));

    const struct command_def *command;
    for (size_t i = 0; (command = command_at(program, i)); i++)
        nearest_offer(&near, command->name);
    return near.best;
}

/* Of two words the second may be an argument: then the first says what was meant. */
static err_code unknown_command(const struct parser *p, const char *first, const char *second)
{
    char words[64];

    (void)snprintf(words, sizeof words, "%.30s%s%.30s", first, second ? " " : "",
                   second ? second : "");
    const char *best = nearest_command(p->program, words);
    if (!best && second && !is_group(p->program, first)) {
        (void)snprintf(words, sizeof words, "%.60s", first);
        best = nearest_command(p->program, words);
    }
    return err_set(p->err, ERR_VALIDATION_FAILED, "there is no command \"%s\"%s%s%s", words,
                   best ? "; did you mean \"" : "", best ? best : "", best ? "\"?" : "");
}

/* The next word that is no option, looking over those of every command that stand before it. */
static const char *next_word(const struct parser *p, size_t *at)
{
    for (; *at < p->n; (*at)++) {
        const char *word = p->words[*at];
        if (word[0] != '-' || !word[1])
            return word;
        size_t n = word[1] == '-' ? strcspn(word + 2, "=") : 0;
        const struct option_def *o = word[1] == '-' ? find_in(p->program->options, word + 2, n, 0)
                                                    : find_in(p->program->options, "", 0, word[1]);
        if (!o)
            return NULL; /* nobody can say whether it takes the word after it */
        bool inside = word[1] == '-' ? word[2 + n] != '\0' : word[2] != '\0';
        if (o->value && !inside)
            (*at)++;
    }
    return NULL;
}

/* Finds the command first, since its options may stand before its operands. skip: its words. */
static err_code take_command(struct parser *p, size_t skip[2])
{
    size_t at = 0;
    const char *first = next_word(p, &at);

    skip[0] = skip[1] = SIZE_MAX;
    if (!first)
        return ERR_NONE;
    skip[0] = at++;
    p->args->command = find_command(p->program, first, NULL);
    if (p->args->command)
        return ERR_NONE;
    bool group = is_group(p->program, first);
    const char *second = next_word(p, &at);
    if (group && second) {
        skip[1] = at;
        p->args->command = find_command(p->program, first, second);
    }
    if (p->args->command || (group && !second))
        return ERR_NONE;
    return unknown_command(p, first, second);
}

static err_code check_operands(const struct parser *p)
{
    const struct command_def *command = p->args->command;
    size_t n = p->args->operand_count;

    if (args_flag(p->args, "help") || args_flag(p->args, "version"))
        return ERR_NONE;
    for (size_t i = 0; i < n; i++)
        if (!*p->args->operands[i])
            return err_set(p->err, ERR_VALIDATION_FAILED, "%s: an argument must not be empty",
                           command ? command->name : p->program->name);
    if (!command)
        return ERR_NONE;
    if (n < command->min)
        return err_set(p->err, ERR_VALIDATION_FAILED, "%s needs %s", command->name,
                       command->operands);
    if (n > command->max)
        return err_set(p->err, ERR_VALIDATION_FAILED, "%s: \"%.40s\" is one argument too many",
                       command->name, p->args->operands[command->max]);
    return ERR_NONE;
}

err_code args_parse(const struct program_def *program, const char *const *words, size_t n,
                    struct args *args, struct err *err)
{
    struct parser p = {.program = program, .words = words, .n = n, .args = args, .err = err};
    size_t skip[2];
    bool only_operands = false;

    *args = (struct args){.operands = calloc(n + 1, sizeof *args->operands),
                          .given = calloc(n + 1, sizeof *args->given)};
    if (!args->operands || !args->given)
        return err_set(err, ERR_INTERNAL, "out of memory");
    err_code rc = take_command(&p, skip);
    while (!rc && p.at < n) {
        const char *word = words[p.at++];
        if (p.at - 1 == skip[0] || p.at - 1 == skip[1])
            continue;
        if (!only_operands && str_eq(word, "--"))
            only_operands = true;
        else if (!only_operands && word[0] == '-' && word[1])
            rc = take_option(&p, word);
        else
            args->operands[args->operand_count++] = word;
    }
    return rc ? rc : check_operands(&p);
}
