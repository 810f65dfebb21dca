/* SPDX-License-Identifier: MIT */
/* For core/schema/import/ only. */
#pragma once

#include <stddef.h>

#include "core/schema/build.h"
#include "core/schema/import.h"

enum { POINTER_SIZE = 400 };

struct reader {
    struct schema_builder b;
    struct import_notes *notes;
    bool by_name; /* see import_check() */
};

/* The array of that key and its length; absent is empty, another type is a problem. */
const json_t *reader_array(struct reader *r, const json_t *object, const char *pointer,
                           const char *key, size_t *n);
/* pointer/key/index */
void reader_pointer(char out[POINTER_SIZE], const char *pointer, const char *key, size_t index);
/* Looks whether it all hangs together, and hands it over. */
err_code reader_end(struct reader *r, const char *base, struct schema **out, struct err *err)
    MUST_USE;
