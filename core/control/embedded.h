/* SPDX-License-Identifier: MIT */
/* The control schema's SQL files, embedded at build time in the order of their numbers. */
#pragma once

struct control_file {
    int version;
    const char *name, *sql;
};

extern const struct control_file control_files[];
extern const unsigned control_file_count;
