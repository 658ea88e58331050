/*
 * Sessions with any PostgreSQL: SQL made at run time, COPY streams, and nothing of ours around it.
 *
 * infra/db is for databases whose schema is ours: queries are named and prepared, work is run again
 * when it lost against another. A mover works in databases whose tables it learns from the
 * catalogs; here a statement is a text, a failure is the caller's to weigh, and a session stays
 * open as long as its owner wants, with a transaction or a snapshot in it.
 *
 * Every call has a deadline (CLOCK_MONOTONIC, microseconds): the session's own, set by
 * pg_set_deadline(), and `timeout_ms` of the options for each statement; when it passes the server
 * is asked to cancel and the call is ERR_TIMEOUT. A session whose server vanished is
 * ERR_UNAVAILABLE for ever. Errors of the server keep their SQLSTATE (pg_sqlstate()) and name the
 * database without its password.
 *
 * Values are written in one way whatever a server or a role has as its settings: times in UTC,
 * dates as ISO 8601, floats with all digits. search_path is empty, so that nobody's objects come
 * before the server's: what a statement names is qualified, and so is what the catalogs' functions
 * write.
 *
 * Threads: a session belongs to one thread at a time.
 */
#ifndef WEBHOST_INFRA_PG_SESSION_H
#define WEBHOST_INFRA_PG_SESSION_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/str.h"

struct pg_session;

struct pg_options {
    const char *url;         /* with the password in it, if it needs one */
    const char *name;        /* application_name: "webhost move 01h..." */
    const char *settings;    /* run after connecting, "SET ..; SET .."; NULL: none */
    int64_t timeout_ms;      /* of one statement; 0: none but the deadline */
    int64_t lock_timeout_ms; /* 0: as the server has it */
};

enum err pg_open(const struct pg_options *options, struct pg_session **ret, struct error *e);
void pg_close(struct pg_session *s); /* what is open in it is rolled back. NULL is fine */

/* All calls end by then; 0: no deadline. */
void pg_set_deadline(struct pg_session *s, int64_t deadline_us);

static inline int64_t pg_monotonic_us(void)
{
    return monotonic_us();
}

/*
 * `go_on` is asked about once a second while a call waits for the server; what it returns but OK
 * cancels the statement and is what the call returns. NULL: nobody is asked.
 */
void pg_set_watch(struct pg_session *s, enum err (*go_on)(void *ctx, struct error *e), void *ctx);

int pg_backend_pid(const struct pg_session *s);
int pg_server_version(const struct pg_session *s); /* 150018 */
const char *pg_database(const struct pg_session *s);

/* Of the last failure; "" when it did not come from the server. */
const char *pg_sqlstate(const struct pg_session *s);

/* One or several statements without parameters, whose rows are not wanted. */
enum err pg_run(struct pg_session *s, const char *sql, struct error *e);
/* The same with the text made from a format; identifiers and literals go through pg_name() and
 * pg_literal(). */
enum err pg_runf(struct pg_session *s, struct error *e, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* Rows as text; NULL is SQL NULL. cell(r, row, column) */
struct pg_rows {
    size_t count, columns;
    const char **cells; /* row by row, in the arena */
};

static inline const char *pg_cell(const struct pg_rows *rows, size_t row, size_t column)
{
    return rows->cells[row * rows->columns + column];
}

/* `params` are texts for $1.., NULL is SQL NULL. More than `max` rows: ERR_TOO_LARGE. */
enum err pg_query(struct pg_session *s, const char *sql, const char *const *params,
                  size_t param_count, size_t max, struct arena *arena, struct pg_rows *ret,
                  struct error *e);

/* The first column of the first row; NULL when there is none, or it is NULL. */
enum err pg_get(struct pg_session *s, const char *sql, const char *const *params,
                size_t param_count, struct arena *arena, const char **ret, struct error *e);
enum err pg_get_int(struct pg_session *s, const char *sql, const char *const *params,
                    size_t param_count, int64_t *ret, struct error *e);

/* What the url says as an environment for PostgreSQL's programs, "PGPASSWORD=..." among it; ends
 * with NULL. */
enum err pg_environment(const char *url, struct arena *arena, const char *const **ret,
                        struct error *e);

/* A quoted identifier, a quoted literal; in the arena. */
const char *pg_name(struct arena *arena, const char *name);
const char *pg_literal(struct arena *arena, const char *text);

/*
 * A stream from one server to the other: `out_sql` is a COPY .. TO STDOUT at `from`, `in_sql` a
 * COPY .. FROM STDIN at `to`, both in the same format. `go_on` (may be NULL) is called about every
 * megabyte with what has gone through; what it returns but OK ends the stream. Statements'
 * timeouts do not count here, deadlines and watches of both sessions do. On failure both sessions
 * are usable again, and nothing of it is in the target unless a transaction was left open by the
 * caller.
 */
enum err pg_copy(struct pg_session *from, const char *out_sql, struct pg_session *to,
                 const char *in_sql,
                 enum err (*go_on)(void *ctx, int64_t rows, int64_t bytes, struct error *e),
                 void *ctx, int64_t *ret_rows, int64_t *ret_bytes, struct error *e);

/*
 * For cutovers, where round trips count: sends without waiting, on several sessions at once, then
 * takes the answers. A text may hold several statements; a session has one text under way at a
 * time, and nothing else is called before its answer was taken. `ret` (may be NULL) gets the rows
 * of its last statement that has some.
 */
enum err pg_send(struct pg_session *s, const char *sql, struct error *e);
enum err pg_take(struct pg_session *s, struct error *e);
enum err pg_take_rows(struct pg_session *s, size_t max, struct arena *arena, struct pg_rows *ret,
                      struct error *e);

/* For who has many sessions: true when pg_take() would not wait, for good or ill. */
bool pg_answered(struct pg_session *s);

/* Waits until one of them, which all have a text under way, has something to read, or until then
 * (CLOCK_MONOTONIC); may return early. */
#define PG_AWAIT_MAX 64
void pg_await(struct pg_session *const *all, size_t count, int64_t until_us);

#endif
