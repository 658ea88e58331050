#include "domain/migration/postgres/watch.h"

#include "domain/migration/postgres/settle.h"
#include "domain/migration/postgres/stream.h"

/* The first to record it wins; `ret` is what is recorded. */
static enum err record(struct pg_move *m, enum mover_side side, const char *sha256,
                       const char **ret, struct error *e)
{
    const char *const params[] = {sha256};
    return pg_get(m->at[side],
                  arena_printf(&m->arena,
                               "UPDATE %s.state SET catalog = coalesce(catalog, $1)"
                               " RETURNING catalog",
                               m->schema),
                  params, 1, &m->arena, ret, e);
}

static enum err changed(enum mover_side side, struct error *e)
{
    return error_set(e, ERR_CONFLICT,
                     "the schema at the %s changed while the tenant was being moved; start the move"
                     " again when it is settled",
                     pg_side_name(side));
}

enum err pg_watch_begin(struct pg_move *m, struct pg_catalog *ret_source, struct error *e)
{
    struct pg_catalog catalogs[2];
    const char *recorded;
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        TRY(pg_move_catalog(m, side, &catalogs[side], e));
        TRY(record(m, side, catalogs[side].sha256, &recorded, e));
        if (!text_eq(recorded, catalogs[side].sha256))
            return changed(side, e);
    }
    if (!text_eq(catalogs[SIDE_SOURCE].sha256, catalogs[SIDE_TARGET].sha256))
        return error_set(e, ERR_CONFLICT,
                         "the tables of the two sides are not the same; bring both to one version"
                         " of the application's schema");
    *ret_source = catalogs[SIDE_SOURCE];
    return OK;
}

enum err pg_watch_schema(struct pg_move *m, struct pg_catalog *ret, struct error *e)
{
    for (enum mover_side side = SIDE_TARGET;; side = SIDE_SOURCE) {
        struct pg_catalog catalog;
        const char *recorded;
        TRY(pg_move_catalog(m, side, &catalog, e));
        TRY(pg_get(m->at[side], arena_printf(&m->arena, "SELECT catalog FROM %s.state", m->schema),
                   NULL, 0, &m->arena, &recorded, e));
        if (recorded && !text_eq(recorded, catalog.sha256))
            return changed(side, e);
        if (side == SIDE_SOURCE) {
            *ret = catalog;
            return OK;
        }
    }
}

/* What is lost keeps nothing any more: a slot that nobody reads fills the disk. */
static enum err watch(struct pg_move *m, int64_t *ret_lag_bytes, struct error *e)
{
    enum mover_side owner;
    struct pg_stream_state state;
    struct pg_catalog catalog;
    struct error local;
    struct error *why = e ? e : &local;
    TRY(pg_settle_owner(m, &owner, e));
    TRY(pg_stream_state(m, owner, &state, e));
    enum err err = pg_stream_check(m, owner, &state, why);
    if (err == OK)
        err = pg_watch_schema(m, &catalog, why);
    if (err == ERR_CONFLICT)
        TRY(pg_stream_stop(m, owner, NULL));
    TRY(err);
    *ret_lag_bytes = state.lag_bytes;
    return OK;
}

enum err pg_watch(const struct mover_run *run, int64_t *ret_lag_bytes, struct error *e)
{
    struct pg_move m;
    TRY(pg_move_open(&m, run, e));
    enum err err = watch(&m, ret_lag_bytes, e);
    pg_move_close(&m);
    return err;
}
