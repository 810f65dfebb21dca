/* SPDX-License-Identifier: MIT */
#pragma once

#include "core/migrate/seed_text.h"

/* Fills seed->variables; its bytes have been checked. */
err_code seed_scan(struct seed_text *seed, struct err *err) MUST_USE;
