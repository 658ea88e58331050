/*
 * Clients of one tenant that write all the time, each with a connection of its own, as an
 * application has behind a pooler.
 *
 *     writers_main URL TENANT CLIENTS PER_SECOND
 *
 * A transaction adds a trip and changes an old one. Ends when its standard input does, and says
 * what came of it in one JSON object: {"written": n, "errors": n, "slowest_us": n, "error": ".."}.
 * A transaction counts as written when its commit was answered.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

#include <libpq-fe.h>

#include <inttypes.h>
#include <poll.h>

#define CLIENTS_MAX 64

struct writer {
    pthread_t thread;
    const char *url, *tenant;
    int64_t first_us, every_us;
    int64_t written, errors, slowest_us;
    char error[512];
};

static volatile bool stop;

static void note_error(struct writer *w, PGconn *conn)
{
    if (w->errors++ > 0)
        return;
    (void)snprintf(w->error, sizeof(w->error), "%.400s", PQerrorMessage(conn));
    for (char *c = w->error; *c; c++) {
        if (*c == '\n' || *c == '"' || *c == '\\')
            *c = ' ';
    }
}

static void write_once(struct writer *w, PGconn *conn, int64_t n)
{
    char sql[1024];
    (void)snprintf(sql, sizeof(sql),
                   "BEGIN; INSERT INTO public.trips (customer_id, note) VALUES ('%s', 'new');"
                   "UPDATE public.trips SET changes = changes + 1 WHERE id = (SELECT id FROM"
                   " public.trips WHERE customer_id = '%s' ORDER BY id OFFSET %" PRId64
                   " LIMIT 1); COMMIT",
                   w->tenant, w->tenant, n % 100);
    int64_t start = monotonic_us();
    PGresult *result = PQexec(conn, sql);
    int64_t took = monotonic_us() - start;
    if (PQresultStatus(result) == PGRES_COMMAND_OK)
        w->written++;
    else
        note_error(w, conn);
    PQclear(result);
    if (took > w->slowest_us)
        w->slowest_us = took;
}

static void *writer_main(void *arg)
{
    struct writer *w = arg;
    PGconn *conn = PQconnectdb(w->url);
    for (int64_t n = 0; !stop; n++) {
        int64_t wait_us = w->first_us + n * w->every_us - monotonic_us();
        if (wait_us > 0)
            (void)poll(NULL, 0, (int)(wait_us / USEC_PER_MS));
        if (PQstatus(conn) != CONNECTION_OK) {
            note_error(w, conn);
            PQreset(conn);
        } else {
            write_once(w, conn, n);
        }
    }
    PQfinish(conn);
    return NULL;
}

int main(int argc, char **argv)
{
    static struct writer writers[CLIENTS_MAX];
    struct writer sum = {0};
    int64_t clients, rate;
    if (argc != 5 || !str_to_i64(str_from(argv[3]), &clients) || clients < 1 ||
        clients > CLIENTS_MAX || !str_to_i64(str_from(argv[4]), &rate) || rate < 1)
        return 2;
    for (int64_t i = 0; i < clients; i++) {
        int64_t every = clients * USEC_PER_SEC / rate;
        writers[i] = (struct writer){.url = argv[1], .tenant = argv[2], .every_us = every};
        writers[i].first_us = monotonic_us() + i * every / clients;
        BUG_ON(pthread_create(&writers[i].thread, NULL, writer_main, &writers[i]) != 0);
    }
    while (getchar() != EOF)
        ;
    stop = true;
    for (int64_t i = 0; i < clients; i++) {
        (void)pthread_join(writers[i].thread, NULL);
        sum.written += writers[i].written;
        sum.errors += writers[i].errors;
        if (writers[i].slowest_us > sum.slowest_us)
            sum.slowest_us = writers[i].slowest_us;
        if (writers[i].errors > 0)
            (void)snprintf(sum.error, sizeof(sum.error), "%s", writers[i].error);
    }
    (void)printf("{\"written\": %" PRId64 ", \"errors\": %" PRId64 ", \"slowest_us\": %" PRId64
                 ", \"error\": \"%s\"}\n",
                 sum.written, sum.errors, sum.slowest_us, sum.error);
    return 0;
}
