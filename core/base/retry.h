/* SPDX-License-Identifier: MIT */
/* Exponential back-off: how long to wait before the next attempt. */
#pragma once

#include <stdbool.h>
#include <stdint.h>

struct retry_policy {
    int max_attempts;         /* all attempts, the first included; at least 1 */
    int64_t initial_delay_ms; /* before the second attempt */
    int64_t max_delay_ms;
    double multiplier;
    bool jitter; /* adds 0 to 25 % */
};

#define RETRY_DEFAULT                                                                              \
    ((struct retry_policy){.max_attempts = 3,                                                      \
                           .initial_delay_ms = 100,                                                \
                           .max_delay_ms = 5000,                                                   \
                           .multiplier = 2,                                                        \
                           .jitter = true})

/* Delay before attempt number `attempt` (2 is the first retry); random is in [0, 1). */
int64_t retry_delay_ms(const struct retry_policy *policy, int attempt, double random);
/* A number in [0, 1) for jitter; not for secrets. */
double retry_random(void);
