/* SPDX-License-Identifier: MIT */
#include <stdio.h>

#include "core/base/str.h"
#include "core/pg/pg_internal.h"

enum { TX_ATTEMPTS = 3 };

/* COMMIT of a transaction in which a statement failed rolls back, and calls it success. */
static err_code commit(struct pg *pg, struct err *err)
{
    if (PQtransactionStatus(pg->conn) == PQTRANS_INERROR)
        return err_set(err, ERR_INTERNAL, "a statement of the transaction failed unnoticed");
    return pg_command(pg, "COMMIT", err);
}

static err_code begin(struct pg *pg, struct err *err)
{
    char sql[64];

    if (!pg->tx_timeout_ms)
        return pg_command(pg, "BEGIN", err);
    (void)snprintf(sql, sizeof sql, "BEGIN; SET LOCAL statement_timeout = %d", pg->tx_timeout_ms);
    return pg_command(pg, sql, err);
}

static err_code attempt(struct pg *pg, pg_work *work, void *arg, struct err *err)
{
    err_code rc = begin(pg, err);
    if (rc)
        return rc;
    rc = work(pg, arg, err);
    if (!rc)
        rc = commit(pg, err);
    if (rc && pg_alive(pg) && pg_in_transaction(pg))
        (void)!pg_command(pg, "ROLLBACK", NULL); /* the first error is the one to report */
    return rc;
}

err_code pg_tx(struct pg *pg, pg_work *work, void *arg, struct err *err)
{
    err_code rc = ERR_NONE;

    if (pg_in_transaction(pg))
        return work(pg, arg, err);
    for (int i = 0; i < TX_ATTEMPTS; i++) {
        rc = attempt(pg, work, arg, err);
        if (rc != ERR_DATABASE_CONTENTION)
            break;
    }
    return rc;
}

err_code pg_undone(struct pg *pg, pg_work *work, void *arg, struct err *err)
{
    err_code rc = pg_command(pg, "SAVEPOINT tenantd_undone", err);

    if (rc)
        return rc;
    rc = work(pg, arg, err);
    err_code back =
        pg_command(pg, "ROLLBACK TO SAVEPOINT tenantd_undone; RELEASE SAVEPOINT tenantd_undone",
                   rc ? NULL : err);
    return rc ? rc : back;
}
