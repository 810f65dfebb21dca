/* SPDX-License-Identifier: MIT */
#include "core/migrate/sqlspan.h"

#include <pg_query.h>
#include <stdbool.h>
#include <stdint.h>

#include "core/migrate/place.h"
#include "core/migrate/sqlcheck.h"

/* Protocol buffers, "Encoding": the scanner's answer is a message of a version and of tokens, these
 * of numbers only. false: the bytes end. */
static bool read_varint(const unsigned char **p, const unsigned char *end, uint64_t *out)
{
    *out = 0;
    for (unsigned shift = 0; *p < end && shift < 64; shift += 7) {
        unsigned char byte = *(*p)++;
        *out |= (uint64_t)(byte & 0x7f) << shift;
        if (!(byte & 0x80))
            return true;
    }
    return false;
}

enum { FIELD_TOKEN = 2 << 3 | 2, FIELD_START = 1 << 3, FIELD_END = 2 << 3 };

static bool read_token(const unsigned char *p, const unsigned char *end, struct sql_span *out)
{
    uint64_t field, value;

    *out = (struct sql_span){.start = 0};
    while (p < end) {
        if (!read_varint(&p, end, &field) || !read_varint(&p, end, &value))
            return false;
        if (field == FIELD_START)
            out->start = (size_t)value;
        else if (field == FIELD_END)
            out->end = (size_t)value;
    }
    return true;
}

static err_code walk(const PgQueryProtobuf *message, size_t base,
                     err_code (*take)(void *arg, struct sql_span span), void *arg, struct err *err)
{
    const unsigned char *p = (const unsigned char *)message->data, *end = p + message->len;
    uint64_t field, size;
    struct sql_span t;
    err_code rc = ERR_NONE;

    while (p < end && !rc) {
        if (!read_varint(&p, end, &field) || !read_varint(&p, end, &size))
            return err_set(err, ERR_INTERNAL, "the scanner's answer cannot be read");
        if (field != FIELD_TOKEN)
            continue;
        if (size > (size_t)(end - p) || !read_token(p, p + size, &t))
            return err_set(err, ERR_INTERNAL, "the scanner's answer cannot be read");
        p += size;
        t.start += base;
        t.end += base;
        rc = take(arg, t);
    }
    return rc;
}

static err_code scan_failed(const char *sql, size_t len, const PgQueryError *error, struct err *err)
{
    struct place at = PLACE_START(sql_bom_len(sql, len));

    if (error->cursorpos > 0)
        place_by_chars(&at, sql, len, (size_t)error->cursorpos - 1);
    (void)err_set(err, ERR_SQL_SYNTAX_ERROR, "line %d, column %d: %s", at.line, at.column,
                  error->message);
    if (err) {
        err->line = at.line;
        err->column = at.column;
    }
    return ERR_SQL_SYNTAX_ERROR;
}

err_code sql_spans(const char *sql, size_t len, err_code (*take)(void *arg, struct sql_span span),
                   void *arg, struct err *err)
{
    size_t bom = sql_bom_len(sql, len);
    PgQueryScanResult scan = pg_query_scan(sql + bom);
    err_code rc =
        scan.error ? scan_failed(sql, len, scan.error, err) : walk(&scan.pbuf, bom, take, arg, err);

    pg_query_free_scan_result(scan);
    return rc;
}
