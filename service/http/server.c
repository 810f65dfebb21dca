/* SPDX-License-Identifier: MIT */
#include "service/http/server.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "service/http/server_internal.h"

/*
 * libmicrohttpd 0.9.75 (and on to 1.0.1) calls epoll_wait() again, and blocks, when it returns as
 * many events as there is room for: a thread with 128 events ready leaves them lying until
 * something else happens. So a thread must never have as many descriptors as that: its
 * connections, the listening socket and its wake-up channel. tests/api/test_server_load.c holds
 * this with 127, 128, 129 and 256 connections that send at once.
 */
enum { MHD_EPOLL_EVENTS = 128, CONNECTIONS_PER_IO_THREAD = 125, OTHER_DESCRIPTORS = 2 };
static_assert(CONNECTIONS_PER_IO_THREAD + OTHER_DESCRIPTORS < MHD_EPOLL_EVENTS,
              "an I/O thread could have a whole array of epoll events ready and stall");

enum { HEAD_MEMORY = 32 * 1024, FLUSH_MS = 1000 };

/* Paths stay as they were sent: %2F is no separator and %00 no end (route.c decodes segments). */
static size_t unescape_nothing(void *cls, struct MHD_Connection *connection, char *text)
{
    (void)cls;
    (void)connection;
    return strlen(text);
}

static PRINTF_LIKE(2, 0) void log_message(void *cls, const char *format, va_list args)
{
    const struct server *server = cls;
    char message[512];

    if (!server->options.log)
        return;
    (void)vsnprintf(message, sizeof message, format, args);
    message[strcspn(message, "\n")] = '\0';
    server->options.log(server->options.ctx, message);
}

static err_code start_daemon(struct server *server, struct err *err)
{
    unsigned threads = (unsigned)server->options.io_threads;
    /* one thread is no pool: libmicrohttpd warns about a pool of one */
    struct MHD_OptionItem pool[] = {
        {threads > 1 ? MHD_OPTION_THREAD_POOL_SIZE : MHD_OPTION_END, threads, NULL},
        {MHD_OPTION_END, 0, NULL},
    };

    /* clang-format off */
    server->daemon = MHD_start_daemon(
        MHD_USE_EPOLL_INTERNAL_THREAD | MHD_USE_ITC | MHD_ALLOW_SUSPEND_RESUME | MHD_USE_ERROR_LOG,
        0, NULL, NULL, request_access, server,
        MHD_OPTION_EXTERNAL_LOGGER, log_message, server, /* first, or the others warn on stderr */
        MHD_OPTION_LISTEN_SOCKET, server->listen_fd,
        MHD_OPTION_CONNECTION_LIMIT, CONNECTIONS_PER_IO_THREAD * threads,
        MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)HEAD_MEMORY,
        MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)server->options.idle_timeout_s,
        MHD_OPTION_STRICT_FOR_CLIENT, 1,
        MHD_OPTION_UNESCAPE_CALLBACK, unescape_nothing, NULL,
        MHD_OPTION_NOTIFY_CONNECTION, conn_notify, server,
        MHD_OPTION_NOTIFY_COMPLETED, request_completed, server,
        MHD_OPTION_ARRAY, pool,
        MHD_OPTION_END);
    /* clang-format on */
    if (!server->daemon)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot start the HTTP server's threads");
    return ERR_NONE;
}

static err_code start_threads(struct server *server, struct err *err)
{
    int why = pthread_create(&server->keeper, NULL, keeper_main, server);

    server->keeper_started = !why;
    while (!why && server->handlers_started < server->options.handlers) {
        why = pthread_create(&server->handlers[server->handlers_started], NULL, pool_main, server);
        server->handlers_started += !why;
    }
    if (why)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot start a thread: %s", strerror(why));
    return ERR_NONE;
}

static void init_cond(pthread_cond_t *cond)
{
    pthread_condattr_t attr;

    (void)pthread_condattr_init(&attr);
    (void)pthread_condattr_setclock(&attr, CLOCK_MONOTONIC);
    (void)pthread_cond_init(cond, &attr);
    (void)pthread_condattr_destroy(&attr);
}

static struct server *server_new(const struct server_options *options)
{
    struct server *server = calloc(1, sizeof *server);

    if (!server)
        return NULL;
    server->options = *options;
    server->listen_fd = -1;
    (void)pthread_mutex_init(&server->lock, NULL);
    init_cond(&server->work);
    init_cond(&server->tick);
    init_cond(&server->quiet);
    TAILQ_INIT(&server->queue);
    TAILQ_INIT(&server->running);
    TAILQ_INIT(&server->parked);
    TAILQ_INIT(&server->streaming);
    TAILQ_INIT(&server->conns);
    return server;
}

