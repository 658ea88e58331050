#include "pg_world.h"

#include "sides.h"

#include "base/clock.h"
#include "domain/migration/postgres/blocks.h"
#include "domain/migration/postgres/fence.h"
#include "domain/migration/postgres/stream.h"
#include "domain/migration/postgres/watch.h"

#include <inttypes.h>
#include <poll.h>

static const char schema[] =
    "CREATE TYPE public.mood AS ENUM ('good', 'bad');"
    "CREATE TABLE public.countries (code text PRIMARY KEY, name text NOT NULL);"
    "CREATE TABLE public.trips (id bigserial PRIMARY KEY, customer_id text NOT NULL,"
    " note text NOT NULL, amount numeric, extra json, mood public.mood,"
    " country text REFERENCES public.countries (code), changes bigint NOT NULL DEFAULT 0);"
    "CREATE INDEX trips_by_customer ON public.trips (customer_id);"
    "CREATE TABLE public.points (customer_id text NOT NULL, id text NOT NULL, trip bigint NOT NULL"
    " REFERENCES public.trips (id), at timestamptz NOT NULL DEFAULT now(),"
    " PRIMARY KEY (customer_id, id));";

static const char data[] =
    "INSERT INTO public.countries VALUES ('de', 'Germany'), ('fr', 'France');"
    "INSERT INTO public.trips (customer_id, note, amount, extra, mood, country)"
    " SELECT (ARRAY['a', 'b', 'c'])[1 + i % 3], 'trip ' || i, i / 7.0, '{\"i\": 1}', 'bad', 'de'"
    " FROM generate_series(1, 900) i;"
    "INSERT INTO public.points (customer_id, id, trip)"
    " SELECT customer_id, 'p' || id, id FROM public.trips;";

/* -- the router ------------------------------------------------------------------------------- */

static struct pg_world_router *of(const struct mover_router *self)
{
    return (struct pg_world_router *)(uintptr_t)self;
}

static enum err router_pause(const struct mover_router *self, const char *slug, int64_t deadline_us,
                             struct error *e)
{
    struct pg_world_router *r = of(self);
    (void)slug;
    (void)pthread_mutex_lock(&r->lock);
    r->paused = true;
    r->pauses++;
    bool fails = r->pause_fails;
    while (r->busy > 0 && monotonic_us() < deadline_us) {
        (void)pthread_mutex_unlock(&r->lock);
        (void)poll(NULL, 0, 1);
        (void)pthread_mutex_lock(&r->lock);
    }
    fails = fails || r->busy > 0;
    (void)pthread_mutex_unlock(&r->lock);
    return fails ? error_set(e, ERR_TIMEOUT, "a transaction goes on") : OK;
}

static enum err router_point(const struct mover_router *self, const char *slug, const char *url,
                             int64_t deadline_us, struct error *e)
{
    struct pg_world_router *r = of(self);
    struct pg_world *w = (struct pg_world *)((char *)r - offsetof(struct pg_world, router));
    (void)slug;
    (void)deadline_us;
    (void)e;
    (void)pthread_mutex_lock(&r->lock);
    r->points++;
    r->side = text_eq(url, w->db[SIDE_SOURCE].url) ? SIDE_SOURCE : SIDE_TARGET;
    (void)pthread_mutex_unlock(&r->lock);
    return OK;
}

static enum err router_resume(const struct mover_router *self, const char *slug,
                              int64_t deadline_us, struct error *e)
{
    struct pg_world_router *r = of(self);
    (void)slug;
    (void)deadline_us;
    (void)pthread_mutex_lock(&r->lock);
    bool fails = r->resume_fails;
    r->resume_fails = false;
    r->resumes++;
    r->paused = fails;
    (void)pthread_cond_broadcast(&r->changed);
    (void)pthread_mutex_unlock(&r->lock);
    return fails ? error_set(e, ERR_UNAVAILABLE, "the router is gone") : OK;
}

/* -- the watchdog's router -------------------------------------------------------------------- */

struct file_router {
    struct mover_router router; /* first */
    const char *path;
};

static enum err file_say(const struct mover_router *self, const char *what, const char *more)
{
    FILE *file = fopen(((const struct file_router *)self)->path, "a");
    BUG_ON(!file || fprintf(file, "%s%s\n", what, more) < 0 || fclose(file) != 0);
    return OK;
}

