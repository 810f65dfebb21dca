/* SPDX-License-Identifier: MIT */
/* Arguments, signals and the exit status: 0 stopped as asked, 1 failed, 2 unusable configuration. */
#include <pthread.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "service/daemon.h"
#include "service/version.h"

enum { EXIT_CONFIG = 2, SIGNAL_WAIT_MS = 60000 };

/* SIGTERM and SIGINT are blocked everywhere and taken here; true: one came within ms. */
static bool stop_asked(void *signals, int64_t ms)
{
    struct timespec wait = {.tv_sec = ms / 1000, .tv_nsec = (long)(ms % 1000) * 1000000};
    return sigtimedwait(signals, NULL, &wait) > 0;
}

static int serve(const struct config *config, sigset_t *signals)
{
    struct log log = {.fd = STDERR_FILENO};
    struct daemon_options options = {
        .config = config, .log = &log, .stop_asked = stop_asked, .ctx = signals};
    struct daemon *daemon = NULL;
    struct err err = {.code = ERR_NONE};
    bool stopped = false;

    (void)log_level_parse(config->log_level, &log.least);
    err_code rc = daemon_start(&options, &daemon, &stopped, &err);
    if (rc)
        log_event(&log, LOG_LEVEL_ERROR, "failed", LOG_ERR(&err));
    while (!rc && !stopped)
        stopped = stop_asked(signals, SIGNAL_WAIT_MS);
    daemon_stop(daemon);
    log_plain(&log, LOG_LEVEL_INFO, "stopped");
    if (rc == ERR_CONFIG_INVALID)
        return EXIT_CONFIG;
    return rc ? EXIT_FAILURE : EXIT_SUCCESS;
}

/* What only prints; -1: there is a service to run. */
static int run_action(const struct config *config)
{
    struct str text = STR_INIT;

    switch (config->action) {
    case CONFIG_RUN:
        return -1;
    case CONFIG_SHOW_HELP:
        config_write_help(&text);
        break;
    case CONFIG_SHOW_MARKDOWN:
        config_write_markdown(&text);
        break;
    case CONFIG_SHOW_VERSION:
        str_addf(&text, "tenantd %s (%s)\n", TENANTD_VERSION, TENANTD_COMMIT);
        break;
    case CONFIG_SHOW_EFFECTIVE:
        config_write_yaml(config, &text);
        break;
    case CONFIG_CHECK_ONLY:
        str_add(&text, "the configuration is valid\n");
        break;
    }
    (void)fputs(str_text(&text), stdout);
    str_clear(&text);
    return EXIT_SUCCESS;
}

/* Every thread inherits the mask; main() alone takes the signals. */
static void block_signals(sigset_t *signals)
{
    (void)sigemptyset(signals);
    (void)sigaddset(signals, SIGTERM);
    (void)sigaddset(signals, SIGINT);
    (void)pthread_sigmask(SIG_BLOCK, signals, NULL);
    (void)signal(SIGPIPE, SIG_IGN);
}

int main(int argc, char **argv)
{
    struct config config;
    struct str report = STR_INIT;
    struct config_input input = {.args = (const char *const *)argv + 1,
                                 .arg_count = argc > 0 ? (size_t)argc - 1 : 0,
                                 .env = (const char *const *)environ};
    sigset_t signals;
    err_code rc = config_load(&input, &config, &report, NULL);

    (void)fputs(str_text(&report), stderr);
    str_clear(&report);
    if (rc)
        return EXIT_CONFIG;
    int status = run_action(&config);
    if (status < 0) {
        block_signals(&signals);
        status = serve(&config, &signals);
    }
    config_clear(&config);
    return status;
}
