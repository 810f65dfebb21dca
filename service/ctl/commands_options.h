/* SPDX-License-Identifier: MIT */
/* Options that several commands have, for the table in commands.c. */
#pragma once

#define SHARED                                                                                     \
    {                                                                                              \
        .name = "shared", .help = "the shared schema's catalog, not the tenants'"                  \
    }
#define LABEL(text)                                                                                \
    {                                                                                              \
        .name = "label", .value = "KEY=VALUE", .repeat = true, .help = (text)                      \
    }
#define WAIT                                                                                       \
    {                                                                                              \
        .name = "wait", .help = "wait for the job and show its progress"                           \
    }

/* Whom a command is about, for selector_of(). */
#define WHOM                                                                                       \
    {.name = "all", .help = "every tenant"},                                                       \
        {.name = "id", .value = "ID", .many = true, .help = "these tenants"},                      \
    {                                                                                              \
        .name = "label", .value = "KEY=VALUE", .many = true,                                       \
        .help = "tenants with all of these labels"                                                 \
    }
#define DRY_RUN                                                                                    \
    {                                                                                              \
        .name = "dry-run", .help = "only show what it would edit"                                  \
    }
#define NO_WAIT                                                                                    \
    {                                                                                              \
        .name = "no-wait", .help = "only start it"                                                 \
    }

#define DOWN                                                                                       \
    {                                                                                              \
        .name = "down", .help = "take back what comes after the target, which may be none"         \
    }
