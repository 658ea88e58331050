#include "infra/pg/session_parts.h"

#include "base/array.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <pthread.h>

#define CONNECT_TIMEOUT_US (10 * USEC_PER_SEC)
#define CANCEL_GRACE_US    (5 * USEC_PER_SEC)
#define ASK_EVERY_US       USEC_PER_SEC
#define SILENCE_TIMEOUT_MS "30000" /* sent and not acknowledged: the server is gone */
#define SQL_MAX            ((size_t)64 << 20)

/* -- waiting ---------------------------------------------------------------------------------- */

enum err pg_call_begin(struct pg_session *s, int64_t timeout_us, struct error *e)
{
    BUG_ON(s->sent);
    if (s->lost)
        return error_set(e, ERR_UNAVAILABLE, "the connection to %s is lost: %s", s->place,
                         s->lost_why);
    s->sqlstate[0] = '\0';
    int64_t now = monotonic_us();
    s->asked_us = now;
    s->until_us = s->deadline_us;
    if (timeout_us > 0 && (s->until_us == 0 || now + timeout_us < s->until_us))
        s->until_us = now + timeout_us;
    return OK;
}

enum err pg_check(struct pg_session *s, struct error *e)
{
    int64_t now = monotonic_us();
    if (s->until_us != 0 && now >= s->until_us)
        return error_set(e, ERR_TIMEOUT, "%s did not answer in time", s->place);
    if (!s->go_on || now - s->asked_us < ASK_EVERY_US)
        return OK;
    s->asked_us = now;
    return s->go_on(s->ctx, e);
}

int pg_wait_ms(const struct pg_session *s, int64_t now_us)
{
    int64_t end = now_us + ASK_EVERY_US;
    if (s->until_us != 0 && s->until_us < end)
        end = s->until_us;
    /* Rounded up: what wakes too early would be busy until the time has come. */
    return end > now_us ? (int)((end - now_us + USEC_PER_MS - 1) / USEC_PER_MS) : 0;
}

