#include "domain/migration/postgres/cutover.h"

#include "base/clock.h"
#include "domain/migration/postgres/blocks.h"
#include "domain/migration/postgres/fence.h"
#include "domain/migration/postgres/settle.h"
#include "domain/migration/postgres/stream.h"
#include "domain/migration/postgres/watch.h"
#include "domain/migration/postgres/watchdog.h"

#include <inttypes.h>

#define MARKERS     3
#define GRACE_MS    300 /* beyond the budget, before the watchdog takes it from us */
#define RESUME_US   (2 * USEC_PER_SEC)
#define FROZEN_ROLE "proof"

/* One attempt. */
struct attempt {
    struct pg_move *m;
    enum mover_side from, to;
    struct mover_cut *cut;
    struct pg_watchdog *watchdog;
    int64_t started_us, deadline_us, ended_us;
    int64_t marker; /* the last one that was sent */
    struct arena arena;
};

void pg_cut_free(struct mover_cut *cut)
{
    if (!cut)
        return;
    pg_close(cut->at[SIDE_SOURCE]);
    pg_close(cut->at[SIDE_TARGET]);
    free(cut);
}

/* -- beforehand ------------------------------------------------------------------------------- */

/* Whoever has changed something and not committed would hold the clients up. */
static enum err check_writers(const struct attempt *a, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows rows;
    int64_t key = pg_fence_lock(a->m), most = a->m->run->settings->budget_ms / 2;
    const char *sql = arena_printf(
        &arena,
        "SELECT a.pid, pg_catalog.date_part('epoch', pg_catalog.clock_timestamp() - a.xact_start)"
        "::bigint FROM pg_catalog.pg_locks l JOIN pg_catalog.pg_stat_activity a USING (pid)"
        " WHERE l.locktype = 'advisory' AND l.objsubid = 1 AND l.classid = %" PRId64
        " AND l.objid = %" PRId64 " AND a.datname = pg_catalog.current_database()"
        " AND pg_catalog.clock_timestamp() - a.xact_start > pg_catalog.make_interval(secs => "
        "%" PRId64 " / 1000.0) ORDER BY a.xact_start LIMIT 1",
        key >> 32, key & UINT32_MAX, most);
    TRY(pg_query(a->m->at[a->from], sql, NULL, 0, 1, &arena, &rows, e));
    if (rows.count == 0)
        return OK;
    return error_set(e, ERR_BUSY,
                     "a transaction of the tenant has been writing for %s s (process %s on the %s's"
                     " server); it is waited for",
                     pg_cell(&rows, 0, 1), pg_cell(&rows, 0, 0), pg_side_name(a->from));
}

static enum err check_markers(struct attempt *a, struct error *e)
{
    int64_t lag_ms = a->m->run->settings->lag_ms;
    for (int i = 0; i < MARKERS; i++) {
        bool arrived;
        int64_t start = monotonic_us();
        TRY(pg_marker_send(a->m, a->from, &a->marker, e));
        TRY(pg_marker_wait(a->m, a->from, a->marker, lag_ms, &arrived, e));
        if (!arrived || monotonic_us() - start > lag_ms * USEC_PER_MS)
            return error_set(e, ERR_BUSY,
                             "changes take more than %" PRId64
                             " ms to reach the %s (moves: lag_ms)",
                             lag_ms, pg_side_name(a->to));
    }
    return OK;
}

static enum err freeze_prepare(struct attempt *a, struct error *e)
{
    a->cut = calloc(1, sizeof(*a->cut));
    BUG_ON(!a->cut);
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        TRY(pg_move_session(a->m, side, FROZEN_ROLE, &a->cut->at[side], e));
        TRY(pg_run(a->cut->at[side], "BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY", e));
    }
    return OK;
}

static enum err check_schema(struct attempt *a, struct error *e)
{
    struct pg_catalog catalog;
    TRY(pg_watch_schema(a->m, &catalog, e));
    return pg_blocks_check(a->m, &catalog, e);
}

