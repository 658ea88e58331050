#include "base/buf.h"
#include "infra/db/postgres_conn.h"

#include <inttypes.h>

enum {
    PARAMS_MAX = 72,
    NUMBER_TEXT_MAX = 24,
    ARRAY_TEXT_MAX = 256 * 1024 * 1024,
};

static struct pg_conn *conn_of(struct db_tx *tx)
{
    return (struct pg_conn *)tx;
}

static const struct pg_conn *const_conn_of(const struct db_tx *tx)
{
    return (const struct pg_conn *)tx;
}

/* -- parameters ----------------------------------------------------------------------------- */

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

/* Sends a statement with its parameters; they are not needed any more when it returns. */
static enum err send_with(struct pg_conn *conn, const struct db_query *query,
                          const struct db_params *p, bool asked, struct db_answer answer,
                          struct error *e)
{
    size_t shared = p->shared.count, width = p->count > 0 ? p->width : 0;
    BUG_ON(shared + width > PARAMS_MAX);
    char numbers[PARAMS_MAX][NUMBER_TEXT_MAX];
    const char *texts[PARAMS_MAX];
    struct buf arrays[PARAMS_MAX];
    struct pg_values values = {.values = texts};
    for (size_t i = 0; i < shared; i++) {
        texts[i] = parameter(&p->shared.values[i], numbers[i]);
        values.bytes += texts[i] ? strlen(texts[i]) : 0;
    }
    bool full = false;
    for (size_t i = 0; i < width; i++) {
        arrays[i] = BUF_INIT(ARRAY_TEXT_MAX);
        append_column(&arrays[i], p->rows, i, width, p->count);
        texts[shared + i] = buf_text(&arrays[i]);
        values.bytes += arrays[i].len;
        full = full || buf_is_full(&arrays[i]);
    }
    enum err rc = full ? error_set(e, ERR_TOO_LARGE, "%s: the rows are over %d bytes", query->name,
                                   ARRAY_TEXT_MAX)
                       : pg_pipe_send(conn, query, &values, asked, answer, e);
    for (size_t i = 0; i < width; i++)
        buf_release(&arrays[i]);
    return rc;
}

/* -- statements ----------------------------------------------------------------------------- */

enum err pg_start(struct db_tx *tx, const struct db_query *query, const struct db_params *params,
                  struct error *e)
{
    struct pg_conn *conn = conn_of(tx);
    TRY(send_with(conn, query, params, true, (struct db_answer){0}, e));
    conn->asked = true;
    return pg_pipe_sync(conn, e);
}

enum err pg_post(struct db_tx *tx, const struct db_query *query, const struct db_params *params,
                 struct db_answer answer, struct error *e)
{
    return send_with(conn_of(tx), query, params, false, answer, e);
}

enum err pg_settle(struct db_tx *tx, struct error *e)
{
    return pg_pipe_settle(conn_of(tx), e);
}

enum err pg_next(struct db_tx *tx, bool *ret_row, struct error *e)
{
    struct pg_conn *conn = conn_of(tx);
    if (!conn->row) {
        /* The first time. Rows one by one: a large result never stands in memory as a whole. */
        TRY(pg_pipe_reach(conn, e));
        (void)PQsetSingleRowMode(conn->handle);
    }
    PQclear(conn->row);
    conn->row = NULL;
    TRY(pg_pipe_take(conn, &conn->row, e));
    ExecStatusType status = PQresultStatus(conn->row);
    if (status != PGRES_SINGLE_TUPLE && status != PGRES_TUPLES_OK && status != PGRES_COMMAND_OK)
        return pg_error(conn, tx->running->name, tx->running, conn->row, e);
    *ret_row = status == PGRES_SINGLE_TUPLE;
    return OK;
}

/* Reads what is left: a reader may have had enough, and the connection must be free for the next.
 */
enum err pg_finish(struct db_tx *tx, int64_t *ret_changes, struct error *e)
{
    struct pg_conn *conn = conn_of(tx);
    *ret_changes = 0;
    if (conn->row && PQresultStatus(conn->row) != PGRES_SINGLE_TUPLE)
        (void)str_to_i64(str_from(PQcmdTuples(conn->row)), ret_changes);
    PQclear(conn->row);
    conn->row = NULL;
    if (!conn->asked)
        return OK;
    conn->asked = false;
    return pg_pipe_settle(conn, e);
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
    return pg_pipe_prepare(conn_of(tx), query, e);
}

/* Several statements in one text do not go through a pipeline. */
enum err pg_script(struct db_tx *tx, const char *name, const char *text, struct error *e)
{
    struct pg_conn *conn = conn_of(tx);
    BUG_ON(conn->begin); /* a statement of the transaction came before */
    TRY(pg_pipe_settle(conn, e));
    if (!PQexitPipelineMode(conn->handle))
        return pg_lost(conn, name, PQerrorMessage(conn->handle), e);
    enum err rc = pg_conn_run(conn, name, text, e);
    /* A lost connection cannot; it is made again. */
    BUG_ON(!PQenterPipelineMode(conn->handle) && PQstatus(conn->handle) == CONNECTION_OK);
    return rc;
}