/* Waits until the socket is ready for one of `events`; others may have been seen to before. */
static enum err wait_for(struct pg_session *s, short events, struct error *e)
{
    struct pollfd fd = {.fd = PQsocket(s->conn), .events = events};
    for (;;) {
        TRY(pg_check(s, e));
        int n = poll(&fd, 1, pg_wait_ms(s, monotonic_us()));
        if (n > 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return error_errno(e, "waiting for %s", s->place);
    }
}

enum err pg_flush(struct pg_session *s, struct error *e)
{
    int left;
    while ((left = PQflush(s->conn)) == 1) {
        TRY(wait_for(s, POLLIN | POLLOUT, e));
        /* A server that waits for its answers to be read does not read itself. */
        if (!PQconsumeInput(s->conn))
            return pg_session_error(s, NULL, e);
    }
    return left == 0 ? OK : pg_session_error(s, NULL, e);
}

enum err pg_next_result(struct pg_session *s, PGresult **ret, struct error *e)
{
    while (PQisBusy(s->conn)) {
        TRY(wait_for(s, POLLIN, e));
        if (!PQconsumeInput(s->conn))
            return pg_session_error(s, NULL, e);
    }
    *ret = PQgetResult(s->conn);
    return OK;
}

/* -- giving up -------------------------------------------------------------------------------- */

struct cancel {
    PGcancel *request;
    int done; /* the writing end of a pipe, closed when the server has taken the request */
};

static void *cancel_main(void *arg)
{
    struct cancel *c = arg;
    char why[256];
    (void)PQcancel(c->request, why, sizeof(why)); /* the statement's end tells whether it helped */
    PQfreeCancel(c->request);
    (void)close(c->done);
    free(c);
    return NULL;
}

/*
 * PQcancel() connects, and waits for that as long as the system does: on a thread of its own.
 * Returns what becomes readable when it is done, -1 when it cannot be asked.
 */
static int ask_to_cancel(const struct pg_session *s)
{
    int ends[2];
    struct cancel *c = calloc(1, sizeof(*c));
    BUG_ON(!c);
    c->request = PQgetCancel(s->conn);
    if (!c->request || pipe2(ends, O_CLOEXEC) != 0) {
        PQfreeCancel(c->request);
        free(c);
        return -1;
    }
    c->done = ends[1];
    pthread_attr_t detached;
    pthread_t thread;
    BUG_ON(pthread_attr_init(&detached) != 0);
    BUG_ON(pthread_attr_setdetachstate(&detached, PTHREAD_CREATE_DETACHED) != 0);
    if (pthread_create(&thread, &detached, cancel_main, c) != 0)
        (void)cancel_main(c);
    (void)pthread_attr_destroy(&detached);
    return ends[0];
}

/* A request that is still on its way would cancel the session's next statement. */
static bool cancel_is_done(int done, int64_t until_us)
{
    struct pollfd fd = {.fd = done, .events = POLLIN};
    int n;
    do {
        int64_t left = until_us - monotonic_us();
        n = poll(&fd, 1, left > 0 ? (int)(left / USEC_PER_MS) + 1 : 0);
    } while (n < 0 && errno == EINTR);
    return n > 0;
}

/* Reads what comes out of a COPY until it ends. */
static enum err drain_copy(struct pg_session *s, struct error *e)
{
    for (;;) {
        char *row = NULL;
        int n = PQgetCopyData(s->conn, &row, 1);
        PQfreemem(row);
        if (n < 0)
            return OK;
        if (n > 0)
            continue;
        TRY(wait_for(s, POLLIN, e));
        if (!PQconsumeInput(s->conn))
            return pg_session_error(s, NULL, e);
    }
}

/* How a result keeps the connection from going on. */
static enum err unblock(struct pg_session *s, ExecStatusType status, struct error *e)
{
    if (status == PGRES_COPY_OUT)
        return drain_copy(s, e);
    if (status != PGRES_COPY_IN)
        return OK;
    int put;
    while ((put = PQputCopyEnd(s->conn, "given up")) == 0)
        TRY(wait_for(s, POLLOUT, e));
    return put < 0 ? pg_session_error(s, NULL, e) : pg_flush(s, e);
}

static enum err drain(struct pg_session *s, struct error *e)
{
    TRY(pg_flush(s, e));
    for (;;) {
        PGresult *result;
        TRY(pg_next_result(s, &result, e));
        if (!result)
            return OK;
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        TRY(unblock(s, status, e));
    }
}

void pg_abandon(struct pg_session *s)
{
    if (s->lost)
        return;
    int64_t until = s->until_us;
    enum err (*go_on)(void *, struct error *) = s->go_on;
    s->go_on = NULL; /* it has been asked enough */
    s->until_us = monotonic_us() + CANCEL_GRACE_US;
    struct error why;
    int done = ask_to_cancel(s);
    bool rests = drain(s, &why) == OK && done >= 0 && cancel_is_done(done, s->until_us);
    if (!rests && !s->lost) {
        s->lost = true;
        (void)snprintf(s->lost_why, sizeof(s->lost_why), "it did not end a statement when asked");
    }
    if (done >= 0)
        (void)close(done);
    s->go_on = go_on;
    s->until_us = until;
}

/* -- opening ---------------------------------------------------------------------------------- */

static void drop_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

static char *place_of(const PGconn *conn)
{
    char *place = NULL;
    const char *host = PQhost(conn), *port = PQport(conn), *database = PQdb(conn);
    BUG_ON(asprintf(&place, "database %s at %s:%s", database ? database : "", host ? host : "",
                    port ? port : "") < 0);
    return place;
}

static enum err connect_poll(struct pg_session *s, struct error *e)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED)
            return pg_session_error(s, NULL, e);
        TRY(wait_for(s, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, e));
        state = PQconnectPoll(s->conn);
    }
    return OK;
}

