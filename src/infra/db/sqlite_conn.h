/* One SQLite connection: its statements, its cursor, its errors. Used by one thread at a time. */
#ifndef WEBHOST_INFRA_DB_SQLITE_CONN_H
#define WEBHOST_INFRA_DB_SQLITE_CONN_H

#include "infra/db/driver.h"
#include "infra/db/sqlite_rows.h"

#include <sqlite3.h>

struct sqlite_statement;

struct sqlite_conn {
    struct db_tx tx; /* first: see driver.h */
    sqlite3 *handle;
    const char *path;                    /* the owner's */
    struct sqlite_statement *statements; /* prepared, by the address of their query */
    sqlite3_stmt *cursor;                /* the statement that runs */
    struct sqlite_rows rows;             /* what it reads from, if it takes rows */
};

enum sqlite_role { SQLITE_WRITER, SQLITE_READER };

/* `path` must outlive the connection. */
enum err sqlite_conn_open(struct sqlite_conn *conn, struct db *db, const char *path,
                          enum sqlite_role role, int64_t busy_timeout_us, struct error *e);

/* A connection that was never opened, or zeroed, is fine. */
void sqlite_conn_close(struct sqlite_conn *conn);

/* Runs a statement without parameters and rows, such as BEGIN. */
enum err sqlite_conn_run(struct sqlite_conn *conn, const struct db_query *query, struct error *e);

/* The class and the sentence of what SQLite says went wrong in `what`. */
enum err sqlite_conn_error(const struct sqlite_conn *conn, const char *what, struct error *e);

/* Members of struct db_driver; contracts there. */
enum err sqlite_start(struct db_tx *tx, const struct db_query *query,
                      const struct db_params *params, struct error *e);
enum err sqlite_next(struct db_tx *tx, bool *ret_row, struct error *e);
enum err sqlite_finish(struct db_tx *tx, int64_t *ret_changes, struct error *e);
size_t sqlite_column_total(const struct db_tx *tx);
const char *sqlite_column_title(const struct db_tx *tx, size_t column);
struct db_value sqlite_column(const struct db_tx *tx, size_t column);
enum err sqlite_prepare(struct db_tx *tx, const struct db_query *query, struct error *e);
enum err sqlite_script(struct db_tx *tx, const char *name, const char *text, struct error *e);

#endif
