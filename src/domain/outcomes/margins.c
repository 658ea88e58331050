#include "domain/outcomes/margins.h"

#include "domain/usage/facts_row.h"
#include "margins.sql.h"

#define PAGE_ROWS 10000
#define ID_MAX    64

#define AT(member) offsetof(struct customer_margin, member)

const struct field customer_margin_fields[] = {
    {"customer_id", FIELD_TEXT, AT(customer_id)},
    {"slug", FIELD_TEXT, AT(slug)},
    {"mode", FIELD_ENUM, AT(mode), .names = mode_names},
    {"plan", FIELD_ENUM, AT(plan), .names = plan_names},
    {"price", FIELD_DECIMAL, AT(price)},
    {"cost", FIELD_DECIMAL, AT(cost)},
    {"margin", FIELD_DECIMAL, AT(margin)},
    FIELD_END,
};

struct run {
    const struct tracker *tracker;
    struct judge judge;
    int mode;
    struct arena *arena;
    size_t limit;
    struct margins out;
    char worst_ids[MARGINS_WORST][ID_MAX];
    const char *after; /* the customer before those that are still to be looked at */
    char id[ID_MAX];
    size_t rows;
};

/* One more than the page holds tells that there is another. */
static bool is_full(const struct run *r)
{
    return r->out.list.count > r->limit;
}

/* Keeps the smallest margins in order; their ids in places of their own. */
static void note_worst(struct run *r, const struct customer_margin *m)
{
    struct margins *out = &r->out;
    size_t at = out->worst_count;
    while (at > 0 && m->margin < out->worst[at - 1].margin)
        at--;
    if (at == MARGINS_WORST)
        return;
    out->worst_count += out->worst_count < MARGINS_WORST;
    size_t behind = out->worst_count - 1 - at;
    memmove(&out->worst[at + 1], &out->worst[at], behind * sizeof(out->worst[0]));
    memmove(r->worst_ids[at + 1], r->worst_ids[at], behind * ID_MAX);
    out->worst[at] = *m;
    (void)snprintf(r->worst_ids[at], ID_MAX, "%s", m->customer_id);
}

static void look_at(struct run *r, const struct facts *f)
{
    struct profile profile;
    struct decide_context context;
    facts_profile(f, &profile, &context);
    struct customer_margin m = {
        .customer_id = f->customer_id,
        .mode = (int)f->mode,
        .plan = (int)f->plan,
        .price = f->price,
        .cost = judge_cost(&r->judge, &profile, &context, (enum mode)f->mode),
    };
    m.margin = m.price - m.cost;
    struct margin_totals *t = &r->out.totals[f->mode];
    t->customers++;
    t->losing += m.margin < 0;
    t->price += m.price;
    t->cost += m.cost;
    note_worst(r, &m);
    if (is_full(r) || (r->mode >= 0 && r->mode != m.mode))
        return;
    m.customer_id = arena_text(r->arena, m.customer_id);
    ((struct customer_margin *)r->out.list.items)[r->out.list.count++] = m;
}

static enum err row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    (void)count;
    struct run *r = arg;
    struct facts facts;
    if (strlen(columns[0].text) >= sizeof(r->id))
        return error_set(e, ERR_CORRUPT, "the customer id %.100s is too long", columns[0].text);
    facts_from_row(columns, &facts);
    memcpy(r->id, facts.customer_id, strlen(facts.customer_id) + 1);
    r->rows++;
    if (facts.active && facts.mode != INT_ABSENT && (r->out.whole || !is_full(r)))
        look_at(r, &facts);
    return OK;
}

static enum err page_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    TRY(db_each(tx, &margins_page, DB_ARGS(db_text(r->after), db_int(PAGE_ROWS)), row, r, e));
    r->after = r->id;
    return OK;
}

static enum err prices_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    return price_book_now(r->tracker->prices, tx, r->arena, &r->judge.prices, e);
}

static enum err slugs_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    struct customer_margin *items = r->out.list.items;
    for (size_t i = 0; i < r->out.list.count; i++)
        TRY(db_get_text(tx, &margins_slug, DB_ARGS(db_text(items[i].customer_id)), r->arena,
                        &items[i].slug, e));
    for (size_t i = 0; i < r->out.worst_count; i++) {
        struct customer_margin *m = &r->out.worst[i];
        m->customer_id = arena_text(r->arena, r->worst_ids[i]);
        TRY(db_get_text(tx, &margins_slug, DB_ARGS(db_text(m->customer_id)), r->arena, &m->slug,
                        e));
    }
    return OK;
}

enum err margins_read(const struct tracker *tracker, int mode, struct page page,
                      struct arena *arena, struct margins *ret, struct error *e)
{
    struct db *db = tracker->env->db;
    struct run r = {
        .tracker = tracker,
        .judge = {tracker->policy, NULL, tracker->settings, env_now(tracker->env)},
        .mode = mode,
        .arena = arena,
        .limit = (size_t)page.limit,
        .out = {.whole = !page.cursor},
        .after = page.cursor ? page.cursor : "",
    };
    r.out.list.items = arena_new_array(arena, r.limit + 1, struct customer_margin);
    TRY(db_read(db, prices_work, &r, e));
    do {
        r.rows = 0;
        TRY(db_read(db, page_work, &r, e));
    } while (r.rows == PAGE_ROWS && (r.out.whole || !is_full(&r)));
    r.out.next = page_next(page, &r.out.list, sizeof(struct customer_margin), AT(customer_id));
    if (!r.out.whole)
        r.out.worst_count = 0;
    TRY(db_read(db, slugs_work, &r, e));
    *ret = r.out;
    return OK;
}

static json_t *totals_json(const struct margin_totals *t)
{
    decimal margin = t->price - t->cost;
    bool any = t->customers > 0;
    return json_pack("{s:I, s:o, s:o, s:o, s:o, s:o, s:I}", "customers", (json_int_t)t->customers,
                     "price", json_decimal(t->price), "cost", json_decimal(t->cost), "margin",
                     json_decimal(margin), "cost_per_customer",
                     any ? json_decimal(t->cost / t->customers) : json_null(), "margin_share",
                     t->price > 0 ? json_decimal(margin * DECIMAL_ONE / t->price) : json_null(),
                     "losing", (json_int_t)t->losing);
}

static json_t *all_totals_json(const struct margins *m)
{
    struct margin_totals all = {0};
    json_t *out = json_object();
    for (size_t i = 0; i < MODE_COUNT; i++) {
        const struct margin_totals *t = &m->totals[i];
        (void)json_object_set_new(out, mode_names[i], totals_json(t));
        all.customers += t->customers;
        all.losing += t->losing;
        all.price += t->price;
        all.cost += t->cost;
    }
    (void)json_object_set_new(out, "all", totals_json(&all));
    return out;
}

json_t *margins_json(const struct margins *m)
{
    struct records worst = {(void *)(uintptr_t)m->worst, m->worst_count};
    json_t *out = json_pack(
        "{s:o, s:o, s:o, s:s?}", "totals", m->whole ? all_totals_json(m) : json_null(), "worst",
        json_encode_list(customer_margin_fields, worst, sizeof(m->worst[0]), 0), "customers",
        json_encode_list(customer_margin_fields, m->list, sizeof(struct customer_margin), 0),
        "next_cursor", m->next);
    BUG_ON(!out);
    return out;
}
