#include "infra/db/postgres_conn.h"

#include "base/clock.h"

#include <inttypes.h>

enum {
    NUMBER_TEXT_MAX = 24,
    CONNECT_TIMEOUT_S = 10,
    SILENCE_TIMEOUT_MS = 30 * 1000, /* sent and not acknowledged: the server is gone */
    STATEMENT_TIMEOUT_MS = 120 * 1000,
};

/* -- errors --------------------------------------------------------------------------------- */

struct sqlstate {
    const char *prefix; /* of the five characters; the first that fits counts */
    enum err class;
    enum pg_remedy remedy;
    const char *advice;
};

/* https://www.postgresql.org/docs/15/errcodes-appendix.html */
static const struct sqlstate sqlstates[] = {
    {"23505", ERR_CONFLICT, PG_NONE, ""}, /* unique_violation */
    {"23503", ERR_CONFLICT, PG_NONE, ""}, /* foreign_key_violation */
    {"23001", ERR_CONFLICT, PG_NONE, ""}, /* restrict_violation: a trigger of ours refuses */
    {"23", ERR_INVALID, PG_NONE, ""},     /* other constraints */
    {"22", ERR_INVALID, PG_NONE, ""},     /* a value out of range or of the wrong form */
    {"40001", ERR_BUSY, PG_RETRY, ""},    /* serialization_failure */
    {"40P01", ERR_BUSY, PG_RETRY, ""},    /* deadlock_detected */
    {"55P03", ERR_BUSY, PG_NONE, "; another transaction holds what this one needs, try again"},
    {"57014", ERR_BUSY, PG_NONE, "; it took too long, try again when the server has less to do"},
    {"53100", ERR_IO, PG_NONE, "; free some disk space on its server"},
    {"53", ERR_BUSY, PG_NONE, ""},              /* out of memory and the like */
    {"57P", ERR_UNAVAILABLE, PG_RECONNECT, ""}, /* shutting down or starting */
    {"08", ERR_UNAVAILABLE, PG_RECONNECT, ""},
    {"0A000", ERR_CORRUPT, PG_RECONNECT, ""}, /* a prepared statement from before a schema change */
    {"26000", ERR_CORRUPT, PG_RECONNECT, ""}, /* a prepared statement that somebody dropped */
    {"42501", ERR_DENIED, PG_NONE, "; grant this user the right"},
    {"25006", ERR_DENIED, PG_NONE, ""}, /* read-only */
    {"42", ERR_CORRUPT, PG_NONE, ""},   /* our SQL is prepared by a test: another schema */
    {"XX", ERR_CORRUPT, PG_NONE, "; see the log of its server"},
    {"", ERR_IO, PG_NONE, "; see the log of its server"},
};

static const struct sqlstate *sqlstate_of(const char *code)
{
    size_t i = 0;
    while (!str_starts_with(str_from(code), str_from(sqlstates[i].prefix)))
        i++;
    return &sqlstates[i];
}

/* What follows the first error of a transaction follows from it. */
static void note_failure(struct pg_conn *conn, enum pg_remedy remedy, const struct db_query *query)
{
    if (conn->failed)
        return;
    conn->failed = true;
    conn->remedy = remedy;
    conn->refused = query;
}

enum err pg_lost(struct pg_conn *conn, const char *what, const char *why, struct error *e)
{
    char line[512];
    (void)text_one_line(why, line, sizeof(line));
    note_failure(conn, PG_RECONNECT, NULL);
    return error_set(e, ERR_UNAVAILABLE, "%s on the database %s: %s", what,
                     conn->tx.db->url_redacted, line);
}

enum err pg_error(struct pg_conn *conn, const char *what, const struct db_query *query,
                  const PGresult *result, struct error *e)
{
    const char *code = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!code) {
        /* Not from the server. */
        if (PQstatus(conn->handle) == CONNECTION_BAD)
            return pg_lost(conn, what, PQerrorMessage(conn->handle), e);
        code = "";
    }
    const struct sqlstate *state = sqlstate_of(code);
    bool lost = PQstatus(conn->handle) == CONNECTION_BAD;
    note_failure(conn, lost ? PG_RECONNECT : state->remedy, *code ? query : NULL);
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char why[512];
    (void)text_one_line(primary ? primary : PQerrorMessage(conn->handle), why, sizeof(why));
    return error_set(e, state->class, "%s on the database %s: %s%s", what,
                     conn->tx.db->url_redacted, why, state->advice);
}

