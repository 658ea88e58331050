/* One PostgreSQL connection: its statements, its rows, its errors. Used by one thread at a time. */
#ifndef WEBHOST_INFRA_DB_POSTGRES_CONN_H
#define WEBHOST_INFRA_DB_POSTGRES_CONN_H

#include "infra/db/driver.h"

#include <libpq-fe.h>

struct pg_statement;

/* What the last error means for the whole transaction. */
enum pg_remedy {
    PG_NONE,      /* it would fail again */
    PG_RETRY,     /* lost against another transaction: run it again */
    PG_RECONNECT, /* the connection is of no use any more: connect, then run it again */
};

struct pg_conn {
    struct db_tx tx;                 /* first: see driver.h */
    PGconn *handle;                  /* NULL when not connected */
    const char *url;                 /* the owner's */
    struct pg_statement *statements; /* prepared, by the address of their query */
    unsigned statement_count;
    bool asked;    /* a statement was sent whose results are not all read */
    PGresult *row; /* the current row, or the end of the rows */
    enum pg_remedy remedy;
};

void pg_conn_init(struct pg_conn *conn, struct db *db, const char *url);

/* Connects when there is no connection. */
enum err pg_conn_connect(struct pg_conn *conn, int64_t busy_timeout_us, struct error *e);

/* Closes the connection and forgets its statements. One that is not connected is fine. */
void pg_conn_disconnect(struct pg_conn *conn);

/* Runs SQL without parameters and rows, such as BEGIN. `what` is for the sentence. */
enum err pg_conn_run(struct pg_conn *conn, const char *what, const char *sql, struct error *e);

/* Members of struct db_driver; contracts there. */
enum err pg_start(struct db_tx *tx, const struct db_query *query, struct db_args args,
                  struct error *e);
enum err pg_start_rows(struct db_tx *tx, const struct db_query *query, struct db_args shared,
                       const struct db_value *rows, size_t width, size_t count, struct error *e);
enum err pg_next(struct db_tx *tx, bool *ret_row, struct error *e);
enum err pg_finish(struct db_tx *tx, int64_t *ret_changes, struct error *e);
size_t pg_column_total(const struct db_tx *tx);
const char *pg_column_title(const struct db_tx *tx, size_t column);
struct db_value pg_column(const struct db_tx *tx, size_t column);
enum err pg_prepare(struct db_tx *tx, const struct db_query *query, struct error *e);
enum err pg_script(struct db_tx *tx, const char *name, const char *text, struct error *e);

#endif
