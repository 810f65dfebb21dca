/* SPDX-License-Identifier: MIT */
/*
 * The command line: a const table says which commands and options there are, and from it comes the
 * parsing, the help and the suggestion after a slip. No I/O.
 */
#pragma once

#include <stdbool.h>
#include <stddef.h>

#include "core/base/err.h"
#include "core/base/str.h"

enum { COMMAND_OPTIONS_MAX = 20 };

struct ctl;
struct args;

struct option_def {
    const char *name;           /* without the dashes; NULL ends a list */
    char letter;                /* 0: none */
    const char *value;          /* what the value is called in the help; NULL: a flag */
    const char *const *choices; /* NULL: anything; else a list that ends with NULL */
    bool repeat;                /* may be given several times */
    bool many;                  /* takes every word up to the next option; implies repeat */
    bool integer;               /* the value is a whole number from 0 */
    const char *help;
};

struct command_def {
    const char *name;     /* one word or two */
    const char *operands; /* as the usage line shows them, "" for none */
    size_t min, max;      /* how many operands */
    const char *help;
    struct option_def options[COMMAND_OPTIONS_MAX];
    int (*fn)(struct ctl *ctl, const struct args *args);
};

/* Commands that belong together. */
struct command_table {
    const struct command_def *commands;
    const size_t *count;
};

/* Everything there is; commands of one first word stand together. */
struct program_def {
    const char *name;
    const char *help;
    const struct option_def *options; /* of every command; ends with a row without a name */
    const struct command_table *tables;
    size_t table_count;
    const char *footer;
};

/* The i-th of all commands; NULL past the last. */
const struct command_def *command_at(const struct program_def *program, size_t i);

struct given {
    const struct option_def *option;
    const char *value;
};

/* What was asked for; borrows from argv. */
struct args {
    const struct command_def *command; /* NULL: none was named */
    const char **operands;
    size_t operand_count;
    struct given *given;
    size_t given_count;
};

void args_clear(struct args *args);
/*
 * Reads the words after the program's name. Fails with ERR_VALIDATION_FAILED, the message one
 * sentence that also says what is near; args->command is then the one whose usage helps, if any.
 * With --help or --version among the words the operands are not counted. args_clear() it always.
 */
err_code args_parse(const struct program_def *program, const char *const *words, size_t n,
                    struct args *args, struct err *err) MUST_USE;
/* The value given last; NULL when the option was not given. */
const char *args_value(const struct args *args, const char *option);
bool args_flag(const struct args *args, const char *option);
/* The number given, or otherwise what is when_absent. */
long args_number(const struct args *args, const char *option, long when_absent);
/* Each value of a repeated option: start with *at 0; NULL at the end. */
const char *args_next(const struct args *args, const char *option, size_t *at);

/* The help of the program (command NULL) or of one command. */
void args_help(const struct program_def *program, const struct command_def *command,
               struct str *out);
/* The usage line alone. */
void args_usage(const struct program_def *program, const struct command_def *command,
                struct str *out);
