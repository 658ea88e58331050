/*
 * PostgreSQL: a pool of connections, each transaction on one of them.
 *
 * Writing transactions are SERIALIZABLE, so that work behaves as on SQLite, where it is alone:
 * what it read still holds when it commits. A transaction that loses against another is run again,
 * until the busy timeout.
 */
#include "base/clock.h"
#include "infra/db/postgres_conn.h"

enum {
    RETRY_PAUSE_US = 1000,
    RETRY_PAUSE_MAX_US = 50 * 1000,
    RECONNECT_PAUSE_US = 250 * 1000,
    RECONNECTS_MAX = 2, /* for one transaction */
};

/* Queries like others: prepared once for a connection. */
#define COMMAND(variable, what, sql)                                                               \
    static const struct db_query variable = {(what), {[DB_POSTGRES] = (sql)}, 0}
COMMAND(begin_write, "begin", "BEGIN ISOLATION LEVEL SERIALIZABLE");
COMMAND(begin_relaxed, "begin", "BEGIN ISOLATION LEVEL READ COMMITTED");
COMMAND(begin_read, "begin", "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY");
COMMAND(commit_query, "commit", "COMMIT");
COMMAND(rollback_query, "roll back", "ROLLBACK");

struct pg_db {
    struct db db; /* first: see driver.h */
    char *url;
    int64_t busy_timeout_us;
    struct db_pool *pool;
    struct pg_conn *conns;
    size_t conn_count;
};

static struct pg_db *pg_of(struct db *db)
{
    return (struct pg_db *)db;
}

/* -- one attempt ---------------------------------------------------------------------------- */

static enum err send_command(struct pg_conn *conn, const struct db_query *query, struct error *e)
{
    TRY(pg_pipe_send(conn, query, NULL, false, (struct db_answer){0}, e));
    return pg_pipe_sync(conn, e);
}

/*
 * COMMIT goes along with what was posted and not sent yet. Once it was sent and no answer came,
 * running the work again could do everything twice. Where the server has answered a statement
 * before it with an error, it was skipped.
 */
static enum err commit(struct pg_conn *conn, struct error *e)
{
    if (conn->begin)
        return OK; /* nothing was sent */
    if (!pg_pipe_alive(conn))
        return pg_lost(conn, "commit", PQerrorMessage(conn->handle), e);
    enum err rc = send_command(conn, &commit_query, e);
    if (rc == OK)
        rc = pg_pipe_settle(conn, e);
    bool answered = conn->refused && conn->refused != &commit_query;
    if (rc == OK || conn->remedy != PG_RECONNECT || answered)
        return rc;
    pg_conn_disconnect(conn);
    conn->remedy = PG_NONE;
    const struct error why = *e;
    return error_set(e, ERR_TIMEOUT, "it is not known whether the change was kept: %s", why.text);
}

/* Does not wait for the answer: it is read before that to the connection's next statement. */
static void roll_back(struct pg_conn *conn)
{
    struct error ignored;
    if (!conn->begin && send_command(conn, &rollback_query, &ignored) != OK)
        pg_conn_disconnect(conn);
}

/* What was posted may have failed before the work did: the first failure is what counts. */
static enum err settle(struct pg_conn *conn, enum err rc, struct error *e)
{
    struct error posted;
    enum err settled = pg_pipe_settle(conn, &posted);
    if (settled == OK)
        return rc;
    *e = posted;
    return settled;
}

static enum err attempt(struct pg_db *p, struct pg_conn *conn, const struct db_query *begin,
                        db_work *work, void *arg, struct error *e)
{
    pg_conn_begin(conn, NULL);
    TRY(pg_conn_connect(conn, p->busy_timeout_us, e));
    pg_conn_begin(conn, begin);
    enum err rc = db_run_work(&conn->tx, work, arg, e);
    if (rc == OK && begin != &begin_read)
        rc = commit(conn, e);
    else if (pg_pipe_is_open(conn))
        rc = settle(conn, rc, e);
    if (conn->handle && PQtransactionStatus(conn->handle) != PQTRANS_IDLE)
        roll_back(conn);
    return rc;
}

