#include "base/clock.h"
#include "infra/db/postgres_conn.h"

#include <errno.h>
#include <poll.h>
#include <uthash.h>

enum {
    /* More than a statement may take and than a vanished server stays unnoticed. */
    ANSWER_TIMEOUT_MS = 150 * 1000,
    /* So much is sent without looking at answers: what waits to be sent stands in memory. */
    UNANSWERED_MAX = 256,
    UNANSWERED_BYTES_MAX = 8 * 1024 * 1024,
};

struct pg_statement {
    const struct db_query *query;
    char name[16];
    UT_hash_handle hh;
};

/* -- the queue of what was sent ------------------------------------------------------------- */

static void sent_append(struct pg_conn *conn, struct pg_sent sent)
{
    if (conn->sent_end == conn->sent_capacity) {
        conn->sent_capacity = conn->sent_capacity ? conn->sent_capacity * 2 : 16;
        conn->sent = realloc(conn->sent, conn->sent_capacity * sizeof(*conn->sent));
        BUG_ON(!conn->sent);
    }
    conn->sent[conn->sent_end++] = sent;
}

static void sent_clear(struct pg_conn *conn)
{
    conn->sent_first = conn->sent_end = 0;
    conn->unanswered_bytes = 0;
}

static void sent_drop_first(struct pg_conn *conn)
{
    if (++conn->sent_first == conn->sent_end)
        sent_clear(conn);
}

static size_t sent_count(const struct pg_conn *conn)
{
    return conn->sent_end - conn->sent_first;
}

bool pg_pipe_is_open(const struct pg_conn *conn)
{
    return sent_count(conn) > 0 && conn->sent[conn->sent_end - 1].query != NULL;
}

static void statement_forget(struct pg_conn *conn, struct pg_statement *statement)
{
    HASH_DEL(conn->statements, statement);
    free(statement);
}

void pg_pipe_forget(struct pg_conn *conn)
{
    struct pg_statement *statement, *next;
    HASH_ITER (hh, conn->statements, statement, next)
        statement_forget(conn, statement);
    free(conn->sent);
    conn->sent = NULL;
    conn->sent_capacity = 0;
    sent_clear(conn);
    conn->asked = false;
    conn->begin = NULL;
}

/* -- sending -------------------------------------------------------------------------------- */

/* Nobody will answer any more. */
static enum err lost(struct pg_conn *conn, const char *why, struct error *e)
{
    const struct db_query *first = sent_count(conn) > 0 ? conn->sent[conn->sent_first].query : NULL;
    sent_clear(conn);
    conn->asked = false;
    return pg_lost(conn, first ? first->name : "send", why, e);
}

/*
 * Statements are prepared where they are first used, in the same pipeline. Whether that worked is
 * known when it is answered; one that was not, or skipped, is forgotten then.
 */
static enum err prepared_for(struct pg_conn *conn, const struct db_query *query,
                             const struct pg_statement **ret_statement, struct error *e)
{
    struct pg_statement *statement = NULL;
    HASH_FIND_PTR(conn->statements, &query, statement);
    if (!statement) {
        statement = calloc(1, sizeof(*statement));
        BUG_ON(!statement);
        statement->query = query;
        (void)snprintf(statement->name, sizeof(statement->name), "q%u", conn->statement_count++);
        if (!PQsendPrepare(conn->handle, statement->name, query->text[DB_POSTGRES], 0, NULL)) {
            free(statement);
            return lost(conn, PQerrorMessage(conn->handle), e);
        }
        HASH_ADD_PTR(conn->statements, query, statement);
        sent_append(conn, (struct pg_sent){.query = query, .preparing = statement});
    }
    *ret_statement = statement;
    return OK;
}

static enum err send_one(struct pg_conn *conn, const struct db_query *query,
                         const struct pg_values *v, struct pg_sent sent, struct error *e)
{
    const struct pg_statement *statement;
    TRY(prepared_for(conn, query, &statement, e));
    if (!PQsendQueryPrepared(conn->handle, statement->name, (int)query->params, v->values,
                             v->lengths, v->formats, 0))
        return lost(conn, PQerrorMessage(conn->handle), e);
    sent_append(conn, sent);
    conn->unanswered_bytes += v->bytes;
    return OK;
}

enum err pg_pipe_send(struct pg_conn *conn, const struct db_query *query,
                      const struct pg_values *values, bool asked, struct db_answer answer,
                      struct error *e)
{
    static const struct pg_values none;
    if (sent_count(conn) >= UNANSWERED_MAX || conn->unanswered_bytes >= UNANSWERED_BYTES_MAX)
        TRY(pg_pipe_settle(conn, e));
    if (conn->begin) {
        const struct db_query *begin = conn->begin;
        conn->begin = NULL;
        TRY(send_one(conn, begin, &none, (struct pg_sent){.query = begin}, e));
    }
    struct pg_sent sent = {.query = query, .asked = asked, .answer = answer};
    return send_one(conn, query, values ? values : &none, sent, e);
}

enum err pg_pipe_prepare(struct pg_conn *conn, const struct db_query *query, struct error *e)
{
    const struct pg_statement *statement;
    TRY(prepared_for(conn, query, &statement, e));
    return pg_pipe_settle(conn, e);
}

