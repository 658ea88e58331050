#include "domain/migration/postgres/end.h"

#include "domain/migration/postgres/build.h"
#include "domain/migration/postgres/digest.h"
#include "domain/migration/postgres/fence.h"
#include "domain/migration/postgres/settle.h"
#include "domain/migration/postgres/stream.h"

#include <inttypes.h>

#define DELETE_ROWS 5000

static enum err delete_from(const struct pg_move *m, enum mover_side side,
                            const struct pg_table *table, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct texts ranges;
    struct mover_progress progress = {table->label, INT_ABSENT, 0,
                                      INT_ABSENT,   INT_ABSENT, "deleting the tenant's rows"};
    TRY(pg_ranges(m->at[side], table, pg_whose(m, table, &arena), DELETE_ROWS, &arena, &ranges, e));
    for (size_t i = 0; i < ranges.count; i++) {
        int64_t count;
        TRY(m->run->go_on(m->run->ctx, e));
        TRY(pg_get_int(m->at[side],
                       arena_printf(&arena,
                                    "WITH gone AS (DELETE FROM %s WHERE %s RETURNING 1)"
                                    " SELECT count(*) FROM gone",
                                    table->from, ranges.items[i]),
                       NULL, 0, &count, e));
        progress.rows_done += count;
        pg_move_note(m, &progress);
    }
    return OK;
}

/* As a replica: the fence is closed, and the application's triggers are about the tenant's own
 * changes. Foreign keys are not checked then: what refers to a row is deleted before it. */
enum err pg_end_delete_rows(const struct pg_move *m, enum mover_side side,
                            const struct pg_catalog *catalog, struct error *e)
{
    const struct pg_table *tables = catalog->tables.items;
    TRY(pg_run(m->at[side], "SET session_replication_role = replica", e));
    enum err err = OK;
    for (size_t i = catalog->tables.count; err == OK && i-- > 0;) {
        if (pg_is_tenants(&tables[i]))
            err = delete_from(m, side, &tables[i], e);
    }
    (void)pg_run(m->at[side], "RESET session_replication_role", NULL);
    return err;
}

enum err pg_end_streams(const struct pg_move *m, struct error *e)
{
    TRY(pg_stream_stop(m, SIDE_SOURCE, e));
    TRY(pg_stream_stop(m, SIDE_TARGET, e));
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        if (m->at[side])
            TRY(pg_stream_unpublish(m, side, e));
    }
    return OK;
}

static enum err is_over(const struct pg_move *m, bool *ret, struct error *e)
{
    bool made[2] = {false, false};
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        if (m->at[side])
            TRY(pg_move_is_made(m, side, &made[side], e));
    }
    *ret = !made[SIDE_SOURCE] && !made[SIDE_TARGET];
    return OK;
}

static enum err settle(const struct pg_move *m, enum mover_side wanted, struct error *e)
{
    enum mover_side owner;
    TRY(pg_settle_owner(m, &owner, e));
    if (owner != wanted)
        return error_set(e, ERR_CONFLICT, "the tenant is written at the %s", pg_side_name(owner));
    TRY(pg_settle_lock(m, e));
    TRY(pg_settle_clients(m, &owner, e));
    return pg_settle_unlock(m, e);
}

/*
 * The source's fence goes first: a target's that is open and alone still says whose the tenant is.
 */
static enum err finish(struct pg_move *m, struct error *e)
{
    struct pg_catalog catalog;
    bool over, made, shared = false;
    TRY(is_over(m, &over, e));
    if (over)
        return OK;
    TRY(settle(m, SIDE_TARGET, e));
    TRY(pg_end_streams(m, e));
    TRY(pg_move_is_made(m, SIDE_SOURCE, &made, e));
    if (made) {
        TRY(pg_move_catalog(m, SIDE_SOURCE, &catalog, e));
        TRY(pg_move_is_shared(m, SIDE_SOURCE, &catalog, &shared, e));
    }
    if (shared)
        TRY(pg_end_delete_rows(m, SIDE_SOURCE, &catalog, e));
    TRY(pg_fence_drop(m, SIDE_SOURCE, e));
    return pg_fence_drop(m, SIDE_TARGET, e);
}

enum err pg_end_finish(const struct mover_run *run, struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, run, e));
    enum err err = finish(&m, e);
    pg_move_close(&m);
    return err;
}

/* What the copy took away comes back. What cannot be built any more was changed by somebody else,
 * and is not a reason to leave everything else there. */
static enum err build_target(struct pg_move *m, struct error *e)
{
    struct pg_catalog source;
    TRY(pg_move_catalog(m, SIDE_SOURCE, &source, e));
    enum err err = pg_build_all(m, &source, e);
    return err == ERR_INVALID || err == ERR_NOT_FOUND || err == ERR_CONFLICT ? OK : err;
}

/* The target's fence goes first: a source's that is open and alone still says whose the tenant is.
 */
static enum err undo(struct pg_move *m, struct error *e)
{
    struct pg_catalog catalog;
    bool over, made;
    TRY(is_over(m, &over, e));
    if (over)
        return OK;
    TRY(settle(m, SIDE_SOURCE, e));
    TRY(pg_end_streams(m, e));
    if (m->at[SIDE_TARGET]) {
        TRY(pg_move_catalog(m, SIDE_TARGET, &catalog, e));
        TRY(pg_end_delete_rows(m, SIDE_TARGET, &catalog, e));
        TRY(pg_move_is_made(m, SIDE_TARGET, &made, e));
        if (made)
            TRY(build_target(m, e));
        TRY(pg_fence_drop(m, SIDE_TARGET, e));
    }
    return pg_fence_drop(m, SIDE_SOURCE, e);
}

enum err pg_end_undo(const struct mover_run *run, struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, run, e));
    enum err err = undo(&m, e);
    pg_move_close(&m);
    return err;
}
