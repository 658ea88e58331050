#include "domain/usage/fleet.h"

#include "domain/usage/facts_row.h"
#include "fleet.sql.h"

#define FLEET_WORKER "FleetWorker"
#define FLEET_QUEUE  "maintenance"
#define PAGE_ROWS    10000
#define ID_MAX       64
#define SOON_US      (3 * USEC_PER_SEC)

#define DAY(member) offsetof(struct fleet_day, member)
#define TOP(member) offsetof(struct fleet_top, member)

const char *const fleet_top_names[] = {"busy", "costly", "loss", NULL};

const struct field fleet_day_fields[] = {
    {"day", FIELD_INT, DAY(day)},
    {"mode", FIELD_ENUM, DAY(mode), .names = mode_names},
    {"customers", FIELD_INT, DAY(customers)},
    {"revenue", FIELD_DECIMAL, DAY(revenue)},
    {"cost", FIELD_DECIMAL, DAY(cost)},
    FIELD_END,
};

const struct field fleet_top_fields[] = {
    {"kind", FIELD_ENUM, TOP(kind), .names = fleet_top_names},
    {"customer_id", FIELD_TEXT, TOP(customer_id)},
    {"slug", FIELD_TEXT, TOP(slug)},
    {"name", FIELD_TEXT, TOP(name)},
    {"mode", FIELD_ENUM, TOP(mode), .names = mode_names},
    {"plan", FIELD_ENUM, TOP(plan), .names = plan_names},
    {"price", FIELD_DECIMAL, TOP(price)},
    {"cost", FIELD_DECIMAL, TOP(cost)},
    {"margin", FIELD_DECIMAL, TOP(margin)},
    {"cpu", FIELD_DECIMAL, TOP(cpu)},
    {"api_calls", FIELD_INT, TOP(api_calls)},
    {"response_us", FIELD_INT, TOP(response_us)},
    FIELD_END,
};

/* -- a look ------------------------------------------------------------------------------------ */

struct outstanding {
    char id[ID_MAX];
    int64_t weight; /* what they are compared by */
    struct fleet_top top;
};

struct look {
    const struct tracker *tracker;
    struct judge judge;
    struct arena arena;
    char after[ID_MAX];
    size_t rows;
    struct fleet_day days[MODE_COUNT];
    struct outstanding tops[FLEET_TOP_KINDS][FLEET_TOP_COUNT]; /* the heaviest first */
    size_t top_counts[FLEET_TOP_KINDS];
};

static void stand_out(struct look *l, enum fleet_top_kind kind, int64_t weight,
                      const struct fleet_top *top)
{
    struct outstanding *tops = l->tops[kind];
    size_t count = l->top_counts[kind], i = count;
    if (weight <= 0 || (count == FLEET_TOP_COUNT && tops[count - 1].weight >= weight))
        return;
    if (count < FLEET_TOP_COUNT)
        l->top_counts[kind] = count + 1;
    else
        i = count - 1;
    for (; i > 0 && tops[i - 1].weight < weight; i--)
        tops[i] = tops[i - 1];
    tops[i] = (struct outstanding){.weight = weight, .top = *top};
    memcpy(tops[i].id, l->after, ID_MAX);
}

static void look_at(struct look *l, const struct facts *f)
{
    struct profile profile;
    struct decide_context context;
    facts_profile(f, &profile, &context);
    decimal cost = judge_cost(&l->judge, &profile, &context, (enum mode)f->mode);
    struct fleet_day *day = &l->days[f->mode];
    day->customers++;
    day->revenue += f->price;
    day->cost += cost;
    struct fleet_top top = {
        .mode = (int)f->mode,
        .plan = (int)f->plan,
        .price = f->price,
        .cost = cost,
        .cpu = f->cpu,
        .api_calls = f->api_calls,
        .response_us = f->response_us,
    };
    stand_out(l, FLEET_TOP_COSTLY, cost, &top);
    stand_out(l, FLEET_TOP_LOSS, cost - f->price, &top);
    if (f->mode == MULTI_TENANT && f->cpu != INT_ABSENT)
        stand_out(l, FLEET_TOP_BUSY, f->cpu, &top);
}

static enum err row(const struct db_value *c, size_t count, void *arg, struct error *e)
{
    (void)count;
    struct look *l = arg;
    struct facts facts;
    size_t len = strlen(c[0].text);
    if (len >= ID_MAX)
        return error_set(e, ERR_CORRUPT, "the customer id %.100s is too long", c[0].text);
    memcpy(l->after, c[0].text, len + 1);
    facts_from_row(c, &facts);
    facts.cpu = facts_number(&c[FACTS_ROW_WIDTH]);
    facts.api_calls = facts_number(&c[FACTS_ROW_WIDTH + 1]);
    facts.response_us = facts_number(&c[FACTS_ROW_WIDTH + 2]);
    l->rows++;
    if (facts.active && facts.mode != INT_ABSENT)
        look_at(l, &facts);
    return OK;
}

static enum err page_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct look *l = arg;
    char after[ID_MAX]; /* the rows overwrite their own */
    memcpy(after, l->after, ID_MAX);
    l->rows = 0;
    return db_each(tx, &fleet_page, DB_ARGS(db_text(after), db_int(PAGE_ROWS)), row, l, e);
}

static enum err prices_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct look *l = arg;
    return price_book_now(l->tracker->prices, tx, &l->arena, &l->judge.prices, e);
}

static enum err put_top(struct db_tx *tx, int kind, size_t place, const struct outstanding *o,
                        struct error *e)
{
    const struct fleet_top *t = &o->top;
    return db_exec(tx, &fleet_top_put,
                   DB_ARGS(db_text(fleet_top_names[kind]), db_int((int64_t)place), db_text(o->id),
                           db_text(mode_names[t->mode]), db_text(plan_names[t->plan]),
                           db_int(t->price), db_int(t->cost), db_int(t->cpu), db_int(t->api_calls),
                           db_int(t->response_us)),
                   NULL, e);
}

