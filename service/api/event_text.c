/* SPDX-License-Identifier: MIT */
#include "service/api/event_text.h"

void event_write_json(struct str *out, const struct pg_rows *rows, size_t row)
{
    const char *subject = pg_text(rows, row, "subject"), *time = pg_text(rows, row, "time");

    str_addf(out,
             "{\"specversion\":\"1.0\",\"id\":\"%s\",\"source\":\"/v1/events\",\"type\":\"%s\"",
             pg_text(rows, row, "seq"), pg_text(rows, row, "type"));
    if (subject) {
        str_add(out, ",\"subject\":");
        str_add_json(out, subject);
    }
    str_addf(out,
             ",\"time\":\"%s\",\"timestamp\":\"%s\",\"datacontenttype\":\"application/json\","
             "\"data\":%s}",
             time, time, pg_text(rows, row, "data")); /* jsonb as text has no line break */
}

void event_write_message(struct str *out, const struct pg_rows *rows, size_t row)
{
    str_addf(out, "id: %s\ndata: ", pg_text(rows, row, "seq"));
    event_write_json(out, rows, row);
    str_add(out, "\n\n");
}
