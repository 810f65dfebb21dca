/* SPDX-License-Identifier: MIT */
/* A row of the settings table, its names in each source, and text to value and back. */
#pragma once

#include "service/config.h"

typedef enum setting_kind {
    SETTING_TEXT,    /* char *; min and max are bytes */
    SETTING_JSON,    /* char *; JSON as text, in the file also a mapping or a list */
    SETTING_SECRET,  /* char *; never shown; also by NAME_file */
    SETTING_COUNT,   /* int */
    SETTING_AMOUNT,  /* int64_t: a time or a size, with its unit in the name */
    SETTING_NUMBER,  /* double */
    SETTING_BOOL,    /* bool */
    SETTING_CHOICE,  /* const char *, one of .choices */
    SETTING_ADDRESS, /* struct config_address */
} setting_kind;

struct setting {
    const char *name; /* "pool.max": in the file `max` under `pool` */
    setting_kind kind;
    size_t at; /* offset in struct config */
    const char *fallback;
    int64_t min, max;
    const char *unit;           /* of a number; NULL: none */
    const char *const *choices; /* NULL-terminated */
    const char *help;
};

struct setting_group {
    const char *prefix; /* the first segment of the names; "" for names without a dot */
    const char *title;
};

enum { SETTING_NAME_SIZE = 64 };
#define SETTING_ENV_PREFIX "TENANTD_"
#define SETTING_REDACTED "[redacted]"

/* The table; settings of a group, and of a section in it, stand together. */
const struct setting *setting_rows(size_t *n);
const struct setting_group *setting_groups(size_t *n);
bool setting_in_group(const struct setting *s, const struct setting_group *group);

/* How a source spells a setting: "pool.max", "TENANTD_POOL_MAX", "--pool-max". */
struct setting_spelling {
    const char *prefix;
    char dot, underscore;
    bool upper;
};
extern const struct setting_spelling setting_in_yaml, setting_in_env, setting_in_args;

void setting_spell(const struct setting_spelling *spelling, const char *name,
                   char out[SETTING_NAME_SIZE]);
/* The setting written as text; NULL: none. For NAME_file of a secret *by_file is set. */
const struct setting *setting_find(const struct setting_spelling *spelling, const char *text,
                                   bool *by_file);
/* Appends "; did you mean X?" when a setting is spelled nearly like text. */
void setting_suggest(const struct setting_spelling *spelling, const char *text, struct str *out);

/* Parses text into the setting's place in config. false: why says what would be right. */
bool setting_parse(const struct setting *s, const char *text, struct config *config,
                   struct str *why);
/* The value as it stands in YAML and JSON; secrets are redacted. */
void setting_format(const struct setting *s, const struct config *config, struct str *out);
void setting_free(const struct setting *s, struct config *config);

/* What the sources share while they are read. */
struct config_loader {
    struct config *config;
    struct str problems, warnings;
    size_t problem_count;
};

void config_problem(struct config_loader *loader, const char *source, const char *fmt, ...)
    PRINTF_LIKE(3, 4);
/* Assigns text, or what the file at text holds; problems are reported against source. */
void config_assign(struct config_loader *loader, const struct setting *s, const char *text,
                   bool by_file, const char *source);

/* Appends what the file at path holds, at most 1 MiB; false: the problem is reported. */
bool config_slurp(struct config_loader *loader, const char *path, const char *source,
                  struct str *out);

/* The sources below the command line. */
void config_read_file(struct config_loader *loader, const char *path);
void config_read_env(struct config_loader *loader, const char *const *env);
/* The value of a variable; an empty one counts as not set. NULL: not set. Borrowed. */
const char *config_env(const char *const *env, const char *name);

/* The command line, taken apart; it is read first and has the last word. */
struct config_arg {
    const struct setting *setting;
    const char *value; /* borrowed */
    bool by_file;
    char flag[SETTING_NAME_SIZE];
};
struct config_args {
    config_action action;
    const char *file; /* of --config; NULL: not given */
    struct config_arg *settings;
    size_t count;
};
void config_args_read(struct config_loader *loader, const char *const *args, size_t n,
                      struct config_args *out);
void config_args_apply(struct config_loader *loader, const struct config_args *args);
void config_args_clear(struct config_args *args);

/* Rules that concern several settings. */
void config_check(struct config_loader *loader);
