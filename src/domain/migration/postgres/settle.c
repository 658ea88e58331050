#include "domain/migration/postgres/settle.h"

#include "base/clock.h"
#include "domain/migration/postgres/fence.h"
#include "domain/migration/postgres/stream.h"

#include <inttypes.h>
#include <poll.h>

#define LOCK_WAIT_US  (10 * USEC_PER_SEC)
#define LOCK_PAUSE_MS 10
#define ROUTER_US     (10 * USEC_PER_SEC)

static enum err end_others(const struct pg_move *m, enum mover_side side, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *const params[] = {
        arena_printf(&arena, "webhost move %s %" PRId64, m->tag, m->run->run)};
    return pg_get_int(m->at[side],
                      "SELECT count(pg_catalog.pg_terminate_backend(pid, 5000))"
                      " FROM pg_catalog.pg_stat_activity WHERE pid <> pg_catalog.pg_backend_pid()"
                      " AND application_name = $1"
                      " AND datname = pg_catalog.current_database()",
                      params, 1, &(int64_t){0}, e);
}

enum err pg_settle_lock(const struct pg_move *m, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    int64_t until = monotonic_us() + LOCK_WAIT_US;
    const char *got = NULL,
               *sql = arena_printf(&arena, "SELECT pg_catalog.pg_try_advisory_lock(%" PRId64 ")",
                                   pg_fence_cut_lock(m));
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        if (m->at[side])
            TRY(end_others(m, side, e));
    }
    for (;;) {
        TRY(pg_get(m->at[SIDE_SOURCE], sql, NULL, 0, &arena, &got, e));
        if (text_eq(got, "t"))
            return OK;
        if (monotonic_us() >= until)
            return error_set(e, ERR_BUSY, "another process is at work on this move's cutover");
        TRY(m->run->go_on(m->run->ctx, e));
        (void)poll(NULL, 0, LOCK_PAUSE_MS);
    }
}

enum err pg_settle_unlock(const struct pg_move *m, struct error *e)
{
    return pg_runf(m->at[SIDE_SOURCE], e, "SELECT pg_catalog.pg_advisory_unlock(%" PRId64 ")",
                   pg_fence_cut_lock(m));
}

static enum err read_fences(const struct pg_move *m, enum pg_fence ret[2], struct error *e)
{
    TRY(pg_fence_read(m, SIDE_SOURCE, &ret[SIDE_SOURCE], e));
    return pg_fence_read(m, SIDE_TARGET, &ret[SIDE_TARGET], e);
}

enum err pg_settle_owner(const struct pg_move *m, enum mover_side *ret, struct error *e)
{
    enum pg_fence fences[2];
    TRY(read_fences(m, fences, e));
    *ret = pg_fence_owner(fences[SIDE_SOURCE], fences[SIDE_TARGET]);
    return OK;
}

static enum err settle_router(const struct pg_move *m, enum mover_side owner, struct error *e)
{
    const struct mover_run *run = m->run;
    int64_t until = monotonic_us() + ROUTER_US;
    if (!run->router)
        return OK;
    const char *url = owner == SIDE_SOURCE ? run->source_url : run->target_url;
    TRY(run->router->point(run->router, run->slug, url, until, e));
    return run->router->resume(run->router, run->slug, until, e);
}

/* The other's first: they are never both open. */
enum err pg_settle_clients(const struct pg_move *m, enum mover_side *ret_owner, struct error *e)
{
    enum pg_fence fences[2];
    TRY(read_fences(m, fences, e));
    enum mover_side owner = pg_fence_owner(fences[SIDE_SOURCE], fences[SIDE_TARGET]);
    enum mover_side other = mover_other(owner);
    if (fences[owner] == PG_FENCE_NONE && fences[other] == PG_FENCE_NONE) {
        *ret_owner = owner;
        return OK; /* the move is over: where clients go is not its affair any more */
    }
    if (fences[other] != PG_FENCE_NONE && fences[other] != PG_FENCE_CLOSED)
        TRY(pg_fence_set(m, other, PG_FENCE_CLOSED, e));
    if (fences[owner] != PG_FENCE_NONE && fences[owner] != PG_FENCE_OPEN)
        TRY(pg_fence_set(m, owner, PG_FENCE_OPEN, e));
    TRY(settle_router(m, owner, e));
    *ret_owner = owner;
    return OK;
}

/* Where the owner's stream begins; NULL when it never got the tenant by a cutover. */
static enum err read_cut(const struct pg_move *m, enum mover_side owner, struct arena *arena,
                         const char **ret_lsn, struct error *e)
{
    return pg_get(m->at[owner],
                  arena_printf(arena, "SELECT lsn FROM %s.cut ORDER BY n DESC LIMIT 1", m->schema),
                  NULL, 0, arena, ret_lsn, e);
}

enum err pg_settle_streams(const struct pg_move *m, enum mover_side owner, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *lsn;
    struct pg_stream_state state;
    bool made[2] = {false, false};
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        if (m->at[side])
            TRY(pg_move_is_made(m, side, &made[side], e));
    }
    if (!made[SIDE_SOURCE] || !made[SIDE_TARGET])
        return OK;
    TRY(pg_stream_stop(m, mover_other(owner), e));
    TRY(pg_stream_state(m, owner, &state, e));
    TRY(read_cut(m, owner, &arena, &lsn, e));
    /* Without the slot the way to the other side is lost; without either, nothing flowed yet. */
    if (!state.slot || (!state.subscription && !lsn))
        return OK;
    return pg_stream_start(m, owner, lsn, e);
}
