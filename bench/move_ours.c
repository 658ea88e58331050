/*
 * A tenant's move up to the point where changes begin to flow: what pg_dump, psql and pgcopydb do,
 * and the slot, publications and fences that they do not make.
 *
 *     move_ours SOURCE TARGET CUSTOMER STREAMS BUILDS MEMORY_MB
 *
 * Answers with one JSON object on one line: seconds of prepare, copy and index, rows and bytes.
 * With 0 streams it copies the largest table alone, binary, into a table without indexes: COPY's
 * own limit.
 */
#include "domain/migration/mover.h"
#include "infra/pg/session.h"

#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>

struct numbers {
    int64_t streams, builds, memory_mb;
};

static enum err always(void *ctx, struct error *e)
{
    (void)ctx;
    (void)e;
    return OK;
}

static double seconds_since(int64_t begin)
{
    return (double)(monotonic_us() - begin) / (double)USEC_PER_SEC;
}

static enum err move(const struct mover_run *run, struct error *e)
{
    int64_t rows = 0, bytes = 0, begin = monotonic_us();
    TRY(postgres_mover.prepare(run, e));
    double prepare = seconds_since(begin);
    begin = monotonic_us();
    TRY(postgres_mover.copy(run, &rows, &bytes, e));
    double copy = seconds_since(begin);
    begin = monotonic_us();
    TRY(postgres_mover.index(run, e));
    (void)printf("{\"prepare\": %.3f, \"copy\": %.3f, \"index\": %.3f, \"rows\": %" PRId64
                 ", \"bytes\": %" PRId64 "}\n",
                 prepare, copy, seconds_since(begin), rows, bytes);
    return OK;
}

/* All of `points`, into a table of the same columns and nothing else. */
static enum err stream(const struct mover_run *run, struct error *e)
{
    struct pg_session *from = NULL, *to = NULL;
    int64_t rows = 0, bytes = 0;
    TRY(pg_open(&(struct pg_options){.url = run->source_url, .name = "limit"}, &from, e));
    enum err err = pg_open(&(struct pg_options){.url = run->target_url, .name = "limit"}, &to, e);
    if (err == OK)
        err = pg_run(to,
                     "CREATE TABLE public.points (customer_id text, id bigint, vehicle int,"
                     " at timestamptz, latitude int, longitude int, speed smallint, note text)",
                     e);
    int64_t begin = monotonic_us();
    if (err == OK)
        err =
            pg_copy(from, "COPY public.points TO STDOUT (FORMAT binary)", to,
                    "COPY public.points FROM STDIN (FORMAT binary)", NULL, NULL, &rows, &bytes, e);
    if (err == OK)
        (void)printf("{\"copy\": %.3f, \"rows\": %" PRId64 ", \"bytes\": %" PRId64 "}\n",
                     seconds_since(begin), rows, bytes);
    pg_close(from);
    pg_close(to);
    return err;
}

static bool read_numbers(char **argv, struct numbers *ret)
{
    return str_to_i64(str_from(argv[0]), &ret->streams) &&
           str_to_i64(str_from(argv[1]), &ret->builds) &&
           str_to_i64(str_from(argv[2]), &ret->memory_mb);
}

int main(int argc, char **argv)
{
    struct numbers n;
    struct error e = {0};
    struct arena arena = {0};
    if (argc != 7 || !read_numbers(argv + 4, &n)) {
        (void)fprintf(stderr, "usage: move_ours SOURCE TARGET CUSTOMER STREAMS BUILDS MEMORY_MB\n");
        return 2;
    }
    struct tenant_stores *stores = tenant_stores_new(NULL);
    const struct mover_settings settings = {.budget_ms = 1000,
                                            .lag_ms = 150,
                                            .streams = n.streams,
                                            .index_builds = n.builds,
                                            .index_memory_mb = n.memory_mb,
                                            .kept_wal_mb = 10000,
                                            .tenant_column = "customer_id"};
    const struct mover_run run = {.stores = stores,
                                  .settings = &settings,
                                  .move_id = "bench",
                                  .customer_id = argv[3],
                                  .slug = argv[3],
                                  .source_url = argv[1],
                                  .target_url = argv[2],
                                  .run = 1,
                                  .arena = &arena,
                                  .go_on = always};
    enum err err = n.streams == 0 ? stream(&run, &e) : move(&run, &e);
    if (err != OK)
        (void)fprintf(stderr, "move_ours: %s\n", e.text);
    tenant_stores_free(stores);
    arena_release(&arena);
    return err == OK ? 0 : 1;
}
