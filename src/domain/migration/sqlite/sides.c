#include "domain/migration/sqlite/sides.h"

#include "domain/migration/sqlite/tables.h"
#include "sqlite_side.sql.h"

/* Neighbours of the tenant in a shared file wait for no more than this at a time. */
#define PIECE_ROWS 1000

static const char *const side_names[] = {"source", "target"};

static const char *customer_of(const struct sides *s)
{
    return s->run->customer_id;
}

/* -- reading ----------------------------------------------------------------------------------- */

static const struct field state_fields[] = {
    {"deployment_id", FIELD_TEXT, offsetof(struct side_state, deployment_id)},
    {"mover", FIELD_INT, offsetof(struct side_state, mover)},
    {"fenced", FIELD_BOOL, offsetof(struct side_state, fenced)},
    {"move_id", FIELD_TEXT, offsetof(struct side_state, move_id)},
    {"captures", FIELD_BOOL, offsetof(struct side_state, captures)},
    {"complete", FIELD_BOOL, offsetof(struct side_state, complete)},
    {"applied", FIELD_INT, offsetof(struct side_state, applied)},
    {"copy_table", FIELD_INT, offsetof(struct side_state, copy_table)},
    {"copy_rows", FIELD_INT, offsetof(struct side_state, copy_rows)},
    {"copy_bytes", FIELD_INT, offsetof(struct side_state, copy_bytes)},
    {"copy_after", FIELD_TEXT, offsetof(struct side_state, copy_after)},
    FIELD_END,
};

/* A transaction on one side. */
struct side_work {
    struct sides *s;
    enum mover_side side;
    struct side_state state;
    struct side_end end;
    int64_t number, changes;
    bool flag;
    const struct moved_table *table;
};

static enum err look(struct db_tx *tx, struct side_work *w, struct error *e)
{
    struct sides *s = w->s;
    enum err err = db_get(tx, &side_look, DB_ARGS(db_text(customer_of(s))), state_fields, &s->arena,
                          &w->state, e);
    if (err != ERR_NOT_FOUND &&
        (err != OK || text_eq(w->state.deployment_id, s->side[w->side].deployment_id)))
        return err;
    record_clear(state_fields, &w->state);
    return OK;
}

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    return look(tx, arg, e);
}

static enum err take_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct side_work *w = arg;
    TRY(look(tx, w, e));
    return w->state.deployment_id ? side_claim_in(tx, w->s, w->side, e) : OK;
}

static enum err read_side(struct sides *s, enum mover_side side, bool take, struct error *e)
{
    struct side_work w = {.s = s, .side = side};
    struct side *it = &s->side[side];
    record_clear(state_fields, &w.state);
    if (it->db)
        TRY(take ? db_write(it->db, take_work, &w, e) : db_read(it->db, look_work, &w, e));
    it->state = w.state;
    it->marked = w.state.move_id && text_eq(w.state.move_id, s->run->move_id);
    return OK;
}

static enum err read_both(struct sides *s, bool take, struct error *e)
{
    TRY(read_side(s, SIDE_SOURCE, take, e));
    TRY(read_side(s, SIDE_TARGET, take, e));
    if (!s->side[SIDE_SOURCE].state.deployment_id && !s->side[SIDE_TARGET].state.deployment_id)
        return error_set(e, ERR_NOT_FOUND, "customer %s has no place in either of its databases",
                         s->run->slug);
    return OK;
}

enum err sides_look(struct sides *s, struct error *e)
{
    return read_both(s, false, e);
}

/*
 * Both are claimed before either is believed: what an older run may have done in the second while
 * the first was claimed is then seen too.
 */
enum err sides_take(struct sides *s, struct error *e)
{
    TRY(read_both(s, true, e));
    return read_both(s, false, e);
}

enum mover_side sides_owner(const struct sides *s)
{
    const struct side *source = &s->side[SIDE_SOURCE], *target = &s->side[SIDE_TARGET];
    bool source_open = source->state.deployment_id && !source->state.fenced;
    bool target_open = target->state.deployment_id && !target->state.fenced;
    bool left = !source->state.deployment_id || (source->marked && source->state.fenced);
    /* A place that provisioning has just made is open too, until prepare() closes it. */
    if (target_open && (target->marked || left))
        return SIDE_TARGET;
    return !source_open && target->marked && target->state.captures ? SIDE_TARGET : SIDE_SOURCE;
}

