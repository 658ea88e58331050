#include "domain/migration/postgres/blocks.h"
#include "domain/migration/postgres/cutover.h"
#include "domain/migration/postgres/end.h"
#include "domain/migration/postgres/prepare.h"
#include "domain/migration/postgres/prove.h"
#include "domain/migration/postgres/settle.h"
#include "domain/migration/postgres/stream.h"
#include "domain/migration/postgres/target.h"
#include "domain/migration/postgres/watch.h"

typedef enum err move_work(struct pg_move *m, struct error *e);

static enum err with_move(const struct mover_run *run, move_work *work, struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, run, e));
    enum err err = work(&m, e);
    pg_move_close(&m);
    return err;
}

/* Ids before anything flows: whatever either side gives away from now on is its own. */
static enum err catch_up(struct pg_move *m, struct error *e)
{
    struct pg_catalog catalog;
    bool exclusive;
    TRY(pg_watch_begin(m, &catalog, e));
    TRY(pg_target_is_exclusive(m, &catalog, &exclusive, e));
    TRY(pg_blocks_make(m, &catalog, exclusive ? SIDE_SOURCE : SIDE_TARGET, e));
    TRY(pg_stream_publish(m, SIDE_TARGET, &catalog, false, e));
    TRY(pg_stream_start(m, SIDE_SOURCE, NULL, e));
    return pg_stream_catch_up(m, SIDE_SOURCE, e);
}

static enum err mover_catch_up(const struct mover_run *run, struct error *e)
{
    return with_move(run, catch_up, e);
}

static enum err mover_owner(const struct mover_run *run, enum mover_side *ret, struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, run, e));
    enum err err = pg_settle_owner(&m, ret, e);
    pg_move_close(&m);
    return err;
}

static enum err settle(struct pg_move *m, struct error *e)
{
    enum mover_side owner;
    TRY(pg_settle_lock(m, e));
    TRY(pg_settle_clients(m, &owner, e));
    TRY(pg_settle_streams(m, owner, e));
    return pg_settle_unlock(m, e);
}

static enum err mover_settle(const struct mover_run *run, struct error *e)
{
    return with_move(run, settle, e);
}

const struct mover postgres_mover = {
    .name = "postgres",
    .survey = pg_survey,
    .prepare = pg_make_ready,
    .copy = pg_copy_all,
    .index = pg_build_indexes,
    .catch_up = mover_catch_up,
    .verify = pg_verify,
    .cut_over = pg_cut_over,
    .owner = mover_owner,
    .settle = mover_settle,
    .prove = pg_prove,
    .watch = pg_watch,
    .finish = pg_end_finish,
    .undo = pg_end_undo,
    .cut_free = pg_cut_free,
};
