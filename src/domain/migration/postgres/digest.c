#include "domain/migration/postgres/digest.h"

#include "domain/migration/postgres/stream.h"

#include <inttypes.h>
#include <uthash.h>

#define RANGE_ROWS     20000
#define RANGES_MAX     1000000
#define ROWS_MAX       4000000 /* of a range that is read row by row */
#define ROUNDS_MAX     200
#define SAME_MAX       3
#define MARKER_WAIT_MS 10000

const char *pg_whose(const struct pg_move *m, const struct pg_table *t, struct arena *arena)
{
    return pg_is_tenants(t) ? arena_printf(arena, "%s = %s", m->column, m->tenant) : "true";
}

/* -- what is hashed --------------------------------------------------------------------------- */

/* Types whose values have the same hash in every database, as format_type() writes them. */
static const char *const hashed_as_they_are[] = {
    "smallint", "integer", "bigint",    "boolean", "text",  "character varying", "uuid",
    "date",     "bytea",   "timestamp", "numeric", "jsonb", "double precision",
};

static bool is_hashed_as_it_is(const char *type)
{
    size_t len = strlen(type);
    if (len >= 2 && strcmp(type + len - 2, "[]") == 0)
        return false;
    for (size_t i = 0; i < ARRAY_LEN(hashed_as_they_are); i++) {
        if (strncmp(type, hashed_as_they_are[i], strlen(hashed_as_they_are[i])) == 0)
            return true;
    }
    return false;
}

/* "pg_catalog.hash_record_extended(ROW("a", "b"::text), 0)" */
const char *pg_hash_sql(const struct pg_table *t, struct arena *arena)
{
    const struct pg_column *columns = t->columns.items;
    const char *list = "";
    for (size_t i = 0; i < t->columns.count; i++)
        list = arena_printf(arena, "%s%s%s%s", list, i ? ", " : "", pg_name(arena, columns[i].name),
                            is_hashed_as_it_is(columns[i].type) ? "" : "::text");
    return arena_printf(arena, "pg_catalog.hash_record_extended(ROW(%s), 0)", list);
}

const char *pg_key_text(const struct pg_table *t, const char *row, struct arena *arena)
{
    const char *text = "";
    for (size_t i = 0; i < t->key.count; i++)
        text = arena_printf(arena, "%s, %s%s::text", text, row, pg_name(arena, t->key.items[i]));
    return arena_printf(arena, "pg_catalog.concat_ws(', '%s)", text);
}

/* "a", "b" */
static const char *key_sql(const struct pg_table *t, struct arena *arena)
{
    const char *key = "";
    for (size_t i = 0; i < t->key.count; i++)
        key = arena_printf(arena, "%s%s%s", key, i ? ", " : "", pg_name(arena, t->key.items[i]));
    return key;
}

/* -- one table -------------------------------------------------------------------------------- */

struct table_work {
    const struct pg_comparison *c;
    const struct pg_table *table;
    const char *hash, *key_text; /* SQL: of a row; its key for people */
    const char *whose;           /* SQL: which rows */
    struct arena arena;
    struct pg_digest digest; /* so far */
};

static void work_init(struct table_work *w, const struct pg_comparison *c, const struct pg_table *t)
{
    *w = (struct table_work){.c = c, .table = t};
    w->key_text = pg_key_text(t, "", &w->arena);
    w->hash = pg_hash_sql(t, &w->arena);
    w->whose = pg_whose(c->m, t, &w->arena);
}

/* The same question to both sides at the same moment. */
static enum err ask_both(const struct pg_comparison *c, const char *sql, size_t max,
                         struct arena *arena, struct pg_rows ret[2], struct error *e)
{
    TRY(pg_send(c->at[SIDE_SOURCE], sql, e));
    enum err sent = pg_send(c->at[SIDE_TARGET], sql, e);
    struct error first;
    enum err source = pg_take_rows(c->at[SIDE_SOURCE], max, arena, &ret[SIDE_SOURCE], &first);
    if (sent != OK)
        return sent;
    enum err target = pg_take_rows(c->at[SIDE_TARGET], max, arena, &ret[SIDE_TARGET], e);
    if (source == OK)
        return target;
    if (e)
        *e = first;
    return source;
}

/* -- rows that differ ------------------------------------------------------------------------- */

struct suspect {
    const char *key;     /* of the hash table */
    const char *hash[2]; /* by side; NULL: there is no such row */
    int same;            /* how often it differed like this */
    UT_hash_handle hh;
};

static struct suspect *suspect_of(struct suspect **all, const char *key, struct arena *arena)
{
    struct suspect *s;
    HASH_FIND_STR(*all, key, s);
    if (!s) {
        s = arena_new(arena, struct suspect);
        s->key = key;
        HASH_ADD_KEYPTR(hh, *all, s->key, strlen(s->key), s);
    }
    return s;
}

