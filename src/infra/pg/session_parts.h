/*
 * What session.c, session_error.c and copy.c share: one connection, waiting by its deadline, and
 * getting it back in order after a statement that was given up.
 */
#ifndef WEBHOST_INFRA_PG_SESSION_PARTS_H
#define WEBHOST_INFRA_PG_SESSION_PARTS_H

#include "infra/pg/session.h"

#include <libpq-fe.h>

struct pg_session {
    PGconn *conn;
    char *place; /* "database fleet at 10.0.0.3:5432", for sentences */
    int64_t timeout_us, deadline_us;
    int64_t until_us; /* when the call that is under way ends; 0: never */
    int64_t asked_us; /* when `go_on` was asked last */
    enum err (*go_on)(void *ctx, struct error *e);
    void *ctx;
    bool sent; /* by pg_send(), not taken yet */
    bool lost;
    char lost_why[256];
    char sqlstate[6];
};

/* -- session_error.c -------------------------------------------------------------------------- */

/* The server's answer, or libpq's word when there is none, as an error. Notes a lost connection. */
enum err pg_session_error(struct pg_session *s, const PGresult *result, struct error *e);

/* -- session.c -------------------------------------------------------------------------------- */

/* Begins a call: ERR_UNAVAILABLE when the session is lost. `timeout_us` 0: none but the deadline.
 */
enum err pg_call_begin(struct pg_session *s, int64_t timeout_us, struct error *e);

/* ERR_TIMEOUT when the call's time is over; asks `go_on` when it is due. */
enum err pg_check(struct pg_session *s, struct error *e);

/* Until when to wait at most: the end of the call or the next question, in milliseconds. */
int pg_wait_ms(const struct pg_session *s, int64_t now_us);

/* Makes what was sent leave. */
enum err pg_flush(struct pg_session *s, struct error *e);

/* The next result, NULL behind the last. Failures of the statement are in the result. */
enum err pg_next_result(struct pg_session *s, PGresult **ret, struct error *e);

/*
 * After a call that failed half way: cancels what runs and reads what is left. A session that does
 * not come to rest within a moment is lost.
 */
void pg_abandon(struct pg_session *s);

#endif
