/* SPDX-License-Identifier: MIT */
/*
 * The warden: stops what must not go on. It touches no database but by cancel requests, so that it
 * works when the control database does not answer and the heart hangs in a query: a replica that
 * could not say for two thirds of its lease that it lives stops before others take its tasks.
 */
#include "core/job/runner_internal.h"

enum { LOOK_EVERY_MS = 100 };

void *warden_main(void *arg)
{
    struct runner *runner = arg;

    for (uint64_t seen; runner_goes_on(&runner->ending, &runner->warden, &seen);) {
        bool fenced = runner_is_fenced(runner);
        for (int i = 0; i < runner->options.workers; i++) {
            if (fenced)
                slot_tell(&runner->slots[i], STOP_LEASE_LOST, NULL, NULL);
            slot_fire(&runner->slots[i]);
        }
        (void)bell_wait(&runner->warden, seen, LOOK_EVERY_MS);
    }
    return NULL;
}