/* What runs for a client that is not there any more ends within seconds. */
#define CHECK_CLIENT_FROM 140000

static enum err set_up(struct pg_session *s, const struct pg_options *o, struct error *e)
{
    BUG_ON(PQsetnonblocking(s->conn, 1) != 0);
    TRY(pg_run(s,
               "SET client_min_messages = error; SET standard_conforming_strings = on;"
               "SET search_path = ''; SET DateStyle = ISO; SET IntervalStyle = postgres;"
               "SET TimeZone = 'UTC'; SET extra_float_digits = 3; SET bytea_output = hex;"
               "SET statement_timeout = 0",
               e));
    if (PQserverVersion(s->conn) >= CHECK_CLIENT_FROM)
        TRY(pg_run(s, "SET client_connection_check_interval = '5s'", e));
    if (o->lock_timeout_ms > 0)
        TRY(pg_runf(s, e, "SET lock_timeout = %" PRId64, o->lock_timeout_ms));
    return o->settings ? pg_run(s, o->settings, e) : OK;
}

/* libpq quotes a url that it does not understand, with the password in it. */
static enum err check_url(const char *url, struct error *e)
{
    char *why = NULL;
    PQconninfoOption *options = PQconninfoParse(url, &why);
    PQfreemem(why);
    if (!options)
        return error_set(e, ERR_INVALID,
                         "a database url cannot be read: it is "
                         "postgres://USER@HOST:PORT/NAME, with %%40 and the like for what is "
                         "special in a url");
    PQconninfoFree(options);
    return OK;
}

enum err pg_open(const struct pg_options *options, struct pg_session **ret, struct error *e)
{
    TRY(check_url(options->url, e));
    /* Later ones win, so what stands before the url (dbname) is a default. */
    const char *const keywords[] = {
        "tcp_user_timeout", "keepalives_idle", "fallback_application_name",
        "dbname",           "client_encoding", NULL,
    };
    const char *const values[] = {
        SILENCE_TIMEOUT_MS, "30", options->name, options->url, "UTF8", NULL,
    };
    struct pg_session *s = calloc(1, sizeof(*s));
    BUG_ON(!s);
    s->conn = PQconnectStartParams(keywords, values, 1);
    BUG_ON(!s->conn);
    (void)PQsetNoticeProcessor(s->conn, drop_notice, NULL);
    s->place = place_of(s->conn);
    s->timeout_us = options->timeout_ms * USEC_PER_MS;
    enum err err = pg_call_begin(s, CONNECT_TIMEOUT_US, e);
    if (err == OK)
        err =
            PQstatus(s->conn) == CONNECTION_BAD ? pg_session_error(s, NULL, e) : connect_poll(s, e);
    if (err == OK)
        err = set_up(s, options, e);
    if (err != OK) {
        pg_close(s);
        return err;
    }
    *ret = s;
    return OK;
}

void pg_close(struct pg_session *s)
{
    if (!s)
        return;
    PQfinish(s->conn);
    free(s->place);
    free(s);
}

void pg_set_deadline(struct pg_session *s, int64_t deadline_us)
{
    s->deadline_us = deadline_us;
}

void pg_set_watch(struct pg_session *s, enum err (*go_on)(void *ctx, struct error *e), void *ctx)
{
    s->go_on = go_on;
    s->ctx = ctx;
}

int pg_backend_pid(const struct pg_session *s)
{
    return PQbackendPID(s->conn);
}

int pg_server_version(const struct pg_session *s)
{
    return PQserverVersion(s->conn);
}

const char *pg_database(const struct pg_session *s)
{
    return PQdb(s->conn);
}

const char *pg_sqlstate(const struct pg_session *s)
{
    return s->sqlstate;
}

/* -- statements ------------------------------------------------------------------------------- */

