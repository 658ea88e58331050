/*
 * From one server to the other. A server sends a COPY row by row; rows are put together to pieces
 * of PIECE_BYTES before they go on, since each message costs the other server more than its bytes.
 */
#include "infra/pg/session_parts.h"

#include <errno.h>
#include <poll.h>

#define PIECE_BYTES ((size_t)128 << 10)
#define PIECE_MAX   ((size_t)1100 << 20) /* a row of PostgreSQL is under 1 GiB */
#define ASK_BYTES   ((int64_t)1 << 20)

struct stream {
    struct pg_session *from, *to;
    enum err (*go_on)(void *ctx, int64_t rows, int64_t bytes, struct error *e);
    void *ctx;
    struct buf piece;
    int64_t rows, bytes, asked_bytes;
    bool answered; /* the target answered before the end: it has failed */
};

/* Waits for `events` of the two sockets (0: not for that one), and reads what came. */
static enum err wait_both(struct stream *st, short from_events, short to_events, struct error *e)
{
    struct pollfd fds[2] = {{.fd = PQsocket(st->from->conn), .events = from_events},
                            {.fd = PQsocket(st->to->conn), .events = to_events}};
    TRY(pg_check(st->from, e));
    TRY(pg_check(st->to, e));
    int64_t now = monotonic_us();
    int from_ms = pg_wait_ms(st->from, now), to_ms = pg_wait_ms(st->to, now);
    int n = poll(fds, 2, from_ms < to_ms ? from_ms : to_ms);
    if (n < 0 && errno != EINTR)
        return error_errno(e, "waiting for %s", st->from->place);
    if (n <= 0)
        return OK;
    if ((fds[0].revents & ~POLLOUT) && !PQconsumeInput(st->from->conn))
        return pg_session_error(st->from, NULL, e);
    if (fds[1].revents & ~POLLOUT) {
        if (!PQconsumeInput(st->to->conn))
            return pg_session_error(st->to, NULL, e);
        st->answered = true;
    }
    return OK;
}

/* A COPY that was sent: takes the result that says it has begun. */
static enum err take_begin(struct pg_session *s, ExecStatusType wanted, struct error *e)
{
    PGresult *result;
    TRY(pg_next_result(s, &result, e));
    ExecStatusType status = PQresultStatus(result);
    enum err err = OK;
    if (status == PGRES_FATAL_ERROR)
        err = pg_session_error(s, result, e);
    else
        BUG_ON(status != wanted);
    PQclear(result);
    return err;
}

/* The source says that it has begun with its first row, which may be long in coming. */
static enum err begin(struct stream *st, const char *out_sql, const char *in_sql, struct error *e)
{
    if (!PQsendQuery(st->from->conn, out_sql))
        return pg_session_error(st->from, NULL, e);
    if (!PQsendQuery(st->to->conn, in_sql))
        return pg_session_error(st->to, NULL, e);
    TRY(pg_flush(st->from, e));
    TRY(pg_flush(st->to, e));
    TRY(take_begin(st->to, PGRES_COPY_IN, e));
    while (PQisBusy(st->from->conn) && !st->answered)
        TRY(wait_both(st, POLLIN, POLLIN, e));
    return st->answered ? OK : take_begin(st->from, PGRES_COPY_OUT, e);
}

/* Sends the piece, and goes on when all of it has left but what fits into the sockets. */
static enum err send_piece(struct stream *st, struct error *e)
{
    PGconn *to = st->to->conn;
    int put;
    if (st->piece.len == 0)
        return OK;
    while ((put = PQputCopyData(to, st->piece.ptr, (int)st->piece.len)) == 0 && !st->answered)
        TRY(wait_both(st, 0, POLLIN | POLLOUT, e));
    int left = put;
    while (left == 1 && (left = PQflush(to)) == 1 && !st->answered)
        TRY(wait_both(st, 0, POLLIN | POLLOUT, e));
    if (put < 0 || left < 0)
        return pg_session_error(st->to, NULL, e);
    st->bytes += (int64_t)st->piece.len;
    buf_reset(&st->piece);
    if (!st->go_on || st->bytes - st->asked_bytes < ASK_BYTES)
        return OK;
    st->asked_bytes = st->bytes;
    return st->go_on(st->ctx, st->rows, st->bytes, e);
}