static enum err file_pause(const struct mover_router *self, const char *slug, int64_t deadline_us,
                           struct error *e)
{
    (void)slug;
    (void)deadline_us;
    (void)e;
    return file_say(self, "pause", "");
}

static enum err file_point(const struct mover_router *self, const char *slug, const char *url,
                           int64_t deadline_us, struct error *e)
{
    (void)slug;
    (void)deadline_us;
    (void)e;
    return file_say(self, "point ", url);
}

static enum err file_resume(const struct mover_router *self, const char *slug, int64_t deadline_us,
                            struct error *e)
{
    (void)slug;
    (void)deadline_us;
    (void)e;
    return file_say(self, "resume", "");
}

enum err pg_world_make_router(const char *spec, struct arena *arena,
                              const struct mover_router **ret, struct error *e)
{
    (void)e;
    struct file_router *r = arena_new(arena, struct file_router);
    *r = (struct file_router){{file_pause, file_point, file_resume, spec}, arena_text(arena, spec)};
    *ret = &r->router;
    return OK;
}

const char *pg_world_watchdog_said(struct pg_world *w)
{
    char text[4096];
    FILE *file = fopen(w->router_file, "r");
    if (!file)
        return "";
    size_t len = fread(text, 1, sizeof(text), file);
    (void)fclose(file);
    return arena_text_n(&w->arena, text, len);
}

/* -- writers ---------------------------------------------------------------------------------- */

static enum mover_side enter(struct pg_writer *writer)
{
    struct pg_world_router *r = &writer->world->router;
    if (!writer->routed)
        return SIDE_SOURCE;
    (void)pthread_mutex_lock(&r->lock);
    while (r->paused)
        (void)pthread_cond_wait(&r->changed, &r->lock);
    r->busy++;
    enum mover_side side = r->side;
    (void)pthread_mutex_unlock(&r->lock);
    return side;
}

static void leave(struct pg_writer *writer)
{
    struct pg_world_router *r = &writer->world->router;
    if (!writer->routed)
        return;
    (void)pthread_mutex_lock(&r->lock);
    r->busy--;
    (void)pthread_mutex_unlock(&r->lock);
}

/* A new trip with a point, a change of an old one, sometimes a deletion. */
static enum err write_once(struct pg_writer *writer, struct pg_session *s, int64_t n,
                           struct error *e)
{
    const char *t = writer->tenant;
    return pg_runf(
        s, e,
        "BEGIN; WITH t AS (INSERT INTO public.trips (customer_id, note, mood) VALUES ('%s', 'new',"
        " 'good') RETURNING id) INSERT INTO public.points (customer_id, id, trip)"
        " SELECT '%s', 'w' || id, id FROM t;"
        "UPDATE public.trips SET changes = changes + 1 WHERE id IN (SELECT id FROM public.trips"
        " WHERE customer_id = '%s' ORDER BY id OFFSET %" PRId64 " LIMIT 1);"
        "DELETE FROM public.points WHERE customer_id = '%s' AND id IN (SELECT id FROM public.points"
        " WHERE customer_id = '%s' AND id LIKE 'p%%' ORDER BY id LIMIT %d);"
        "COMMIT",
        t, t, t, n % 100, t, t, n % 8 == 0);
}

static void *writer_main(void *arg)
{
    struct pg_writer *writer = arg;
    struct pg_world *w = writer->world;
    struct pg_session *at[2] = {NULL, NULL};
    struct error e;
    for (int64_t n = 1; !w->stop; n++) {
        enum mover_side side = enter(writer);
        enum err err = OK;
        if (!at[side])
            err = pg_open(&(struct pg_options){w->db[side].url, "a client", NULL, 60000, 0},
                          &at[side], &e);
        if (err == OK)
            err = write_once(writer, at[side], n, &e);
        leave(writer);
        if (err == OK) {
            __atomic_add_fetch(&writer->written, 1, __ATOMIC_SEQ_CST);
        } else if (writer->errors++ == 0) {
            (void)snprintf(writer->error, sizeof(writer->error), "%s", e.text);
        }
        if (err != OK && at[side])
            (void)pg_run(at[side], "ROLLBACK", NULL);
        (void)poll(NULL, 0, 2);
    }
    pg_close(at[SIDE_SOURCE]);
    pg_close(at[SIDE_TARGET]);
    return NULL;
}

