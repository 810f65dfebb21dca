/* SPDX-License-Identifier: MIT */
/*
 * How many tasks a server is given at a time, found by trying. While the server is kept busy another
 * number is tried now and then and kept when it gets more done; fewer are kept when they get as much
 * done, for then the rest only waited for each other. Tasks that wait for locks are a sign of too many.
 */
#pragma once

#include <stdbool.h>

enum { PACE_MAX = 64 };

struct pace {
    int parallel;
    int before;   /* while another number is tried: the one to return to; 0: none is tried */
    double rate;  /* tasks a second at that one */
    int rest;     /* windows until the next try */
    int patience; /* how many they will be after one that was in vain */
    bool fewer;   /* what is tried next */
};

/* What happened while `parallel` did not change. */
struct pace_window {
    double seconds;    /* how long it was */
    double busy;       /* seconds that tasks took, those side by side added up */
    double tasks;      /* that came to an end */
    double lock_waits; /* tasks that were put off because of a lock */
};

/* parallel: 1 to PACE_MAX. */
void pace_start(struct pace *pace, int parallel);
/* Whether the window is long enough to tell something. */
bool pace_can_tell(const struct pace *pace, const struct pace_window *window);
/* Moves pace->parallel by what the window tells; true: it is another number now. What happens within
 * a moment after that belongs to no window. */
bool pace_step(struct pace *pace, const struct pace_window *window);
