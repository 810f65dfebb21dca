/* SPDX-License-Identifier: MIT */
/*
 * Claiming: one worker thread (a slot) takes a chunk of queued tasks of one job on one server.
 * How many slots may work on a job or on a server at once holds strictly across replicas: the
 * job's row and the server's row are the mutexes under which slots are counted.
 */
#pragma once

#include "core/job/job.h"
#include "core/pg/pg.h"

struct chunk {
    struct job job;
    struct task *tasks;
    size_t count;
    char worker[UUID_TEXT_SIZE];
    char *server;
    bool server_is_control; /* the server is the cluster that holds the control schema */
    bool probing;           /* the server had trouble: one task is tried */
    bool job_began;         /* this claim took the job from queued to running */
};
void chunk_clear(struct chunk *chunk);

struct claimer {
    const char *worker; /* id of a registered worker */
    int slot;
    const char *kinds; /* those this build knows, as a PostgreSQL array */
    int default_max_parallel; /* of a server that names none; 0: its pace */
    /* how many tasks of a kind to take at most */
    int (*chunk_size)(void *arg, const char *kind);
    void *arg;
};

typedef enum claim_answer {
    CLAIM_NOTHING, /* there is no work that may start now */
    CLAIM_BUSY,    /* others were claiming the same: ask again at once */
    CLAIM_GOT,
} claim_answer;

/* *out is the caller's, chunk_clear(), when *answer is CLAIM_GOT; otherwise it is not written.
 * After an error a chunk may have been claimed all the same: worker_give_back() then. */
err_code claim_chunk(struct pg *pg, const struct claimer *claimer, claim_answer *answer,
                     struct chunk *out, struct err *err) MUST_USE;