/* Rows of a range that are not the same on both sides. The table's nodes are in the arena. */
static enum err read_suspects(struct table_work *w, const char *where, struct arena *arena,
                              struct suspect **ret, struct error *e)
{
    struct pg_rows rows[2];
    struct suspect *all = NULL, *s, *next;
    const char *sql = arena_printf(arena, "SELECT %s, %s FROM %s WHERE %s", w->key_text, w->hash,
                                   w->table->from, where);
    TRY(ask_both(w->c, sql, ROWS_MAX, arena, rows, e));
    for (enum mover_side side = SIDE_SOURCE; side <= SIDE_TARGET; side++) {
        for (size_t i = 0; i < rows[side].count; i++)
            suspect_of(&all, pg_cell(&rows[side], i, 0), arena)->hash[side] =
                pg_cell(&rows[side], i, 1);
    }
    HASH_ITER (hh, all, s, next) {
        if (text_eq(s->hash[SIDE_SOURCE], s->hash[SIDE_TARGET]))
            HASH_DEL(all, s);
    }
    *ret = all;
    return OK;
}

static enum err differs(const struct table_work *w, const struct suspect *s, struct error *e)
{
    const char *how = !s->hash[SIDE_SOURCE]   ? "is at the target only"
                      : !s->hash[SIDE_TARGET] ? "is at the source only"
                                              : "is not the same on both sides";
    return error_set(e, ERR_CORRUPT, "table %s: the row with the key %s %s", w->table->label,
                     s->key, how);
}

/* Keeps of `now` who was suspect before; names one that does not move. */
static enum err judge(const struct table_work *w, const struct suspect *before,
                      struct suspect **now, struct error *e)
{
    struct suspect *s, *next, *old;
    HASH_ITER (hh, *now, s, next) {
        HASH_FIND_STR(before, s->key, old);
        if (!old) {
            HASH_DEL(*now, s);
            continue;
        }
        bool same = text_eq(old->hash[SIDE_SOURCE], s->hash[SIDE_SOURCE]) &&
                    text_eq(old->hash[SIDE_TARGET], s->hash[SIDE_TARGET]);
        s->same = same ? old->same + 1 : 0;
        if (s->same >= SAME_MAX)
            return differs(w, s, e);
    }
    return OK;
}

static enum err wait_for_marker(const struct table_work *w, struct error *e)
{
    int64_t n;
    bool arrived;
    const struct pg_comparison *c = w->c;
    TRY(pg_marker_send(c->m, c->from, &n, e));
    TRY(pg_marker_wait(c->m, c->from, n, MARKER_WAIT_MS, &arrived, e));
    if (!arrived)
        return error_set(e, ERR_BUSY,
                         "table %s cannot be compared: changes take more than %d s to arrive",
                         w->table->label, MARKER_WAIT_MS / 1000);
    return OK;
}

static enum err next_round(struct table_work *w, const char *where, struct arena *arena,
                           struct suspect **suspects, struct error *e)
{
    struct suspect *now = NULL;
    TRY(w->c->m->run->go_on(w->c->m->run->ctx, e));
    TRY(wait_for_marker(w, e));
    enum err err = read_suspects(w, where, arena, &now, e);
    if (err == OK)
        err = judge(w, *suspects, &now, e);
    HASH_CLEAR(hh, *suspects);
    *suspects = now;
    return err;
}

/* Two arenas by turns: what a round read is compared with the next and then gone. */
static enum err compare_rows(struct table_work *w, const char *where, struct error *e)
{
    struct arena arenas[2] = {{0}, {0}};
    struct suspect *suspects = NULL;
    enum err err = read_suspects(w, where, &arenas[0], &suspects, e);
    if (err == OK && suspects && w->c->frozen)
        err = differs(w, suspects, e);
    for (int round = 1; err == OK && suspects; round++) {
        if (round > ROUNDS_MAX) {
            err =
                error_set(e, ERR_BUSY, "table %s cannot be compared: the row %s changes too often",
                          w->table->label, suspects->key);
            break;
        }
        arena_release(&arenas[round % 2]);
        arenas[round % 2] = (struct arena){0};
        err = next_round(w, where, &arenas[round % 2], &suspects, e);
    }
    HASH_CLEAR(hh, suspects);
    arena_release(&arenas[0]);
    arena_release(&arenas[1]);
    return err;
}

/* -- ranges ----------------------------------------------------------------------------------- */

static struct pg_digest digest_of(const struct pg_rows *rows)
{
    struct pg_digest d = {0};
    int64_t xor = 0;
    BUG_ON(rows->count != 1 || rows->columns != 3);
    BUG_ON(!str_to_i64(str_from(pg_cell(rows, 0, 0)), &d.rows));
    BUG_ON(!str_to_i64(str_from(pg_cell(rows, 0, 1)), &xor));
    d.xor = (uint64_t) xor ;
    d.sum = strtoull(pg_cell(rows, 0, 2), NULL, 10);
    return d;
}

