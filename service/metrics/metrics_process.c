/* SPDX-License-Identifier: MIT */
/* Figures of the process, under the names that Prometheus' client libraries use (proc(5)). */
#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <time.h>
#include <unistd.h>

#include "service/metrics/metrics_internal.h"

enum { START_TIME_FIELD = 22 };

/* What a figure is, in its row's scale; false: it is not to be had. */
typedef bool process_figure(int64_t *out);

static bool cpu(int64_t *out)
{
    struct timespec t;

    if (clock_gettime(CLOCK_PROCESS_CPUTIME_ID, &t))
        return false;
    *out = (int64_t)t.tv_sec * 1000000 + t.tv_nsec / 1000;
    return true;
}

/* The number of pages in a column of /proc/self/statm, as bytes. */
static bool memory(int column, int64_t *out)
{
    long pages[2] = {0, 0};
    FILE *f = fopen("/proc/self/statm", "re");

    if (!f)
        return false;
    int n = fscanf(f, "%ld %ld", &pages[0], &pages[1]);
    (void)fclose(f);
    *out = (int64_t)pages[column] * sysconf(_SC_PAGESIZE);
    return n == 2;
}

static bool virtual_memory(int64_t *out)
{
    return memory(0, out);
}

static bool resident_memory(int64_t *out)
{
    return memory(1, out);
}

static bool open_fds(int64_t *out)
{
    DIR *dir = opendir("/proc/self/fd");
    int64_t n = 0;

    if (!dir)
        return false;
    for (const struct dirent *e = readdir(dir); e; e = readdir(dir))
        n += e->d_name[0] != '.';
    (void)closedir(dir);
    *out = n - 1; /* but for the one this look took */
    return true;
}

static bool max_fds(int64_t *out)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) || limit.rlim_cur > INT64_MAX)
        return false;
    *out = (int64_t)limit.rlim_cur;
    return true;
}

/* Clock ticks between the machine's start and ours; the name in parentheses may hold anything. */
static bool start_ticks(unsigned long long *ticks)
{
    char line[1024];
    FILE *f = fopen("/proc/self/stat", "re");
    bool read = f && fgets(line, sizeof line, f);

    if (f)
        (void)fclose(f);
    const char *at = read ? strrchr(line, ')') : NULL;
    for (int field = 2; at && field < START_TIME_FIELD; field++)
        at = strchr(at + 1, ' ');
    return at && sscanf(at, "%llu", ticks) == 1;
}

/* When the machine started, in seconds since 1970. */
static bool boot_time(int64_t *out)
{
    char line[256];
    long long seconds = -1;
    FILE *f = fopen("/proc/stat", "re");

    while (f && seconds < 0 && fgets(line, sizeof line, f))
        (void)sscanf(line, "btime %lld", &seconds);
    if (f)
        (void)fclose(f);
    *out = seconds;
    return seconds >= 0;
}

static bool start_time(int64_t *out)
{
    unsigned long long ticks;
    int64_t boot;

    if (!start_ticks(&ticks) || !boot_time(&boot))
        return false;
    *out = boot * 1000 + (int64_t)(ticks * 1000 / (unsigned long long)sysconf(_SC_CLK_TCK));
    return true;
}

static const struct {
    const char *name, *help, *type;
    process_figure *read;
    int64_t scale;
} figures[] = {
    {.name = "process_cpu_seconds_total",
     .type = "counter",
     .read = cpu,
     .scale = 1000000,
     .help = "CPU time used, of user and system."},
    {.name = "process_resident_memory_bytes",
     .type = "gauge",
     .read = resident_memory,
     .scale = 1,
     .help = "Memory that is in RAM."},
    {.name = "process_virtual_memory_bytes",
     .type = "gauge",
     .read = virtual_memory,
     .scale = 1,
     .help = "Memory that is mapped."},
    {.name = "process_open_fds",
     .type = "gauge",
     .read = open_fds,
     .scale = 1,
     .help = "File descriptors that are open."},
    {.name = "process_max_fds",
     .type = "gauge",
     .read = max_fds,
     .scale = 1,
     .help = "File descriptors that may be open."},
    {.name = "process_start_time_seconds",
     .type = "gauge",
     .read = start_time,
     .scale = 1000,
     .help = "When the process started, since 1970."},
};

void metrics_write_process(struct str *out)
{
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        int64_t value;
        if (!figures[i].read(&value))
            continue;
        str_addf(out, "# HELP %s %s\n# TYPE %s %s\n%s ", figures[i].name, figures[i].help,
                 figures[i].name, figures[i].type, figures[i].name);
        metrics_add_scaled(out, value, figures[i].scale);
        str_add_char(out, '\n');
    }
}
