/* SPDX-License-Identifier: MIT */
/* The lane's access to the world from within a task: its connection and the registry. */
#pragma once

#include "core/job/engine.h"
#include "core/migrate/lane.h"

/* Lives as long as the task; access.arg points to it. */
struct task_lane {
    struct task_run *run;
    bool tenant; /* the task is about a tenant: the registry is told when its schema is dirty */
    struct lane_access access;
};

void task_lane_init(struct task_lane *lane, struct task_run *run, bool tenant);
