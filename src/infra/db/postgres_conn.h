/*
 * One PostgreSQL connection: its statements, its rows, its errors. Used by one thread at a time.
 *
 * It is in pipeline mode. What is sent is answered in the same order; `sent` lists what was not
 * answered yet. A sync point makes the server answer, and ends what an error makes it skip: all
 * between a failed statement and the next sync point is not run. An answer that is waited for has a
 * sync point behind it; everything else goes along with the next one.
 *
 * postgres_conn.c connects and reads errors, postgres_pipe.c sends and receives, postgres_rows.c is
 * what the driver offers on top.
 */
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

/* Something that was sent and not answered yet. */
struct pg_sent {
    const struct db_query *query;   /* NULL: a sync point */
    struct pg_statement *preparing; /* not NULL: the query is not run but prepared as this */
    bool asked;                     /* its answer goes to pg_next() */
    struct db_answer answer;        /* where it goes otherwise */
};

struct pg_conn {
    struct db_tx tx;                 /* first: see driver.h */
    PGconn *handle;                  /* NULL when not connected */
    const char *url;                 /* the owner's */
    struct pg_statement *statements; /* prepared, by the address of their query */
    unsigned statement_count;
    const struct db_query *begin; /* goes in front of the first statement; NULL: it was sent */
    struct pg_sent *sent;         /* a queue: sent[sent_first .. sent_end) */
    size_t sent_first, sent_end, sent_capacity;
    size_t unanswered_bytes; /* of parameters sent since nothing was left unanswered */
    bool asked;              /* a statement was started whose answer is not all read */
    PGresult *row;           /* the current row, or the end of the rows */
    /* Of the first error since pg_conn_begin(): */
    bool failed;
    enum pg_remedy remedy;
    const struct db_query *refused; /* the server's answer to this; NULL: it did not come from it */
};

/* A statement's parameters as libpq takes them. */
struct pg_values {
    const char *const *values;
    const int *lengths, *formats; /* NULL: all are text */
    size_t bytes;                 /* about so many */
};

/* -- postgres_conn.c ------------------------------------------------------------------------ */

void pg_conn_init(struct pg_conn *conn, struct db *db, const char *url);

/* Connects when there is no connection. */
enum err pg_conn_connect(struct pg_conn *conn, int64_t busy_timeout_us, struct error *e);

/* The next statement starts a transaction with `begin`. */
void pg_conn_begin(struct pg_conn *conn, const struct db_query *begin);

/* Closes the connection and forgets its statements. One that is not connected is fine. */
void pg_conn_disconnect(struct pg_conn *conn);

/* Runs SQL without parameters and rows outside the pipeline. `what` is for the sentence. */
enum err pg_conn_run(struct pg_conn *conn, const char *what, const char *sql, struct error *e);

/*
 * Errors and what they mean for the transaction. `query` is what the server refused, NULL when it
 * has no part in it; a `result` of NULL: nothing could be sent.
 */
enum err pg_error(struct pg_conn *conn, const char *what, const struct db_query *query,
                  const PGresult *result, struct error *e);
enum err pg_lost(struct pg_conn *conn, const char *what, const char *why, struct error *e);

/* -- postgres_pipe.c ------------------------------------------------------------------------ */

/* Forgets what was sent and every prepared statement: with the connection. */
void pg_pipe_forget(struct pg_conn *conn);

/* Sends a statement, behind BEGIN and behind its preparation when they are due. */
enum err pg_pipe_send(struct pg_conn *conn, const struct db_query *query,
                      const struct pg_values *values, bool asked, struct db_answer answer,
                      struct error *e);

/* Prepares without running. */
enum err pg_pipe_prepare(struct pg_conn *conn, const struct db_query *query, struct error *e);

/* Ends what was sent with a sync point and makes it leave. */
enum err pg_pipe_sync(struct pg_conn *conn, struct error *e);

/* The next result of what was sent first; NULL behind its last. The connection may be lost. */
enum err pg_pipe_take(struct pg_conn *conn, PGresult **ret_result, struct error *e);

/* Reads answers until the next is for pg_next(). Fails with the first of them that is an error. */
enum err pg_pipe_reach(struct pg_conn *conn, struct error *e);

/* Reads all answers, with a sync point behind them. Fails with the first that is an error. */
enum err pg_pipe_settle(struct pg_conn *conn, struct error *e);

/* Whether the connection stands, as far as can be known without asking the server. */
bool pg_pipe_alive(struct pg_conn *conn);

/* Whether something was sent behind the last sync point. */
bool pg_pipe_is_open(const struct pg_conn *conn);

/* -- postgres_rows.c: members of struct db_driver; contracts there ---------------------------- */

enum err pg_start(struct db_tx *tx, const struct db_query *query, const struct db_params *params,
                  struct error *e);
enum err pg_post(struct db_tx *tx, const struct db_query *query, const struct db_params *params,
                 struct db_answer answer, struct error *e);
enum err pg_settle(struct db_tx *tx, struct error *e);
enum err pg_next(struct db_tx *tx, bool *ret_row, struct error *e);
enum err pg_finish(struct db_tx *tx, int64_t *ret_changes, struct error *e);
size_t pg_column_total(const struct db_tx *tx);
const char *pg_column_title(const struct db_tx *tx, size_t column);
struct db_value pg_column(const struct db_tx *tx, size_t column);
enum err pg_prepare(struct db_tx *tx, const struct db_query *query, struct error *e);
enum err pg_script(struct db_tx *tx, const char *name, const char *text, struct error *e);

#endif
