/*
 * The mover that copies behind a closed fence.
 *
 * Nothing changes at the source while it works, so pages read one after another belong together.
 * The comparison does not trust the paging: it reads both sides whole, each in one snapshot.
 */
#include "domain/migration/fenced.h"

#include "copy.sql.h"
#include "infra/json/json.h"
#include "infra/secrets/secret.h"

#define PAGE_ROWS     2000
#define COLUMNS_MAX   16
#define ROW_BYTES_MAX ((size_t)16 << 20)

const struct fenced_table fenced_tables[] = {
    {"tenants", &copy_tenants_page, &copy_tenants_insert, 0},
    {"vehicles", &copy_vehicles_page, &copy_vehicles_insert, 1},
    {"gps_points", &copy_points_page, &copy_points_insert, 1},
};
const size_t fenced_table_count = ARRAY_LEN(fenced_tables);

static enum err fence(const struct fenced_run *run, struct error *e)
{
    return tenant_fence(run->stores, run->source_url, run->customer_id, run->run, e);
}

static enum err unfence(const struct fenced_run *run, struct error *e)
{
    return tenant_unfence(run->stores, run->source_url, run->customer_id, run->run, e);
}

/* -- copying ----------------------------------------------------------------------------------- */

/* Rows on their way: read in one transaction, written in another. */
struct page_of_rows {
    const struct fenced_run *run;
    const struct fenced_table *table;
    struct arena *arena;
    const char *after; /* the last id of the page before */
    struct db_value *values;
    size_t rows, columns;
};

static enum err keep_row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    (void)e;
    struct page_of_rows *p = arg;
    BUG_ON(count != p->table->insert->params || p->rows == PAGE_ROWS);
    if (!p->values)
        p->values = arena_new_array(p->arena, PAGE_ROWS * count, struct db_value);
    struct db_value *row = p->values + p->rows++ * count;
    p->columns = count;
    for (size_t i = 0; i < count; i++) {
        row[i] = columns[i];
        row[i].text = arena_text(p->arena, columns[i].text);
    }
    return OK;
}

static enum err read_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct page_of_rows *p = arg;
    p->rows = 0;
    return db_each(tx, p->table->page,
                   DB_ARGS(db_text(p->run->customer_id), db_text(p->after), db_int(PAGE_ROWS)),
                   keep_row, p, e);
}

static enum err claim(struct db_tx *tx, const struct fenced_run *run, struct error *e)
{
    int64_t changes;
    TRY(db_exec(tx, &copy_claim,
                DB_ARGS(db_text(run->customer_id), db_int(run->run), db_text(run->target_id)),
                &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT,
                         "deployment %s has no place for customer %s any more, or a later run of "
                         "the move has taken over",
                         run->target_id, run->customer_id);
    return OK;
}

static enum err write_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct page_of_rows *p = arg;
    TRY(claim(tx, p->run, e));
    for (size_t i = 0; i < p->rows; i++) {
        struct db_args row = {p->values + i * p->columns, p->columns};
        TRY(db_exec(tx, p->table->insert, row, NULL, e));
    }
    return db_exec(tx, &copy_close, DB_ARGS(db_text(p->run->customer_id)), NULL, e);
}

static enum err clear_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct fenced_run *run = arg;
    struct db_args id = DB_ARGS(db_text(run->customer_id));
    TRY(claim(tx, run, e));
    TRY(db_exec(tx, &copy_clear_points, id, NULL, e));
    TRY(db_exec(tx, &copy_clear_vehicles, id, NULL, e));
    return db_exec(tx, &copy_close, id, NULL, e);
}

/* Copies one page; `key` keeps the id it ended with, and is full when there may be more. */
static enum err copy_page(struct db *source, struct db *target, struct page_of_rows *p,
                          struct buf *key, struct error *e)
{
    TRY(p->run->go_on(p->run->ctx, e));
    TRY(db_read(source, read_work, p, e));
    if (p->rows == 0)
        return OK;
    TRY(db_write(target, write_work, p, e));
    const struct db_value *last = p->values + (p->rows - 1) * p->columns;
    buf_reset(key);
    BUG_ON(!buf_append_text(key, last[p->table->key].text));
    return OK;
}

static enum err copy_table(const struct fenced_run *run, struct db *source, struct db *target,
                           const struct fenced_table *table, int64_t *rows, struct error *e)
{
    _cleanup_buf_ struct buf key = BUF_INIT(ROW_BYTES_MAX);
    size_t copied;
    do {
        _cleanup_arena_ struct arena arena = {0};
        struct page_of_rows p = {run, table, &arena, buf_text(&key)};
        TRY(copy_page(source, target, &p, &key, e));
        copied = p.rows;
        *rows += (int64_t)copied;
    } while (copied == PAGE_ROWS);
    return OK;
}