/* Rows as they come: bounded whatever the server sends. */
struct taken {
    const char **cells;
    size_t count, room, columns, rows, max;
    struct arena *arena;
};

static enum err take_rows(struct taken *t, const PGresult *result, struct error *e)
{
    int rows = PQntuples(result), columns = PQnfields(result);
    if (t->columns != (size_t)columns) { /* of another statement of the text */
        t->columns = (size_t)columns;
        t->count = t->rows = 0;
    }
    t->rows += (size_t)rows;
    if (t->rows > t->max)
        return error_set(e, ERR_TOO_LARGE, "a query has more than %zu rows", t->max);
    for (int i = 0; i < rows; i++) {
        for (int j = 0; j < columns; j++) {
            t->cells = array_with_room(t->cells, t->count, &t->room, 64, sizeof(*t->cells));
            t->cells[t->count++] =
                PQgetisnull(result, i, j) ? NULL : arena_text(t->arena, PQgetvalue(result, i, j));
        }
    }
    return OK;
}

/* Takes every result of what was sent; the first error counts. `t` NULL: rows are not wanted. */
static enum err take_all(struct pg_session *s, struct taken *t, struct error *e)
{
    enum err first = OK;
    TRY(pg_flush(s, e));
    for (;;) {
        PGresult *result;
        TRY(pg_next_result(s, &result, e));
        if (!result)
            return first;
        ExecStatusType status = PQresultStatus(result);
        BUG_ON(status == PGRES_COPY_IN || status == PGRES_COPY_OUT || status == PGRES_COPY_BOTH);
        enum err err = OK;
        bool rows = status == PGRES_TUPLES_OK || status == PGRES_SINGLE_TUPLE;
        if (rows && t)
            err = take_rows(t, result, e);
        else if (!rows && status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY && first == OK)
            first = pg_session_error(s, result, e);
        PQclear(result);
        TRY(err);
    }
}

static enum err finish(struct pg_session *s, struct taken *t, struct error *e)
{
    struct error local;
    struct error *why = e ? e : &local;
    enum err err = take_all(s, t, why);
    if (err != OK && !s->lost && PQtransactionStatus(s->conn) == PQTRANS_ACTIVE)
        pg_abandon(s);
    return err;
}

static enum err send_text(struct pg_session *s, const char *sql, struct error *e)
{
    TRY(pg_call_begin(s, s->timeout_us, e));
    return PQsendQuery(s->conn, sql) ? OK : pg_session_error(s, NULL, e);
}

enum err pg_run(struct pg_session *s, const char *sql, struct error *e)
{
    TRY(send_text(s, sql, e));
    return finish(s, NULL, e);
}

enum err pg_runf(struct pg_session *s, struct error *e, const char *fmt, ...)
{
    _cleanup_buf_ struct buf sql = BUF_INIT(SQL_MAX);
    va_list ap;
    va_start(ap, fmt);
    BUG_ON(!buf_vprintf(&sql, fmt, ap));
    va_end(ap);
    return pg_run(s, buf_text(&sql), e);
}

static void keep_rows(struct taken *t, struct pg_rows *ret)
{
    *ret = (struct pg_rows){.count = t->rows, .columns = t->columns};
    ret->cells = arena_new_array(t->arena, t->count + 1, const char *);
    if (t->count > 0)
        memcpy(ret->cells, t->cells, t->count * sizeof(*t->cells));
}

enum err pg_query(struct pg_session *s, const char *sql, const char *const *params,
                  size_t param_count, size_t max, struct arena *arena, struct pg_rows *ret,
                  struct error *e)
{
    TRY(pg_call_begin(s, s->timeout_us, e));
    if (!PQsendQueryParams(s->conn, sql, (int)param_count, NULL, params, NULL, NULL, 0))
        return pg_session_error(s, NULL, e);
    BUG_ON(!PQsetSingleRowMode(s->conn));
    struct taken t = {.arena = arena, .max = max};
    enum err err = finish(s, &t, e);
    if (err == OK)
        keep_rows(&t, ret);
    free(t.cells);
    return err;
}

