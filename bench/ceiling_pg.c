/*
 * The ceiling on PostgreSQL: a queue with nothing in it that a queue could do without.
 *
 *     ceiling_pg URL CONNECTIONS        then the protocol of driver.h
 *
 * History is kept. The end of one batch and the claim of the next go to the server together, in one
 * pipeline and one transaction, so that a batch costs one round trip and one commit. There are no
 * leases: a batch whose process dies stays claimed.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "driver.h"

#include <inttypes.h>
#include <libpq-fe.h>
#include <poll.h>
#include <pthread.h>

#define CONNECTIONS_MAX 8
#define INSERTS_SENT    2 /* so that one batch is put together while the server stores another */
#define ARRAY_BYTES_MAX (16u << 20)

static const char schema[] =
    "CREATE TABLE IF NOT EXISTS jobs (id BIGINT PRIMARY KEY, queue TEXT NOT NULL,"
    " state SMALLINT NOT NULL, args TEXT NOT NULL);"
    "CREATE INDEX IF NOT EXISTS jobs_ready ON jobs (queue, id) WHERE state = 0;";

struct text {
    const char *name, *sql;
};

static const struct text insert_one = {
    "insert_one", "INSERT INTO jobs (id, queue, state, args) VALUES ($1, 'bench', 0, $2)"};
static const struct text insert_many = {
    "insert_many",
    "INSERT INTO jobs (id, queue, state, args)"
    " SELECT id, 'bench', 0, args FROM unnest($1::bigint[], $2::text[]) j (id, args)"};
/* The rows are locked, so their places in the table cannot change under the outer statement. */
static const struct text claim = {
    "claim", "UPDATE jobs SET state = 1 WHERE ctid = ANY (ARRAY (SELECT ctid FROM jobs"
             " WHERE queue = 'bench' AND state = 0 ORDER BY id LIMIT $1::bigint"
             " FOR UPDATE SKIP LOCKED)) RETURNING id, args"};
static const struct text finish = {"finish",
                                   "UPDATE jobs SET state = 2 WHERE id = ANY ($1::bigint[])"};
static const struct text notify = {"notify", "NOTIFY bench"};

static const struct text *const texts[] = {&insert_one, &insert_many, &claim, &finish, &notify};

struct ceiling {
    PGconn *connections[CONNECTIONS_MAX];
    size_t count;
    struct bench_marks marks;
};

static enum err fail(const PGconn *pg, const char *what, struct error *e)
{
    return error_set(e, ERR_IO, "%s: %s", what, PQerrorMessage(pg));
}

/* -- one connection in pipeline mode ----------------------------------------------------------- */

static enum err send(PGconn *pg, const struct text *text, int count, const char *const *values,
                     struct error *e)
{
    return PQsendQueryPrepared(pg, text->name, count, values, NULL, NULL, 0)
               ? OK
               : fail(pg, text->name, e);
}

/* Ends a transaction of what was sent, and sends it. */
static enum err send_sync(PGconn *pg, struct error *e)
{
    return PQpipelineSync(pg) && PQflush(pg) == 0 ? OK : fail(pg, "sending", e);
}

/* The result of the statement that was sent first of those not read yet; PQclear() it. */
static enum err receive(PGconn *pg, PGresult **ret_result, struct error *e)
{
    PGresult *result = PQgetResult(pg);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK) {
        PQclear(result);
        return fail(pg, "a statement failed", e);
    }
    BUG_ON(PQgetResult(pg)); /* the NULL between two results */
    *ret_result = result;
    return OK;
}

static enum err receive_done(PGconn *pg, struct error *e)
{
    PGresult *result;
    TRY(receive(pg, &result, e));
    PQclear(result);
    return OK;
}

static enum err receive_sync(PGconn *pg, struct error *e)
{
    PGresult *result = PQgetResult(pg);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_PIPELINE_SYNC ? OK : fail(pg, "the pipeline broke", e);
}

/* -- inserting --------------------------------------------------------------------------------- */