static enum err prepare(struct attempt *a, struct error *e)
{
    struct pg_stream_state state;
    TRY(check_schema(a, e));
    TRY(pg_stream_state(a->m, a->from, &state, e));
    TRY(pg_stream_check(a->m, a->from, &state, e));
    TRY(check_writers(a, e));
    /* The way back, from the moment on that the other side can be written. */
    TRY(pg_stream_slot(a->m, a->to, &a->arena, NULL, NULL, e));
    TRY(freeze_prepare(a, e));
    TRY(pg_watchdog_start(a->m, &a->watchdog, e));
    TRY(check_markers(a, e));
    return check_writers(a, e);
}

/* -- the stall -------------------------------------------------------------------------------- */

static void set_deadlines(const struct attempt *a, int64_t deadline_us)
{
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        const struct mover_run *run = a->m->run;
        struct pg_session *sessions[] = {a->m->at[side], a->cut->at[side]};
        for (size_t i = 0; i < ARRAY_LEN(sessions); i++) {
            if (!sessions[i])
                continue;
            pg_set_deadline(sessions[i], deadline_us);
            pg_set_watch(sessions[i], deadline_us ? NULL : run->go_on, run->ctx);
        }
    }
}

static int64_t left_ms(const struct attempt *a)
{
    int64_t left = (a->deadline_us - monotonic_us()) / USEC_PER_MS;
    return left > 1 ? left : 1;
}

/*
 * The other side begins to wait for the marker before it is written. Its commit is not waited for:
 * the one that opens the fence comes behind it in the log, and is.
 */
static enum err leave_send(struct attempt *a, struct error *e)
{
    struct pg_move *m = a->m;
    const char *from = pg_side_name(a->from);
    TRY(pg_send(m->at[a->from],
                arena_printf(&a->arena,
                             "BEGIN; SET LOCAL lock_timeout = %" PRId64 "; %s;"
                             "SELECT pg_catalog.pg_advisory_xact_lock(%" PRId64 ");"
                             "SELECT %s.marker_send('%s'); COMMIT",
                             left_ms(a), pg_fence_set_sql(m, PG_FENCE_LEAVING, &a->arena),
                             pg_fence_lock(m), m->schema, from),
                e));
    return pg_send(m->at[a->to],
                   arena_printf(&a->arena,
                                "BEGIN; SET LOCAL synchronous_commit = off;"
                                "SELECT %s.arrive('%s', %" PRId64 ", %" PRId64 "); COMMIT",
                                m->schema, from, a->marker + 1, left_ms(a)),
                   e);
}

static enum err leave_take(struct attempt *a, struct error *e)
{
    struct pg_rows rows;
    enum err left = pg_take(a->m->at[a->from], e);
    if (left == OK)
        left = pg_send(a->cut->at[a->from], "SELECT 1", e);
    struct error ignored;
    enum err arrived =
        pg_take_rows(a->m->at[a->to], 1, &a->arena, &rows, left == OK ? e : &ignored);
    if (left != OK)
        return left;
    TRY(arrived);
    if (rows.count != 1 || !text_eq(pg_cell(&rows, 0, 0), "t"))
        return error_set(e, ERR_TIMEOUT, "the last changes did not reach the %s within the budget",
                         pg_side_name(a->to));
    return OK;
}

static enum err freeze(struct attempt *a, struct error *e)
{
    TRY(pg_send(a->cut->at[a->to], "SELECT 1", e));
    TRY(pg_take(a->cut->at[a->from], e));
    return pg_take(a->cut->at[a->to], e);
}

static enum err route(struct attempt *a, struct error *e)
{
    const struct mover_run *run = a->m->run;
    const char *url = a->to == SIDE_SOURCE ? run->source_url : run->target_url;
    return run->router ? run->router->point(run->router, run->slug, url, a->deadline_us, e) : OK;
}

