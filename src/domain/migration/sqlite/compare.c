#include "domain/migration/sqlite/compare.h"

#include "infra/json/json.h"

#define PAGE_ROWS     2000
#define ROW_BYTES_MAX ((size_t)16 << 20)

struct reading {
    const struct mover_run *run;
    const struct moved_table *table;
    const char *after; /* id */
    struct row_set rows;
};

static enum err read_page_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct reading *r = arg;
    return db_each(tx, r->table->page,
                   DB_ARGS(db_text(r->run->customer_id), db_text(r->after), db_int(PAGE_ROWS)),
                   row_set_add, &r->rows, e);
}

static bool same_value(const struct db_value *a, const struct db_value *b)
{
    if (a->type != b->type)
        return false;
    return a->type == DB_TEXT ? text_eq(a->text, b->text) : a->number == b->number;
}

/* The first row that is not the same in both, or the number of rows. */
static size_t first_difference(const struct row_set *a, const struct row_set *b)
{
    size_t common = a->count < b->count ? a->count : b->count;
    for (size_t row = 0; row < common; row++) {
        for (size_t i = 0; i < a->width; i++) {
            if (!same_value(&a->values[row * a->width + i], &b->values[row * a->width + i]))
                return row;
        }
    }
    return common;
}

/* Of a row that both have in different form, or the first that only one of them has. */
static const char *differing_id(const struct row_set *a, const struct row_set *b, size_t row,
                                size_t key)
{
    const char *of_a = row < a->count ? row_set_key(a, row, key) : NULL;
    const char *of_b = row < b->count ? row_set_key(b, row, key) : NULL;
    if (!of_a || (of_b && strcmp(of_b, of_a) < 0))
        return of_b;
    return of_a;
}

/* Type and length before each value: no two different rows have the same bytes. */
static enum err digest_row(const struct db_value *row, size_t width, struct table_digest *digest,
                           struct buf *bytes, struct error *e)
{
    buf_reset(bytes);
    (void)buf_append_text(bytes, digest->sha256);
    for (size_t i = 0; i < width; i++) {
        const struct db_value *v = &row[i];
        if (v->type == DB_TEXT)
            (void)buf_printf(bytes, "|t%zu:%s", strlen(v->text), v->text);
        else if (v->type == DB_INT)
            (void)buf_printf(bytes, "|i%lld", (long long)v->number);
        else
            (void)buf_append_text(bytes, "|n");
    }
    if (buf_is_full(bytes))
        return error_set(e, ERR_TOO_LARGE, "a row is larger than %zu bytes", ROW_BYTES_MAX);
    (void)sha256_hex(buf_str(bytes), digest->sha256);
    digest->rows++;
    return OK;
}

/* One page of both sides; `key` keeps the id that it ended with. */
static enum err compare_page(struct reading sides[2], struct db_snapshot *const snapshots[2],
                             struct table_digest *digest, struct buf *bytes, struct error *e)
{
    const struct row_set *a = &sides[SIDE_SOURCE].rows, *b = &sides[SIDE_TARGET].rows;
    const struct mover_run *run = sides[SIDE_SOURCE].run;
    const struct moved_table *table = sides[SIDE_SOURCE].table;
    TRY(run->go_on(run->ctx, e));
    for (int i = SIDE_SOURCE; i <= SIDE_TARGET; i++)
        TRY(db_snapshot_read(snapshots[i], read_page_work, &sides[i], e));
    size_t same = first_difference(a, b);
    if (same < a->count || same < b->count)
        return error_set(e, ERR_CORRUPT,
                         "table %s of customer %s is not the same on both sides: row %s differs",
                         table->name, run->slug, differing_id(a, b, same, table->key));
    for (size_t row = 0; row < same; row++)
        TRY(digest_row(a->values + row * a->width, a->width, digest, bytes, e));
    return OK;
}

static enum err compare_table(const struct mover_run *run, struct db_snapshot *const snapshots[2],
                              const struct moved_table *table, struct table_digest *digest,
                              struct error *e)
{
    _cleanup_buf_ struct buf bytes = BUF_INIT(ROW_BYTES_MAX), after = BUF_INIT(ROW_BYTES_MAX);
    size_t rows;
    do {
        _cleanup_arena_ struct arena arena = {0};
        struct reading r = {run, table, buf_text(&after), {.arena = &arena}};
        struct reading sides[2] = {r, r};
        TRY(compare_page(sides, snapshots, digest, &bytes, e));
        rows = sides[SIDE_SOURCE].rows.count;
        buf_reset(&after);
        if (rows > 0)
            (void)buf_append_text(&after,
                                  row_set_key(&sides[SIDE_SOURCE].rows, rows - 1, table->key));
    } while (rows == PAGE_ROWS);
    return OK;
}

enum err compare_sides(const struct mover_run *run, struct db_snapshot *source,
                       struct db_snapshot *target, struct table_digest ret[MOVED_TABLES],
                       struct error *e)
{
    struct db_snapshot *const snapshots[2] = {source, target};
    struct table_digest digests[MOVED_TABLES] = {0};
    for (size_t i = 0; i < MOVED_TABLES; i++)
        TRY(compare_table(run, snapshots, &moved_tables[i], &digests[i], e));
    memcpy(ret, digests, sizeof(digests));
    return OK;
}

const char *compare_proof(const struct table_digest digests[MOVED_TABLES], int64_t at, bool later,
                          struct arena *arena)
{
    char time[TIME_TEXT_MAX];
    _cleanup_json_ json_t *tables = json_object();
    for (size_t i = 0; i < MOVED_TABLES; i++)
        (void)json_object_set_new(tables, moved_tables[i].name,
                                  json_pack("{s:I, s:s}", "rows", (json_int_t)digests[i].rows,
                                            "digest", digests[i].sha256));
    _cleanup_json_ json_t *proof =
        json_pack("{s:s, s:O}", "at", time_text(at, time), "tables", tables);
    if (later)
        (void)json_object_set_new(proof, "note",
                                  json_string("the process that cut over died before it could "
                                              "compare: compared again over the way back"));
    return json_text(proof, arena);
}
