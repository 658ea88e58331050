/*
 * The mover between SQLite files.
 *
 * Triggers list the rows that change at the side that is written (provisioning/schema/
 * 0002-live-moves.sql); this end of the product reads the list and carries rows over (flow.h). So
 * changes flow when a member is called and not in between, and settle() and watch() make them.
 * sides.h says what stands in the two databases, and what holds.
 */
#include "domain/migration/mover.h"

#include "domain/migration/sqlite/compare.h"
#include "domain/migration/sqlite/cutover.h"
#include "domain/migration/sqlite/flow.h"
#include "domain/migration/sqlite/survey.h"

/* -- before the cutover ------------------------------------------------------------------------ */

static enum err check_mark(const struct sides *s, enum mover_side side, struct error *e)
{
    const struct side *it = &s->side[side];
    if (!it->state.move_id || it->marked)
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "migration %s of customer %s has left its mark in %s: finish or undo it first",
                     it->state.move_id, s->run->slug, db_url_redacted(it->db));
}

static enum err has_row_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct sides *s = arg;
    for (size_t i = 0; i < MOVED_TABLES; i++) {
        int64_t rows = 0;
        if (moved_tables[i].clear)
            TRY(db_get_int(tx, moved_tables[i].count, DB_ARGS(db_text(s->run->customer_id)), &rows,
                           e));
        if (rows > 0)
            return error_set(e, ERR_CONFLICT,
                             "the target has %lld rows of customer %s in table %s already, of "
                             "which nobody knows: it must be empty",
                             (long long)rows, s->run->slug, moved_tables[i].name);
    }
    return OK;
}

static enum err check_prepare(struct sides *s, struct error *e)
{
    const struct side *source = &s->side[SIDE_SOURCE], *target = &s->side[SIDE_TARGET];
    TRY(check_mark(s, SIDE_SOURCE, e));
    TRY(check_mark(s, SIDE_TARGET, e));
    if (source->db == target->db)
        return error_set(e, ERR_CONFLICT,
                         "source and target of customer %s are one database: give each its own "
                         "database url",
                         s->run->slug);
    if (!source->state.deployment_id || !target->state.deployment_id)
        return error_set(e, ERR_CONFLICT, "deployment %s has no place for customer %s",
                         source->state.deployment_id ? target->deployment_id
                                                     : source->deployment_id,
                         s->run->slug);
    if (sides_owner(s) != SIDE_SOURCE || source->state.fenced)
        return error_set(e, ERR_CONFLICT,
                         "customer %s cannot be written at the source: something else holds its "
                         "fence",
                         s->run->slug);
    return target->marked ? OK : db_read(target->db, has_row_work, s, e);
}

/* The target's fence first: from then on only the source can be written. */
static enum err prepare(const struct mover_run *run, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    struct side_end end;
    TRY(sides_open(&s, run, e));
    TRY(sides_take(&s, e));
    TRY(check_prepare(&s, e));
    TRY(side_close_fence(&s, SIDE_TARGET, &end, e));
    TRY(side_put_mark(&s, SIDE_TARGET, false, e));
    return side_put_mark(&s, SIDE_SOURCE, true, e);
}

/* Opens and claims both sides, for members that need what prepare() made. */
static enum err begin(struct sides *s, const struct mover_run *run, struct error *e)
{
    TRY(sides_open(s, run, e));
    TRY(sides_take(s, e));
    if (s->side[SIDE_SOURCE].marked && s->side[SIDE_TARGET].marked)
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "migration %s of customer %s is not prepared, or was ended by another run",
                     run->move_id, run->slug);
}

static enum err copy(const struct mover_run *run, int64_t *ret_rows, int64_t *ret_bytes,
                     struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    TRY(begin(&s, run, e));
    TRY(flow_copy(&s, e));
    *ret_rows = s.side[SIDE_TARGET].state.copy_rows;
    *ret_bytes = s.side[SIDE_TARGET].state.copy_bytes;
    return OK;
}

/* The target has its indexes from the schema, and the copy kept them: rows come in their order. */
static enum err build_indexes(const struct mover_run *run, struct error *e)
{
    TRY(run->go_on(run->ctx, e));
    if (run->note)
        run->note(run->ctx, &(struct mover_progress){.rows_total = INT_ABSENT,
                                                     .rows_done = INT_ABSENT,
                                                     .bytes_done = INT_ABSENT,
                                                     .lag_bytes = INT_ABSENT,
                                                     .what = "indexes were built with the copy"});
    return OK;
}

/* All that the list has at the call: a marker that was written before it is among that. */
static enum err catch_up(const struct mover_run *run, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    TRY(begin(&s, run, e));
    TRY(sides_check_complete(&s, e));
    return flow_drain(&s, sides_owner(&s), NULL, e);
}

/* -- comparing --------------------------------------------------------------------------------- */

struct pair {
    struct db_snapshot *of[2];
};

static void pair_close(struct pair *p)
{
    db_snapshot_close(p->of[SIDE_SOURCE]);
    db_snapshot_close(p->of[SIDE_TARGET]);
}

/*
 * Freezes the owner, makes the other side equal to that, freezes it too and compares: all rows, and
 * nobody waits. Both snapshots are of one state although the owner has gone on.
 */