/* -- until it works, or there is no hope ---------------------------------------------------- */

struct retry {
    struct db_wait loss, reconnect;
    int reconnects;
};

/* True after a pause when the transaction is to be run again. */
static bool again(struct retry *r, struct pg_conn *conn)
{
    switch (conn->remedy) {
    case PG_NONE:
        return false;
    case PG_RETRY:
        return db_wait(&r->loss);
    case PG_RECONNECT:
        pg_conn_disconnect(conn);
        /* The first time the server may long be back, and only this connection too old. */
        r->reconnects++;
        return r->reconnects == 1 || (r->reconnects <= RECONNECTS_MAX && db_wait(&r->reconnect));
    }
    BUG_ON(true);
}

static enum err transact(struct db *db, const struct db_query *begin, db_work *work, void *arg,
                         struct error *e)
{
    struct pg_db *p = pg_of(db);
    struct db_tx *tx;
    TRY(db_pool_take(p->pool, p->busy_timeout_us, &tx, e));
    struct pg_conn *conn = (struct pg_conn *)tx;
    struct retry retry = {
        .loss = db_wait_start(p->busy_timeout_us, RETRY_PAUSE_US, RETRY_PAUSE_MAX_US),
        .reconnect = db_wait_start(p->busy_timeout_us, RECONNECT_PAUSE_US, RECONNECT_PAUSE_US),
    };
    enum err rc;
    do {
        rc = attempt(p, conn, begin, work, arg, e);
    } while (again(&retry, conn));
    db_pool_give(p->pool, tx);
    return rc;
}

static enum err pg_write(struct db *db, bool relaxed, db_work *work, void *arg, struct error *e)
{
    return transact(db, relaxed ? &begin_relaxed : &begin_write, work, arg, e);
}

static enum err pg_read(struct db *db, db_work *work, void *arg, struct error *e)
{
    return transact(db, &begin_read, work, arg, e);
}

/* -- opening and closing -------------------------------------------------------------------- */

/* Connections are made when they are first needed; db_open() needs one for the schema. */
static enum err pg_open(const struct db_options *options, const char *address, struct db **ret_db,
                        struct error *e)
{
    (void)e;
    struct pg_db *p = calloc(1, sizeof(*p));
    BUG_ON(!p);
    p->url = strdup(address);
    BUG_ON(!p->url);
    p->busy_timeout_us = options->busy_timeout_us;
    p->conn_count = 2 * options->readers; /* as many again for writing */
    p->conns = calloc(p->conn_count, sizeof(*p->conns));
    BUG_ON(!p->conns);
    p->pool = db_pool_new(p->conn_count);
    for (size_t i = 0; i < p->conn_count; i++) {
        pg_conn_init(&p->conns[i], &p->db, p->url);
        db_pool_give(p->pool, &p->conns[i].tx);
    }
    *ret_db = &p->db;
    return OK;
}

static void pg_close(struct db *db)
{
    struct pg_db *p = pg_of(db);
    db_pool_take_all(p->pool);
    for (size_t i = 0; i < p->conn_count; i++)
        pg_conn_disconnect(&p->conns[i]);
    db_pool_free(p->pool);
    free(p->conns);
    free(p->url);
    free(p);
}

const char *pg_url(const struct db *db)
{
    return db->driver == &db_driver_postgres ? ((const struct pg_db *)db)->url : NULL;
}

const struct db_driver db_driver_postgres = {
    .engine = DB_POSTGRES,
    .open = pg_open,
    .close = pg_close,
    .write = pg_write,
    .read = pg_read,
    .start = pg_start,
    .next = pg_next,
    .finish = pg_finish,
    .post = pg_post,
    .settle = pg_settle,
    .column_count = pg_column_total,
    .column_name = pg_column_title,
    .column_value = pg_column,
    .prepare = pg_prepare,
    .script = pg_script,
};