/* The sum is taken modulo 2^64 where it is exact. */
static enum err compare_range(struct table_work *w, const char *where, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows rows[2];
    const char *sql = arena_printf(
        &arena,
        "SELECT count(*), coalesce(pg_catalog.bit_xor(h), 0),"
        " pg_catalog.mod(pg_catalog.mod(coalesce(pg_catalog.sum(h), 0), 18446744073709551616)"
        " + 18446744073709551616, 18446744073709551616)"
        " FROM (SELECT %s AS h FROM %s WHERE %s) AS hashed",
        w->hash, w->table->from, where);
    TRY(w->c->m->run->go_on(w->c->m->run->ctx, e));
    TRY(ask_both(w->c, sql, 1, &arena, rows, e));
    struct pg_digest source = digest_of(&rows[SIDE_SOURCE]), target = digest_of(&rows[SIDE_TARGET]);
    if (source.rows != target.rows || source.xor != target.xor || source.sum != target.sum)
        TRY(compare_rows(w, where, e));
    w->digest.rows += source.rows;
    w->digest.xor ^= source.xor ;
    w->digest.sum += source.sum;
    return OK;
}

enum err pg_ranges(struct pg_session *s, const struct pg_table *table, const char *whose,
                   int64_t range_rows, struct arena *arena, struct texts *ret, struct error *e)
{
    struct pg_rows ends;
    if (table->key.count == 0) {
        *ret = (struct texts){arena_new_array(arena, 1, const char *), 1};
        ret->items[0] = whose;
        return OK;
    }
    const char *key = key_sql(table, arena), *quoted = "";
    for (size_t i = 0; i < table->key.count; i++)
        quoted = arena_printf(arena, "%s%spg_catalog.quote_literal(%s)", quoted,
                              i ? " || ', ' || " : "", pg_name(arena, table->key.items[i]));
    const char *sql = arena_printf(
        arena,
        "SELECT '(' || %s || ')' FROM (SELECT %s, pg_catalog.row_number() OVER (ORDER BY %s) AS"
        " webhost_n FROM %s WHERE %s) AS numbered WHERE webhost_n %% %" PRId64 " = 0"
        " ORDER BY webhost_n",
        quoted, key, key, table->from, whose, range_rows);
    TRY(pg_query(s, sql, NULL, 0, RANGES_MAX, arena, &ends, e));
    const char **ranges = arena_new_array(arena, ends.count + 1, const char *);
    for (size_t i = 0; i <= ends.count; i++) {
        ranges[i] = whose;
        if (i > 0)
            ranges[i] =
                arena_printf(arena, "%s AND (%s) > %s", ranges[i], key, pg_cell(&ends, i - 1, 0));
        if (i < ends.count)
            ranges[i] =
                arena_printf(arena, "%s AND (%s) <= %s", ranges[i], key, pg_cell(&ends, i, 0));
    }
    *ret = (struct texts){ranges, ends.count + 1};
    return OK;
}

static void note_rows(const struct table_work *w)
{
    pg_move_note(w->c->m, &(struct mover_progress){w->table->label, INT_ABSENT, w->digest.rows,
                                                   INT_ABSENT, INT_ABSENT, "comparing"});
}

/* One range when the two databases order texts differently. */
static enum err compare_ranges(struct table_work *w, bool in_ranges, struct error *e)
{
    int64_t size = w->c->range_rows ? w->c->range_rows : RANGE_ROWS;
    struct texts ranges = {(const char *[]){w->whose}, 1};
    if (in_ranges)
        TRY(pg_ranges(w->c->at[SIDE_SOURCE], w->table, w->whose, size, &w->arena, &ranges, e));
    for (size_t i = 0; i < ranges.count; i++) {
        TRY(compare_range(w, ranges.items[i], e));
        note_rows(w);
    }
    return OK;
}

static enum err order_is_the_same(const struct pg_comparison *c, bool *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_rows rows[2];
    TRY(ask_both(c,
                 "SELECT pg_catalog.concat_ws(' ', datlocprovider, datcollate, daticulocale,"
                 " pg_catalog.pg_database_collation_actual_version(oid))"
                 " FROM pg_catalog.pg_database WHERE datname = pg_catalog.current_database()",
                 1, &arena, rows, e));
    *ret = text_eq(pg_cell(&rows[SIDE_SOURCE], 0, 0), pg_cell(&rows[SIDE_TARGET], 0, 0));
    return OK;
}

static enum err compare_table(const struct pg_comparison *c, const struct pg_table *table,
                              bool in_ranges, struct pg_compared *ret, struct error *e)
{
    struct table_work w;
    work_init(&w, c, table);
    enum err err = compare_ranges(&w, in_ranges, e);
    *ret = (struct pg_compared){table->label, w.digest};
    arena_release(&w.arena);
    return err;
}

enum err pg_compare(const struct pg_comparison *c, struct arena *arena, struct records *ret,
                    struct error *e)
{
    const struct pg_table *tables = c->catalog->tables.items;
    struct pg_compared *all =
        arena_new_array(arena, c->catalog->tables.count + 1, struct pg_compared);
    size_t count = 0;
    bool same_order;
    TRY(order_is_the_same(c, &same_order, e));
    for (size_t i = 0; i < c->catalog->tables.count; i++) {
        if (pg_is_tenants(&tables[i]) || c->with_reference)
            TRY(compare_table(c, &tables[i], same_order, &all[count++], e));
    }
    if (ret)
        *ret = (struct records){all, count};
    return OK;
}
