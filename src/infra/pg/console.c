#include "infra/pg/console.h"

#include "base/clock.h"
#include "base/str.h"
#include "infra/pg/url.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <sys/socket.h>

#define REASON_MAX 300
#define ROWS_MAX   1000000

struct pg_console {
    PGconn *conn;
    char *place;
    bool broken;
};

/* libpq ends its sentences with a line break and begins PgBouncer's with "ERROR:". */
static void reason_of(const char *message, char out[REASON_MAX])
{
    struct str text = str_trim(str_from(message));
    if (str_starts_with(text, STR("ERROR:")))
        text = str_trim((struct str){text.ptr + 6, text.len - 6});
    (void)snprintf(out, REASON_MAX, "%.*s", (int)(text.len < REASON_MAX ? text.len : REASON_MAX),
                   text.ptr);
    for (char *p = out; *p; p++) {
        if (*p == '\n')
            *p = ' ';
    }
}

static enum err lost(struct pg_console *c, struct error *e)
{
    char reason[REASON_MAX];
    c->broken = true;
    reason_of(PQerrorMessage(c->conn), reason);
    return error_set(e, ERR_UNAVAILABLE, "%s cannot be asked: %s", c->place, reason);
}

/* Waits for the socket. Rounded up: who wakes too early would be busy until the time has come. */
static enum err wait_for(struct pg_console *c, short events, int64_t deadline_us, struct error *e)
{
    struct pollfd fd = {.fd = PQsocket(c->conn), .events = events};
    for (;;) {
        int64_t left = deadline_us - monotonic_us();
        int ms = left <= 0 ? 0 : (int)((left + USEC_PER_MS - 1) / USEC_PER_MS);
        int n = poll(&fd, 1, ms);
        if (n > 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return error_errno(e, "waiting for %s", c->place);
        if (n == 0 && left <= 0) {
            c->broken = true;
            return error_set(e, ERR_TIMEOUT, "%s did not answer in time", c->place);
        }
    }
}

static enum err connect_within(struct pg_console *c, int64_t deadline_us, struct error *e)
{
    PostgresPollingStatusType state = PGRES_POLLING_WRITING;
    if (PQstatus(c->conn) == CONNECTION_BAD)
        return lost(c, e);
    while (state != PGRES_POLLING_OK) {
        if (state == PGRES_POLLING_FAILED)
            return lost(c, e);
        TRY(wait_for(c, state == PGRES_POLLING_READING ? POLLIN : POLLOUT, deadline_us, e));
        state = PQconnectPoll(c->conn);
    }
    BUG_ON(PQsetnonblocking(c->conn, 1) != 0);
    return OK;
}

static void drop_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

enum err pg_console_open(const char *url, int64_t deadline_us, struct pg_console **ret,
                         struct error *e)
{
    static const char *const keywords[] = {"dbname", "fallback_application_name", NULL};
    const char *const values[] = {url, "webhost", NULL};
    _cleanup_arena_ struct arena arena = {0};
    struct pg_place place; /* libpq would quote a url that it cannot read, with the password */
    if (pg_url_parse(url, &arena, &place, e) != OK)
        return error_prefix(e, "PgBouncer's admin url");
    struct pg_console *c = calloc(1, sizeof(*c));
    BUG_ON(!c);
    c->conn = PQconnectStartParams(keywords, values, 1);
    BUG_ON(!c->conn);
    (void)PQsetNoticeProcessor(c->conn, drop_notice, NULL);
    const char *host = PQhost(c->conn), *port = PQport(c->conn);
    BUG_ON(asprintf(&c->place, "PgBouncer at %s:%s", host ? host : "", port ? port : "") < 0);
    enum err err = connect_within(c, deadline_us, e);
    if (err != OK) {
        pg_console_close(c);
        return err;
    }
    *ret = c;
    return OK;
}

void pg_console_close(struct pg_console *c)
{
    if (!c)
        return;
    PQfinish(c->conn);
    free(c->place);
    free(c);
}

/* Nothing comes unasked but the end. */
bool pg_console_is_usable(struct pg_console *c)
{
    char byte;
    if (c->broken)
        return false;
    ssize_t n = recv(PQsocket(c->conn), &byte, 1, MSG_PEEK | MSG_DONTWAIT);
    return n < 0 && (errno == EAGAIN || errno == EWOULDBLOCK);
}

const char *pg_console_place(const struct pg_console *c)
{
    return c->place;
}

/* -- commands ---------------------------------------------------------------------------------- */

enum err pg_console_send(struct pg_console *c, const char *command, struct error *e)
{
    if (!PQsendQuery(c->conn, command))
        return lost(c, e);
    return PQflush(c->conn) < 0 ? lost(c, e) : OK;
}

static enum err next_result(struct pg_console *c, int64_t deadline_us, PGresult **ret,
                            struct error *e)
{
    int left;
    while ((left = PQflush(c->conn)) == 1)
        TRY(wait_for(c, POLLOUT, deadline_us, e));
    if (left < 0)
        return lost(c, e);
    while (PQisBusy(c->conn)) {
        TRY(wait_for(c, POLLIN, deadline_us, e));
        if (!PQconsumeInput(c->conn))
            return lost(c, e);
    }
    *ret = PQgetResult(c->conn);
    return OK;
}

static enum err keep_rows(const PGresult *result, struct arena *arena, struct pg_table *ret,
                          struct error *e)
{
    size_t count = (size_t)PQntuples(result), columns = (size_t)PQnfields(result);
    if (count > ROWS_MAX)
        return error_set(e, ERR_TOO_LARGE, "PgBouncer lists more than %d rows", ROWS_MAX);
    ret->count = count;
    ret->columns = columns;
    ret->names = arena_new_array(arena, columns + 1, const char *);
    ret->cells = arena_new_array(arena, count * columns + 1, const char *);
    for (size_t j = 0; j < columns; j++)
        ret->names[j] = arena_text(arena, PQfname(result, (int)j));
    for (size_t i = 0; i < count; i++) {
        for (size_t j = 0; j < columns; j++)
            ret->cells[i * columns + j] =
                PQgetisnull(result, (int)i, (int)j)
                    ? NULL
                    : arena_text(arena, PQgetvalue(result, (int)i, (int)j));
    }
    return OK;
}

/* A server that says goodbye ("the database system is shutting down") ends the connection. */
static enum err refused(struct pg_console *c, const PGresult *result, struct error *e)
{
    char reason[REASON_MAX];
    if (PQstatus(c->conn) == CONNECTION_BAD)
        return lost(c, e);
    reason_of(PQresultErrorMessage(result), reason);
    return error_set(e, ERR_CONFLICT, "%s: %s", c->place, reason);
}

enum err pg_console_take(struct pg_console *c, int64_t deadline_us, struct arena *arena,
                         struct pg_table *ret, struct error *e)
{
    enum err first = OK;
    if (ret)
        *ret = (struct pg_table){0};
    for (;;) {
        PGresult *result = NULL;
        TRY(next_result(c, deadline_us, &result, e));
        if (!result)
            return first;
        ExecStatusType status = PQresultStatus(result);
        enum err err = OK;
        if (status == PGRES_TUPLES_OK)
            err = ret ? keep_rows(result, arena, ret, e) : OK;
        else if (status != PGRES_COMMAND_OK && status != PGRES_EMPTY_QUERY)
            err = refused(c, result, e);
        PQclear(result);
        if (err == ERR_UNAVAILABLE)
            return err;
        first = first == OK ? err : first;
    }
}

enum err pg_console_run(struct pg_console *c, const char *command, int64_t deadline_us,
                        struct arena *arena, struct pg_table *ret, struct error *e)
{
    TRY(pg_console_send(c, command, e));
    return pg_console_take(c, deadline_us, arena, ret, e);
}

const char *pg_table_cell(const struct pg_table *table, size_t row, const char *column)
{
    for (size_t j = 0; j < table->columns; j++) {
        if (text_eq(table->names[j], column))
            return table->cells[row * table->columns + j];
    }
    return NULL;
}
