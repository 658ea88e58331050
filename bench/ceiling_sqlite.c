/*
 * The ceiling on SQLite: a queue with nothing in it that a queue could do without.
 *
 *     ceiling_sqlite FILE        then the protocol of driver.h
 *
 * One connection, WAL, synchronous FULL as the product's; history is kept. The end of one batch and
 * the claim of the next share a transaction, so that a batch costs one commit.
 */
#include "base/clock.h"
#include "driver.h"

#include <inttypes.h>
#include <sqlite3.h>

static const char schema[] =
    "PRAGMA journal_mode = WAL; PRAGMA synchronous = FULL;"
    "CREATE TABLE jobs (id INTEGER PRIMARY KEY, queue TEXT NOT NULL, state INTEGER NOT NULL,"
    " args TEXT NOT NULL);"
    "CREATE INDEX jobs_ready ON jobs (queue, id) WHERE state = 0;";

enum statement { BEGIN, COMMIT, INSERT, CLAIM, FINISH, STATEMENTS };

static const char *const texts[STATEMENTS] = {
    [BEGIN] = "BEGIN IMMEDIATE",
    [COMMIT] = "COMMIT",
    [INSERT] = "INSERT INTO jobs (id, queue, state, args) VALUES (?1, 'bench', 0, ?2)",
    [CLAIM] = "UPDATE jobs SET state = 1 WHERE id IN (SELECT id FROM jobs WHERE queue = 'bench' AND"
              " state = 0 ORDER BY id LIMIT ?1) RETURNING id, args",
    [FINISH] = "UPDATE jobs SET state = 2 WHERE id = ?1",
};

struct ceiling {
    sqlite3 *db;
    sqlite3_stmt *statements[STATEMENTS];
    struct bench_marks marks;
    int64_t *claimed; /* numbers of the batch that runs */
    int64_t claimed_count, claimed_max;
};

static enum err fail(struct ceiling *c, const char *what, struct error *e)
{
    return error_set(e, ERR_IO, "%s: %s", what, sqlite3_errmsg(c->db));
}

/* Runs a statement whose parameters are bound and whose rows, if any, are not wanted. */
static enum err step(struct ceiling *c, enum statement which, struct error *e)
{
    int code = sqlite3_step(c->statements[which]);
    return sqlite3_reset(c->statements[which]) == SQLITE_OK && code == SQLITE_DONE
               ? OK
               : fail(c, texts[which], e);
}

static enum err insert_one(struct ceiling *c, int64_t number, struct error *e)
{
    char args[48];
    int len = snprintf(args, sizeof(args), "{\"n\":%" PRId64 "}", number);
    sqlite3_stmt *s = c->statements[INSERT];
    if (sqlite3_bind_int64(s, 1, number) || sqlite3_bind_text(s, 2, args, len, SQLITE_STATIC))
        return fail(c, "binding", e);
    return step(c, INSERT, e);
}

static enum err insert(void *ctx, struct bench_jobs jobs, int64_t batch, struct error *e)
{
    struct ceiling *c = ctx;
    for (int64_t done = 0; done < jobs.count; done++) {
        if (done % batch == 0)
            TRY(step(c, BEGIN, e));
        TRY(insert_one(c, jobs.first + done, e));
        if ((done + 1) % batch == 0 || done + 1 == jobs.count)
            TRY(step(c, COMMIT, e));
    }
    return OK;
}

static enum err finish_claimed(struct ceiling *c, struct error *e)
{
    for (int64_t i = 0; i < c->claimed_count; i++) {
        if (sqlite3_bind_int64(c->statements[FINISH], 1, c->claimed[i]))
            return fail(c, "binding", e);
        TRY(step(c, FINISH, e));
    }
    c->claimed_count = 0;
    return OK;
}

static enum err claim(struct ceiling *c, int64_t batch, struct error *e)
{
    sqlite3_stmt *s = c->statements[CLAIM];
    if (sqlite3_bind_int64(s, 1, batch))
        return fail(c, "binding", e);
    int code;
    while ((code = sqlite3_step(s)) == SQLITE_ROW) {
        BUG_ON(c->claimed_count == c->claimed_max);
        c->claimed[c->claimed_count++] = sqlite3_column_int64(s, 0);
    }
    return sqlite3_reset(s) == SQLITE_OK && code == SQLITE_DONE ? OK : fail(c, texts[CLAIM], e);
}

/* One transaction: what was claimed before is finished, the next is claimed. */
static enum err turn(struct ceiling *c, int64_t batch, bool claim_more, struct error *e)
{
    TRY(step(c, BEGIN, e));
    TRY(finish_claimed(c, e));
    if (claim_more)
        TRY(claim(c, batch, e));
    return step(c, COMMIT, e);
}

static void reserve(struct ceiling *c, int64_t batch)
{
    free(c->claimed);
    c->claimed = calloc((size_t)batch, sizeof(*c->claimed));
    BUG_ON(!c->claimed);
    c->claimed_max = batch;
}

static enum err run(void *ctx, int64_t count, int64_t batch, int64_t until_us, struct error *e)
{
    struct ceiling *c = ctx;
    reserve(c, batch);
    int64_t ran = 0;
    do {
        bool more = ran < count && bench_now_us() < until_us;
        TRY(turn(c, batch, more, e));
        for (int64_t i = 0; i < c->claimed_count; i++)
            bench_mark(&c->marks, c->claimed[i]);
        ran += c->claimed_count;
    } while (c->claimed_count > 0);
    return OK;
}

static enum err latency(void *ctx, struct bench_jobs jobs, int64_t until_us, int64_t *samples_us,
                        int64_t *ret_taken, struct error *e)
{
    struct ceiling *c = ctx;
    reserve(c, 1);
    int64_t taken = 0;
    for (; taken < jobs.count && bench_now_us() < until_us; taken++) {
        int64_t start = bench_now_us();
        TRY(insert(c, (struct bench_jobs){jobs.first + taken, 1}, 1, e));
        TRY(turn(c, 1, true, e));
        BUG_ON(c->claimed_count != 1);
        samples_us[taken] = bench_now_us() - start;
        bench_mark(&c->marks, c->claimed[0]);
        TRY(turn(c, 1, false, e));
    }
    *ret_taken = taken;
    return OK;
}

static enum err ceiling_open(struct ceiling *c, const char *path, struct error *e)
{
    TRY(bench_marks_init(&c->marks, e));
    if (sqlite3_open(path, &c->db) || sqlite3_exec(c->db, schema, NULL, NULL, NULL))
        return fail(c, path, e);
    for (size_t i = 0; i < STATEMENTS; i++) {
        if (sqlite3_prepare_v3(c->db, texts[i], -1, SQLITE_PREPARE_PERSISTENT, &c->statements[i],
                               NULL))
            return fail(c, texts[i], e);
    }
    return OK;
}

static void ceiling_close(struct ceiling *c)
{
    for (size_t i = 0; i < STATEMENTS; i++)
        (void)sqlite3_finalize(c->statements[i]);
    (void)sqlite3_close(c->db);
    bench_marks_release(&c->marks);
    free(c->claimed);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: ceiling_sqlite FILE\n");
        return 2;
    }
    struct ceiling c = {0};
    struct bench_subject subject = {insert, run, latency, &c, &c.marks};
    struct error e;
    enum err err = ceiling_open(&c, argv[1], &e);
    if (err == OK)
        err = bench_serve(&subject, &e);
    ceiling_close(&c);
    if (err != OK)
        fprintf(stderr, "ceiling_sqlite: %s\n", e.text);
    return err == OK ? 0 : 1;
}
