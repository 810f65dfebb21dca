/* SPDX-License-Identifier: MIT */
#include "service/api/event_ring.h"

#include <stdlib.h>
#include <string.h>

#include "service/api/event_text.h"

static void told_clear(struct told *told)
{
    free(told->type);
    free(told->job_id);
    free(told->subject);
    free(told->message);
    *told = (struct told){.seq = 0};
}

void event_ring_reset(struct event_ring *ring, int64_t head)
{
    for (size_t i = 0; i < EVENT_RING; i++)
        told_clear(&ring->told[i]);
    ring->first = ring->count = 0;
    ring->from = ring->head = head;
}

const struct told *event_ring_at(const struct event_ring *ring, size_t place)
{
    return &ring->told[(ring->first + place) % EVENT_RING];
}

static char *copy(const char *text)
{
    return text ? strdup(text) : NULL;
}

static bool told_fill(struct told *told, const struct pg_rows *rows, size_t row)
{
    struct str message = STR_INIT;
    const char *job_id = pg_text(rows, row, "job_id"), *subject = pg_text(rows, row, "subject");

    event_write_message(&message, rows, row);
    told->seq = pg_bigint(rows, row, "seq");
    told->type = copy(pg_text(rows, row, "type"));
    told->job_id = copy(job_id);
    told->subject = copy(subject);
    told->len = message.len;
    told->message = str_take(&message);
    return told->type && told->message && (told->job_id || !job_id) && (told->subject || !subject);
}

static bool add(struct event_ring *ring, const struct pg_rows *rows, size_t row)
{
    struct told told = {.seq = 0};

    if (!told_fill(&told, rows, row)) {
        told_clear(&told);
        return false;
    }
    if (ring->count == EVENT_RING) {
        struct told *oldest = &ring->told[ring->first];
        ring->from = oldest->seq;
        told_clear(oldest);
        ring->first = (ring->first + 1) % EVENT_RING;
        ring->count--;
    }
    ring->told[(ring->first + ring->count++) % EVENT_RING] = told;
    ring->head = told.seq;
    return true;
}

bool event_ring_add(struct event_ring *ring, const struct pg_rows *rows)
{
    for (size_t row = 0; row < pg_rows_count(rows); row++)
        if (!add(ring, rows, row))
            return false;
    return true;
}

size_t event_ring_after(const struct event_ring *ring, int64_t seq)
{
    size_t low = 0, high = ring->count;

    while (low < high) {
        size_t middle = low + (high - low) / 2;
        if (event_ring_at(ring, middle)->seq > seq)
            high = middle;
        else
            low = middle + 1;
    }
    return low;
}
