/* SPDX-License-Identifier: MIT */
/* tenantctl: the command line client. Reads the environment, opens the connection, calls the
 * command. */
#include <errno.h>
#include <locale.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "service/ctl/ctl.h"
#include "service/ctl/files.h"

static const char *setting(const struct args *args, const char *option, const char *variable)
{
    const char *given = args_value(args, option);
    const char *inherited = given ? NULL : getenv(variable);
    return given ? given : inherited && *inherited ? inherited : NULL;
}

/* A header's value: one line of visible ASCII. */
static bool is_token(const char *text)
{
    for (const char *p = text; *p; p++)
        if (*p <= ' ' || *p >= 0x7f)
            return false;
    return *text != '\0';
}

static int read_token_file(const char *path, char **out)
{
    CLEANUP(str_clear) struct str text = STR_INIT;
    struct err err = {.code = ERR_NONE};

    if (files_read(path, &text, &err)) {
        complain("%s", err.msg);
        return EXIT_USAGE;
    }
    while (text.len && strchr(" \t\r\n", text.data[text.len - 1]))
        text.data[--text.len] = '\0';
    *out = str_take(&text);
    return EXIT_DONE;
}

/* What is given on the command line goes before the environment, a token before a file. */
static int find_token(const struct args *args, char **out)
{
    const char *token = args_value(args, "token"), *file = args_value(args, "token-file");
    int status = EXIT_DONE;

    if (!token && !file)
        token = setting(args, "token", "TENANTCTL_TOKEN");
    if (!token && !file)
        file = setting(args, "token-file", "TENANTCTL_TOKEN_FILE");
    if (token)
        *out = strdup(token);
    else if (file)
        status = read_token_file(file, out);
    if (status || (!token && !file) || (*out && is_token(*out)))
        return status;
    complain("%s holds no token: one line of visible characters", token ? "--token" : file);
    return EXIT_USAGE;
}

static int connect_and_run(const struct args *args)
{
    struct ctl ctl = {.url = setting(args, "url", "TENANTCTL_URL"),
                      .json = args_flag(args, "json"),
                      .quiet = args_flag(args, "quiet"),
                      .timeout_s = args_number(args, "timeout", 60)};
    struct err err = {.code = ERR_NONE};

    if (!ctl.url)
        ctl.url = "http://127.0.0.1:8080";
    if (ctl.timeout_s < 1)
        ctl.timeout_s = 1;
    if (url_check_base(ctl.url, &err)) {
        complain("%s", err.msg);
        return EXIT_USAGE;
    }
    int status = find_token(args, &ctl.token);
    if (!status) {
        ctl.transport = transport_new("tenantctl/" TENANTCTL_VERSION);
        if (ctl.transport)
            status = args->command->fn(&ctl, args);
        else
            complain("libcurl cannot start");
        if (!ctl.transport)
            status = EXIT_UNREACHABLE;
    }
    transport_free(ctl.transport);
    free(ctl.token);
    return status;
}

static void print_help(const struct command_def *command, bool whole, FILE *to)
{
    struct str text = STR_INIT;

    if (whole)
        args_help(&ctl_program, command, &text);
    else
        args_usage(&ctl_program, command, &text);
    (void)fputs(str_text(&text), to);
    str_clear(&text);
}

static int usage_failed(const struct command_def *command, const char *why)
{
    complain("%s", why);
    print_help(command, false, stderr);
    (void)fprintf(stderr, "tenantctl%s%s --help says more\n", command ? " " : "",
                  command ? command->name : "");
    return EXIT_USAGE;
}

/* Whether the command's first word is one of the words. */
static bool is_one_of(const char *name, int argc, char **argv)
{
    size_t n = strcspn(name, " ");

    for (int i = 1; i < argc; i++)
        if (strlen(argv[i]) == n && memcmp(argv[i], name, n) == 0)
            return true;
    return false;
}

/* "tenants" alone names a group: its commands are what is asked for. */
static int no_command(int argc, char **argv)
{
    if (argc == 1) {
        print_help(NULL, true, stderr);
        return EXIT_USAGE;
    }
    complain("no command was named");
    const struct command_def *command;
    for (size_t i = 0; (command = command_at(&ctl_program, i)); i++)
        if (is_one_of(command->name, argc, argv))
            print_help(command, false, stderr);
    (void)fputs("tenantctl --help lists the commands\n", stderr);
    return EXIT_USAGE;
}

int main(int argc, char **argv)
{
    struct args args;
    struct err err = {.code = ERR_NONE};
    int status = EXIT_DONE;

    if (!setlocale(LC_CTYPE, "C.UTF-8"))
        (void)setlocale(LC_CTYPE, "");
    err_code rc = args_parse(&ctl_program, (const char *const *)argv + 1,
                             argc > 0 ? (size_t)argc - 1 : 0, &args, &err);
    if (rc)
        status = usage_failed(args.command, err.msg);
    else if (args_flag(&args, "version"))
        (void)printf("tenantctl %s\n", TENANTCTL_VERSION);
    else if (args_flag(&args, "help"))
        print_help(args.command, true, stdout);
    else
        status = args.command ? connect_and_run(&args) : no_command(argc, argv);
    args_clear(&args);
    if ((fflush(stdout) || ferror(stdout)) && !status) {
        complain("cannot write the output: %s", strerror(errno));
        status = EXIT_REFUSED;
    }
    return status;
}