static enum err compare_now(struct sides *s, struct table_digest ret[MOVED_TABLES], struct error *e)
{
    __attribute__((cleanup(pair_close))) struct pair p = {0};
    enum mover_side owner = sides_owner(s), other = mover_other(owner);
    TRY(sides_check_complete(s, e));
    TRY(db_snapshot_open(s->side[owner].db, &p.of[owner], e));
    TRY(db_snapshot_open(s->side[other].db, &p.of[other], e));
    TRY(db_snapshot_freeze(p.of[owner], e));
    TRY(flow_drain_to_snapshot(s, owner, p.of[owner], e));
    TRY(db_snapshot_freeze(p.of[other], e));
    return compare_sides(s->run, p.of[SIDE_SOURCE], p.of[SIDE_TARGET], ret, e);
}

static enum err verify(const struct mover_run *run, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    struct table_digest digests[MOVED_TABLES];
    TRY(begin(&s, run, e));
    return compare_now(&s, digests, e);
}

static enum err now_work(struct db_tx *tx, void *arg, struct error *e)
{
    return db_now(tx, arg, e);
}

static enum err prove_later(const struct mover_run *run, const char **ret_proof, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    struct table_digest digests[MOVED_TABLES];
    int64_t now;
    TRY(begin(&s, run, e));
    TRY(db_read(s.side[sides_owner(&s)].db, now_work, &now, e));
    TRY(compare_now(&s, digests, e));
    *ret_proof = compare_proof(digests, now, true, run->arena);
    return OK;
}

static enum err prove(const struct mover_run *run, struct mover_cut *cut, const char **ret_proof,
                      struct error *e)
{
    struct table_digest digests[MOVED_TABLES];
    if (!cut)
        return prove_later(run, ret_proof, e);
    enum err err =
        compare_sides(run, cut->snapshots[SIDE_SOURCE], cut->snapshots[SIDE_TARGET], digests, e);
    if (err == OK)
        *ret_proof = compare_proof(digests, cut->end.at, false, run->arena);
    cutover_cut_free(cut);
    return err;
}

/* -- from the cutover on ----------------------------------------------------------------------- */

static enum err owner(const struct mover_run *run, enum mover_side *ret, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    TRY(sides_open(&s, run, e));
    TRY(sides_look(&s, e));
    *ret = sides_owner(&s);
    return OK;
}

static enum err settle(const struct mover_run *run, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    TRY(sides_open(&s, run, e));
    TRY(cutover_restore(&s, e));
    if (sides_check_complete(&s, NULL) != OK)
        return OK; /* nothing flows yet, or any more */
    return flow_drain(&s, sides_owner(&s), NULL, e);
}

static enum err watch(const struct mover_run *run, int64_t *ret_lag_bytes, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    TRY(sides_open(&s, run, e));
    TRY(sides_take(&s, e));
    if (sides_check_complete(&s, e) != OK)
        return error_prefix(e, "the way back is lost");
    TRY(flow_drain(&s, sides_owner(&s), NULL, e));
    return flow_lag(&s, sides_owner(&s), ret_lag_bytes, e);
}

/* -- the end ----------------------------------------------------------------------------------- */

/*
 * The target's mark goes first: from then on there is no way back that the deletions at the source
 * could lead astray. The source's fence and mark stay and say that the tenant has left; they go
 * with its place.
 */
static enum err finish(const struct mover_run *run, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    bool shared;
    TRY(sides_open(&s, run, e));
    TRY(cutover_restore(&s, e));
    if (sides_owner(&s) != SIDE_TARGET)
        return error_set(e, ERR_CONFLICT, "customer %s is still at the source: undo the move",
                         run->slug);
    TRY(side_unmark(&s, SIDE_TARGET, e));
    if (!s.side[SIDE_SOURCE].state.deployment_id)
        return OK;
    TRY(side_is_shared(&s, SIDE_SOURCE, &shared, e));
    if (shared)
        TRY(side_clear_rows(&s, SIDE_SOURCE, e));
    return side_end_list(&s, SIDE_SOURCE, e);
}

static enum err undo_both(struct sides *s, struct error *e)
{
    const struct side_state *target = &s->side[SIDE_TARGET].state;
    if (sides_owner(s) == SIDE_TARGET)
        return error_set(e, ERR_CONFLICT,
                         "customer %s is at the target already: give it back first", s->run->slug);
    TRY(side_unmark(s, SIDE_SOURCE, e));
    if (target->deployment_id && target->fenced)
        TRY(side_clear_rows(s, SIDE_TARGET, e));
    return side_unmark(s, SIDE_TARGET, e);
}

static enum err undo(const struct mover_run *run, struct error *e)
{
    _cleanup_sides_ struct sides s = {.run = run};
    TRY(sides_open(&s, run, e));
    enum err err = cutover_restore(&s, e);
    if (err == ERR_NOT_FOUND)
        return OK; /* both places are gone */
    TRY(err);
    return undo_both(&s, e);
}

const struct mover sqlite_mover = {
    .name = "sqlite",
    .survey = survey_source,
    .prepare = prepare,
    .copy = copy,
    .index = build_indexes,
    .catch_up = catch_up,
    .verify = verify,
    .cut_over = cutover,
    .owner = owner,
    .settle = settle,
    .prove = prove,
    .watch = watch,
    .finish = finish,
    .undo = undo,
    .cut_free = cutover_cut_free,
};