static enum err copy_all(const struct fenced_run *run, struct db *source, struct db *target,
                         void *ret_rows, struct error *e)
{
    int64_t rows = 0;
    TRY(db_write(target, clear_work, (void *)(uintptr_t)run, e));
    for (size_t i = 0; i < fenced_table_count; i++)
        TRY(copy_table(run, source, target, &fenced_tables[i], &rows, e));
    *(int64_t *)ret_rows = rows;
    return OK;
}

/* Has both databases open while `fn` works. */
static enum err with_both(const struct fenced_run *run,
                          enum err (*fn)(const struct fenced_run *, struct db *, struct db *,
                                         void *, struct error *),
                          void *ret, struct error *e)
{
    struct db *source, *target;
    TRY(tenant_store_get(run->stores, run->source_url, &source, e));
    enum err err = tenant_store_get(run->stores, run->target_url, &target, e);
    if (err == OK) {
        err = fn(run, source, target, ret, e);
        tenant_store_put(run->stores, target);
    }
    tenant_store_put(run->stores, source);
    return err;
}

static enum err copy(const struct fenced_run *run, int64_t *ret_rows, struct error *e)
{
    return with_both(run, copy_all, ret_rows, e);
}

/* -- comparing --------------------------------------------------------------------------------- */

/* Row after row, in order of id: each digest covers the one before it and the row. */
struct digest {
    int64_t rows;
    char sha256[HASH_TEXT_MAX];
};

struct reading {
    const struct fenced_run *run;
    bool is_source;
    struct digest *digest; /* of the table being read */
    struct digest digests[ARRAY_LEN(fenced_tables)];
    struct buf row;
};

/* Type and length before each value: no two different rows have the same bytes. */
static enum err digest_row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    struct reading *r = arg;
    buf_reset(&r->row);
    (void)buf_append_text(&r->row, r->digest->sha256);
    for (size_t i = 0; i < count; i++) {
        const struct db_value *v = &columns[i];
        if (v->type == DB_TEXT)
            (void)buf_printf(&r->row, "|t%zu:%s", strlen(v->text), v->text);
        else if (v->type == DB_INT)
            (void)buf_printf(&r->row, "|i%lld", (long long)v->number);
        else
            (void)buf_append_text(&r->row, "|n");
    }
    if (buf_is_full(&r->row))
        return error_set(e, ERR_TOO_LARGE, "a row of customer %s is too large to move",
                         r->run->customer_id);
    (void)sha256_hex(buf_str(&r->row), r->digest->sha256);
    r->digest->rows++;
    return OK;
}

static enum err digest_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct reading *r = arg;
    struct db_value id = db_text(r->run->customer_id);
    memset(r->digests, 0, sizeof(r->digests));
    if (r->is_source) {
        int64_t fenced;
        TRY(db_get_int(tx, &copy_fence_held, DB_ARGS(id, db_int(r->run->run)), &fenced, e));
        if (fenced != 1)
            return error_set(e, ERR_CONFLICT, "the fence of customer %s is not this run's",
                             r->run->customer_id);
    }
    for (size_t i = 0; i < fenced_table_count; i++) {
        r->digest = &r->digests[i];
        TRY(db_each(tx, fenced_tables[i].page, DB_ARGS(id, db_text(""), db_int(INT64_MAX)),
                    digest_row, r, e));
    }
    return OK;
}

static enum err read_digests(struct db *db, struct reading *r, struct error *e)
{
    r->row = BUF_INIT(ROW_BYTES_MAX);
    enum err err = db_read(db, digest_work, r, e);
    buf_release(&r->row);
    return err;
}

static const char *proof_of(const struct digest digests[], struct arena *arena)
{
    _cleanup_json_ json_t *proof = json_object();
    for (size_t i = 0; i < fenced_table_count; i++)
        (void)json_object_set_new(proof, fenced_tables[i].name,
                                  json_pack("{s:I, s:s}", "rows", (json_int_t)digests[i].rows,
                                            "sha256", digests[i].sha256));
    return json_text(proof, arena);
}

static enum err compare(const struct fenced_run *run, struct db *source, struct db *target,
                        void *ret_proof, struct error *e)
{
    struct reading here = {.run = run, .is_source = true}, there = {.run = run};
    TRY(read_digests(source, &here, e));
    TRY(run->go_on(run->ctx, e));
    TRY(read_digests(target, &there, e));
    for (size_t i = 0; i < fenced_table_count; i++) {
        const struct digest *a = &here.digests[i], *b = &there.digests[i];
        if (a->rows != b->rows || !text_eq(a->sha256, b->sha256))
            return error_set(e, ERR_CORRUPT,
                             "%s of customer %s differs after the copy: %lld rows at the source, "
                             "%lld at the target",
                             fenced_tables[i].name, run->customer_id, (long long)a->rows,
                             (long long)b->rows);
    }
    *(const char **)ret_proof = proof_of(here.digests, run->arena);
    return OK;
}

static enum err verify(const struct fenced_run *run, const char **ret_proof, struct error *e)
{
    return with_both(run, compare, ret_proof, e);
}

const struct fenced_mover fenced_copy = {fence, unfence, copy, verify};
