#include "infra/db/postgres_conn.h"

#include "base/buf.h"
#include "base/clock.h"

#include <inttypes.h>
#include <uthash.h>

enum {
    PARAMS_MAX = 64,
    NUMBER_TEXT_MAX = 24,
    CONNECT_TIMEOUT_S = 10,
    SILENCE_TIMEOUT_MS = 30 * 1000, /* sent and not acknowledged: the server is gone */
    STATEMENT_TIMEOUT_MS = 120 * 1000,
    ARRAY_TEXT_MAX = 256 * 1024 * 1024,
};

struct pg_statement {
    const struct db_query *query;
    char name[16];
    UT_hash_handle hh;
};

static struct pg_conn *conn_of(struct db_tx *tx)
{
    return (struct pg_conn *)tx;
}

static const struct pg_conn *const_conn_of(const struct db_tx *tx)
{
    return (const struct pg_conn *)tx;
}

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

/* libpq's own messages end with a line feed and may have several lines. */
static void one_line(const char *text, char *out, size_t size)
{
    struct str trimmed = str_trim(str_from(text));
    (void)snprintf(out, size, "%.*s", STR_ARG(trimmed));
    for (char *c = out; *c; c++) {
        if (*c == '\n' || *c == '\t')
            *c = ' ';
    }
}

static enum err lost_connection(struct pg_conn *conn, const char *what, struct error *e)
{
    char why[512];
    one_line(PQerrorMessage(conn->handle), why, sizeof(why));
    conn->remedy = PG_RECONNECT;
    return error_set(e, ERR_UNAVAILABLE, "%s on the database %s: %s", what,
                     conn->tx.db->url_redacted, why);
}

/* `result` may be NULL: nothing could be sent. */
static enum err pg_error(struct pg_conn *conn, const char *what, const PGresult *result,
                         struct error *e)
{
    const char *code = result ? PQresultErrorField(result, PG_DIAG_SQLSTATE) : NULL;
    if (!code) {
        /* Not from the server. */
        if (PQstatus(conn->handle) == CONNECTION_BAD)
            return lost_connection(conn, what, e);
        code = "";
    }
    const struct sqlstate *state = sqlstate_of(code);
    conn->remedy = PQstatus(conn->handle) == CONNECTION_BAD ? PG_RECONNECT : state->remedy;
    const char *primary = result ? PQresultErrorField(result, PG_DIAG_MESSAGE_PRIMARY) : NULL;
    char why[512];
    one_line(primary ? primary : PQerrorMessage(conn->handle), why, sizeof(why));
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
    enum err rc = PQstatus(conn->handle) == CONNECTION_OK ? set_up_session(conn, busy_timeout_us, e)
                                                          : lost_connection(conn, "connect", e);
    if (rc != OK)
        pg_conn_disconnect(conn);
    return rc;
}

void pg_conn_disconnect(struct pg_conn *conn)
{
    struct pg_statement *entry, *next;
    HASH_ITER (hh, conn->statements, entry, next) {
        HASH_DEL(conn->statements, entry);
        free(entry);
    }
    PQfinish(conn->handle);
    conn->handle = NULL;
}

enum err pg_conn_run(struct pg_conn *conn, const char *what, const char *sql, struct error *e)
{
    PGresult *result = PQexec(conn->handle, sql);
    enum err rc = OK;
    if (PQresultStatus(result) != PGRES_COMMAND_OK)
        rc = pg_error(conn, what, result, e);
    PQclear(result);
    return rc;
}

/* -- statements ----------------------------------------------------------------------------- */

static enum err prepared_for(struct pg_conn *conn, const struct db_query *query,
                             const struct pg_statement **ret_statement, struct error *e)
{
    struct pg_statement *entry = NULL;
    HASH_FIND_PTR(conn->statements, &query, entry);
    if (!entry) {
        char name[sizeof(entry->name)];
        (void)snprintf(name, sizeof(name), "q%u", conn->statement_count++);
        PGresult *result = PQprepare(conn->handle, name, query->text[DB_POSTGRES], 0, NULL);
        enum err rc = OK;
        if (PQresultStatus(result) != PGRES_COMMAND_OK)
            rc = pg_error(conn, query->name, result, e);
        PQclear(result);
        TRY(rc);
        entry = calloc(1, sizeof(*entry));
        BUG_ON(!entry);
        entry->query = query;
        memcpy(entry->name, name, sizeof(name));
        HASH_ADD_PTR(conn->statements, query, entry);
    }
    *ret_statement = entry;
    return OK;
}

static enum err send(struct pg_conn *conn, const struct db_query *query,
                     const struct pg_statement *statement, const char *const *values,
                     struct error *e)
{
    if (!PQsendQueryPrepared(conn->handle, statement->name, (int)query->params, values, NULL, NULL,
                             0))
        return pg_error(conn, query->name, NULL, e);
    conn->asked = true;
    /* Rows one by one: a large result never stands in memory as a whole. */
    BUG_ON(!PQsetSingleRowMode(conn->handle));
    return OK;
}

/* A parameter as text; NULL is SQL NULL. `number` holds the text of a number. */
static const char *parameter(const struct db_value *value, char number[NUMBER_TEXT_MAX])
{
    if (value->type == DB_TEXT)
        return value->text;
    if (value->type == DB_NULL)
        return NULL;
    (void)snprintf(number, NUMBER_TEXT_MAX, "%" PRId64, value->number);
    return number;
}

enum err pg_start(struct db_tx *tx, const struct db_query *query, struct db_args args,
                  struct error *e)
{
    struct pg_conn *conn = conn_of(tx);
    const struct pg_statement *statement;
    TRY(prepared_for(conn, query, &statement, e));

