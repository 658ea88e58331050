/*
 * Clients of one tenant that write all the time, each with a connection of its own, as an
 * application has behind a pooler.
 *
 *     writers_main URL TENANT CLIENTS PER_SECOND
 *
 * A transaction adds a trip and changes an old one. It counts as written when its commit was
 * answered. For each line of standard input, and when that ends, what came of it so far is one line
 * of standard output: {"written": n, "errors": n, "slowest_us": n, "error": ".."}.
 */
#include "base/arena.h"
#include "base/clock.h"
#include "base/err.h"

#include <libpq-fe.h>

#include <inttypes.h>
#include <poll.h>
#include <stdatomic.h>

#define CLIENTS_MAX 64

struct writer {
    pthread_t thread;
    const char *url, *tenant;
    int64_t first_us, every_us;
    atomic_llong written, errors, slowest_us;
    char error[512]; /* the first one's; whole before it is counted */
};

static struct writer writers[CLIENTS_MAX];
static int64_t clients;
static atomic_bool stop;

static void note_error(struct writer *w, PGconn *conn)
{
    if (w->errors == 0) {
        (void)snprintf(w->error, sizeof(w->error), "%.400s", PQerrorMessage(conn));
        for (char *c = w->error; *c; c++) {
            if ((unsigned char)*c < ' ' || *c == '"' || *c == '\\')
                *c = ' ';
        }
    }
    w->errors++;
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
    if (PQtransactionStatus(conn) == PQTRANS_INERROR)
        PQclear(PQexec(conn, "ROLLBACK"));
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

static void tell(void)
{
    long long written = 0, errors = 0, slowest_us = 0;
    const char *error = "";
    for (int64_t i = 0; i < clients; i++) {
        struct writer *w = &writers[i];
        written += w->written;
        errors += w->errors;
        if (w->slowest_us > slowest_us)
            slowest_us = w->slowest_us;
        if (w->errors > 0)
            error = w->error;
    }
    (void)printf("{\"written\": %lld, \"errors\": %lld, \"slowest_us\": %lld, \"error\": \"%s\"}\n",
                 written, errors, slowest_us, error);
    (void)fflush(stdout);
}

int main(int argc, char **argv)
{
    int64_t rate;
    if (argc != 5 || !str_to_i64(str_from(argv[3]), &clients) || clients < 1 ||
        clients > CLIENTS_MAX || !str_to_i64(str_from(argv[4]), &rate) || rate < 1)
        return 2;
    for (int64_t i = 0; i < clients; i++) {
        struct writer *w = &writers[i];
        int64_t every = clients * USEC_PER_SEC / rate;
        w->url = argv[1];
        w->tenant = argv[2];
        w->every_us = every;
        w->first_us = monotonic_us() + i * every / clients;
        BUG_ON(pthread_create(&w->thread, NULL, writer_main, w) != 0);
    }
    for (int c; (c = getchar()) != EOF;) {
        if (c == '\n')
            tell();
    }
    stop = true;
    for (int64_t i = 0; i < clients; i++)
        (void)pthread_join(writers[i].thread, NULL);
    tell();
    return 0;
}
