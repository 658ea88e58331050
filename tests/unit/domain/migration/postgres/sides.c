#include "sides.h"

int sides_setup(void **state)
{
    struct sides *s = calloc(1, sizeof(*s));
    assert_non_null(s);
    for (int side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        testdb_create(&s->db[side]);
        const struct pg_options options = {.url = s->db[side].url, .name = "test"};
        ASSERT_OK(s, pg_open(&options, &s->at[side], &s->e));
    }
    *state = s;
    return 0;
}

int sides_teardown(void **state)
{
    struct sides *s = *state;
    for (int side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        pg_close(s->at[side]);
        testdb_remove(&s->db[side]);
    }
    arena_release(&s->arena);
    free(s);
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

int64_t sides_move_load(struct sides_move *m, struct sides *s)
{
    int64_t rows = 0, bytes = 0;
    ASSERT_OK(s, postgres_mover.prepare(&m->run, &s->e));
    ASSERT_OK(s, postgres_mover.copy(&m->run, &rows, &bytes, &s->e));
    ASSERT_OK(s, postgres_mover.index(&m->run, &s->e));
    return rows;
}
