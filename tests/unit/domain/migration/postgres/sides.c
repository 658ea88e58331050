#include "sides.h"

#include <poll.h>

void sides_open(struct sides *s)
{
    *s = (struct sides){0};
    for (int side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        testdb_create(&s->db[side]);
        const struct pg_options options = {.url = s->db[side].url, .name = "test"};
        ASSERT_OK(s, pg_open(&options, &s->at[side], &s->e));
    }
}

void sides_close(struct sides *s)
{
    for (int side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        pg_close(s->at[side]);
        testdb_remove(&s->db[side]);
    }
    arena_release(&s->arena);
}

int sides_setup(void **state)
{
    struct sides *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    sides_open(s);
    *state = s;
    return 0;
}

int sides_teardown(void **state)
{
    sides_close(*state);
    free(*state);
    return 0;
}

void sides_run(struct sides *s, enum mover_side side, const char *sql)
{
    if (pg_run(s->at[side], sql, &s->e) != OK)
        fail_msg("%s: %s", sql, s->e.text);
}

void sides_run_both(struct sides *s, const char *sql)
{
    sides_run(s, SIDE_SOURCE, sql);
    sides_run(s, SIDE_TARGET, sql);
}

const char *sides_get(struct sides *s, enum mover_side side, const char *sql)
{
    const char *text = NULL;
    if (pg_get(s->at[side], sql, NULL, 0, &s->arena, &text, &s->e) != OK)
        fail_msg("%s: %s", sql, s->e.text);
    return text;
}

/* -- as a move -------------------------------------------------------------------------------- */

static enum err go_on(void *ctx, struct error *e)
{
    struct sides_move *m = ctx;
    m->asked++;
    return m->stop_at > 0 && m->asked >= m->stop_at ? error_set(e, ERR_CONFLICT, "stopped") : OK;
}

static void note(void *ctx, const struct mover_progress *progress)
{
    struct sides_move *m = ctx;
    size_t used = strlen(m->said);
    m->noted++;
    (void)snprintf(m->said + used, sizeof(m->said) - used, "%s %lld of %lld %s\n",
                   progress->table ? progress->table : "-", (long long)progress->rows_done,
                   (long long)progress->rows_total, progress->what ? progress->what : "-");
}

void sides_move_init(struct sides_move *m, struct sides *s)
{
    *m = (struct sides_move){.settings = {.budget_ms = 1000,
                                          .lag_ms = 150,
                                          .streams = 2,
                                          .index_builds = 2,
                                          .index_memory_mb = 16,
                                          .kept_wal_mb = 1000,
                                          .tenant_column = "customer_id"}};
    m->run = (struct mover_run){.stores = tenant_stores_new(NULL),
                                .settings = &m->settings,
                                .move_id = "0190-0001",
                                .customer_id = "acme",
                                .slug = "acme",
                                .source_url = s->db[SIDE_SOURCE].url,
                                .target_url = s->db[SIDE_TARGET].url,
                                .source_id = "d1",
                                .target_id = "d2",
                                .run = 1,
                                .arena = &m->arena,
                                .go_on = go_on,
                                .note = note,
                                .ctx = m};
}

void sides_move_release(struct sides_move *m)
{
    tenant_stores_free(m->run.stores);
    arena_release(&m->arena);
}

struct mover_survey sides_move_survey(struct sides_move *m, struct sides *s)
{
    struct mover_survey found = {0};
    ASSERT_OK(s, postgres_mover.survey(&m->run, &found, &s->e));
    return found;
}

void sides_move_assert_clear(struct sides_move *m, struct sides *s)
{
    struct mover_survey found = sides_move_survey(m, s);
    const struct mover_obstacle *o = found.obstacles.items;
    if (found.obstacles.count > 0)
        fail_msg("%s %s", o->thing, o->why);
}

void sides_move_assert_refused(struct sides_move *m, struct sides *s, const char *thing,
                               const char *why, const char *fix)
{
    struct mover_survey found = sides_move_survey(m, s);
    const struct mover_obstacle *o = found.obstacles.items;
    size_t i = 0;
    while (i < found.obstacles.count &&
           !(text_eq(o[i].thing, thing) && strstr(o[i].why, why) && strstr(o[i].fix, fix)))
        i++;
    if (i == found.obstacles.count)
        fail_msg("no word of \"%s %s: %s\", but of %zu others, the first \"%s %s: %s\"", thing, why,
                 fix, found.obstacles.count, i > 0 ? o->thing : "-", i > 0 ? o->why : "-",
                 i > 0 ? o->fix : "-");
    assert_int_equal(postgres_mover.prepare(&m->run, &s->e), ERR_CONFLICT);
    ASSERT_CONTAINS(s->e.text, o->thing);
    ASSERT_CONTAINS(s->e.text, o->fix);
}

int64_t sides_move_load(struct sides_move *m, struct sides *s)
{
    int64_t rows = 0, bytes = 0;
    ASSERT_OK(s, postgres_mover.prepare(&m->run, &s->e));
    ASSERT_OK(s, postgres_mover.copy(&m->run, &rows, &bytes, &s->e));
    ASSERT_OK(s, postgres_mover.index(&m->run, &s->e));
    return rows;
}

void sides_move_catch_up(struct sides_move *m, struct sides *s)
{
    ASSERT_OK(s, postgres_mover.catch_up(&m->run, &s->e));
    ASSERT_OK(s, postgres_mover.verify(&m->run, &s->e));
}