enum err pg_get(struct pg_session *s, const char *sql, const char *const *params,
                size_t param_count, struct arena *arena, const char **ret, struct error *e)
{
    struct pg_rows rows;
    TRY(pg_query(s, sql, params, param_count, 1, arena, &rows, e));
    *ret = rows.count > 0 ? pg_cell(&rows, 0, 0) : NULL;
    return OK;
}

enum err pg_get_int(struct pg_session *s, const char *sql, const char *const *params,
                    size_t param_count, int64_t *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *text;
    TRY(pg_get(s, sql, params, param_count, &arena, &text, e));
    if (!text || !str_to_i64(str_from(text), ret))
        return error_set(e, ERR_NOT_FOUND, "%s: no number where one was asked for", s->place);
    return OK;
}

/* -- one under way ---------------------------------------------------------------------------- */

enum err pg_send(struct pg_session *s, const char *sql, struct error *e)
{
    TRY(send_text(s, sql, e));
    if (PQflush(s->conn) < 0)
        return pg_session_error(s, NULL, e);
    s->sent = true;
    return OK;
}

enum err pg_take(struct pg_session *s, struct error *e)
{
    BUG_ON(!s->sent);
    s->sent = false;
    return finish(s, NULL, e);
}

enum err pg_take_rows(struct pg_session *s, size_t max, struct arena *arena, struct pg_rows *ret,
                      struct error *e)
{
    BUG_ON(!s->sent);
    s->sent = false;
    struct taken t = {.arena = arena, .max = max};
    enum err err = finish(s, &t, e);
    if (err == OK)
        keep_rows(&t, ret);
    free(t.cells);
    return err;
}

bool pg_answered(struct pg_session *s)
{
    BUG_ON(!s->sent);
    bool over = s->until_us != 0 && monotonic_us() >= s->until_us;
    return over || PQflush(s->conn) < 0 || !PQconsumeInput(s->conn) || !PQisBusy(s->conn);
}

void pg_await(struct pg_session *const *all, size_t count, int64_t until_us)
{
    struct pollfd fds[PG_AWAIT_MAX];
    BUG_ON(count > PG_AWAIT_MAX);
    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = PQsocket(all[i]->conn), .events = POLLIN};
    int64_t left = until_us - monotonic_us();
    (void)poll(fds, count, left > 0 ? (int)((left + USEC_PER_MS - 1) / USEC_PER_MS) : 0);
}

/* -- other programs --------------------------------------------------------------------------- */

enum err pg_environment(const char *url, struct arena *arena, const char *const **ret,
                        struct error *e)
{
    TRY(check_url(url, e));
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    BUG_ON(!options);
    size_t count = 0, used = 0;
    while (options[count].keyword)
        count++;
    const char **out = arena_new_array(arena, count + 1, const char *);
    for (size_t i = 0; i < count; i++) {
        if (options[i].val && options[i].envvar)
            out[used++] = arena_printf(arena, "%s=%s", options[i].envvar, options[i].val);
    }
    PQconninfoFree(options);
    *ret = out;
    return OK;
}

/* -- quoting ---------------------------------------------------------------------------------- */

static const char *quoted(struct arena *arena, const char *text, char quote)
{
    size_t len = strlen(text), at = 0;
    char *out = arena_alloc(arena, 2 * len + 3);
    out[at++] = quote;
    for (size_t i = 0; i < len; i++) {
        if (text[i] == quote)
            out[at++] = quote;
        out[at++] = text[i];
    }
    out[at] = quote;
    return out;
}

const char *pg_name(struct arena *arena, const char *name)
{
    return quoted(arena, name, '"');
}

/* standard_conforming_strings is on: a backslash is nothing special. */
const char *pg_literal(struct arena *arena, const char *text)
{
    return quoted(arena, text, '\'');
}
