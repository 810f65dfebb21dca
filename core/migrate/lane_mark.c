/* SPDX-License-Identifier: MIT */
#include "core/migrate/lane_mark.h"

#include <stdio.h>
#include <string.h>

#include "core/migrate/tracking_internal.h"
#include "core/pg/literal.h"

static const char head[] = "tenantd begun ";

/* Where the line of the mark begins; NULL when the comment has none. */
static const char *find_line(const char *comment)
{
    for (const char *p = strstr(comment, head); p; p = strstr(p + 1, head))
        if (p == comment || p[-1] == '\n')
            return p;
    return NULL;
}

bool lane_mark_parse(const char *comment, struct lane_mark *out)
{
    const char *line = comment ? find_line(comment) : NULL;
    char state[9];

    *out = (struct lane_mark){.done = 0};
    if (!line)
        return false;
    int n = sscanf(line + strlen(head), "%200s %64s %d %8s", out->version, out->sha256, &out->done,
                   state);
    out->running = n == 4 && strcmp(state, "running") == 0;
    if (n == 4 && out->done >= 0)
        return true;
    *out = (struct lane_mark){.done = 0};
    return false;
}

void lane_mark_write(struct str *out, const char *comment, const struct lane_mark *mark)
{
    const char *line = find_line(comment), *rest = "";
    size_t before = strlen(comment);

    if (line) {
        before = (size_t)(line - comment);
        rest = line + strcspn(line, "\n");
        before -= before && !*rest ? 1 : 0; /* the line feed that was put before the mark */
        rest += *rest == '\n' && !before ? 1 : 0;
    }
    str_add_n(out, comment, before);
    str_add(out, rest);
    if (!mark)
        return;
    if (out->len)
        str_add_char(out, '\n');
    str_addf(out, "%s%s %s %d %s", head, mark->version, mark->sha256, mark->done,
             mark->running ? "running" : "idle");
}

void lane_mark_sql(struct str *sql, const char *table, const char *comment)
{
    str_add(sql, "COMMENT ON TABLE ");
    str_add(sql, table);
    str_add(sql, " IS ");
    if (*comment)
        pg_literal_add(sql, comment);
    else
        str_add(sql, "NULL");
}

err_code lane_mark_read(struct pg *pg, const char *schema, const char *table,
                        struct lane_mark *mark, char **comment, struct err *err)
{
    static const struct pg_stmt stmt = {
        .name = "lane_mark_read",
        .sql = "SELECT obj_description(c.oid, 'pg_class') AS comment FROM pg_class c"
               " JOIN pg_namespace n ON n.oid = c.relnamespace"
               " WHERE n.nspname = $1 AND c.relname = $2",
    };
    CLEANUP(pg_rows_freep) struct pg_rows *rows = NULL;
    err_code rc = pg_query(pg, &stmt, PG_ARGS(PG_ARG(schema), PG_ARG(table)), &rows, err);

    if (rc)
        return rc;
    const char *text = pg_rows_count(rows) ? pg_text(rows, 0, "comment") : NULL;
    (void)lane_mark_parse(text, mark);
    if (!comment)
        return ERR_NONE;
    *comment = strdup(text ? text : "");
    return *comment ? ERR_NONE : err_set(err, ERR_INTERNAL, "out of memory");
}

err_code lane_mark_resolve(struct pg *pg, const char *schema, const char *table,
                           const char *version, struct err *err)
{
    CLEANUP(str_clear) struct str sql = STR_INIT, text = STR_INIT, name = STR_INIT;
    CLEANUP(freep) char *comment = NULL;
    struct lane_mark mark;
    err_code rc = lane_mark_read(pg, schema, table, &mark, &comment, err);

    if (!rc && (!mark.version[0] || (version && !str_eq(version, mark.version))))
        rc = err_set(err, ERR_NOT_FOUND, "%s%s is not begun in schema \"%s\"",
                     version ? "migration " : "a migration", version ? version : "", schema);
    if (!rc)
        rc = tracking_name(schema, table, &name, err);
    if (rc)
        return rc;
    lane_mark_write(&text, comment, NULL);
    lane_mark_sql(&sql, str_text(&name), str_text(&text));
    if (!str_ok(&sql) || !str_ok(&text))
        return err_set(err, ERR_INTERNAL, "out of memory");
    return pg_command(pg, str_text(&sql), err);
}
