/* SPDX-License-Identifier: MIT */
#include "core/job/expected_cache.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "core/base/clock.h"
#include "core/base/str.h"

enum {
    SLOTS = 64,           /* distinct states kept; a fleet has a handful */
    BYTES_MAX = 16 << 20, /* of all their models */
    MAKERS = 8,           /* distinct states replayed at a time that others can wait for */
    WAIT_MS = 60000,      /* for another's replay; then one of our own */
    LOOK_MS = 100,        /* how often who waits looks whether it shall stop */
    FAILURE_MS = 10000, /* how long a replay that failed is not tried again by who waits for one */
};

struct expected_cache {
    pthread_mutex_t lock;
    pthread_cond_t made; /* of CLOCK_MONOTONIC */
    struct {
        char key[SHA256_HEX_SIZE];
        char *text; /* the model as canonical JSON; or: */
        struct err failure;
        int64_t failed_at; /* clock_mono_ms() */
    } slots[SLOTS];        /* a ring: the oldest is overwritten */
    size_t next, bytes;
    char making[MAKERS][SHA256_HEX_SIZE]; /* what is being replayed; "": nothing */
};

struct expected_cache *expected_cache_new(void)
{
    struct expected_cache *cache = calloc(1, sizeof *cache);
    pthread_condattr_t attr;

    if (!cache)
        return NULL;
    (void)pthread_mutex_init(&cache->lock, NULL);
    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(&cache->made, &attr);
    (void)pthread_condattr_destroy(&attr);
    return cache;
}

void expected_cache_free(struct expected_cache *cache)
{
    if (!cache)
        return;
    for (size_t i = 0; i < SLOTS; i++)
        free(cache->slots[i].text);
    (void)pthread_cond_destroy(&cache->made);
    (void)pthread_mutex_destroy(&cache->lock);
    free(cache);
}

/* Under the lock. SLOTS: not there. */
static size_t find_slot(const struct expected_cache *cache, const char *key)
{
    size_t i = 0;

    while (i < SLOTS && !str_eq(cache->slots[i].key, key))
        i++;
    return i;
}

char *expected_recall(struct expected_cache *cache, const char *key)
{
    (void)pthread_mutex_lock(&cache->lock);
    size_t i = find_slot(cache, key);
    char *text = i < SLOTS && cache->slots[i].text ? strdup(cache->slots[i].text) : NULL;
    (void)pthread_mutex_unlock(&cache->lock);
    return text;
}

static void forget(struct expected_cache *cache, size_t i)
{
    cache->bytes -= cache->slots[i].text ? strlen(cache->slots[i].text) : 0;
    free(cache->slots[i].text);
    cache->slots[i].text = NULL;
    cache->slots[i].key[0] = '\0';
}

static void make_room(struct expected_cache *cache, size_t n)
{
    for (size_t i = 0; i < SLOTS && cache->bytes + n > BYTES_MAX; i++)
        forget(cache, (cache->next + i) % SLOTS);
}

/* Under the lock. Keeps a copy of what a replay came to; without memory it is just not kept. */
static void keep(struct expected_cache *cache, const char *key, const char *text,
                 const struct err *failure)
{
    size_t i = find_slot(cache, key);

    if (i == SLOTS) {
        i = cache->next;
        cache->next = (cache->next + 1) % SLOTS;
    }
    forget(cache, i);
    make_room(cache, text ? strlen(text) : 0);
    cache->slots[i].text = text ? strdup(text) : NULL;
    cache->bytes += cache->slots[i].text ? strlen(text) : 0;
    cache->slots[i].failed_at = failure ? clock_mono_ms() : 0;
    if (failure)
        cache->slots[i].failure = *failure;
    memcpy(cache->slots[i].key, key, SHA256_HEX_SIZE);
}

void expected_remember(struct expected_cache *cache, const char *key, const char *text)
{
    (void)pthread_mutex_lock(&cache->lock);
    keep(cache, key, text, NULL);
    (void)pthread_mutex_unlock(&cache->lock);
}

/* Under the lock. MAKERS: nobody is at it; of key "": none is free. */
static size_t find_maker(const struct expected_cache *cache, const char *key)
{
    size_t i = 0;

    while (i < MAKERS && !str_eq(cache->making[i], key))
        i++;
    return i;
}

/* Under the lock: whether it is known what becomes of the key, a model or a failure. */
static bool find_answer(const struct expected_cache *cache, const char *key, char **text,
                        struct err *failure)
{
    size_t i = find_slot(cache, key);

    if (i == SLOTS)
        return false;
    if (cache->slots[i].text) {
        *text = strdup(cache->slots[i].text);
        return *text != NULL;
    }
    *failure = cache->slots[i].failure;
    return cache->slots[i].failed_at && clock_mono_ms() - cache->slots[i].failed_at < FAILURE_MS;
}

bool expected_await(struct expected_cache *cache, const char *key, const struct task_run *run,
                    size_t *maker, char **text, struct err *failure)
{
    int64_t deadline = clock_mono_ms() + WAIT_MS;
    bool found = false;

    (void)pthread_mutex_lock(&cache->lock);
    while (!(found = find_answer(cache, key, text, failure)) && find_maker(cache, key) < MAKERS &&
           clock_mono_ms() < deadline && !(run && task_run_cancelled(run))) {
        struct timespec until = clock_mono_in(LOOK_MS);
        (void)pthread_cond_timedwait(&cache->made, &cache->lock, &until);
    }
    *maker = found ? MAKERS : find_maker(cache, "");
    if (*maker < MAKERS)
        memcpy(cache->making[*maker], key, SHA256_HEX_SIZE);
    (void)pthread_mutex_unlock(&cache->lock);
    return found;
}

void expected_tell(struct expected_cache *cache, const char *key, size_t maker, const char *text,
                   const struct err *failure)
{
    bool lasts = text || failure->code == ERR_MIGRATION_FAILED;

    (void)pthread_mutex_lock(&cache->lock);
    if (lasts)
        keep(cache, key, text, text ? NULL : failure);
    if (maker < MAKERS)
        cache->making[maker][0] = '\0';
    (void)pthread_cond_broadcast(&cache->made);
    (void)pthread_mutex_unlock(&cache->lock);
}
