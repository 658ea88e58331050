#include "domain/migration/sqlite/flow.h"

#include "domain/migration/sqlite/tables.h"
#include "sqlite_side.sql.h"

/* What is in memory, and what the writer of the other side does at a time. */
#define PAGE_ROWS     1000
#define BATCH_ENTRIES 1000

static enum err put_rows(struct db_tx *tx, const struct db_query *put, const struct row_set *rows,
                         struct error *e)
{
    return db_exec_rows(tx, put, DB_NO_ARGS, rows->values, rows->width, rows->count, NULL, e);
}

/* -- the copy ---------------------------------------------------------------------------------- */

struct copy_page {
    struct sides *s;
    size_t table;
    const char *after; /* id */
    struct row_set rows, needed;
};

static enum err read_page_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct copy_page *p = arg;
    const struct moved_table *table = &moved_tables[p->table];
    struct db_args args =
        DB_ARGS(db_text(p->s->run->customer_id), db_text(p->after), db_int(PAGE_ROWS));
    TRY(db_each(tx, table->page, args, row_set_add, &p->rows, e));
    return table->needed ? db_each(tx, table->needed, args, row_set_add, &p->needed, e) : OK;
}

/* The rows, and how far the copy is, in one transaction. */
static enum err write_page_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct copy_page *p = arg;
    const struct moved_table *table = &moved_tables[p->table];
    bool last = p->rows.count < PAGE_ROWS;
    const char *after = last ? "" : row_set_key(&p->rows, p->rows.count - 1, table->key);
    TRY(side_enter(tx, p->s, SIDE_TARGET, e));
    if (table->needed)
        TRY(put_rows(tx, moved_tables[p->table - 1].put, &p->needed, e));
    TRY(put_rows(tx, table->put, &p->rows, e));
    TRY(db_exec(tx, &side_note_copy,
                DB_ARGS(db_text(p->s->run->customer_id), db_int((int64_t)p->table + last),
                        db_text(after), db_int((int64_t)p->rows.count), db_int(p->rows.bytes)),
                NULL, e));
    if (last && p->table + 1 == MOVED_TABLES)
        TRY(db_exec(tx, &side_note_complete, DB_ARGS(db_text(p->s->run->customer_id)), NULL, e));
    return side_leave(tx, p->s, e);
}

struct counting {
    const struct sides *s;
    int64_t rows[MOVED_TABLES];
};

static enum err count_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct counting *c = arg;
    for (size_t i = 0; i < MOVED_TABLES; i++)
        TRY(db_get_int(tx, moved_tables[i].count, DB_ARGS(db_text(c->s->run->customer_id)),
                       &c->rows[i], e));
    return OK;
}

static void tell(const struct sides *s, size_t table, int64_t total, int64_t done, int64_t bytes)
{
    const struct mover_run *run = s->run;
    if (run->note)
        run->note(run->ctx, &(struct mover_progress){
                                .table = moved_tables[table].name,
                                .rows_total = total < done ? done : total,
                                .rows_done = done,
                                .bytes_done = bytes,
                                .lag_bytes = INT_ABSENT,
                            });
}

/* One page; the target's state says afterwards where the next one begins. */
static enum err copy_next(struct sides *s, int64_t total, int64_t *done, int64_t *bytes,
                          struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct side_state *state = &s->side[SIDE_TARGET].state;
    struct copy_page p = {.s = s,
                          .table = (size_t)state->copy_table,
                          .after = state->copy_after,
                          .rows = {.arena = &arena},
                          .needed = {.arena = &arena}};
    TRY(s->run->go_on(s->run->ctx, e));
    TRY(db_read(s->side[SIDE_SOURCE].db, read_page_work, &p, e));
    TRY(db_write(s->side[SIDE_TARGET].db, write_page_work, &p, e));
    *done += (int64_t)p.rows.count;
    *bytes += p.rows.bytes;
    tell(s, p.table, total, *done, *bytes);
    return sides_look(s, e);
}

enum err flow_copy(struct sides *s, struct error *e)
{
    struct side_state *state = &s->side[SIDE_TARGET].state;
    struct counting totals = {.s = s}, there = {.s = s};
    TRY(db_read(s->side[SIDE_SOURCE].db, count_work, &totals, e));
    TRY(db_read(s->side[SIDE_TARGET].db, count_work, &there, e));
    while (!state->complete) {
        int64_t table = state->copy_table, bytes = 0;
        int64_t done = state->copy_after[0] ? there.rows[table] : 0;
        while (!state->complete && state->copy_table == table)
            TRY(copy_next(s, totals.rows[table], &done, &bytes, e));
    }
    return OK;
}

/* -- changes ----------------------------------------------------------------------------------- */

/* Entries behind `after` and up to `last`, as rows to put and ids to remove. */
struct batch {
    struct sides *s;
    enum mover_side to;
    int64_t after, last;
    struct row_set put[MOVED_TABLES], gone[MOVED_TABLES];
};

