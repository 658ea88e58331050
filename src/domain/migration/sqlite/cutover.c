/*
 * A cutover from one side to the other, within a budget:
 *
 *     drain until little is left          clients write
 *     router: pause                       clients wait from here on
 *     close the fence of the old side     one transaction, which also reads the last entry
 *     apply up to that entry              little
 *     freeze a snapshot of each side      both fences are closed: both are at the cut
 *     open the fence of the new side      one transaction: the commit point
 *     router: point, resume
 *
 * What goes wrong before the commit point opens the old side's fence again. What goes wrong in it,
 * or after it, is judged by the fences, as after a kill.
 */
#include "domain/migration/sqlite/cutover.h"

#include "domain/migration/sqlite/flow.h"

#define DRAINS_MAX 20 /* before a cutover is given up for changes that arrive too late */

static const char *url_of(const struct sides *s, enum mover_side side)
{
    return s->side[side].url;
}

/* -- restoring --------------------------------------------------------------------------------- */

static enum err route_to(const struct sides *s, enum mover_side side, struct error *e)
{
    const struct mover_run *run = s->run;
    if (!run->router)
        return OK;
    int64_t deadline = monotonic_us() + run->settings->budget_ms * USEC_PER_MS;
    TRY(run->router->point(run->router, run->slug, url_of(s, side), deadline, e));
    return run->router->resume(run->router, run->slug, deadline, e);
}

enum err cutover_restore(struct sides *s, struct error *e)
{
    TRY(sides_take(s, e));
    enum mover_side owner = sides_owner(s), other = mover_other(owner);
    struct side *owning = &s->side[owner];
    if (owning->state.deployment_id && owning->marked && owning->state.fenced)
        TRY(side_open_fence(s, owner, e));
    if (s->side[other].marked && s->side[other].state.fenced)
        TRY(side_stop_capture(s, other, e));
    return route_to(s, owner, e);
}

/* -- the cutover ------------------------------------------------------------------------------- */

struct cutting {
    struct sides *s;
    enum mover_side from, to;
    struct mover_cut *cut;
    int64_t start, deadline, stall_us; /* microseconds */
};

static enum err check_time(const struct cutting *c, const char *what, struct error *e)
{
    if (monotonic_us() < c->deadline)
        return OK;
    return error_set(e, ERR_TIMEOUT,
                     "the cutover of customer %s took longer than its %lld ms: %s; all is as "
                     "before",
                     c->s->run->slug, (long long)c->s->run->settings->budget_ms, what);
}

/* Until changes arrive quickly: then few are left behind the fence. */
static enum err drain_until_quick(const struct cutting *c, struct error *e)
{
    const struct mover_run *run = c->s->run;
    int64_t took_us = 0;
    for (int i = 0; i < DRAINS_MAX; i++) {
        TRY(flow_drain(c->s, c->from, &took_us, e));
        if (took_us <= run->settings->lag_ms * USEC_PER_MS)
            return OK;
    }
    return error_set(e, ERR_BUSY,
                     "changes of customer %s arrive %lld ms late, and a cutover may start when it "
                     "is %lld: try again when there is less to do",
                     run->slug, (long long)(took_us / USEC_PER_MS),
                     (long long)run->settings->lag_ms);
}

/* From the closed fence to the commit point. */
static enum err cross(struct cutting *c, struct error *e)
{
    struct sides *s = c->s;
    TRY(side_close_fence(s, c->from, &c->cut->end, e));
    TRY(check_time(c, "the fence could not be closed sooner", e));
    TRY(flow_finish(s, c->from, c->cut->end.last, e));
    TRY(check_time(c, "the last changes were not applied sooner", e));
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++)
        TRY(db_snapshot_freeze(c->cut->snapshots[i], e));
    TRY(check_time(c, "the snapshots were not ready sooner", e));
    return side_open_fence(s, c->to, e);
}

static enum err pause_clients(const struct cutting *c, struct error *e)
{
    const struct mover_router *router = c->s->run->router;
    return router ? router->pause(router, c->s->run->slug, c->deadline, e) : OK;
}

static enum err swing(struct cutting *c, struct error *e)
{
    c->start = monotonic_us();
    c->deadline = c->start + c->s->run->settings->budget_ms * USEC_PER_MS;
    enum err err = pause_clients(c, e);
    if (err == OK)
        err = cross(c, e);
    if (err == OK)
        err = route_to(c->s, c->to, e);
    c->stall_us = monotonic_us() - c->start;
    return err;
}

/*
 * What went wrong first stays the error. Where restoring fails too nobody knows, and the class says
 * so; settle() goes on from there. Where the commit point was reached, only what comes after it had
 * failed, and was repeated.
 */
static enum err back_out(struct cutting *c, enum err err, struct error *e)
{
    struct error restoring;
    if (cutover_restore(c->s, &restoring) != OK) {
        const char *first = arena_text(c->s->run->arena, e ? e->text : "it failed");
        return error_set(e, ERR_UNAVAILABLE, "%s; and afterwards: %s", first, restoring.text);
    }
    return sides_owner(c->s) == c->to ? OK : err;
}

static enum err prepare_cut(struct cutting *c, struct error *e)
{
    TRY(sides_check_complete(c->s, e));
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++)
        TRY(db_snapshot_open(c->s->side[i].db, &c->cut->snapshots[i], e));
    return drain_until_quick(c, e);
}

static enum err cut_with(struct cutting *c, bool *ret_made, struct error *e)
{
    TRY(cutover_restore(c->s, e));
    *ret_made = sides_owner(c->s) != c->to;
    if (!*ret_made)
        return OK;
    TRY(prepare_cut(c, e));
    enum err err = swing(c, e);
    if (err != OK)
        return back_out(c, err, e);
    return side_stop_capture(c->s, c->from, NULL) == OK ? OK : cutover_restore(c->s, e);
}

enum err cutover(const struct mover_run *run, enum mover_side to, struct mover_cut **ret_cut,
                 int64_t *ret_stall_us, struct error *e)
{
    struct mover_cut *cut = calloc(1, sizeof(*cut));
    BUG_ON(!cut);
    struct cutting c = {.s = &cut->sides, .from = mover_other(to), .to = to, .cut = cut};
    bool made = false;
    enum err err = sides_open(&cut->sides, run, e);
    if (err == OK)
        err = cut_with(&c, &made, e);
    if (err != OK || !made) {
        cutover_cut_free(cut);
        cut = NULL;
    }
    TRY(err);
    *ret_cut = cut;
    *ret_stall_us = c.stall_us;
    return OK;
}

void cutover_cut_free(struct mover_cut *cut)
{
    if (!cut)
        return;
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++)
        db_snapshot_close(cut->snapshots[i]);
    sides_close(&cut->sides);
    free(cut);
}