    BUG_ON(args.count > PARAMS_MAX);
    char numbers[PARAMS_MAX][NUMBER_TEXT_MAX];
    const char *values[PARAMS_MAX];
    for (size_t i = 0; i < args.count; i++)
        values[i] = parameter(&args.values[i], numbers[i]);
    return send(conn, query, statement, values, e);
}

/* One element of an array literal (PostgreSQL manual, 8.15.6). */
static void append_element(struct buf *out, const struct db_value *value)
{
    char number[NUMBER_TEXT_MAX];
    if (value->type != DB_TEXT) {
        const char *text = parameter(value, number);
        (void)buf_append_text(out, text ? text : "NULL");
        return;
    }
    (void)buf_append_char(out, '"');
    for (const char *rest = value->text; *rest;) {
        size_t plain = strcspn(rest, "\"\\");
        (void)buf_append(out, rest, plain);
        rest += plain;
        if (*rest) {
            const char escaped[] = {'\\', *rest++};
            (void)buf_append(out, escaped, sizeof(escaped));
        }
    }
    (void)buf_append_char(out, '"');
}

/* Column `column` of the rows as an array literal. */
static void append_column(struct buf *out, const struct db_value *rows, size_t column, size_t width,
                          size_t count)
{
    (void)buf_append_char(out, '{');
    for (size_t row = 0; row < count; row++) {
        if (row > 0)
            (void)buf_append_char(out, ',');
        append_element(out, &rows[row * width + column]);
    }
    (void)buf_append_char(out, '}');
}

enum err pg_start_rows(struct db_tx *tx, const struct db_query *query, struct db_args shared,
                       const struct db_value *rows, size_t width, size_t count, struct error *e)
{
    struct pg_conn *conn = conn_of(tx);
    const struct pg_statement *statement;
    TRY(prepared_for(conn, query, &statement, e));

    BUG_ON(shared.count + width > PARAMS_MAX);
    char numbers[PARAMS_MAX][NUMBER_TEXT_MAX];
    const char *values[PARAMS_MAX];
    struct buf arrays[PARAMS_MAX];
    for (size_t i = 0; i < shared.count; i++)
        values[i] = parameter(&shared.values[i], numbers[i]);
    bool full = false;
    for (size_t i = 0; i < width; i++) {
        arrays[i] = BUF_INIT(ARRAY_TEXT_MAX);
        append_column(&arrays[i], rows, i, width, count);
        values[shared.count + i] = buf_text(&arrays[i]);
        full = full || buf_is_full(&arrays[i]);
    }
    enum err rc = full ? error_set(e, ERR_TOO_LARGE, "%s: the rows are over %d bytes", query->name,
                                   ARRAY_TEXT_MAX)
                       : send(conn, query, statement, values, e);
    for (size_t i = 0; i < width; i++)
        buf_release(&arrays[i]);
    return rc;
}

enum err pg_next(struct db_tx *tx, bool *ret_row, struct error *e)
{
    struct pg_conn *conn = conn_of(tx);
    PQclear(conn->row);
    conn->row = PQgetResult(conn->handle);
    ExecStatusType status = PQresultStatus(conn->row);
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return pg_error(conn, tx->running->name, conn->row, e);
    *ret_row = status == PGRES_SINGLE_TUPLE;
    return OK;
}

/* Reads what is left: a reader may have had enough, and the connection must be free for the next.
 */
enum err pg_finish(struct db_tx *tx, int64_t *ret_changes, struct error *e)
{
    struct pg_conn *conn = conn_of(tx);
    enum err rc = OK;
    *ret_changes = 0;
    while (conn->asked) {
        if (conn->row && PQresultStatus(conn->row) != PGRES_SINGLE_TUPLE)
            (void)str_to_i64(str_from(PQcmdTuples(conn->row)), ret_changes);
        PQclear(conn->row);
        conn->row = PQgetResult(conn->handle);
        conn->asked = conn->row != NULL;
        if (PQresultStatus(conn->row) == PGRES_FATAL_ERROR && conn->asked)
            rc = pg_error(conn, tx->running->name, conn->row, e);
    }
    return rc;
}

size_t pg_column_total(const struct db_tx *tx)
{
    return (size_t)PQnfields(const_conn_of(tx)->row);
}

const char *pg_column_title(const struct db_tx *tx, size_t column)
{
    return PQfname(const_conn_of(tx)->row, (int)column);
}

/* Object ids of built-in types never change (pg_type.dat). */
enum { OID_BOOL = 16, OID_INT8 = 20, OID_INT2 = 21, OID_INT4 = 23, OID_NUMERIC = 1700 };

struct db_value pg_column(const struct db_tx *tx, size_t column)
{
    const PGresult *row = const_conn_of(tx)->row;
    int index = (int)column;
    if (PQgetisnull(row, 0, index))
        return db_null();
    const char *text = PQgetvalue(row, 0, index);
    int64_t number;
    switch (PQftype(row, index)) {
    case OID_BOOL:
        return (struct db_value){DB_INT, text[0] == 't', NULL};
    case OID_INT2:
    case OID_INT4:
    case OID_INT8:
    case OID_NUMERIC: /* the sum of BIGINTs */
        if (str_to_i64(str_from(text), &number))
            return (struct db_value){DB_INT, number, NULL};
    }
    return (struct db_value){DB_TEXT, 0, text};
}

enum err pg_prepare(struct db_tx *tx, const struct db_query *query, struct error *e)
{
    const struct pg_statement *statement;
    return prepared_for(conn_of(tx), query, &statement, e);
}

enum err pg_script(struct db_tx *tx, const char *name, const char *text, struct error *e)
{
    return pg_conn_run(conn_of(tx), name, text, e);
}
