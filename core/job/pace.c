/* SPDX-License-Identifier: MIT */
#include "core/job/pace.h"

enum { TASKS_EACH = 4, PATIENCE_MIN = 2, PATIENCE_MAX = 32 };

static const double WINDOW_S = 2.0;      /* tasks end in chunks of up to a third of a second */
static const double MORE = 1.06;         /* what one try more has to bring to be worth it */
static const double AS_MUCH = 0.97;      /* what may be lost with fewer, for that is within noise */
static const double SATURATED = 0.7;     /* of the slots that it may have the server has */
static const double LOCK_WAITS_MAX = 0.1; /* of its tasks */

static int within(int parallel)
{
    return parallel < 1 ? 1 : parallel > PACE_MAX ? PACE_MAX : parallel;
}

void pace_start(struct pace *pace, int parallel)
{
    *pace = (struct pace){.parallel = within(parallel), .patience = PATIENCE_MIN};
}

bool pace_can_tell(const struct pace *pace, const struct pace_window *w)
{
    return w->seconds >= WINDOW_S && w->tasks + w->lock_waits >= TASKS_EACH * pace->parallel;
}

/* Not by the clock but by what the tasks took: a window begins and ends in the middle of some. */
static double rate_of(const struct pace *pace, const struct pace_window *w)
{
    return w->busy > 0 ? w->tasks / w->busy * pace->parallel : 0;
}

static void give_up(struct pace *pace)
{
    pace->parallel = pace->before;
    pace->before = 0;
    pace->fewer = !pace->fewer;
    pace->rest = pace->patience;
    pace->patience = pace->patience < PATIENCE_MAX ? 2 * pace->patience : PATIENCE_MAX;
}

static void back_off(struct pace *pace)
{
    int fewer = pace->parallel - (pace->parallel + 3) / 4;

    pace_start(pace, pace->before && pace->before < fewer ? pace->before : fewer);
    pace->rest = PATIENCE_MAX;
}

/* On with what a try has found, in the same direction. */
static void try_next(struct pace *pace, double rate)
{
    int step = pace->parallel / 3 > 1 ? pace->parallel / 3 : 1;
    int next = within(pace->fewer ? pace->parallel - step : pace->parallel + step);

    pace->rate = rate;
    pace->before = pace->parallel;
    pace->parallel = next;
    if (next == pace->before)
        give_up(pace);
}

static void judge_try(struct pace *pace, double rate)
{
    bool good = rate >= pace->rate * (pace->fewer ? AS_MUCH : MORE);

    if (!good) {
        give_up(pace);
        return;
    }
    pace->patience = PATIENCE_MIN;
    try_next(pace, rate > pace->rate ? rate : pace->rate);
}

bool pace_step(struct pace *pace, const struct pace_window *w)
{
    int was = pace->parallel;
    double rate = rate_of(pace, w);

    if (w->lock_waits > LOCK_WAITS_MAX * (w->tasks + w->lock_waits))
        back_off(pace);
    else if (w->busy < SATURATED * pace->parallel * w->seconds) {
        if (pace->before)
            give_up(pace); /* it is not this number that limits */
    } else if (pace->before)
        judge_try(pace, rate);
    else if (pace->rest > 0)
        pace->rest--;
    else
        try_next(pace, rate);
    return pace->parallel != was;
}
