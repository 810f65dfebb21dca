/* SPDX-License-Identifier: MIT */
/* Compiler attributes, spelled once. */
#pragma once

#define MUST_USE __attribute__((warn_unused_result))
#define NONNULL(...) __attribute__((nonnull(__VA_ARGS__)))
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))

/* Runs fn(&variable) when the variable goes out of scope: how a local owns something here. */
#define CLEANUP(fn) __attribute__((cleanup(fn)))

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))