/* A share of the work for one connection and its thread. */
struct share {
    struct ceiling *ceiling;
    PGconn *pg;
    struct bench_jobs jobs; /* to insert */
    int64_t batch;
    int64_t until_us, until_ran; /* when to stop running, whichever comes first */
    struct buf left, right;
    struct error error;
};

static enum err send_insert_one(struct share *s, int64_t number, struct error *e)
{
    char id[24], args[48];
    (void)snprintf(id, sizeof(id), "%" PRId64, number);
    (void)snprintf(args, sizeof(args), "{\"n\":%" PRId64 "}", number);
    return send(s->pg, &insert_one, 2, (const char *const[]){id, args}, e);
}

static enum err send_insert_many(struct share *s, struct bench_jobs jobs, struct error *e)
{
    buf_reset(&s->left);
    buf_reset(&s->right);
    for (int64_t i = 0; i < jobs.count; i++) {
        char comma = i == 0 ? '{' : ',';
        (void)buf_printf(&s->left, "%c%" PRId64, comma, jobs.first + i);
        (void)buf_printf(&s->right, "%c\"{\\\"n\\\":%" PRId64 "}\"", comma, jobs.first + i);
    }
    if (!buf_append_char(&s->left, '}') || !buf_append_char(&s->right, '}'))
        return error_set(e, ERR_TOO_LARGE, "a batch of %" PRId64 " is too large", jobs.count);
    const char *const values[] = {buf_text(&s->left), buf_text(&s->right)};
    return send(s->pg, &insert_many, 2, values, e);
}

/* A job by itself waits for its commit; batches follow each other before the first is answered. */
static enum err insert_share(struct share *s, struct error *e)
{
    int64_t sent_most = s->batch == 1 ? 1 : INSERTS_SENT, sent = 0;
    for (int64_t done = 0; done < s->jobs.count || sent > 0;) {
        int64_t left = s->jobs.count - done;
        if (left > 0 && sent < sent_most) {
            int64_t now = left < s->batch ? left : s->batch;
            struct bench_jobs jobs = {s->jobs.first + done, now};
            TRY(now == 1 ? send_insert_one(s, jobs.first, e) : send_insert_many(s, jobs, e));
            TRY(send_sync(s->pg, e));
            done += now;
            sent++;
        } else {
            TRY(receive_done(s->pg, e));
            TRY(receive_sync(s->pg, e));
            sent--;
        }
    }
    return OK;
}

/* -- running ----------------------------------------------------------------------------------- */

/* Marks what was claimed and lists it in `left` for the finish. */
static enum err run_claimed(struct share *s, const PGresult *claimed, struct error *e)
{
    buf_reset(&s->left);
    for (int row = 0; row < PQntuples(claimed); row++) {
        int64_t number;
        const char *id = PQgetvalue(claimed, row, 0);
        if (!str_to_i64(str_from(id), &number))
            return error_set(e, ERR_CORRUPT, "%s is no job number", id);
        bench_mark(&s->ceiling->marks, number);
        (void)buf_printf(&s->left, "%c%s", row == 0 ? '{' : ',', id);
    }
    return buf_append_char(&s->left, '}') ? OK : error_set(e, ERR_TOO_LARGE, "the batch");
}

/* One transaction: what `left` lists is finished, then more is claimed, run and listed there. */
static enum err turn(struct share *s, bool finish_some, bool claim_more, int *ret_claimed,
                     struct error *e)
{
    char limit[24];
    (void)snprintf(limit, sizeof(limit), "%" PRId64, s->batch);
    if (finish_some)
        TRY(send(s->pg, &finish, 1, (const char *const[]){buf_text(&s->left)}, e));
    if (claim_more)
        TRY(send(s->pg, &claim, 1, (const char *const[]){limit}, e));
    TRY(send_sync(s->pg, e));
    if (finish_some)
        TRY(receive_done(s->pg, e));
    int count = 0;
    PGresult *claimed = NULL;
    if (claim_more)
        TRY(receive(s->pg, &claimed, e));
    /* A claim counts once it is committed. */
    enum err err = receive_sync(s->pg, e);
    if (err == OK && claimed) {
        err = run_claimed(s, claimed, e);
        count = PQntuples(claimed);
    }
    PQclear(claimed);
    *ret_claimed = count;
    return err;
}

