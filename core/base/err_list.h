/* SPDX-License-Identifier: MIT */
/*
 * Every error the domain knows: X(code, kind, title). The code is the stable machine key of a
 * problem document (RFC 9457), the kind says what the caller can do about it, the title is the
 * same for every occurrence. To add an error is to add a row here and to openapi.yaml.
 */
#pragma once

#define ERR_LIST(X)                                                                                \
    X(INTERNAL, INTERNAL, "Internal error")                                                        \
    X(BAD_REQUEST, MALFORMED, "Malformed request")                                                 \
    X(MALFORMED_JSON, MALFORMED, "The body is not valid JSON")                                     \
    X(INVALID_PARAMETER, MALFORMED, "A parameter is invalid")                                      \
    X(UNKNOWN_PARAMETER, MALFORMED, "A parameter is not known here")                               \
    X(PAGE_TOKEN_INVALID, MALFORMED, "The page token is invalid")                                  \
    X(UNAUTHENTICATED, UNAUTHENTICATED, "Credentials are missing or not valid")                    \
    X(PERMISSION_DENIED, FORBIDDEN, "The token lacks the scope")                                   \
    X(QUERY_NOT_ALLOWED, FORBIDDEN, "The statement may not be a query")                            \
    X(QUERY_DENIED, FORBIDDEN, "The login of the query lacks a right")                             \
    X(NOT_FOUND, NOT_FOUND, "No such resource")                                                    \
    X(TENANT_NOT_FOUND, NOT_FOUND, "No such tenant")                                               \
    X(JOB_NOT_FOUND, NOT_FOUND, "No such job")                                                     \
    X(CATALOG_NOT_FOUND, NOT_FOUND, "No such migration catalog")                                   \
    X(MIGRATION_NOT_FOUND, NOT_FOUND, "No such migration")                                         \
    X(SERVER_NOT_FOUND, NOT_FOUND, "No such server")                                               \
    X(SEED_NOT_FOUND, NOT_FOUND, "No such seed")                                                   \
    X(TOKEN_NOT_FOUND, NOT_FOUND, "No such token")                                                 \
    X(TASK_NOT_FOUND, NOT_FOUND, "The job has no such task")                                       \
    X(POOL_NOT_FOUND, NOT_FOUND, "The tenant has no pool on this replica")                         \
    X(PLAN_NOT_FOUND, NOT_FOUND, "No such plan")                                                   \
    X(DRIFT_NOT_FOUND, NOT_FOUND, "No such drift was seen")                                        \
    X(NOT_RUNNING, NOT_FOUND, "The task is not running")                                           \
    X(METHOD_NOT_ALLOWED, METHOD, "The resource does not take this method")                        \
    X(NOT_ACCEPTABLE, NOT_ACCEPTABLE, "The representation asked for does not exist")               \
    X(CONFLICT, CONFLICT, "The request conflicts with what is there")                              \
    X(TENANT_EXISTS, CONFLICT, "A tenant with this id exists")                                     \
    X(SCHEMA_EXISTS, CONFLICT, "The schema exists and belongs to no tenant")                       \
    X(SCHEMA_NAME_TAKEN, CONFLICT, "Another tenant has this schema name")                          \
    X(TENANT_BUSY, CONFLICT, "The tenant has a live job")                                          \
    X(INVALID_STATE, CONFLICT, "The state does not allow this")                                    \
    X(MIGRATION_IMMUTABLE, CONFLICT, "A registered migration cannot change")                       \
    X(MIGRATION_APPLIED, CONFLICT, "The migration is applied to a tenant")                         \
    X(SEED_CHANGED, CONFLICT, "The seed was applied with another content")                         \
    X(OUT_OF_ORDER, CONFLICT, "The migration sorts before one that is applied")                    \
    X(HISTORY_DIVERGED, CONFLICT, "The applied migrations do not match the catalog")               \
    X(NOT_EMPTY_HISTORY, CONFLICT, "The history has entries that this contradicts")                \
    X(FINGERPRINT_MISMATCH, CONFLICT, "The schema's objects are not those of the migrations")      \
    X(AMBIGUOUS_FORMAT, CONFLICT, "The format of the history cannot be told")                      \
    X(HISTORY_NOT_FOUND, CONFLICT, "There is no such history in the schema")                       \
    X(HISTORY_NOT_CLEAN, CONFLICT, "The other tool's history is dirty or failed")                  \
    X(NOT_DIRTY, CONFLICT, "The tenant is not dirty")                                              \
    X(NO_DOWN_MIGRATION, CONFLICT, "A migration to be reverted has no down script")                \
    X(NOTHING_TO_REVERT, CONFLICT, "The run changed no tenant that is still there")                \
    X(PLAN_STALE, CONFLICT, "The plan no longer fits what is there")                               \
    X(PLAN_USED, CONFLICT, "The plan has its run")                                                 \
    X(JOB_OUTCOME, CONFLICT, "The job did not end as expected")                                    \
    X(RUN_NOT_FINISHED, CONFLICT, "The run has not ended yet")                                     \
    X(NOTHING_TO_RETRY, CONFLICT, "The job has no failed task")                                    \
    X(QUERY_UNAVAILABLE, CONFLICT, "Queries cannot be run as things are")                          \
    X(RUN_CONFLICT, CONFLICT, "A live run covers the same tenants")                                \
    X(BUDGET_EXCEEDED, CONFLICT, "The failure budget is exceeded")                                 \
    X(WAVE_NOT_READY, CONFLICT, "The next wave cannot be opened")                                  \
    X(IDEMPOTENCY_IN_PROGRESS, BUSY, "The first request with this key is still running")           \
    X(PAGE_TOKEN_EXPIRED, GONE, "The page token has expired")                                      \
    X(CURSOR_EXPIRED, GONE, "Events after the cursor are no longer kept")                          \
    X(PLAN_EXPIRED, GONE, "The plan has expired")                                                  \
    X(ETAG_MISMATCH, PRECONDITION, "The resource has changed")                                     \
    X(PRECONDITION_REQUIRED, PRECONDITION_REQUIRED, "The request must be conditional")             \
    X(BODY_TOO_LARGE, TOO_LARGE, "The body is too large")                                          \
    X(URI_TOO_LONG, URI_TOO_LONG, "The request target is too long")                                \
    X(UNSUPPORTED_MEDIA_TYPE, MEDIA_TYPE, "The content type is not taken here")                    \
    X(VALIDATION_FAILED, INVALID, "The body is not valid")                                         \
    X(INVALID_TENANT_ID, INVALID, "The tenant id is not valid")                                    \
    X(RESERVED_NAME, INVALID, "The name is reserved")                                              \
    X(SCHEMA_NAME_TOO_LONG, INVALID, "The schema name is longer than 63 bytes")                    \
    X(EMPTY_SELECTOR, INVALID, "The selector selects nothing by name")                             \
    X(IDEMPOTENCY_KEY_REUSED, INVALID, "The key was used with another request")                    \
    X(INVALID_MIGRATION_NAME, INVALID, "The migration's name is not valid")                        \
    X(SQL_SYNTAX_ERROR, INVALID, "PostgreSQL's parser refuses the SQL")                            \
    X(LINT_FAILED, INVALID, "The migrations have lint errors")                                     \
    X(STATEMENT_NOT_ALLOWED, INVALID, "The statement may not stand in a migration")                \
    X(MULTIPLE_STATEMENTS, INVALID, "A query is one statement")                                    \
    X(QUERY_FAILED, INVALID, "PostgreSQL refused the query")                                       \
    X(JOURNAL_MISMATCH, INVALID, "The journal does not match the files")                           \
    X(DOWN_MISMATCH, INVALID, "The down script does not belong to a migration")                    \
    X(BUNDLE_INVALID, INVALID, "The bundle cannot be read")                                        \
    X(DIGEST_MISMATCH, INVALID, "The body does not match its digest")                              \
    X(EMPTY_CANARY, INVALID, "No tenant of the canary has anything to do")                         \
    X(WAVES_INCOMPLETE, INVALID, "The waves leave tenants out")                                    \
    X(WINDOW_NEVER_OPENS, INVALID, "No maintenance window opens in time")                          \
    X(UNKNOWN_TARGET, INVALID, "The catalog has no such version")                                  \
    X(UNMAPPABLE_ROWS, INVALID, "Rows of the history are about no version of the catalog")         \
    X(UNSUPPORTED_TYPE, INVALID, "A type cannot be expressed in this format")                      \
    X(UNSUPPORTED_OBJECT, INVALID, "The schema has an object that cannot be expressed")            \
    X(IMPORT_UNSUPPORTED, INVALID, "Something in the document cannot be expressed")                \
    X(MIGRATION_FAILED, INVALID, "A statement of the migration failed")                            \
    X(SEED_FAILED, INVALID, "A statement of the seed failed")                                      \
    X(UNKNOWN_VARIABLE, INVALID, "A variable has no value")                                        \
    X(INVALID_VARIABLE, INVALID, "A variable's value cannot stand there")                          \
    X(UNSAFE_REPAIR, CONFLICT, "The repair would lose data")                                       \
    X(SCHEMA_MISSING, CONFLICT, "The tenant's schema is not in the database")                      \
    X(LOCK_UNAVAILABLE, BUSY, "A lock was not to be had in time")                                  \
    X(WORKER_LOST, INTERNAL, "The worker was lost too often")                                      \
    X(CANCELLED, CONFLICT, "Cancelled on request")                                                 \
    X(NOT_IMPLEMENTED, NOT_IMPLEMENTED, "Not supported")                                           \
    X(RATE_LIMITED, RATE, "Too many at once for this caller")                                      \
    X(DRAINING, UNAVAILABLE, "The replica is shutting down")                                       \
    X(OVERLOADED, UNAVAILABLE, "Too many requests are waiting")                                    \
    X(DATABASE_UNAVAILABLE, UNAVAILABLE, "The database is not reachable")                          \
    X(DATABASE_TIMEOUT, UNAVAILABLE, "The database did not answer in time")                        \
    X(DATABASE_CONTENTION, UNAVAILABLE, "The transaction lost against others")                     \
    X(QUERY_TIMEOUT, TIMEOUT, "The query took longer than it may")                                 \
    X(POOL_EXHAUSTED, UNAVAILABLE, "No connection became free in time")                            \
    X(CONFIG_INVALID, INVALID, "The configuration is not usable")                                  \
    X(SYSTEM_FAILED, INTERNAL, "The operating system refused")
