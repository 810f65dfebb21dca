/* SPDX-License-Identifier: MIT */
#include "service/api/api.h"

void app_set_server(struct app *app, struct server *server)
{
    (void)pthread_mutex_lock(&app->server_lock);
    app->server = server;
    (void)pthread_mutex_unlock(&app->server_lock);
}

void app_wake(struct app *app, const char *key)
{
    (void)pthread_mutex_lock(&app->server_lock);
    if (app->server)
        server_wake(app->server, key);
    (void)pthread_mutex_unlock(&app->server_lock);
}

struct server_stats app_server_stats(struct app *app)
{
    struct server_stats stats = {.connections = 0};

    (void)pthread_mutex_lock(&app->server_lock);
    if (app->server)
        stats = server_stats(app->server);
    (void)pthread_mutex_unlock(&app->server_lock);
    return stats;
}
