#include "domain/migration/postgres/build.h"

#include "domain/migration/postgres/rows.h"

#include <inttypes.h>

struct building {
    const struct pg_move *m;
    const struct pg_catalog *source;
    bool exclusive;
    struct records list; /* struct pg_build */
    struct pg_build **tasks;
    size_t count;
};

enum err pg_build_begin(const struct pg_move *m, struct pg_session *to, struct error *e)
{
    const struct mover_settings *s = m->run->settings;
    if (s->index_memory_mb > 0)
        TRY(pg_runf(to, e, "SET maintenance_work_mem = '%" PRId64 "MB'", s->index_memory_mb));
    return OK;
}

/* A key's index belongs to nobody until it is attached: a lock is waited for only a moment. */
enum err pg_build_one(struct team *team, struct pg_session *to, struct pg_build *b, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    if (b->there)
        return OK;
    struct mover_progress progress = {b->table,   INT_ABSENT,
                                      INT_ABSENT, INT_ABSENT,
                                      INT_ABSENT, arena_printf(&arena, "building %s", b->name)};
    team_note(team, &progress);
    enum err err = b->built ? OK : pg_run(to, b->create_sql, e);
    if (err == OK && b->attach_sql)
        err = pg_run(to, b->attach_sql, e);
    if (err != OK)
        return error_prefix(e, "building %s of table %s", b->name, b->table);
    b->built = b->there = true;
    return OK;
}

static enum err begin_session(void *ctx, struct pg_session *const at[2], struct error *e)
{
    const struct building *b = ctx;
    TRY(pg_run(at[SIDE_TARGET], "SET synchronous_commit = off", e));
    return pg_build_begin(b->m, at[SIDE_TARGET], e);
}

static enum err run_build(void *ctx, struct team *team, size_t task, struct pg_session *const at[2],
                          struct error *e)
{
    struct building *b = ctx;
    return pg_build_one(team, at[SIDE_TARGET], b->tasks[task], e);
}

/* Foreign keys, or all else that is built of its definition. */
static enum err build_some(struct building *b, bool foreign, struct error *e)
{
    struct pg_build *builds = b->list.items;
    b->count = 0;
    for (size_t i = 0; i < b->list.count; i++) {
        if (!builds[i].there && builds[i].kind != PG_BUILD_REST &&
            (builds[i].kind == PG_BUILD_FOREIGN_KEY) == foreign)
            b->tasks[b->count++] = &builds[i];
    }
    const struct team_work work = {
        .workers = (size_t)b->m->run->settings->index_builds,
        .tasks = b->count,
        .begin = begin_session,
        .run = run_build,
        .ctx = b,
    };
    return team_run(b->m, &work, e);
}

static enum err build_rest(const struct building *b, struct error *e)
{
    const struct pg_build *builds = b->list.items;
    for (size_t i = 0; i < b->list.count; i++) {
        if (builds[i].kind == PG_BUILD_REST)
            return pg_target_make_rest(b->m, e);
    }
    return OK;
}

/* An exclusive target's tables have theirs since they were filled. */
static enum err analyze_shared(const struct building *b, struct error *e)
{
    const struct pg_table *tables = b->source->tables.items;
    for (size_t i = 0; i < b->source->tables.count; i++) {
        if (pg_is_tenants(&tables[i]))
            TRY(pg_runf(b->m->at[SIDE_TARGET], e, "ANALYZE %s", tables[i].sql));
    }
    return OK;
}

enum err pg_build_all(const struct pg_move *m, const struct pg_catalog *source, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct building b = {.m = m, .source = source};
    TRY(pg_target_builds(m, &arena, &b.exclusive, &b.list, e));
    if (!b.exclusive)
        return analyze_shared(&b, e);
    b.tasks = arena_new_array(&arena, b.list.count + 1, struct pg_build *);
    TRY(build_some(&b, false, e));
    TRY(build_some(&b, true, e));
    TRY(build_rest(&b, e));
    TRY(pg_make_durable(m, e));
    return pg_target_open(m, e);
}
