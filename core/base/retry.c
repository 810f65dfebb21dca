/* SPDX-License-Identifier: MIT */
#include "core/base/retry.h"

#include "core/base/hash.h"

int64_t retry_delay_ms(const struct retry_policy *policy, int attempt, double random)
{
    double delay = (double)policy->initial_delay_ms;
    double most = (double)policy->max_delay_ms;

    for (int i = 2; i < attempt && delay < most; i++)
        delay *= policy->multiplier;
    if (delay > most)
        delay = most;
    if (policy->jitter)
        delay += delay * 0.25 * random;
    return (int64_t)delay;
}

double retry_random(void)
{
    uint32_t bits;
    random_bytes(&bits, sizeof bits);
    return (double)bits / 4294967296.0;
}
