#include "domain/usage/simulate.h"

#include "domain/placement/explain.h"
#include "domain/usage/facts_row.h"
#include "simulate.sql.h"

#define PAGE_ROWS 10000

#define AT(member) offsetof(struct simulated_move, member)

const struct field simulated_move_fields[] = {
    {"customer_id", FIELD_TEXT, AT(customer_id), .required = true, .help = "who"},
    {"slug", FIELD_TEXT, AT(slug), .required = true, .help = "its slug"},
    {"from_mode", FIELD_ENUM, AT(from_mode), .names = mode_names, .required = true,
     .help = "where it lives"},
    {"to_mode", FIELD_ENUM, AT(to_mode), .names = mode_names, .required = true,
     .help = "where it would live"},
    {"plan", FIELD_ENUM, AT(plan), .names = plan_names, .required = true, .help = "for which size"},
    {"confidence", FIELD_DECIMAL, AT(confidence), .required = true, .help = "0 to 1"},
    {"required", FIELD_BOOL, AT(required), .help = "by a constraint"},
    {"recommended_now", FIELD_BOOL, AT(recommended),
     .help = "whether the active policy wants it too"},
    {"cost_now", FIELD_DECIMAL, AT(cost_now), .required = true, .help = "USD a month"},
    {"cost_then", FIELD_DECIMAL, AT(cost_then), .required = true, .help = "USD a month"},
    {"reason", FIELD_TEXT, AT(reason), .required = true, .help = "in a sentence"},
    FIELD_END,
};

struct run {
    const struct tracker *tracker;
    const struct policy *policy;
    struct judge now, then; /* by the active policy, by the simulated one */
    struct arena *arena;
    size_t limit;
    bool totals;
    struct simulation out;
    const char *after; /* the customer before those that are still to be looked at */
    char id[64];
    size_t rows;
};

/* One more than the page holds tells that there is another. */
static bool is_full(const struct run *r)
{
    return r->out.list.count > r->limit;
}

static void list_move(struct run *r, const struct facts *f, const struct decided *d, decimal now,
                      decimal then)
{
    struct decision active;
    struct simulated_move *moves = r->out.list.items;
    decide(r->tracker->policy, d->profile, d->context, &active);
    moves[r->out.list.count++] = (struct simulated_move){
        .customer_id = arena_text(r->arena, f->customer_id),
        .from_mode = (int)f->mode,
        .to_mode = (int)d->decision->placement.mode,
        .plan = (int)d->decision->placement.plan,
        .confidence = d->decision->confidence,
        .required = d->decision->constraint != CONSTRAINT_NONE,
        .recommended = decision_wants_move(r->tracker->policy, &active, (enum mode)f->mode),
        .cost_now = now,
        .cost_then = then,
        .reason = decision_reason(d, r->arena),
    };
}

static void look_at(struct run *r, const struct facts *f)
{
    struct simulation *out = &r->out;
    enum mode from = (enum mode)f->mode, to = from;
    struct profile profile;
    struct decide_context context;
    struct decision decision;
    facts_profile(f, &profile, &context);
    decide(r->policy, &profile, &context, &decision);
    bool moves = decision_wants_move(r->policy, &decision, from);
    if (moves)
        to = decision.placement.mode;
    decimal now = judge_cost(&r->now, &profile, &context, from);
    decimal then = judge_cost(&r->then, &profile, &context, to);
    out->customers++;
    out->now[from]++;
    out->then[to]++;
    out->cost_now += now;
    out->cost_then += then;
    out->moves[to] += moves;
    out->required += moves && decision.constraint != CONSTRAINT_NONE;
    struct decided decided = {r->policy, r->then.prices, &profile, &context, &decision};
    if (moves && !is_full(r))
        list_move(r, f, &decided, now, then);
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
    if (facts.active && facts.mode != INT_ABSENT && (r->totals || !is_full(r)))
        look_at(r, &facts);
    return OK;
}

static enum err page_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    TRY(db_each(tx, &simulate_page, DB_ARGS(db_text(r->after), db_int(PAGE_ROWS)), row, r, e));
    r->after = r->id;
    return OK;
}

static enum err prices_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    TRY(price_book_now(r->tracker->prices, tx, r->arena, &r->now.prices, e));
    r->then.prices = r->now.prices;
    return OK;
}

static enum err slugs_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct run *r = arg;
    struct simulated_move *moves = r->out.list.items;
    for (size_t i = 0; i < r->out.list.count; i++)
        TRY(db_get_text(tx, &simulate_slug, DB_ARGS(db_text(moves[i].customer_id)), r->arena,
                        &moves[i].slug, e));
    return OK;
}

enum err simulate_policy(const struct tracker *tracker, const struct policy *policy,
                         struct page page, struct arena *arena, struct simulation *ret,
                         struct error *e)
{
    struct db *db = tracker->env->db;
    int64_t now = env_now(tracker->env);
    struct run r = {
        .tracker = tracker,
        .policy = policy,
        .now = {tracker->policy, NULL, tracker->settings, now},
        .then = {policy, NULL, tracker->settings, now},
        .arena = arena,
        .limit = (size_t)page.limit,
        .totals = !page.cursor,
        .after = page.cursor ? page.cursor : "",
    };
    r.out.list.items = arena_new_array(arena, r.limit + 1, struct simulated_move);
    TRY(db_read(db, prices_work, &r, e));
    do {
        r.rows = 0;
        TRY(db_read(db, page_work, &r, e));
    } while (r.rows == PAGE_ROWS && (r.totals || !is_full(&r)));
    r.out.whole = r.totals;
    r.out.next = page_next(page, &r.out.list, sizeof(struct simulated_move), AT(customer_id));
    TRY(db_read(db, slugs_work, &r, e));
    *ret = r.out;
    return OK;
}

static json_t *by_mode(const int64_t counts[MODE_COUNT])
{
    json_t *object = json_object();
    for (size_t i = 0; i < MODE_COUNT; i++)
        (void)json_object_set_new(object, mode_names[i], json_integer(counts[i]));
    return object;
}

json_t *simulation_json(const struct simulation *s, const struct policy *policy)
{
    json_t *list = json_encode_list(simulated_move_fields, s->list, sizeof(struct simulated_move),
                                    JSON_KEEP_ABSENT);
    json_t *totals =
        !s->whole ? json_null()
                  : json_pack("{s:I, s:o, s:I, s:o, s:o, s:o, s:o, s:o}", "customers",
                              (json_int_t)s->customers, "moves", by_mode(s->moves), "required",
                              (json_int_t)s->required, "modes_now", by_mode(s->now), "modes_then",
                              by_mode(s->then), "monthly_cost_now", json_decimal(s->cost_now),
                              "monthly_cost_then", json_decimal(s->cost_then), "monthly_difference",
                              json_decimal(s->cost_then - s->cost_now));
    return json_pack("{s:{s:s, s:s}, s:o, s:o, s:s?}", "policy", "name", policy->name, "sha256",
                     policy->sha256, "totals", totals, "moves", list, "next_cursor", s->next);
}