static enum err run_share(struct share *s, struct error *e)
{
    int claimed = 0;
    bool more;
    do {
        more = atomic_load(&s->ceiling->marks.ran) < s->until_ran && bench_now_us() < s->until_us;
        TRY(turn(s, claimed > 0, more, &claimed, e));
    } while (more && claimed > 0);
    return OK;
}

/* -- shares on threads ------------------------------------------------------------------------- */

static void *insert_main(void *arg)
{
    struct share *s = arg;
    return insert_share(s, &s->error) == OK ? NULL : s;
}

static void *run_main(void *arg)
{
    struct share *s = arg;
    return run_share(s, &s->error) == OK ? NULL : s;
}

/* Runs `main` with every connection at once. */
static enum err spread(struct ceiling *c, void *(*thread_main)(void *), struct share like,
                       struct error *e)
{
    struct share shares[CONNECTIONS_MAX];
    pthread_t threads[CONNECTIONS_MAX];
    int64_t first = like.jobs.first, end = first + like.jobs.count;
    for (size_t i = 0; i < c->count; i++) {
        shares[i] = like;
        shares[i].pg = c->connections[i];
        shares[i].left = shares[i].right = BUF_INIT(ARRAY_BYTES_MAX);
        int64_t many = (end - first) / (int64_t)(c->count - i);
        shares[i].jobs = (struct bench_jobs){first, many};
        first += many;
        BUG_ON(pthread_create(&threads[i], NULL, thread_main, &shares[i]) != 0);
    }
    enum err err = OK;
    for (size_t i = 0; i < c->count; i++) {
        void *failed;
        BUG_ON(pthread_join(threads[i], &failed) != 0);
        if (failed && err == OK)
            err = error_set(e, shares[i].error.code, "%s", shares[i].error.text);
        buf_release(&shares[i].left);
        buf_release(&shares[i].right);
    }
    return err;
}

static enum err insert(void *ctx, struct bench_jobs jobs, int64_t batch, struct error *e)
{
    struct ceiling *c = ctx;
    return spread(c, insert_main, (struct share){.ceiling = c, .jobs = jobs, .batch = batch}, e);
}

static enum err run(void *ctx, int64_t count, int64_t batch, int64_t until_us, struct error *e)
{
    struct ceiling *c = ctx;
    struct share like = {
        .ceiling = c,
        .batch = batch,
        .until_us = until_us,
        .until_ran = atomic_load(&c->marks.ran) + count,
    };
    return spread(c, run_main, like, e);
}

/* -- latency ----------------------------------------------------------------------------------- */

/* Waits for a notification and drops it and those behind it. */
static enum err await_notify(PGconn *pg, int64_t until_us, struct error *e)
{
    for (bool heard = false; !heard;) {
        int64_t left_ms = (until_us - bench_now_us()) / USEC_PER_MS;
        struct pollfd socket = {.fd = PQsocket(pg), .events = POLLIN};
        if (left_ms <= 0 || poll(&socket, 1, (int)left_ms) <= 0)
            return error_set(e, ERR_TIMEOUT, "no notification came");
        if (!PQconsumeInput(pg))
            return fail(pg, "listening", e);
        for (PGnotify *note; (note = PQnotifies(pg)); PQfreemem(note))
            heard = true;
    }
    return OK;
}

static enum err latency_once(struct share *producer, struct share *consumer, int64_t number,
                             int64_t until_us, int64_t *ret_us, struct error *e)
{
    int64_t start = bench_now_us();
    TRY(send_insert_one(producer, number, e));
    TRY(send(producer->pg, &notify, 0, NULL, e));
    TRY(send_sync(producer->pg, e));
    TRY(await_notify(consumer->pg, until_us, e));
    int claimed;
    TRY(turn(consumer, false, true, &claimed, e));
    int64_t took = bench_now_us() - start;
    BUG_ON(claimed != 1);
    TRY(turn(consumer, true, false, &claimed, e));
    TRY(receive_done(producer->pg, e));
    TRY(receive_done(producer->pg, e));
    TRY(receive_sync(producer->pg, e));
    *ret_us = took;
    return OK;
}

