/* SPDX-License-Identifier: MIT */
/* Drift as the API shows it. */
#pragma once

#include "core/job/drift_store.h"
#include "service/api/api.h"

/* A row of drift_groups(), of drift_tenants(), of drift_of_tenant(), of drift_accept(). */
json_t *drift_group_json(const struct pg_rows *rows, size_t row);
json_t *drift_tenant_json(const struct pg_rows *rows, size_t row);
json_t *drift_detail_json(const struct pg_rows *rows, size_t row);
json_t *drift_acceptance_json(const struct pg_rows *rows, size_t row);
/* "acceptance" of a row that has acceptance, tenant_accepted, reason, accepted_by, accepted_at. */
json_t *drift_accepted_json(const struct pg_rows *rows, size_t row);

/* Whether the text is a fingerprint: 64 hexadecimal digits. */
bool drift_is_fingerprint(const char *text);
/* Accepts, and answers with what was accepted. */
struct reply drift_reply_accepted(struct call *call, const struct drift_acceptance *acceptance);
