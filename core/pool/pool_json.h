/* SPDX-License-Identifier: MIT */
/* The pools' figures as JSON, snake_case. NULL: no memory. */
#pragma once

#include <jansson.h>

#include "core/pool/health.h"

/* {pools {total, max_pools, tenants[]}, shared {initialized, connections}, timestamp} */
json_t *pool_metrics_json(const struct pool_metrics *metrics);
/* {healthy, pools[], shared_db, ..., timestamp, duration_ms} */
json_t *pool_health_json(const struct pool_health *health);