void pg_world_write(struct pg_world *w, const char *tenant, bool routed)
{
    assert_true(w->writer_count < ARRAY_LEN(w->writers));
    struct pg_writer *writer = &w->writers[w->writer_count++];
    *writer = (struct pg_writer){.world = w, .tenant = tenant, .routed = routed};
    assert_int_equal(pthread_create(&writer->thread, NULL, writer_main, writer), 0);
}

static int64_t written(struct pg_world *w)
{
    int64_t sum = 0;
    for (size_t i = 0; i < w->writer_count; i++)
        sum += __atomic_load_n(&w->writers[i].written, __ATOMIC_SEQ_CST);
    return sum;
}

void pg_world_wait_written(struct pg_world *w, int64_t more)
{
    int64_t until = written(w) + more;
    while (written(w) < until)
        (void)poll(NULL, 0, 1);
}

static int64_t stop_writers(struct pg_world *w)
{
    w->stop = true;
    for (size_t i = 0; i < w->writer_count; i++)
        (void)pthread_join(w->writers[i].thread, NULL);
    int64_t sum = written(w);
    w->writer_count = 0;
    w->stop = false;
    return sum;
}

int64_t pg_world_stop(struct pg_world *w)
{
    size_t count = w->writer_count;
    int64_t sum = stop_writers(w);
    for (size_t i = 0; i < count; i++) {
        if (w->writers[i].errors > 0)
            fail_msg("a client of tenant %s had %" PRId64 " errors: %s", w->writers[i].tenant,
                     w->writers[i].errors, w->writers[i].error);
    }
    return sum;
}

/* -- the world -------------------------------------------------------------------------------- */

void pg_world_run(struct pg_world *w, enum mover_side side, const char *sql)
{
    ASSERT_OK(w, pg_run(w->at[side], sql, &w->e));
}

int64_t pg_world_count(struct pg_world *w, enum mover_side side, const char *sql)
{
    int64_t count = -1;
    ASSERT_OK(w, pg_get_int(w->at[side], sql, NULL, 0, &count, &w->e));
    return count;
}

static enum err go_on(void *ctx, struct error *e)
{
    (void)ctx;
    (void)e;
    return OK;
}

int pg_world_setup(void **state)
{
    struct pg_world *w = calloc(1, sizeof(*w));
    assert_non_null(w);
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        testdb_create(&w->db[side]);
        const struct pg_options options = {w->db[side].url, "the test", NULL, 60000, 0};
        ASSERT_OK(w, pg_open(&options, &w->at[side], &w->e));
        pg_world_run(w, side, schema);
    }
    pg_world_run(w, SIDE_SOURCE, data);
    assert_int_equal(pthread_mutex_init(&w->router.lock, NULL), 0);
    assert_int_equal(pthread_cond_init(&w->router.changed, NULL), 0);
    (void)snprintf(w->router_file, sizeof(w->router_file), "/tmp/webhost-router-%d", getpid());
    w->router.router =
        (struct mover_router){router_pause, router_point, router_resume, w->router_file};
    w->settings = (struct mover_settings){.budget_ms = 10000,
                                          .lag_ms = 10000,
                                          .streams = 2,
                                          .index_builds = 2,
                                          .index_memory_mb = 16,
                                          .kept_wal_mb = 1024,
                                          .tenant_column = "customer_id"};
    w->run = (struct mover_run){
        .settings = &w->settings,
        .router = &w->router.router,
        .move_id = "0193a1b2-0000-7000-8000-0000000000f1",
        .customer_id = "a",
        .slug = "alpha",
        .source_url = w->db[SIDE_SOURCE].url,
        .target_url = w->db[SIDE_TARGET].url,
        .run = 1,
        .arena = &w->arena,
        .go_on = go_on,
    };
    *state = w;
    return 0;
}

