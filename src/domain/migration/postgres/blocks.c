#include "domain/migration/postgres/blocks.h"

#include <inttypes.h>

#define BLOCK_MAX    INT64_C(1000000000)
#define BLOCK_MIN    INT64_C(10000)
#define BLOCK_SHARE  256 /* of what a sequence has left */
#define MARGIN_SHARE 16  /* of a block: given away while it is being set aside */

/* Of all moves in a database: two must not set the same block aside. */
#define BLOCKS_LOCK "pg_catalog.hashtextextended('webhost id blocks', 0)"

struct block {
    bool found;
    enum mover_side at; /* who gives its ids away */
    int64_t first, last;
};

static enum err last_value(const struct pg_move *m, enum mover_side side,
                           const struct pg_sequence *sequence, int64_t *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    return pg_get_int(m->at[side], arena_printf(&arena, "SELECT last_value FROM %s", sequence->sql),
                      NULL, 0, ret, e);
}

/* A block is recorded where its ids are given away. */
static enum err find_block(const struct pg_move *m, const struct pg_sequence *sequence,
                           struct block *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows rows;
    const char *const params[] = {sequence->label};
    const char *sql =
        arena_printf(&arena, "SELECT first, last FROM %s.block WHERE sequence = $1", m->schema);
    *ret = (struct block){0};
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET && !ret->found; side++) {
        TRY(pg_query(m->at[side], sql, params, 1, 1, &arena, &rows, e));
        if (rows.count == 0)
            continue;
        *ret = (struct block){.found = true, .at = side};
        BUG_ON(!str_to_i64(str_from(pg_cell(&rows, 0, 0)), &ret->first));
        BUG_ON(!str_to_i64(str_from(pg_cell(&rows, 0, 1)), &ret->last));
    }
    return OK;
}

/* Runs with BLOCKS_LOCK. */
static enum err move_behind(const struct pg_move *m, enum mover_side shared,
                            const struct pg_sequence *sequence, struct block *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    int64_t here, there;
    TRY(last_value(m, shared, sequence, &here, e));
    TRY(last_value(m, mover_other(shared), sequence, &there, e));
    int64_t base = here > there ? here : there;
    int64_t size = (sequence->max - base) / BLOCK_SHARE;
    size = size < BLOCK_MAX ? size : BLOCK_MAX;
    if (sequence->increment < 1 || size < BLOCK_MIN)
        return error_set(e, ERR_CONFLICT,
                         "sequence %s has no room for ids that only one side gives away: %s",
                         sequence->label,
                         sequence->increment < 1 ? "it counts down"
                                                 : "make its type larger (ALTER SEQUENCE .. AS)");
    ret->first = base + size / MARGIN_SHARE;
    ret->last = ret->first + size;
    return pg_runf(m->at[shared], e, "SELECT pg_catalog.setval(%s, %" PRId64 ")",
                   pg_literal(&arena, sequence->sql), ret->last);
}

/* A process that dies behind this has wasted a block; the next one sets another aside. */
static enum err set_aside(const struct pg_move *m, enum mover_side shared,
                          const struct pg_sequence *sequence, struct block *ret, struct error *e)
{
    TRY(pg_run(m->at[shared], "BEGIN; SELECT pg_catalog.pg_advisory_xact_lock(" BLOCKS_LOCK ")",
               e));
    enum err err = move_behind(m, shared, sequence, ret, e);
    if (err == OK)
        return pg_run(m->at[shared], "COMMIT", e);
    (void)pg_run(m->at[shared], "ROLLBACK", NULL);
    return err;
}

static enum err make_block(const struct pg_move *m, enum mover_side shared,
                           const struct pg_sequence *sequence, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct block block;
    enum mover_side other = mover_other(shared);
    TRY(find_block(m, sequence, &block, e));
    if (block.found)
        return OK;
    TRY(set_aside(m, shared, sequence, &block, e));
    return pg_runf(m->at[other], e,
                   "WITH block AS (INSERT INTO %s.block VALUES (%s, %" PRId64 ", %" PRId64
                   ") RETURNING first) SELECT pg_catalog.setval(%s, first) FROM block",
                   m->schema, pg_literal(&arena, sequence->label), block.first, block.last,
                   pg_literal(&arena, sequence->sql));
}

enum err pg_blocks_make(const struct pg_move *m, const struct pg_catalog *catalog,
                        enum mover_side shared, struct error *e)
{
    const struct pg_sequence *sequences = catalog->sequences.items;
    for (size_t i = 0; i < catalog->sequences.count; i++)
        TRY(make_block(m, shared, &sequences[i], e));
    return OK;
}

static enum err check_block(const struct pg_move *m, const struct pg_sequence *sequence,
                            struct error *e)
{
    struct block block;
    int64_t here, there;
    TRY(find_block(m, sequence, &block, e));
    if (!block.found)
        return error_set(e, ERR_CONFLICT,
                         "sequence %s is new: the schema changed while the tenant was being moved",
                         sequence->label);
    enum mover_side other = block.at, shared = mover_other(other);
    TRY(last_value(m, shared, sequence, &here, e));
    TRY(last_value(m, other, sequence, &there, e));
    if (here < block.last || there < block.first || there >= block.last)
        return error_set(e, ERR_CONFLICT,
                         "sequence %s gives away ids that are the other side's: %" PRId64 " to"
                         " %" PRId64 " are the %s's, which is at %" PRId64 ", and the %s is at"
                         " %" PRId64,
                         sequence->label, block.first, block.last, pg_side_name(other), there,
                         pg_side_name(shared), here);
    return OK;
}

enum err pg_blocks_check(const struct pg_move *m, const struct pg_catalog *catalog, struct error *e)
{
    const struct pg_sequence *sequences = catalog->sequences.items;
    for (size_t i = 0; i < catalog->sequences.count; i++)
        TRY(check_block(m, &sequences[i], e));
    return OK;
}
