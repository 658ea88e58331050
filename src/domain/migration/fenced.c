/* The fenced copy as a mover: all its work is in the cutover. */
#include "domain/migration/fenced.h"

#include "copy.sql.h"
#include "infra/json/json.h"
#include "infra/secrets/secret.h"

struct mover_cut {
    char *proof;
};

static struct fenced_run fenced_run_of(const struct mover_run *run)
{
    return (struct fenced_run){
        .stores = run->stores,
        .customer_id = run->customer_id,
        .source_url = run->source_url,
        .target_url = run->target_url,
        .target_id = run->target_id,
        .run = run->run,
        .arena = run->arena,
        .go_on = run->go_on,
        .ctx = run->ctx,
    };
}

/* -- looking ----------------------------------------------------------------------------------- */

struct question {
    const struct db_query *query;
    const char *customer_id;
    int64_t answer; /* INT_ABSENT: no row */
};

static enum err ask_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct question *q = arg;
    return db_get_int(tx, q->query, DB_ARGS(db_text(q->customer_id)), &q->answer, e);
}

static enum err ask(const struct mover_run *run, const char *url, const struct db_query *query,
                    int64_t *ret, struct error *e)
{
    struct question q = {.query = query, .customer_id = run->customer_id};
    struct db *db;
    TRY(tenant_store_get(run->stores, url, &db, e));
    enum err err = db_read(db, ask_work, &q, e);
    tenant_store_put(run->stores, db);
    *ret = q.answer;
    return err;
}

static enum err survey(const struct mover_run *run, struct mover_survey *ret, struct error *e)
{
    char *hash = arena_alloc(run->arena, HASH_TEXT_MAX);
    int64_t rows;
    TRY(ask(run, run->source_url, &copy_rows_of, &rows, e));
    struct mover_table *all = arena_new(run->arena, struct mover_table);
    *all = (struct mover_table){"all", rows, INT_ABSENT, false};
    *ret = (struct mover_survey){
        .tables = {all, 1},
        .schema_sha256 = sha256_hex(str_from(tenant_schema_name()), hash),
    };
    return OK;
}

/* The target's fence opens last: as long as it is closed, the source owns. */
static enum err owner(const struct mover_run *run, enum mover_side *ret, struct error *e)
{
    int64_t source, target;
    TRY(ask(run, run->source_url, &copy_is_fenced, &source, e));
    TRY(ask(run, run->target_url, &copy_is_fenced, &target, e));
    *ret = source == 1 && target == 0 ? SIDE_TARGET : SIDE_SOURCE;
    return OK;
}

/* -- moving ------------------------------------------------------------------------------------ */

static enum err prepare(const struct mover_run *run, struct error *e)
{
    return tenant_fence(run->stores, run->target_url, run->customer_id, run->run, e);
}

static enum err copy(const struct mover_run *run, int64_t *ret_rows, int64_t *ret_bytes,
                     struct error *e)
{
    TRY(ask(run, run->source_url, &copy_rows_of, ret_rows, e));
    *ret_bytes = INT_ABSENT;
    return run->go_on(run->ctx, e);
}

static enum err pass(const struct mover_run *run, struct error *e)
{
    return run->go_on(run->ctx, e);
}

static enum err cut_over(const struct mover_run *run, enum mover_side to,
                         struct mover_cut **ret_cut, int64_t *ret_stall_us, struct error *e)
{
    enum mover_side owned_by;
    struct fenced_run fenced = fenced_run_of(run);
    TRY(owner(run, &owned_by, e));
    *ret_cut = NULL;
    if (owned_by == to)
        return OK;
    if (to == SIDE_SOURCE)
        return error_set(e, ERR_CONFLICT, "a copy behind a fence keeps no way back");
    const char *proof;
    int64_t rows, began_us = monotonic_us();
    TRY(fenced_copy.fence(&fenced, e));
    TRY(fenced_copy.copy(&fenced, &rows, e));
    TRY(fenced_copy.verify(&fenced, &proof, e));
    TRY(tenant_unfence(run->stores, run->target_url, run->customer_id, run->run, e));
    *ret_stall_us = monotonic_us() - began_us;
    struct mover_cut *cut = calloc(1, sizeof(*cut));
    BUG_ON(!cut);
    cut->proof = strdup(proof);
    BUG_ON(!cut->proof);
    *ret_cut = cut;
    return OK;
}

static enum err settle(const struct mover_run *run, struct error *e)
{
    enum mover_side owned_by;
    TRY(owner(run, &owned_by, e));
    return owned_by == SIDE_TARGET
               ? OK
               : tenant_unfence(run->stores, run->source_url, run->customer_id, run->run, e);
}

static void cut_free(struct mover_cut *cut)
{
    if (cut)
        free(cut->proof);
    free(cut);
}

static enum err prove(const struct mover_run *run, struct mover_cut *cut, const char **ret_proof,
                      struct error *e)
{
    (void)e;
    _cleanup_json_ json_t *tables = NULL;
    if (cut)
        TRY(json_parse(str_from(cut->proof), &tables, e));
    _cleanup_json_ json_t *proof =
        json_pack("{s:O?, s:s*}", "tables", tables, "note",
                  cut ? NULL : "compared before the switch; its figures died with the process");
    *ret_proof = json_text(proof, run->arena);
    cut_free(cut);
    return OK;
}

static enum err watch(const struct mover_run *run, int64_t *ret_lag_bytes, struct error *e)
{
    (void)run;
    (void)ret_lag_bytes;
    return error_set(e, ERR_CONFLICT, "a copy behind a fence keeps no way back");
}

static enum err finish(const struct mover_run *run, struct error *e)
{
    enum mover_side owned_by;
    TRY(owner(run, &owned_by, e));
    return owned_by == SIDE_TARGET
               ? OK
               : error_set(e, ERR_CONFLICT, "customer %s is still at the source", run->slug);
}

/* The rows at the target go with its place. */
static enum err undo(const struct mover_run *run, struct error *e)
{
    enum mover_side owned_by;
    TRY(owner(run, &owned_by, e));
    if (owned_by == SIDE_TARGET)
        return error_set(e, ERR_CONFLICT, "customer %s is at the target already", run->slug);
    return tenant_unfence(run->stores, run->source_url, run->customer_id, run->run, e);
}

const struct mover fenced_mover = {
    .name = "fenced",
    .survey = survey,
    .prepare = prepare,
    .copy = copy,
    .index = pass,
    .catch_up = pass,
    .verify = pass,
    .cut_over = cut_over,
    .owner = owner,
    .settle = settle,
    .prove = prove,
    .watch = watch,
    .finish = finish,
    .undo = undo,
    .cut_free = cut_free,
};