static enum err read_batch_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct batch *b = arg;
    struct db_value id = db_text(b->s->run->customer_id);
    TRY(db_get_int(tx, &side_next_changes, DB_ARGS(id, db_int(b->after), db_int(BATCH_ENTRIES)),
                   &b->last, e));
    if (b->last == b->after)
        return OK;
    struct db_args args = DB_ARGS(id, db_int(b->after), db_int(b->last));
    for (size_t i = 0; i < MOVED_TABLES; i++) {
        TRY(db_each(tx, moved_tables[i].changed, args, row_set_add, &b->put[i], e));
        if (moved_tables[i].gone)
            TRY(db_each(tx, moved_tables[i].gone, args, row_set_add, &b->gone[i], e));
    }
    return OK;
}

static enum err remove_rows(struct db_tx *tx, const struct moved_table *table, struct db_args id,
                            const struct row_set *ids, struct error *e)
{
    if (table->release)
        TRY(db_exec_rows(tx, table->release, id, ids->values, 1, ids->count, NULL, e));
    return table->remove ? db_exec_rows(tx, table->remove, id, ids->values, 1, ids->count, NULL, e)
                         : OK;
}

static enum err write_batch_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct batch *b = arg;
    struct db_value id = db_text(b->s->run->customer_id);
    TRY(side_enter(tx, b->s, b->to, e));
    for (size_t i = 0; i < MOVED_TABLES; i++)
        TRY(put_rows(tx, moved_tables[i].put, &b->put[i], e));
    for (size_t i = MOVED_TABLES; i-- > 0;)
        TRY(remove_rows(tx, &moved_tables[i], DB_ARGS(id), &b->gone[i], e));
    TRY(db_exec(tx, &side_note_applied, DB_ARGS(id, db_int(b->last)), NULL, e));
    return side_leave(tx, b->s, e);
}

/* One batch; the number of its last entry, or what was applied before when there was none. */
static enum err move_batch(struct sides *s, enum mover_side from, struct db_snapshot *snapshot,
                           int64_t *ret_last, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    enum mover_side to = mover_other(from);
    struct batch b = {.s = s, .to = to, .after = s->side[to].state.applied};
    for (size_t i = 0; i < MOVED_TABLES; i++)
        b.put[i].arena = b.gone[i].arena = &arena;
    TRY(snapshot ? db_snapshot_read(snapshot, read_batch_work, &b, e)
                 : db_read(s->side[from].db, read_batch_work, &b, e));
    if (b.last > b.after)
        TRY(db_write(s->side[to].db, write_batch_work, &b, e));
    s->side[to].state.applied = b.last;
    *ret_last = b.last;
    return OK;
}

enum err flow_finish(struct sides *s, enum mover_side from, int64_t last, struct error *e)
{
    int64_t applied = s->side[mover_other(from)].state.applied;
    while (applied < last)
        TRY(move_batch(s, from, NULL, &applied, e));
    return OK;
}

static enum err last_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct batch *b = arg;
    return db_get_int(tx, &side_last_change, DB_ARGS(db_text(b->s->run->customer_id)), &b->last, e);
}

/* Entries that come meanwhile are for the next time. */
static enum err drain(struct sides *s, enum mover_side from, struct db_snapshot *snapshot,
                      struct error *e)
{
    struct batch goal = {.s = s};
    int64_t applied = s->side[mover_other(from)].state.applied;
    TRY(snapshot ? db_snapshot_read(snapshot, last_work, &goal, e)
                 : db_read(s->side[from].db, last_work, &goal, e));
    while (applied < goal.last) {
        TRY(s->run->go_on(s->run->ctx, e));
        TRY(move_batch(s, from, snapshot, &applied, e));
        TRY(side_prune_list(s, from, applied, e));
    }
    return OK;
}

enum err flow_drain(struct sides *s, enum mover_side from, int64_t *ret_us, struct error *e)
{
    int64_t start = monotonic_us();
    TRY(drain(s, from, NULL, e));
    if (ret_us)
        *ret_us = monotonic_us() - start;
    return OK;
}

enum err flow_drain_to_snapshot(struct sides *s, enum mover_side from, struct db_snapshot *snapshot,
                                struct error *e)
{
    return drain(s, from, snapshot, e);
}

static enum err lag_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct batch *b = arg;
    return db_get_int(tx, &side_list_bytes,
                      DB_ARGS(db_text(b->s->run->customer_id), db_int(b->after)), &b->last, e);
}

enum err flow_lag(struct sides *s, enum mover_side from, int64_t *ret_bytes, struct error *e)
{
    struct batch b = {.s = s, .after = s->side[mover_other(from)].state.applied};
    TRY(db_read(s->side[from].db, lag_work, &b, e));
    *ret_bytes = b.last;
    return OK;
}