/* Until the source's end, or the target's early answer. */
static enum err pump(struct stream *st, struct error *e)
{
    PGconn *from = st->from->conn;
    while (!st->answered) {
        char *row = NULL;
        int n = PQgetCopyData(from, &row, 1);
        if (n > 0)
            BUG_ON(!buf_append(&st->piece, row, (size_t)n));
        st->rows += n > 0;
        PQfreemem(row);
        if (n == -1)
            return send_piece(st, e);
        if (n < -1)
            return pg_session_error(st->from, NULL, e);
        if (n > 0 && st->piece.len < PIECE_BYTES)
            continue;
        if (n > 0)
            TRY(send_piece(st, e));
        else
            TRY(wait_both(st, POLLIN, POLLIN, e));
    }
    return OK;
}

/* Takes the results behind a COPY; `ret_rows` may be NULL. */
static enum err take_end(struct pg_session *s, int64_t *ret_rows, struct error *e)
{
    enum err err = OK;
    TRY(pg_flush(s, e));
    for (;;) {
        PGresult *result;
        TRY(pg_next_result(s, &result, e));
        if (!result)
            return err;
        int64_t rows = 0;
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            err = err == OK ? pg_session_error(s, result, e) : err;
        else if (ret_rows && str_to_i64(str_from(PQcmdTuples(result)), &rows))
            *ret_rows = rows;
        PQclear(result);
    }
}

static enum err end_input(struct stream *st, const char *why, struct error *e)
{
    int put;
    while ((put = PQputCopyEnd(st->to->conn, why)) == 0)
        TRY(wait_both(st, 0, POLLOUT, e));
    return put < 0 ? pg_session_error(st->to, NULL, e) : OK;
}

/* The source's end counts first: rows that were cut off must not be committed. */
static enum err finish(struct stream *st, int64_t *ret_rows, struct error *e)
{
    if (st->answered) {
        TRY(end_input(st, "the target has failed", e));
        enum err err = take_end(st->to, NULL, e);
        return err != OK ? err : error_set(e, ERR_CORRUPT, "%s ended a copy early", st->to->place);
    }
    TRY(take_end(st->from, NULL, e));
    TRY(end_input(st, NULL, e));
    return take_end(st->to, ret_rows, e);
}

static enum err run(struct stream *st, const char *out_sql, const char *in_sql, int64_t *ret_rows,
                    struct error *e)
{
    TRY(begin(st, out_sql, in_sql, e));
    TRY(pump(st, e));
    return finish(st, ret_rows, e);
}

/* PQtransactionStatus() is ACTIVE as long as a statement has results to take. */
static void restore(struct pg_session *s)
{
    if (!s->lost && PQtransactionStatus(s->conn) == PQTRANS_ACTIVE)
        pg_abandon(s);
}

enum err pg_copy(struct pg_session *from, const char *out_sql, struct pg_session *to,
                 const char *in_sql,
                 enum err (*go_on)(void *ctx, int64_t rows, int64_t bytes, struct error *e),
                 void *ctx, int64_t *ret_rows, int64_t *ret_bytes, struct error *e)
{
    struct stream st = {.from = from, .to = to, .go_on = go_on, .ctx = ctx};
    struct error local;
    int64_t rows = 0;
    st.piece = BUF_INIT(PIECE_MAX);
    TRY(pg_call_begin(from, 0, e));
    TRY(pg_call_begin(to, 0, e));
    if (from->until_us == 0 || (to->until_us != 0 && to->until_us < from->until_us))
        from->until_us = to->until_us;
    to->until_us = from->until_us;
    enum err err = run(&st, out_sql, in_sql, &rows, e ? e : &local);
    if (err != OK) {
        restore(to);
        restore(from);
    }
    buf_release(&st.piece);
    TRY(err);
    *ret_rows = rows;
    *ret_bytes = st.bytes;
    return OK;
}