enum err sides_check_complete(const struct sides *s, struct error *e)
{
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++) {
        if (!s->side[i].marked || !s->side[i].state.complete)
            return error_set(e, ERR_CONFLICT,
                             "the %s of migration %s does not hold all rows of customer %s",
                             side_names[i], s->run->move_id, s->run->slug);
    }
    return OK;
}

static enum err others_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct side_work *w = arg;
    return db_get_int(tx, &side_others, DB_ARGS(db_text(customer_of(w->s))), &w->number, e);
}

enum err side_is_shared(struct sides *s, enum mover_side side, bool *ret, struct error *e)
{
    struct side_work w = {.s = s, .side = side};
    TRY(db_read(s->side[side].db, others_work, &w, e));
    *ret = w.number > 0;
    return OK;
}

/* -- opening ----------------------------------------------------------------------------------- */

enum err sides_open(struct sides *s, const struct mover_run *run, struct error *e)
{
    *s = (struct sides){.run = run, .stores = run->stores};
    s->side[SIDE_SOURCE].url = run->source_url;
    s->side[SIDE_SOURCE].deployment_id = run->source_id;
    s->side[SIDE_TARGET].url = run->target_url;
    s->side[SIDE_TARGET].deployment_id = run->target_id;
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++) {
        if (s->side[i].url)
            TRY(tenant_store_get(run->stores, s->side[i].url, &s->side[i].db, e));
    }
    return OK;
}

void sides_close(struct sides *s)
{
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++) {
        if (s->side[i].db)
            tenant_store_put(s->stores, s->side[i].db);
        s->side[i].db = NULL;
    }
    arena_release(&s->arena);
}

/* -- inside of a transaction ------------------------------------------------------------------- */

enum err side_claim_in(struct db_tx *tx, const struct sides *s, enum mover_side side,
                       struct error *e)
{
    const struct mover_run *run = s->run;
    int64_t changes;
    TRY(db_exec(
        tx, &side_claim,
        DB_ARGS(db_text(run->customer_id), db_int(run->run), db_text(s->side[side].deployment_id)),
        &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT,
                         "a later run of the move of customer %s has taken over its %s, or its "
                         "place there is gone",
                         run->slug, side_names[side]);
    return OK;
}

enum err side_enter(struct db_tx *tx, const struct sides *s, enum mover_side side, struct error *e)
{
    int64_t changes;
    TRY(side_claim_in(tx, s, side, e));
    TRY(db_exec(tx, &side_capture, DB_ARGS(db_text(customer_of(s)), db_int(0)), NULL, e));
    TRY(db_exec(tx, &side_fence, DB_ARGS(db_text(customer_of(s)), db_int(0)), &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT,
                         "the fence of customer %s is open at the %s: its rows there are not the "
                         "mover's to change",
                         s->run->slug, side_names[side]);
    return OK;
}

enum err side_leave(struct db_tx *tx, const struct sides *s, struct error *e)
{
    return db_exec(tx, &side_fence, DB_ARGS(db_text(customer_of(s)), db_int(1)), NULL, e);
}

/* -- the mark ---------------------------------------------------------------------------------- */

static enum err mark_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct side_work *w = arg;
    const struct mover_run *run = w->s->run;
    TRY(side_claim_in(tx, w->s, w->side, e));
    return db_exec(tx, &side_mark_insert,
                   DB_ARGS(db_text(run->customer_id), db_text(run->move_id), db_int(w->flag)), NULL,
                   e);
}

enum err side_put_mark(struct sides *s, enum mover_side side, bool captures, struct error *e)
{
    struct side_work w = {.s = s, .side = side, .flag = captures};
    TRY(db_write(s->side[side].db, mark_work, &w, e));
    return read_side(s, side, false, e);
}

static enum err unmark_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct side_work *w = arg;
    const struct mover_run *run = w->s->run;
    TRY(side_claim_in(tx, w->s, w->side, e));
    return db_exec(tx, &side_mark_delete, DB_ARGS(db_text(run->customer_id), db_text(run->move_id)),
                   NULL, e);
}

