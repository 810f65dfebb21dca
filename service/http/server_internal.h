/* SPDX-License-Identifier: MIT */
/*
 * What the files of the server share. One mutex guards all of it; no function of libmicrohttpd is
 * called while it is held.
 *
 * An exchange is one request and its reply. Who may touch it:
 *   receiving, answering   the I/O thread of its connection
 *   queued, parked         whoever holds the lock
 *   running                the thread that runs its handler
 * While it is not the I/O thread's its connection is suspended, so libmicrohttpd leaves both alone.
 * The call that resumes the connection gives them back: nothing may touch the exchange after it.
 */
#pragma once

#include <microhttpd.h>
#include <pthread.h>
#include <sys/queue.h>

#include "service/http/server.h"

enum {
    IO_THREADS_MAX = 16,
    HANDLERS_MAX = 256,
    BODY_LIMIT_DEFAULT = 256 * 1024,
    PEER_SIZE = 64,
    LINGER_MAX = 64,
};

/* An accepted connection, from STARTED to CLOSED. */
struct conn {
    TAILQ_ENTRY(conn) link;
    int fd;
    bool busy;        /* a request was begun and its reply is not sent yet */
    int64_t deadline; /* clock_mono_ms() by which a request must be there; 0: none */
    bool linger;      /* closed by us while the client may be sending; its I/O thread's alone */
    char peer[PEER_SIZE];
};

typedef enum exchange_state {
    EXCHANGE_RECEIVING,
    EXCHANGE_RUNNABLE, /* only without handler threads: the I/O thread is to run it again */
    EXCHANGE_ANSWERED, /* reply is there, to be sent */
} exchange_state;

struct exchange {
    TAILQ_ENTRY(exchange) link; /* in at most one of queue, running, parked, streaming */
    struct server *server;
    struct MHD_Connection *connection;
    struct conn *conn;
    exchange_state state;
    struct request req;
    struct reply reply;
    struct body {
        char *data;
        size_t len, cap, limit;
        uint64_t seen; /* bytes that came, kept or not */
    } body;
    bool close;     /* the connection ends with this reply */
    bool streams;   /* in the list of those that stream */
    bool stream_ended; /* by the server, which stops */
    uint64_t woken; /* wake_bit() of every key woken while the handler ran */
    int64_t started_us;
};

TAILQ_HEAD(conn_list, conn);
TAILQ_HEAD(exchange_list, exchange);

/* A socket on its way out: read from until the client is done, so that it gets our last words. */
struct leaving {
    int fd;
    int64_t until;
};

struct server {
    struct server_options options;
    struct MHD_Daemon *daemon;
    int listen_fd; /* quiesced, closed last; -1 before */
    uint16_t port;
    pthread_t handlers[HANDLERS_MAX], keeper;
    int handlers_started;
    bool keeper_started;

    pthread_mutex_t lock;
    pthread_cond_t work;  /* for handlers: something is queued, or quit */
    pthread_cond_t tick;  /* for the keeper: a deadline is earlier than it knew, or quit */
    pthread_cond_t quiet; /* for drain and stop: something ended */
    struct exchange_list queue, running, parked, streaming;
    struct conn_list conns;
    struct leaving lingering[LINGER_MAX];
    int lingering_count;
    struct server_stats stats;
    int suspended; /* exchanges whose connection is suspended or about to be */
    int busy;      /* handler threads that run a handler */
    bool draining; /* no new connections, nothing parks */
    bool stopping; /* no new requests either */
    bool quit;     /* threads end */
};

/* server_listen.c: a listening socket for host and port, and the port it got. */
err_code server_listen(const char *host, uint16_t port, int *out, uint16_t *out_port,
                       struct err *err) MUST_USE;

/* server_conn.c: the connections there are, and who was too slow */
void conn_notify(void *cls, struct MHD_Connection *connection, void **context,
                 enum MHD_ConnectionNotificationCode what);
struct conn *conn_of(struct MHD_Connection *connection);
void conn_begin(struct server *server, struct conn *conn);    /* the head of a request is there */
void conn_received(struct server *server, struct conn *conn); /* and its body */
void conn_end(struct server *server, struct conn *conn);      /* its reply is sent */
/* With the lock held: */
void conns_reap(struct server *server, int64_t now);
void conns_close_idle(struct server *server);
void conns_close_receiving(struct server *server);

/* server_linger.c; with the lock held */
void linger_add(struct server *server, int fd, int64_t now);
void linger_read(struct server *server, int64_t now);
void linger_end(struct server *server);

/* server_request.c: libmicrohttpd's callbacks for a request */
enum MHD_Result request_access(void *cls, struct MHD_Connection *connection, const char *url,
                               const char *method, const char *version, const char *upload,
                               size_t *upload_size, void **context);
void request_completed(void *cls, struct MHD_Connection *connection, void **context,
                       enum MHD_RequestTerminationCode why);

/* server_head.c: fills req from the connection and vets it */
err_code request_read_head(struct request *req, struct MHD_Connection *connection, const char *url,
                           const char *method, const char *version, uint64_t *body_length,
                           struct err *err) MUST_USE;
void request_clear(struct request *req);

/* server_reply.c: gives ex->reply to libmicrohttpd */
enum MHD_Result reply_send(struct exchange *ex);

/* server_pool.c: running the handler */
/* The request is complete: queues it or runs it in place. True: its reply is there. Else it may
 * be another thread's by now. */
bool exchange_submit(struct exchange *ex);
/* Runs the handler on the I/O thread. The same result. */
bool exchange_run_here(struct exchange *ex);
void *pool_main(void *server);
/* Puts exchanges that were parked back to work. Empties ready. */
void pool_resubmit(struct server *server, struct exchange_list *ready);

/* Gives a suspended connection back to its I/O thread; nothing may touch the exchange after it. */
void exchange_resume(struct exchange *ex);

/* server_stream.c */
/* The response of a reply that streams; NULL: no memory. */
struct MHD_Response *streaming_begin(struct exchange *ex);
/* The exchange is over: nobody may wake it any more. Does nothing for other replies. */
void streaming_end(struct exchange *ex);
void streaming_end_all(struct server *server);

/* server_park.c */
/* Parks ex, which is running and suspended, as its reply says, or puts it back to work. */
void park(struct exchange *ex, const struct reply *reply);
/* With the lock held: moves what is to run again to ready. */
void park_take_due(struct server *server, int64_t now, struct exchange_list *ready);
void park_take_all(struct server *server, struct exchange_list *ready);
/* When the next parked request is due; INT64_MAX: none. */
int64_t park_next(const struct server *server);

/* server_keeper.c: the thread that keeps the time */
void *keeper_main(void *server);
