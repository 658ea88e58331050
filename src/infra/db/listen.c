/*
 * LISTEN on a connection of its own: a thread that sleeps until PostgreSQL says something, the
 * connection breaks, or it is told to stop. NOTIFY is a hint, never the truth: whoever listens
 * polls as well, and is called after every reconnect because anything may have been missed.
 */
#include "base/clock.h"
#include "infra/db/driver.h"
#include "listen.sql.h"

#include <errno.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>
#include <sys/eventfd.h>

enum { RECONNECT_MS = 500 };

struct db_listener {
    const char *url; /* the database's */
    char *channel;
    void (*heard)(void *arg);
    void *arg;
    int stop_fd; /* readable when it is time to stop */
    pthread_t thread;
};

void db_notify(struct db_tx *tx, const char *channel)
{
    if (tx->db->driver->engine == DB_POSTGRES)
        db_post(tx, &notify, DB_ARGS(db_text(channel)), NULL);
}

/* libpq would print what the server says on standard error. */
static void drop_notice(void *arg, const char *message)
{
    (void)arg;
    (void)message;
}

/* A connection that listens, or NULL. */
static PGconn *connect_and_listen(const struct db_listener *l)
{
    PGconn *conn = PQconnectdb(l->url);
    (void)PQsetNoticeProcessor(conn, drop_notice, NULL);
    char *quoted = PQescapeIdentifier(conn, l->channel, strlen(l->channel));
    bool listening = false;
    if (PQstatus(conn) == CONNECTION_OK && quoted) {
        char sql[200];
        (void)snprintf(sql, sizeof(sql), "LISTEN %s", quoted);
        PGresult *result = PQexec(conn, sql);
        listening = PQresultStatus(result) == PGRES_COMMAND_OK;
        PQclear(result);
    }
    PQfreemem(quoted);
    if (listening)
        return conn;
    PQfinish(conn);
    return NULL;
}

/* Waits for the connection (if any) or the order to stop; true to go on. */
static bool wait_for_news(const struct db_listener *l, const PGconn *conn, int timeout_ms)
{
    struct pollfd fds[] = {
        {.fd = l->stop_fd, .events = POLLIN},
        {.fd = conn ? PQsocket(conn) : -1, .events = POLLIN},
    };
    while (poll(fds, ARRAY_LEN(fds), timeout_ms) < 0)
        BUG_ON(errno != EINTR);
    return fds[0].revents == 0;
}

/* Takes what arrived; false when the connection is broken. */
static bool take_news(const struct db_listener *l, PGconn *conn)
{
    if (!PQconsumeInput(conn))
        return false;
    bool any = false;
    for (PGnotify *news = PQnotifies(conn); news; news = PQnotifies(conn)) {
        any = true;
        PQfreemem(news);
    }
    if (any)
        l->heard(l->arg);
    return true;
}

static void *listener_main(void *arg)
{
    const struct db_listener *l = arg;
    PGconn *conn = NULL;
    do {
        if (conn && !take_news(l, conn)) {
            PQfinish(conn);
            conn = NULL;
        }
        if (!conn) {
            conn = connect_and_listen(l);
            l->heard(l->arg);
        }
    } while (wait_for_news(l, conn, conn ? -1 : RECONNECT_MS));
    PQfinish(conn);
    return NULL;
}

struct db_listener *db_listen(struct db *db, const char *channel, void (*heard)(void *arg),
                              void *arg)
{
    const char *url = pg_url(db);
    if (!url)
        return NULL;
    struct db_listener *l = calloc(1, sizeof(*l));
    BUG_ON(!l);
    l->url = url;
    l->channel = strdup(channel);
    BUG_ON(!l->channel);
    l->heard = heard;
    l->arg = arg;
    l->stop_fd = eventfd(0, EFD_CLOEXEC);
    BUG_ON(l->stop_fd < 0);
    BUG_ON(pthread_create(&l->thread, NULL, listener_main, l) != 0);
    return l;
}

void db_listener_stop(struct db_listener *l)
{
    if (!l)
        return;
    const uint64_t one = 1;
    BUG_ON(write(l->stop_fd, &one, sizeof(one)) != sizeof(one));
    (void)pthread_join(l->thread, NULL);
    (void)close(l->stop_fd);
    free(l->channel);
    free(l);
}