enum err side_end_list(struct sides *s, enum mover_side side, struct error *e)
{
    TRY(side_stop_capture(s, side, e));
    return side_prune_list(s, side, INT64_MAX, e);
}

enum err side_unmark(struct sides *s, enum mover_side side, struct error *e)
{
    struct side_work w = {.s = s, .side = side};
    if (!s->side[side].marked)
        return OK;
    TRY(side_end_list(s, side, e));
    TRY(db_write(s->side[side].db, unmark_work, &w, e));
    return read_side(s, side, false, e);
}

/* -- the fence --------------------------------------------------------------------------------- */

static enum err close_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct side_work *w = arg;
    struct db_value id = db_text(customer_of(w->s));
    TRY(side_claim_in(tx, w->s, w->side, e));
    TRY(db_exec(tx, &side_fence, DB_ARGS(id, db_int(1)), NULL, e));
    TRY(db_get_int(tx, &side_last_change, DB_ARGS(id), &w->end.last, e));
    return db_now(tx, &w->end.at, e);
}

enum err side_close_fence(struct sides *s, enum mover_side side, struct side_end *ret,
                          struct error *e)
{
    struct side_work w = {.s = s, .side = side};
    TRY(db_write(s->side[side].db, close_work, &w, e));
    s->side[side].state.fenced = true;
    *ret = w.end;
    return OK;
}

static enum err open_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct side_work *w = arg;
    struct db_value id = db_text(customer_of(w->s));
    TRY(side_claim_in(tx, w->s, w->side, e));
    TRY(db_exec(tx, &side_capture, DB_ARGS(id, db_int(1)), NULL, e));
    return db_exec(tx, &side_fence, DB_ARGS(id, db_int(0)), NULL, e);
}

enum err side_open_fence(struct sides *s, enum mover_side side, struct error *e)
{
    struct side_work w = {.s = s, .side = side};
    TRY(db_write(s->side[side].db, open_work, &w, e));
    s->side[side].state.fenced = false;
    s->side[side].state.captures = s->side[side].marked;
    return OK;
}

/* -- the list ---------------------------------------------------------------------------------- */

static enum err stop_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct side_work *w = arg;
    TRY(side_claim_in(tx, w->s, w->side, e));
    return db_exec(tx, &side_capture, DB_ARGS(db_text(customer_of(w->s)), db_int(0)), NULL, e);
}

enum err side_stop_capture(struct sides *s, enum mover_side side, struct error *e)
{
    struct side_work w = {.s = s, .side = side};
    if (!s->side[side].state.captures)
        return OK;
    TRY(db_write(s->side[side].db, stop_work, &w, e));
    s->side[side].state.captures = false;
    return OK;
}

static enum err prune_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct side_work *w = arg;
    TRY(side_claim_in(tx, w->s, w->side, e));
    return db_exec(tx, &side_prune,
                   DB_ARGS(db_text(customer_of(w->s)), db_int(w->number), db_int(PIECE_ROWS)),
                   &w->changes, e);
}

enum err side_prune_list(struct sides *s, enum mover_side side, int64_t up_to, struct error *e)
{
    struct side_work w = {.s = s, .side = side, .number = up_to};
    do {
        TRY(db_write(s->side[side].db, prune_work, &w, e));
    } while (w.changes == PIECE_ROWS);
    return OK;
}

/* -- rows -------------------------------------------------------------------------------------- */

static enum err clear_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct side_work *w = arg;
    TRY(side_enter(tx, w->s, w->side, e));
    TRY(db_exec(tx, w->table->clear, DB_ARGS(db_text(customer_of(w->s)), db_int(PIECE_ROWS)),
                &w->changes, e));
    return side_leave(tx, w->s, e);
}

enum err side_clear_rows(struct sides *s, enum mover_side side, struct error *e)
{
    struct side_work w = {.s = s, .side = side};
    for (size_t i = MOVED_TABLES; i-- > 0;) {
        w.table = &moved_tables[i];
        w.changes = w.table->clear ? PIECE_ROWS : 0;
        while (w.changes == PIECE_ROWS) {
            TRY(s->run->go_on(s->run->ctx, e));
            TRY(db_write(s->side[side].db, clear_work, &w, e));
        }
    }
    return OK;
}
