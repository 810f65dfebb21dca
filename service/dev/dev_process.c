/* SPDX-License-Identifier: MIT */
/* Running a program as PostgreSQL's user. */
#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "core/base/clock.h"
#include "core/base/str.h"
#include "service/dev/dev_internal.h"

/* Everything below runs between fork and exec: only what signal-safety(7) allows. */

static bool become(const struct dev_user *user)
{
    if (!user->switches)
        return true;
    return setgroups(1, &user->gid) == 0 && setgid(user->gid) == 0 && setuid(user->uid) == 0 &&
           setuid(0) != 0; /* there must be no way back */
}

/* The daemon ignores some signals and blocks others; neither is for PostgreSQL to inherit. */
static void reset_signals(void)
{
    sigset_t none;

    (void)sigemptyset(&none);
    for (int s = 1; s < NSIG; s++)
        (void)signal(s, SIG_DFL);
    (void)sigprocmask(SIG_SETMASK, &none, NULL);
}

/* SIGINT is PostgreSQL's fast shutdown. Set after the change of user, which clears it; a parent
 * that was gone before that sends nothing. */
static bool tie_to(pid_t parent)
{
    return prctl(PR_SET_PDEATHSIG, SIGINT) == 0 && getppid() == parent;
}

static _Noreturn void run_child(const struct dev_program *program, char *const *argv,
                                char *const *env, pid_t parent)
{
    int null = open("/dev/null", O_RDONLY | O_CLOEXEC);

    /* a session of its own: Ctrl-C at the terminal is for tenantd, which stops it in order */
    if (null < 0 || setsid() < 0 || dup2(null, STDIN_FILENO) < 0 ||
        dup2(program->log_fd, STDOUT_FILENO) < 0 || dup2(program->log_fd, STDERR_FILENO) < 0)
        _exit(DEV_CANNOT_RUN);
    (void)close_range(STDERR_FILENO + 1, ~0U, 0);
    reset_signals();
    (void)umask(077);
    if (!become(program->user))
        _exit(DEV_CANNOT_RUN);
    if (chdir(program->folder))
        _exit(DEV_CANNOT_ENTER);
    if (program->dies_with_us && !tie_to(parent))
        _exit(DEV_CANNOT_RUN);
    (void)execve(argv[0], argv, env);
    _exit(DEV_CANNOT_RUN);
}

/* exec takes arrays that it promises not to change but does not declare so. */
enum { ARGV_MAX = 40 };

static void copy_argv(const char *const *from, char *to[ARGV_MAX], struct str *memory)
{
    size_t n = 0;

    for (; from[n] && n < ARGV_MAX - 1; n++)
        str_add_n(memory, from[n], strlen(from[n]) + 1);
    char *at = memory->data;
    for (size_t i = 0; str_ok(memory) && i < n; i++, at += strlen(at) + 1)
        to[i] = at;
    to[n] = NULL;
}

err_code dev_spawn(const struct dev_program *program, pid_t *out, struct err *err)
{
    CLEANUP(str_clear) struct str memory = STR_INIT;
    char *argv[ARGV_MAX];
    char home[PATH_MAX + 8], path[] = "PATH=/usr/local/bin:/usr/bin:/bin",
                             locale[] = "LC_ALL=C.UTF-8";
    char *env[] = {path, locale, home, NULL};

    (void)snprintf(home, sizeof home, "HOME=%s", program->user->home);
    copy_argv(program->argv, argv, &memory);
    if (!str_ok(&memory))
        return err_set(err, ERR_SYSTEM_FAILED, "out of memory");
    pid_t parent = getpid();
    pid_t pid = fork();
    if (pid < 0)
        return err_set(err, ERR_SYSTEM_FAILED, "cannot fork: %s", strerror(errno));
    if (pid == 0)
        run_child(program, argv, env, parent);
    *out = pid;
    return ERR_NONE;
}

void dev_pause(void)
{
    (void)nanosleep(&(struct timespec){.tv_nsec = 20 * 1000000}, NULL);
}

bool dev_wait(pid_t pid, int64_t ms, int *status)
{
    int64_t deadline = clock_mono_ms() + ms;

    for (;;) {
        pid_t ended = waitpid(pid, status, WNOHANG);
        if (ended == pid || (ended < 0 && errno == ECHILD))
            return true;
        if (clock_mono_ms() >= deadline)
            return false;
        dev_pause();
    }
}