static enum err listen_on(PGconn *pg, struct error *e)
{
    if (!PQsendQueryParams(pg, "LISTEN bench", 0, NULL, NULL, NULL, NULL, 0))
        return fail(pg, "LISTEN", e);
    TRY(send_sync(pg, e));
    TRY(receive_done(pg, e));
    return receive_sync(pg, e);
}

static enum err latency(void *ctx, struct bench_jobs jobs, int64_t until_us, int64_t *samples_us,
                        int64_t *ret_taken, struct error *e)
{
    struct ceiling *c = ctx;
    if (c->count < 2)
        return error_set(e, ERR_INVALID, "latency takes two connections");
    TRY(listen_on(c->connections[1], e));
    struct share producer = {.ceiling = c, .pg = c->connections[0], .batch = 1};
    struct share consumer = {.ceiling = c, .pg = c->connections[1], .batch = 1};
    producer.left = producer.right = consumer.left = BUF_INIT(ARRAY_BYTES_MAX);
    enum err err = OK;
    int64_t taken = 0;
    while (err == OK && taken < jobs.count && bench_now_us() < until_us) {
        err =
            latency_once(&producer, &consumer, jobs.first + taken, until_us, &samples_us[taken], e);
        taken += err == OK;
    }
    buf_release(&consumer.left);
    *ret_taken = taken;
    return err;
}

/* -- start and end ----------------------------------------------------------------------------- */

static enum err command(PGconn *pg, const char *sql, struct error *e)
{
    PGresult *result = PQexec(pg, sql);
    ExecStatusType status = PQresultStatus(result);
    PQclear(result);
    return status == PGRES_COMMAND_OK ? OK : fail(pg, sql, e);
}

static enum err connect_one(const char *url, PGconn **ret_pg, struct error *e)
{
    PGconn *pg = *ret_pg = PQconnectdb(url);
    if (PQstatus(pg) != CONNECTION_OK)
        return fail(pg, url, e);
    TRY(command(pg, "SET client_min_messages = warning", e));
    TRY(command(pg, schema, e));
    /*
     * A plan that was made when the table was small would read all of it for the rest of the
     * connection's life: ids are then compared with each row in turn.
     */
    TRY(command(pg, "SET enable_seqscan = off", e));
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        PGresult *result = PQprepare(pg, texts[i]->name, texts[i]->sql, 0, NULL);
        ExecStatusType status = PQresultStatus(result);
        PQclear(result);
        if (status != PGRES_COMMAND_OK)
            return fail(pg, texts[i]->name, e);
    }
    return PQenterPipelineMode(pg) ? OK : fail(pg, "pipeline mode", e);
}

static enum err ceiling_open(struct ceiling *c, const char *url, const char *count, struct error *e)
{
    int64_t connections;
    if (!str_to_i64(str_from(count), &connections) || connections < 1 ||
        connections > CONNECTIONS_MAX)
        return error_set(e, ERR_INVALID, "CONNECTIONS is 1 to %d", CONNECTIONS_MAX);
    TRY(bench_marks_init(&c->marks, e));
    c->count = (size_t)connections;
    for (size_t i = 0; i < c->count; i++)
        TRY(connect_one(url, &c->connections[i], e));
    return OK;
}

static void ceiling_close(struct ceiling *c)
{
    for (size_t i = 0; i < c->count; i++)
        PQfinish(c->connections[i]);
    bench_marks_release(&c->marks);
}

int main(int argc, char **argv)
{
    if (argc != 3) {
        fprintf(stderr, "usage: ceiling_pg URL CONNECTIONS\n");
        return 2;
    }
    struct ceiling c = {0};
    struct bench_subject subject = {insert, run, latency, &c, &c.marks};
    struct error e;
    enum err err = ceiling_open(&c, argv[1], argv[2], &e);
    if (err == OK)
        err = bench_serve(&subject, &e);
    ceiling_close(&c);
    if (err != OK)
        fprintf(stderr, "ceiling_pg: %s\n", e.text);
    return err == OK ? 0 : 1;
}
