/* SPDX-License-Identifier: MIT */
/* TENANTD_… in the environment. */
#include <stdio.h>
#include <string.h>

#include "service/config_setting.h"

const char *config_env(const char *const *env, const char *name)
{
    size_t len = strlen(name);

    for (; env && *env; env++)
        if (strncmp(*env, name, len) == 0 && (*env)[len] == '=' && (*env)[len + 1])
            return *env + len + 1;
    return NULL;
}

/* Kubernetes describes a Service named tenantd, or tenantd-x, to every pod beside it this way. */
static bool is_service_link(const char *name)
{
    return strstr(name, "_SERVICE_HOST") || strstr(name, "_SERVICE_PORT") ||
           str_ends(name, "_PORT") || strstr(name, "_TCP") || strstr(name, "_UDP");
}

/* An unknown variable may be another program's: the daemon starts, and says so. */
static void warn_unknown(struct config_loader *loader, const char *name)
{
    if (is_service_link(name) || str_eq(name, SETTING_ENV_PREFIX "CONFIG"))
        return;
    str_addf(&loader->warnings, "%s: no setting has this variable", name);
    setting_suggest(&setting_in_env, name, &loader->warnings);
    str_add_char(&loader->warnings, '\n');
}

static void read_variable(struct config_loader *loader, const char *const *env, const char *entry)
{
    char name[SETTING_NAME_SIZE], other[SETTING_NAME_SIZE];
    bool by_file = false;
    const char *equals = strchr(entry, '=');

    if (!equals || !equals[1])
        return;
    (void)snprintf(name, sizeof name, "%.*s", (int)strcspn(entry, "="), entry);
    const struct setting *s = setting_find(&setting_in_env, name, &by_file);
    if (!s) {
        warn_unknown(loader, name);
        return;
    }
    setting_spell(&setting_in_env, s->name, other);
    if (by_file && config_env(env, other))
        config_problem(loader, name, "%s is set as well; keep one of the two", other);
    else
        config_assign(loader, s, equals + 1, by_file, name);
}

void config_read_env(struct config_loader *loader, const char *const *env)
{
    for (const char *const *entry = env; entry && *entry; entry++)
        if (str_starts(*entry, SETTING_ENV_PREFIX))
            read_variable(loader, env, *entry);
}