void sides_move_cut(struct sides_move *m, struct sides *s, enum mover_side to)
{
    struct mover_cut *cut = NULL;
    int64_t stall_us;
    const char *proof = NULL;
    ASSERT_OK(s, postgres_mover.cut_over(&m->run, to, &cut, &stall_us, &s->e));
    ASSERT_OK(s, postgres_mover.settle(&m->run, &s->e));
    ASSERT_OK(s, postgres_mover.prove(&m->run, cut, &proof, &s->e));
    ASSERT_CONTAINS(proof, "\"digest\"");
}

void sides_move_drop(struct sides_move *m, struct sides *s)
{
    enum mover_side owner = SIDE_SOURCE;
    (void)pg_run(s->at[SIDE_SOURCE], "ROLLBACK", NULL);
    (void)pg_run(s->at[SIDE_TARGET], "ROLLBACK", NULL);
    (void)postgres_mover.owner(&m->run, &owner, &s->e);
    if (owner == SIDE_SOURCE)
        (void)postgres_mover.undo(&m->run, &s->e);
    else
        (void)postgres_mover.finish(&m->run, &s->e);
}

void sides_turn(struct sides_move *m, struct sides *s)
{
    m->run.move_id = "0190-0002"; /* its urls are the texts that change places here */
    struct pg_session *at = s->at[SIDE_SOURCE];
    struct testdb db = s->db[SIDE_SOURCE];
    s->at[SIDE_SOURCE] = s->at[SIDE_TARGET];
    s->db[SIDE_SOURCE] = s->db[SIDE_TARGET];
    s->at[SIDE_TARGET] = at;
    s->db[SIDE_TARGET] = db;
}

const char *traces_at(struct pg_session *at, struct arena *arena)
{
    static const char sql[] =
        "SELECT coalesce(string_agg(thing, ' '), '') FROM ("
        "SELECT 'schema ' || nspname AS thing FROM pg_namespace WHERE nspname LIKE 'webhost%'"
        " UNION ALL SELECT 'trigger ' || tgname FROM pg_trigger WHERE tgname LIKE '%webhost%'"
        " UNION ALL SELECT 'publication ' || pubname FROM pg_publication"
        " UNION ALL SELECT 'subscription ' || subname FROM pg_subscription"
        " UNION ALL SELECT 'slot ' || slot_name FROM pg_replication_slots"
        " UNION ALL SELECT 'origin ' || roname FROM pg_replication_origin) things";
    const char *text = NULL;
    struct error e;
    if (pg_get(at, sql, NULL, 0, arena, &text, &e) != OK)
        fail_msg("%s", e.text);
    return text;
}

const char *sides_traces(struct sides *s)
{
    return arena_printf(&s->arena, "%s%s", traces_at(s->at[SIDE_SOURCE], &s->arena),
                        traces_at(s->at[SIDE_TARGET], &s->arena));
}

/* -- clients ---------------------------------------------------------------------------------- */

#define AGAIN_MS 1 /* while neither side takes it */

/* Nobody who shares a table waits long for a lock of a move. */
static const char client_settings[] = "SET lock_timeout = '5s'";

static bool stopped(struct sides_client *c)
{
    return __atomic_load_n(&c->stop, __ATOMIC_SEQ_CST);
}

/* False: it was refused. */
static bool write_once(struct sides_client *c, struct pg_session *at[2], int64_t n)
{
    struct error e;
    char sql[4096];
    c->script(sql, sizeof(sql), c->tenant, n);
    while (pg_runf(at[c->at], &e, "BEGIN; %s; COMMIT", sql) != OK) {
        bool moved = text_eq(pg_sqlstate(at[c->at]), "25006");
        (void)pg_run(at[c->at], "ROLLBACK", NULL);
        if (!c->roams || !moved) {
            (void)snprintf(c->error, sizeof(c->error), "%s", e.text);
            return false;
        }
        c->at = mover_other(c->at);
        (void)poll(NULL, 0, AGAIN_MS);
    }
    return true;
}

static void *client_main(void *arg)
{
    struct sides_client *c = arg;
    struct pg_session *at[2] = {NULL, NULL};
    struct error e;
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        const struct pg_options options = {c->sides->db[side].url, "a client", client_settings,
                                           60000, 0};
        if (pg_open(&options, &at[side], &e) != OK)
            (void)snprintf(c->error, sizeof(c->error), "%s", e.text);
    }
    for (int64_t n = 1; !c->error[0] && !stopped(c); n++) {
        if (write_once(c, at, n))
            __atomic_add_fetch(&c->written, 1, __ATOMIC_SEQ_CST);
    }
    pg_close(at[SIDE_SOURCE]);
    pg_close(at[SIDE_TARGET]);
    __atomic_store_n(&c->stop, true, __ATOMIC_SEQ_CST);
    return NULL;
}

void sides_client_start(struct sides_client *c)
{
    assert_int_equal(pthread_create(&c->thread, NULL, client_main, c), 0);
    c->running = true;
}

void sides_client_wait(struct sides_client *c, int64_t more)
{
    int64_t until = __atomic_load_n(&c->written, __ATOMIC_SEQ_CST) + more;
    while (__atomic_load_n(&c->written, __ATOMIC_SEQ_CST) < until && !stopped(c))
        (void)poll(NULL, 0, AGAIN_MS);
    if (stopped(c))
        fail_msg("a client of %s: %s", c->tenant, c->error);
}

void sides_client_end(struct sides_client *c)
{
    __atomic_store_n(&c->stop, true, __ATOMIC_SEQ_CST);
    if (c->running)
        (void)pthread_join(c->thread, NULL);
    c->running = false;
}

int64_t sides_client_stop(struct sides_client *c)
{
    sides_client_end(c);
    if (c->error[0])
        fail_msg("a client of %s: %s", c->tenant, c->error);
    return c->written;
}