static enum err put_day(struct db_tx *tx, const struct fleet_day *day, struct error *e)
{
    return db_exec(tx, &fleet_day_put,
                   DB_ARGS(db_int(day->day), db_text(mode_names[day->mode]), db_int(day->customers),
                           db_int(day->revenue), db_int(day->cost)),
                   NULL, e);
}

static enum err keep_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct look *l = arg;
    for (int m = 0; m < MODE_COUNT; m++)
        TRY(put_day(tx, &l->days[m], e));
    TRY(db_exec(tx, &fleet_tops_clear, DB_NO_ARGS, NULL, e));
    for (int kind = 0; kind < FLEET_TOP_KINDS; kind++) {
        for (size_t i = 0; i < l->top_counts[kind]; i++)
            TRY(put_top(tx, kind, i, &l->tops[kind][i], e));
    }
    return OK;
}

static enum err look_through(struct look *l, struct error *e)
{
    struct db *db = l->tracker->env->db;
    TRY(db_read(db, prices_work, l, e));
    do
        TRY(db_read(db, page_work, l, e));
    while (l->rows == PAGE_ROWS);
    return db_write(db, keep_work, l, e);
}

enum err fleet_look(const struct tracker *tracker, struct error *e)
{
    int64_t now = env_now(tracker->env);
    struct look *l = calloc(1, sizeof(*l));
    BUG_ON(!l);
    l->tracker = tracker;
    l->judge = (struct judge){tracker->policy, NULL, tracker->settings, now};
    for (int m = 0; m < MODE_COUNT; m++)
        l->days[m] = (struct fleet_day){.day = now / USEC_PER_DAY, .mode = m};
    enum err err = look_through(l, e);
    arena_release(&l->arena);
    free(l);
    return err;
}

/* -- what is kept ------------------------------------------------------------------------------ */

enum err fleet_days_list(struct db_tx *tx, int64_t now, int64_t days, struct arena *arena,
                         struct records *ret, struct error *e)
{
    int64_t first = now / USEC_PER_DAY - days + 1;
    return db_list(tx, &fleet_days_since, DB_ARGS(db_int(first)), fleet_day_fields,
                   sizeof(struct fleet_day), (size_t)(FLEET_DAYS_MAX + 1) * MODE_COUNT, arena, ret,
                   e);
}

enum err fleet_tops_list(struct db_tx *tx, struct arena *arena, struct records *ret,
                         struct error *e)
{
    return db_list(tx, &fleet_tops_all, DB_NO_ARGS, fleet_top_fields, sizeof(struct fleet_top),
                   (size_t)FLEET_TOP_KINDS * FLEET_TOP_COUNT, arena, ret, e);
}

enum err fleet_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                     struct error *e)
{
    return db_exec(tx, &fleet_days_delete_old, DB_ARGS(db_int(before / USEC_PER_DAY), db_int(max)),
                   ret_deleted, e);
}

/* -- an example -------------------------------------------------------------------------------- */

#define EXAMPLE_FLEET_DAYS 60

/* USD a month of a customer. */
static const decimal example_price[MODE_COUNT] = {
    [MULTI_TENANT] = 29 * DECIMAL_ONE, [SINGLE_TENANT] = 239 * DECIMAL_ONE};
static const decimal example_cost[MODE_COUNT] = {
    [MULTI_TENANT] = 13 * DECIMAL_ONE / 10, [SINGLE_TENANT] = 102 * DECIMAL_ONE};

enum err fleet_add_example(struct db_tx *tx, int64_t now, const int64_t customers[MODE_COUNT],
                           struct error *e)
{
    int64_t first, today = now / USEC_PER_DAY;
    TRY(db_get_int(tx, &fleet_day_first, DB_NO_ARGS, &first, e));
    if (first != INT_ABSENT)
        return OK;
    for (int64_t ago = EXAMPLE_FLEET_DAYS; ago > 0; ago--) {
        for (int m = 0; m < MODE_COUNT; m++) {
            int64_t lag = m == MULTI_TENANT ? ago : ago * 4 / 3; /* the dedicated ones came later */
            int64_t then = customers[m] * (90 - lag) / 90;
            then = then > 0 ? then : 0;
            TRY(put_day(tx,
                        &(struct fleet_day){today - ago, m, then, then * example_price[m],
                                            then * example_cost[m]},
                        e));
        }
    }
    return OK;
}

/* -- the worker -------------------------------------------------------------------------------- */

static enum job_result perform(struct job_run *run, struct error *e)
{
    return fleet_look(run->ctx, e) == OK ? JOB_DONE : JOB_RETRY;
}

struct job_worker fleet_worker(const struct tracker *tracker)
{
    return (struct job_worker){FLEET_WORKER, FLEET_QUEUE, perform, NULL,
                               (void *)(uintptr_t)tracker};
}

static const struct job_spec fleet_spec = {
    .worker = FLEET_WORKER, .queue = FLEET_QUEUE, .args = "{}", .unique_key = "fleet"};

struct cron fleet_cron(void)
{
    return (struct cron){.name = "fleet", .when = "*/10 * * * *", .spec = fleet_spec};
}

enum err fleet_enqueue(struct db_tx *tx, const struct env *env, struct arena *arena,
                       struct error *e)
{
    struct job_spec spec = fleet_spec;
    spec.delay_us = SOON_US;
    struct job job;
    bool added;
    return job_enqueue(tx, env, &spec, arena, &job, &added, e);
}