static err_code check_options(const struct server_options *options, struct err *err)
{
    if (options->io_threads < 1 || options->io_threads > IO_THREADS_MAX)
        return err_set(err, ERR_CONFIG_INVALID, "%d I/O threads are not 1 to %d",
                       options->io_threads, IO_THREADS_MAX);
    if (options->handlers < 0 || options->handlers > HANDLERS_MAX)
        return err_set(err, ERR_CONFIG_INVALID, "%d handler threads are not 0 to %d",
                       options->handlers, HANDLERS_MAX);
    if (options->queue < 0)
        return err_set(err, ERR_CONFIG_INVALID, "a queue cannot have %d places", options->queue);
    if (options->receive_timeout_ms < 1 || options->idle_timeout_s < 1 ||
        options->idle_timeout_s > 86400)
        return err_set(err, ERR_CONFIG_INVALID,
                       "the receive timeout must be at least 1 ms, the idle timeout 1 s to a day");
    return ERR_NONE;
}

err_code server_start(const struct server_options *options, struct server **out, struct err *err)
{
    err_code code = check_options(options, err);
    if (code)
        return code;
    CLEANUP(server_stopp) struct server *server = server_new(options);
    if (!server)
        return err_set(err, ERR_INTERNAL, "no memory");
    server->options.host = NULL; /* not ours to keep */
    code = server_listen(options->host, options->port, &server->listen_fd, &server->port, err);
    if (!code)
        code = start_threads(server, err);
    if (!code)
        code = start_daemon(server, err);
    if (code)
        return code;
    *out = server;
    server = NULL; /* now the caller's */
    return ERR_NONE;
}

uint16_t server_port(const struct server *server)
{
    return server->port;
}

int server_capacity(int io_threads)
{
    return CONNECTIONS_PER_IO_THREAD * io_threads;
}

struct server_stats server_stats(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    struct server_stats stats = server->stats;
    (void)pthread_mutex_unlock(&server->lock);
    return stats;
}

/* Ends listening; the number stays taken until no thread of libmicrohttpd can use it any more. */
static void close_door(struct server *server)
{
    if (server->daemon && MHD_quiesce_daemon(server->daemon) != MHD_INVALID_SOCKET)
        (void)shutdown(server->listen_fd, SHUT_RDWR);
}

static void begin_drain(struct server *server)
{
    struct exchange_list ready = TAILQ_HEAD_INITIALIZER(ready);

    (void)pthread_mutex_lock(&server->lock);
    bool already = server->draining;
    server->draining = true;
    park_take_all(server, &ready);
    (void)pthread_mutex_unlock(&server->lock);
    if (already)
        return;
    pool_resubmit(server, &ready);
    streaming_end_all(server);
    close_door(server);
    (void)pthread_mutex_lock(&server->lock);
    conns_close_idle(server);
    (void)pthread_mutex_unlock(&server->lock);
}

/* With the lock held: waits until *count is 0, until is over, whichever comes first. */
static void wait_for_none(struct server *server, const int *count, int64_t ms)
{
    struct timespec until = clock_mono_in(ms);

    while (*count && pthread_cond_timedwait(&server->quiet, &server->lock, &until) == 0)
        continue;
}

void server_drain(struct server *server, int64_t drain_ms)
{
    begin_drain(server);
    (void)pthread_mutex_lock(&server->lock);
    wait_for_none(server, &server->stats.connections, drain_ms);
    (void)pthread_mutex_unlock(&server->lock);
}

/* libmicrohttpd ends the process when it is stopped with suspended connections: none is left. */
static void finish_requests(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->stopping = true;
    conns_close_receiving(server);
    while (server->suspended)
        (void)pthread_cond_wait(&server->quiet, &server->lock);
    wait_for_none(server, &server->stats.in_flight, FLUSH_MS);
    (void)pthread_mutex_unlock(&server->lock);
}

static void end_threads(struct server *server)
{
    (void)pthread_mutex_lock(&server->lock);
    server->quit = true;
    (void)pthread_cond_broadcast(&server->work);
    (void)pthread_cond_broadcast(&server->tick);
    (void)pthread_mutex_unlock(&server->lock);
    for (int i = 0; i < server->handlers_started; i++)
        (void)pthread_join(server->handlers[i], NULL);
    if (server->keeper_started)
        (void)pthread_join(server->keeper, NULL);
}

void server_stop(struct server *server)
{
    if (!server)
        return;
    begin_drain(server);
    finish_requests(server);
    if (server->daemon)
        MHD_stop_daemon(server->daemon);
    end_threads(server);
    if (server->listen_fd >= 0)
        (void)close(server->listen_fd);
    (void)pthread_cond_destroy(&server->work);
    (void)pthread_cond_destroy(&server->tick);
    (void)pthread_cond_destroy(&server->quiet);
    (void)pthread_mutex_destroy(&server->lock);
    free(server);
}

void server_stopp(struct server **server)
{
    server_stop(*server);
}