/* -- connecting ----------------------------------------------------------------------------- */

static void drop_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

void pg_conn_init(struct pg_conn *conn, struct db *db, const char *url)
{
    *conn = (struct pg_conn){.tx = {.db = db}, .url = url};
}

/*
 * A committed transaction must be on the server's disk, whatever the server's default. A node that
 * is frozen inside a transaction holds its locks no longer than others wait for one: no transaction
 * of ours waits for anything but the database. Every query of ours has an
 * index to go by; a table that was empty when it was last analysed and is full now must not talk
 * the planner out of it, and a generic plan is as good as any.
 */
static enum err set_up_session(struct pg_conn *conn, int64_t busy_timeout_us, struct error *e)
{
    char sql[512];
    int64_t busy_timeout_ms = busy_timeout_us / USEC_PER_MS;
    (void)snprintf(sql, sizeof(sql),
                   "SET statement_timeout = %d;"
                   "SET lock_timeout = %" PRId64 ";"
                   "SET idle_in_transaction_session_timeout = %" PRId64 ";"
                   "SET client_min_messages = error;"
                   "SET enable_seqscan = off;"
                   "SET enable_bitmapscan = off;"
                   "SET plan_cache_mode = force_generic_plan;"
                   "DO $$ BEGIN IF current_setting('synchronous_commit') = 'off' THEN"
                   " SET synchronous_commit = on; END IF; END $$",
                   STATEMENT_TIMEOUT_MS, busy_timeout_ms, busy_timeout_ms);
    return pg_conn_run(conn, "set up", sql, e);
}

enum err pg_conn_connect(struct pg_conn *conn, int64_t busy_timeout_us, struct error *e)
{
    if (conn->handle)
        return OK;
    char connect_timeout[NUMBER_TEXT_MAX], silence_timeout[NUMBER_TEXT_MAX];
    (void)snprintf(connect_timeout, sizeof(connect_timeout), "%d", CONNECT_TIMEOUT_S);
    (void)snprintf(silence_timeout, sizeof(silence_timeout), "%d", SILENCE_TIMEOUT_MS);
    /* Later ones win, so what stands before the url (dbname) is a default. */
    const char *const keywords[] = {
        "connect_timeout",
        "tcp_user_timeout",
        "keepalives_idle",
        "fallback_application_name",
        "dbname",
        "client_encoding",
        NULL,
    };
    const char *const values[] = {
        connect_timeout, silence_timeout, "30", "webhost", conn->url, "UTF8", NULL,
    };
    conn->handle = PQconnectdbParams(keywords, values, 1);
    BUG_ON(!conn->handle);
    (void)PQsetNoticeProcessor(conn->handle, drop_notice, NULL);
    enum err rc = PQstatus(conn->handle) == CONNECTION_OK
                      ? set_up_session(conn, busy_timeout_us, e)
                      : pg_lost(conn, "connect", PQerrorMessage(conn->handle), e);
    if (rc != OK) {
        pg_conn_disconnect(conn);
        return rc;
    }
    /* Without waiting: a server whose answers nobody reads stops reading too. */
    BUG_ON(PQsetnonblocking(conn->handle, 1) != 0 || !PQenterPipelineMode(conn->handle));
    return OK;
}

void pg_conn_begin(struct pg_conn *conn, const struct db_query *begin)
{
    conn->begin = begin;
    conn->failed = false;
    conn->remedy = PG_NONE;
    conn->refused = NULL;
}

void pg_conn_disconnect(struct pg_conn *conn)
{
    pg_pipe_forget(conn);
    PQfinish(conn->handle);
    conn->handle = NULL;
}

enum err pg_conn_run(struct pg_conn *conn, const char *what, const char *sql, struct error *e)
{
    PGresult *result = PQexec(conn->handle, sql);
    enum err rc = OK;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        rc = pg_error(conn, what, NULL, result, e);
    PQclear(result);
    return rc;
}
