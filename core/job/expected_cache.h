/* SPDX-License-Identifier: MIT */
/* What replays came to, by what was replayed; for core/job/expected.c only. */
#pragma once

#include "core/job/expected.h"

/* A copy of the model as canonical JSON; free() it. NULL: not known. */
char *expected_recall(struct expected_cache *cache, const char *key);
/* Keeps a copy; without memory it is just not kept. */
void expected_remember(struct expected_cache *cache, const char *key, const char *text);

/*
 * Waits for whoever replays the same; run may be NULL. true: *text is a copy of what was made, or
 * NULL and *failure says why there is none. false: nobody knows, and from now on *maker is at it,
 * who must call expected_tell() with what it came to.
 */
bool expected_await(struct expected_cache *cache, const char *key, const struct task_run *run,
                    size_t *maker, char **text, struct err *failure);
/* text NULL: it failed. */
void expected_tell(struct expected_cache *cache, const char *key, size_t maker, const char *text,
                   const struct err *failure);