/* A database with a subscription or a slot cannot be dropped. */
static void remove_subscriptions(struct pg_world *w, enum mover_side side)
{
    struct pg_rows rows;
    ASSERT_OK(w, pg_query(w->at[side],
                          "SELECT format('ALTER SUBSCRIPTION %I DISABLE; ALTER SUBSCRIPTION %I SET"
                          " (slot_name = NONE); DROP SUBSCRIPTION %I', subname, subname, subname)"
                          " FROM pg_subscription WHERE subdbid = (SELECT oid FROM pg_database"
                          " WHERE datname = current_database())",
                          NULL, 0, 10, &w->arena, &rows, &w->e));
    for (size_t i = 0; i < rows.count; i++)
        pg_world_run(w, side, pg_cell(&rows, i, 0));
}

static void remove_slots(struct pg_world *w, enum mover_side side)
{
    pg_world_run(w, side,
                 "SELECT pg_terminate_backend(active_pid, 5000) FROM pg_replication_slots;"
                 "SELECT pg_drop_replication_slot(slot_name) FROM pg_replication_slots"
                 " WHERE database = current_database()");
}

int pg_world_teardown(void **state)
{
    struct pg_world *w = *state;
    (void)stop_writers(w);
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++)
        remove_subscriptions(w, side);
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++)
        remove_slots(w, side);
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++)
        pg_close(w->at[side]);
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++)
        testdb_remove(&w->db[side]);
    (void)unlink(w->router_file);
    arena_release(&w->arena);
    free(w);
    return 0;
}

/* -- parts of a move by hand ------------------------------------------------------------------ */

static void copy_table(struct pg_world *w, const struct pg_table *t, struct pg_session *from,
                       struct pg_session *to, const char *whose)
{
    int64_t rows, bytes;
    ASSERT_OK(w, pg_copy(from,
                         arena_printf(&w->arena, "COPY (SELECT %s FROM %s WHERE %s) TO STDOUT",
                                      t->column_list, t->sql, whose),
                         to,
                         arena_printf(&w->arena, "COPY %s (%s) FROM STDIN", t->sql, t->column_list),
                         NULL, NULL, &rows, &bytes, &w->e));
}

void pg_world_copy(struct pg_world *w)
{
    struct pg_move m;
    struct pg_catalog catalogs[2];
    struct pg_session *holder;
    const char *snapshot;
    ASSERT_OK(w, pg_move_open(&m, &w->run, &w->e));
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        ASSERT_OK(w, pg_move_catalog(&m, side, &catalogs[side], &w->e));
        ASSERT_OK(w, pg_fence_create(&m, side, &catalogs[side], &w->e));
    }
    ASSERT_OK(w, pg_stream_publish(&m, SIDE_SOURCE, &catalogs[SIDE_SOURCE], true, &w->e));
    ASSERT_OK(w, pg_stream_slot(&m, SIDE_SOURCE, &w->arena, &holder, &snapshot, &w->e));
    ASSERT_OK(w, pg_runf(m.at[SIDE_SOURCE], &w->e,
                         "BEGIN ISOLATION LEVEL REPEATABLE READ; SET TRANSACTION SNAPSHOT '%s'",
                         snapshot));
    ASSERT_OK(w, pg_run(m.at[SIDE_TARGET], "SET session_replication_role = replica", &w->e));
    const struct pg_table *tables = catalogs[SIDE_SOURCE].tables.items;
    for (size_t i = 0; i < catalogs[SIDE_SOURCE].tables.count; i++)
        copy_table(w, &tables[i], m.at[SIDE_SOURCE], m.at[SIDE_TARGET],
                   pg_is_tenants(&tables[i]) ? "customer_id = 'a'" : "true");
    pg_close(holder);
    pg_move_close(&m);
}

void pg_world_catch_up(struct pg_world *w)
{
    pg_world_copy(w);
    ASSERT_OK(w, postgres_mover.catch_up(&w->run, &w->e));
}

/* A session that was closed takes its server a moment. */
static void wait_for_sessions(struct pg_world *w)
{
    while (pg_world_count(w, SIDE_SOURCE,
                          "SELECT count(*) FROM pg_stat_activity"
                          " WHERE application_name LIKE 'webhost%'") > 0)
        (void)poll(NULL, 0, 2);
}

const char *pg_world_traces(struct pg_world *w)
{
    wait_for_sessions(w);
    return arena_printf(&w->arena, "%s%s", traces_at(w->at[SIDE_SOURCE], &w->arena),
                        traces_at(w->at[SIDE_TARGET], &w->arena));
}
