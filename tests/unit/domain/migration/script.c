#include "script.h"

#include <stdlib.h>
#include <string.h>

struct script script;

struct mover_cut {
    int nothing;
};

void script_reset(void)
{
    script = (struct script){.schema = "schema-1", .stall_us = 31000};
}

static void count(enum part part)
{
    script.calls[part]++;
    bool is_step = part != PART_OWNER && part != PART_SETTLE && part != PART_WATCH;
    if (is_step && script.order_count < ARRAY_LEN(script.order))
        script.order[script.order_count++] = part;
    if (script.before)
        script.before(part);
}

static enum err fail(enum part part, struct error *e)
{
    if (script.fails[part].times <= 0)
        return OK;
    script.fails[part].times--;
    return error_set(e, script.fails[part].err, "%s",
                     script.fails[part].text ? script.fails[part].text : "the test says no");
}

static enum err play(enum part part, const struct mover_run *run, struct error *e)
{
    count(part);
    TRY(run->go_on(run->ctx, e));
    return fail(part, e);
}

#define PLAIN_PART(name, part)                                                                     \
    static enum err name(const struct mover_run *run, struct error *e)                             \
    {                                                                                              \
        return play(part, run, e);                                                                 \
    }

PLAIN_PART(prepare, PART_PREPARE)
PLAIN_PART(build_indexes, PART_INDEX)
PLAIN_PART(catch_up, PART_CATCH_UP)
PLAIN_PART(verify, PART_VERIFY)

static enum err settle(const struct mover_run *run, struct error *e)
{
    (void)run;
    count(PART_SETTLE);
    return fail(PART_SETTLE, e);
}

static enum err survey(const struct mover_run *run, struct mover_survey *ret, struct error *e)
{
    TRY(play(PART_SURVEY, run, e));
    struct mover_table *tables = arena_new_array(run->arena, 2, struct mover_table);
    tables[0] = (struct mover_table){"gps_points", 3000, 300000, false};
    tables[1] = (struct mover_table){"vehicles", 50, 5000, false};
    *ret = (struct mover_survey){.tables = {tables, 2}, .schema_sha256 = script.schema};
    if (script.obstacle) {
        struct mover_obstacle *o = arena_new(run->arena, struct mover_obstacle);
        *o = (struct mover_obstacle){script.obstacle, "has no primary key", "add one"};
        ret->obstacles = (struct records){o, 1};
    }
    return OK;
}

static enum err copy(const struct mover_run *run, int64_t *ret_rows, int64_t *ret_bytes,
                     struct error *e)
{
    struct mover_progress half = {"gps_points", 3000, 1500, 150000, INT_ABSENT, "copying"};
    TRY(play(PART_COPY, run, e));
    run->note(run->ctx, &half);
    half.rows_done = 3000;
    run->note(run->ctx, &half);
    half = (struct mover_progress){"vehicles", 40, 50, 5000, 4096, NULL};
    run->note(run->ctx, &half);
    *ret_rows = 3050;
    *ret_bytes = 305000;
    return OK;
}

static enum err cut_over(const struct mover_run *run, enum mover_side to,
                         struct mover_cut **ret_cut, int64_t *ret_stall_us, struct error *e)
{
    enum err err = play(PART_CUT_OVER, run, e);
    *ret_cut = NULL;
    if (err != OK && script.fails[PART_CUT_OVER].done)
        script.owner = to;
    if (err != OK || script.owner == to)
        return err;
    script.owner = to;
    *ret_cut = calloc(1, sizeof(**ret_cut));
    BUG_ON(!*ret_cut);
    script.cuts_open++;
    *ret_stall_us = script.stall_us;
    return OK;
}

static enum err owner(const struct mover_run *run, enum mover_side *ret, struct error *e)
{
    (void)run;
    count(PART_OWNER);
    *ret = script.owner;
    return fail(PART_OWNER, e);
}

static void cut_free(struct mover_cut *cut)
{
    script.cuts_open -= cut != NULL;
    free(cut);
}

static enum err prove(const struct mover_run *run, struct mover_cut *cut, const char **ret_proof,
                      struct error *e)
{
    cut_free(cut);
    TRY(play(PART_PROVE, run, e));
    *ret_proof = "{\"tables\":{\"gps_points\":{\"rows\":3000}}}";
    return OK;
}

static enum err watch(const struct mover_run *run, int64_t *ret_lag_bytes, struct error *e)
{
    (void)run;
    count(PART_WATCH);
    *ret_lag_bytes = 100;
    return fail(PART_WATCH, e);
}

static enum err finish(const struct mover_run *run, struct error *e)
{
    TRY(play(PART_FINISH, run, e));
    BUG_ON(script.owner != SIDE_TARGET);
    return OK;
}

static enum err undo(const struct mover_run *run, struct error *e)
{
    TRY(play(PART_UNDO, run, e));
    if (script.owner == SIDE_TARGET)
        return error_set(e, ERR_CONFLICT, "the target owns");
    return OK;
}

static const struct mover mover = {
    .name = "script",
    .survey = survey,
    .prepare = prepare,
    .copy = copy,
    .index = build_indexes,
    .catch_up = catch_up,
    .verify = verify,
    .cut_over = cut_over,
    .owner = owner,
    .settle = settle,
    .prove = prove,
    .watch = watch,
    .finish = finish,
    .undo = undo,
    .cut_free = cut_free,
};

enum err script_mover(const char *source_url, const char *target_url, const struct mover **ret,
                      struct error *e)
{
    (void)e;
    BUG_ON(!source_url || !target_url);
    *ret = &mover;
    return OK;
}