/* Up to the commit point. */
static enum err cut(struct attempt *a, struct error *e)
{
    const struct mover_run *run = a->m->run;
    if (run->router)
        TRY(run->router->pause(run->router, run->slug, a->deadline_us, e));
    TRY(leave_send(a, e));
    enum err routed = route(a, e);
    struct error ignored;
    enum err left = leave_take(a, routed == OK ? e : &ignored);
    TRY(routed);
    TRY(left);
    TRY(freeze(a, e));
    if (monotonic_us() >= a->deadline_us)
        return error_set(e, ERR_TIMEOUT,
                         "the cutover took longer than its budget of %" PRId64
                         " ms (moves: budget_ms)",
                         run->settings->budget_ms);
    return pg_run(a->m->at[a->to], pg_fence_set_sql(a->m, PG_FENCE_OPEN, &a->arena), e);
}

static enum err resume(struct attempt *a, struct error *e)
{
    const struct mover_run *run = a->m->run;
    if (!run->router)
        return OK;
    return run->router->resume(run->router, run->slug, monotonic_us() + RESUME_US, e);
}

/* Its slot would keep the log of a server that nobody reads. Should this fail, settle.h does it. */
static void forget_way_back(const struct pg_move *m, enum mover_side to)
{
    (void)pg_stream_stop(m, to, NULL);
}

/* After a failure: goes by the fences, with sessions of its own. What that cannot do is left to the
 * watchdog. */
static enum err put_right(struct attempt *a, enum mover_side *ret_owner, struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, a->m->run, e));
    enum err err = pg_settle_lock(&m, e);
    if (err == OK)
        err = pg_settle_clients(&m, ret_owner, e);
    if (err == OK && *ret_owner == a->from)
        forget_way_back(&m, a->to);
    pg_move_close(&m);
    return err;
}

static enum err stall(struct attempt *a, struct error *e)
{
    int64_t budget_ms = a->m->run->settings->budget_ms;
    struct error local, late;
    struct error *why = e ? e : &local;
    enum mover_side owner = a->from;
    /* Counted from before the watchdog's time: what is done within it is done within that. */
    a->deadline_us = monotonic_us() + budget_ms * USEC_PER_MS;
    TRY(pg_watchdog_guard(a->watchdog, budget_ms + GRACE_MS, e));
    a->started_us = monotonic_us();
    set_deadlines(a, a->deadline_us);
    enum err err = cut(a, why);
    if (err == OK)
        err = resume(a, why);
    a->ended_us = monotonic_us();
    if (err != OK) {
        /* Its lock goes with its sessions. */
        pg_move_close_sessions(a->m);
        if (put_right(a, &owner, &late) != OK) {
            pg_watchdog_release(a->watchdog);
            a->watchdog = NULL;
            return err;
        }
        a->ended_us = monotonic_us();
    }
    pg_watchdog_dismiss(a->watchdog);
    a->watchdog = NULL;
    return owner == a->to ? OK : err;
}

/* -- all of it -------------------------------------------------------------------------------- */

static enum err attempt(struct attempt *a, int64_t *ret_stall_us, struct error *e)
{
    TRY(pg_settle_lock(a->m, e));
    TRY(prepare(a, e));
    TRY(stall(a, e));
    *ret_stall_us = a->ended_us - a->started_us;
    return OK;
}

static enum err cut_over(struct pg_move *m, enum mover_side to, struct mover_cut **ret_cut,
                         int64_t *ret_stall_us, struct error *e)
{
    enum mover_side owner;
    struct attempt a = {.m = m, .from = mover_other(to), .to = to};
    TRY(pg_settle_owner(m, &owner, e));
    if (owner == to) {
        *ret_cut = NULL;
        *ret_stall_us = 0;
        return OK;
    }
    enum err err = attempt(&a, ret_stall_us, e);
    arena_release(&a.arena);
    if (a.watchdog)
        pg_watchdog_dismiss(a.watchdog); /* nothing had begun */
    if (err != OK) {
        if (m->at[to])
            forget_way_back(m, to);
        pg_cut_free(a.cut);
        return err;
    }
    set_deadlines(&a, 0);
    *ret_cut = a.cut;
    return OK;
}

enum err pg_cut_over(const struct mover_run *run, enum mover_side to, struct mover_cut **ret_cut,
                     int64_t *ret_stall_us, struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, run, e));
    enum err err = cut_over(&m, to, ret_cut, ret_stall_us, e);
    pg_move_close(&m);
    return err;
}
