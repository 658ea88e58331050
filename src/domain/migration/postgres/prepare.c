/*
 * The members of the mover up to the point where changes begin to flow: what stands before a move,
 * what it makes, the copy and what is built behind it. Contracts in mover.h.
 */
#include "domain/migration/postgres/prepare.h"

#include "domain/migration/postgres/blocks.h"
#include "domain/migration/postgres/build.h"
#include "domain/migration/postgres/fence.h"
#include "domain/migration/postgres/rows.h"
#include "domain/migration/postgres/stream.h"
#include "domain/migration/postgres/target.h"

static enum err first_obstacle(const struct mover_survey *survey, struct error *e)
{
    const struct mover_obstacle *o = survey->obstacles.items;
    if (survey->obstacles.count == 0)
        return OK;
    return error_set(e, ERR_CONFLICT, "%s %s: %s%s", o->thing, o->why, o->fix,
                     survey->obstacles.count > 1 ? " (and more stands in the way)" : "");
}

static enum err prepare(struct pg_move *m, struct error *e)
{
    struct pg_catalog source;
    bool exclusive;
    if (!m->at[SIDE_TARGET])
        return error_set(e, ERR_NOT_FOUND, "the target's database is not there");
    TRY(pg_move_catalog(m, SIDE_SOURCE, &source, e));
    TRY(pg_target_is_exclusive(m, &source, &exclusive, e));
    if (exclusive)
        TRY(pg_target_make(m, &source, e));
    TRY(pg_fence_create(m, SIDE_SOURCE, &source, e));
    TRY(pg_fence_create(m, SIDE_TARGET, &source, e));
    TRY(pg_stream_publish(m, SIDE_SOURCE, &source, exclusive, e));
    if (exclusive)
        return pg_target_strip(m, &source, e);
    /* Others there must not be given an id that one of the tenant's rows will have. */
    return pg_blocks_make(m, &source, SIDE_TARGET, e);
}

enum err pg_make_ready(const struct mover_run *run, struct error *e)
{
    struct mover_survey survey;
    struct pg_move m;
    TRY(pg_survey(run, &survey, e));
    TRY(first_obstacle(&survey, e));
    TRY(pg_move_open(&m, run, e));
    enum err err = prepare(&m, e);
    pg_move_close(&m);
    return err;
}

static enum err copy(struct pg_move *m, int64_t *ret_rows, int64_t *ret_bytes, struct error *e)
{
    struct pg_catalog source;
    struct pg_session *holder = NULL;
    const char *snapshot;
    TRY(pg_move_catalog(m, SIDE_SOURCE, &source, e));
    TRY(pg_stream_slot(m, SIDE_SOURCE, &m->arena, &holder, &snapshot, e));
    enum err err = pg_rows_copy(m, &source, snapshot, ret_rows, ret_bytes, e);
    pg_close(holder);
    return err;
}

enum err pg_copy_all(const struct mover_run *run, int64_t *ret_rows, int64_t *ret_bytes,
                     struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, run, e));
    enum err err = copy(&m, ret_rows, ret_bytes, e);
    pg_move_close(&m);
    return err;
}

enum err pg_build_indexes(const struct mover_run *run, struct error *e)
{
    struct pg_move m;
    struct pg_catalog source;
    TRY(pg_move_open(&m, run, e));
    enum err err = pg_move_catalog(&m, SIDE_SOURCE, &source, e);
    if (err == OK)
        err = pg_build_all(&m, &source, e);
    pg_move_close(&m);
    return err;
}