enum err pg_pipe_sync(struct pg_conn *conn, struct error *e)
{
    if (!PQpipelineSync(conn->handle))
        return lost(conn, PQerrorMessage(conn->handle), e);
    sent_append(conn, (struct pg_sent){.query = NULL});
    return OK;
}

/* -- receiving ------------------------------------------------------------------------------ */

/* False when the time is over. */
static bool wait_for_socket(const struct pg_conn *conn, bool to_write)
{
    struct pollfd socket = {
        .fd = PQsocket(conn->handle),
        .events = (short)(POLLIN | (to_write ? POLLOUT : 0)),
    };
    int ready;
    do {
        ready = poll(&socket, 1, ANSWER_TIMEOUT_MS);
        BUG_ON(ready < 0 && errno != EINTR);
    } while (ready < 0);
    return ready > 0;
}

enum err pg_pipe_take(struct pg_conn *conn, PGresult **ret_result, struct error *e)
{
    /* Reads while it writes: a server that cannot get rid of its answers does not read either. */
    while (PQisBusy(conn->handle)) {
        int unsent = PQflush(conn->handle);
        if (unsent >= 0 && !wait_for_socket(conn, unsent > 0))
            return lost(conn, "the server gave no answer", e);
        if (unsent < 0 || !PQconsumeInput(conn->handle))
            return lost(conn, PQerrorMessage(conn->handle), e);
    }
    *ret_result = PQgetResult(conn->handle);
    return OK;
}

/* Hands one row to whoever posted the statement, until that has enough or fails. */
static enum err deliver(struct pg_conn *conn, struct pg_sent *sent, PGresult *row, struct error *e)
{
    struct db_answer *answer = &sent->answer;
    if (!answer->row)
        return OK;
    const struct db_query *running = conn->tx.running;
    bool stop = false;
    conn->tx.running = sent->query;
    conn->row = row;
    enum err rc = answer->row(&conn->tx, answer->context, &stop, e);
    conn->row = NULL;
    conn->tx.running = running;
    if (stop || rc != OK)
        answer->row = NULL;
    return rc;
}

/* What one result of a statement says. A skipped one says nothing: what failed has said it. */
static enum err take_in(struct pg_conn *conn, struct pg_sent *sent, PGresult *result,
                        struct error *e)
{
    switch (PQresultStatus(result)) {
    case PGRES_SINGLE_TUPLE:
        return deliver(conn, sent, result, e);
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        sent->preparing = NULL; /* it is prepared */
        if (sent->answer.ret_changes)
            (void)str_to_i64(str_from(PQcmdTuples(result)), sent->answer.ret_changes);
        return OK;
    case PGRES_PIPELINE_ABORTED:
        return OK;
    default:
        return pg_error(conn, sent->query->name, sent->query, result, e);
    }
}

/* Reads the answer to what was sent first; fails with its first error. */
static enum err settle_statement(struct pg_conn *conn, struct error *e)
{
    struct pg_sent sent = conn->sent[conn->sent_first];
    struct error later;
    enum err rc = OK;
    /* Refused where the statement is skipped, which has no rows. */
    (void)PQsetSingleRowMode(conn->handle);
    for (;;) {
        PGresult *result;
        enum err one = pg_pipe_take(conn, &result, rc == OK ? e : &later);
        if (one != OK)
            return rc == OK ? one : rc;
        if (!result)
            break;
        one = take_in(conn, &sent, result, rc == OK ? e : &later);
        if (rc == OK)
            rc = one;
        PQclear(result);
    }
    if (sent.preparing)
        statement_forget(conn, sent.preparing);
    sent_drop_first(conn);
    return rc;
}

static enum err settle_sync(struct pg_conn *conn, struct error *e)
{
    PGresult *result;
    TRY(pg_pipe_take(conn, &result, e));
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    if (status != PGRES_PIPELINE_SYNC)
        return lost(conn, PQerrorMessage(conn->handle), e);
    sent_drop_first(conn);
    return OK;
}

static enum err settle_first(struct pg_conn *conn, struct error *e)
{
    return conn->sent[conn->sent_first].query ? settle_statement(conn, e) : settle_sync(conn, e);
}

enum err pg_pipe_reach(struct pg_conn *conn, struct error *e)
{
    while (sent_count(conn) > 0 && !conn->sent[conn->sent_first].asked)
        TRY(settle_first(conn, e));
    return OK;
}

enum err pg_pipe_settle(struct pg_conn *conn, struct error *e)
{
    if (pg_pipe_is_open(conn))
        TRY(pg_pipe_sync(conn, e));
    enum err rc = OK;
    while (sent_count(conn) > 0) {
        struct error later;
        enum err one = settle_first(conn, rc == OK ? e : &later);
        if (rc == OK)
            rc = one;
    }
    return rc;
}

bool pg_pipe_alive(struct pg_conn *conn)
{
    struct pollfd socket = {.fd = PQsocket(conn->handle), .events = POLLIN};
    while (poll(&socket, 1, 0) > 0) {
        if (!PQconsumeInput(conn->handle))
            return false;
    }
    return PQstatus(conn->handle) == CONNECTION_OK;
}
