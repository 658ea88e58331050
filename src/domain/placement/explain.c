#include "domain/placement/explain.h"

#define REASON_MAX 4096 /* more than every rule and constraint of a policy that means something */

static enum mode other_mode(enum mode mode)
{
    return mode == MULTI_TENANT ? SINGLE_TENANT : MULTI_TENANT;
}

static void append_texts(struct buf *b, const char *const texts[], size_t count)
{
    for (size_t i = 0; i < count; i++)
        (void)buf_append_text(b, texts[i]);
}

#define APPEND(b, ...)                                                                             \
    append_texts(b, (const char *const[]){__VA_ARGS__},                                            \
                 ARRAY_LEN(((const char *const[]){__VA_ARGS__})))

/* Between two reasons of a list that begins at `start`. */
static const char *separator(const struct buf *b, size_t start)
{
    return b->len > start ? ", " : "";
}

/* Every constraint that asks for the mode that the first one decided. */
static bool constraint_counts(const struct decided *d, size_t i, const struct inputs *in)
{
    const struct clause *c = &d->policy->constraints.items[i];
    return d->decision->constraint != CONSTRAINT_NONE && c->mode == d->decision->placement.mode &&
           conditions_hold(&c->when, in);
}

static void append_constraints(const struct decided *d, const struct inputs *in, size_t start,
                               struct buf *b)
{
    for (size_t i = 0; i < d->policy->constraints.count; i++) {
        const struct clause *c = &d->policy->constraints.items[i];
        if (constraint_counts(d, i, in))
            APPEND(b, separator(b, start), c->because, " [", c->name, "]");
    }
}

/* Last factor first, as the plan's own sentences go. */
static void append_rules(const struct decided *d, const struct inputs *in, size_t start,
                         struct buf *b)
{
    for (int f = FACTOR_COUNT; f-- > 0;) {
        const struct rules *rules = &d->policy->rules[f][d->decision->placement.mode];
        for (size_t i = rules->count; i-- > 0;) {
            const struct rule *r = &rules->items[i];
            if (r->because && condition_holds(&r->condition, (enum factor)f, in))
                APPEND(b, separator(b, start), r->because);
        }
    }
}

static void append_scores(const struct decided *d, struct buf *b)
{
    char chosen[DECIMAL_TEXT_MAX], other[DECIMAL_TEXT_MAX];
    enum mode mode = d->decision->placement.mode;
    APPEND(b, "it scores ", decimal_text(d->decision->scores[mode], chosen), " and ",
           mode_labels[other_mode(mode)], " ",
           decimal_text(d->decision->scores[other_mode(mode)], other));
}

void decision_append_reason(const struct decided *d, struct buf *out)
{
    struct inputs in = inputs_of(d->profile);
    APPEND(out, d->decision->constraint == CONSTRAINT_NONE ? "Recommended " : "Required ",
           mode_labels[d->decision->placement.mode], " deployment: ");
    size_t start = out->len;
    append_constraints(d, &in, start, out);
    append_rules(d, &in, start, out);
    if (out->len == start)
        append_scores(d, out);
    char confidence[DECIMAL_TEXT_MAX];
    APPEND(out, " (confidence: ", decimal_text(d->decision->confidence, confidence), ")");
}

const char *decision_reason(const struct decided *d, struct arena *arena)
{
    _cleanup_buf_ struct buf b = BUF_INIT(REASON_MAX);
    decision_append_reason(d, &b);
    return arena_text_n(arena, buf_text(&b), b.len);
}

static void set(json_t *object, const char *key, json_t *value)
{
    BUG_ON(json_object_set_new(object, key, value) != 0);
}

static json_t *new_object(void)
{
    json_t *object = json_object();
    BUG_ON(!object);
    return object;
}

static json_t *new_list(void)
{
    json_t *list = json_array();
    BUG_ON(!list);
    return list;
}

static void append(json_t *list, json_t *value)
{
    BUG_ON(json_array_append_new(list, value) != 0);
}

static json_t *scores_json(const decimal scores[MODE_COUNT])
{
    json_t *object = new_object();
    for (int m = 0; m < MODE_COUNT; m++)
        set(object, mode_names[m], json_decimal(scores[m]));
    return object;
}

static json_t *number_json(int64_t value, bool is_decimal)
{
    if (value == INT_ABSENT)
        return json_null();
    return is_decimal ? json_decimal(value) : json_integer(value);
}

static json_t *compliance_json(const struct profile *p)
{
    if (!p->compliance_given)
        return json_null();
    json_t *list = new_list();
    for (int i = 0; i < COMPLIANCE_COUNT; i++) {
        if (p->compliance & UINT32_C(1) << i)
            append(list, json_from_text(compliance_names[i]));
    }
    return list;
}

static json_t *geographies_json(const struct profile *p)
{
    if (!p->regions_given)
        return json_null();
    json_t *list = new_list();
    for (size_t i = 0; i < p->region_count; i++)
        append(list, json_from_text(geography_names[p->regions[i]]));
    return list;
}

static json_t *value_json(const struct profile *p, enum factor factor)
{
    switch (factor) {
    case FACTOR_BUDGET:
        return number_json(p->budget, true);
    case FACTOR_VEHICLES:
        return number_json(p->vehicle_count, false);
    case FACTOR_COMPLIANCE:
        return compliance_json(p);
    case FACTOR_LATENCY:
        return number_json(p->latency, true);
    case FACTOR_REGIONS:
        return geographies_json(p);
    case FACTOR_PEAK_USERS:
        return number_json(p->peak_users, false);
    case FACTOR_COUNT:
        break;
    }
    BUG_ON(true);
}

static json_t *factor_json(const struct decided *d, enum factor factor)
{
    const struct outcome *o = &d->decision->factors[factor];
    json_t *object = new_object(), *rules = new_object(), *contributions = new_object();
    for (int m = 0; m < MODE_COUNT; m++) {
        const struct rule *items = d->policy->rules[factor][m].items;
        set(rules, mode_names[m],
            o->rule[m] == RULE_NONE ? json_null() : json_from_text(items[o->rule[m]].when));
        set(contributions, mode_names[m], json_decimal(o->add[m]));
    }
    set(object, "name", json_from_text(factor_names[factor]));
    set(object, "value", value_json(d->profile, factor));
    set(object, "rules", rules);
    set(object, "contributions", contributions);
    return object;
}

static json_t *factors_json(const struct decided *d)
{
    json_t *list = new_list();
    for (int f = 0; f < FACTOR_COUNT; f++)
        append(list, factor_json(d, (enum factor)f));
    return list;
}

static json_t *constraints_json(const struct decided *d)
{
    json_t *list = new_list();
    struct inputs in = inputs_of(d->profile);
    for (size_t i = 0; i < d->policy->constraints.count; i++) {
        const struct clause *c = &d->policy->constraints.items[i];
        if (!constraint_counts(d, i, &in))
            continue;
        json_t *object = new_object();
        set(object, "name", json_from_text(c->name));
        set(object, "mode", json_from_text(mode_names[c->mode]));
        set(object, "because", json_from_text(c->because));
        append(list, object);
    }
    return list;
}

static json_t *alternative_json(const struct decided *d, const struct clause *offer)
{
    struct placement at = placement_in_mode(d->policy, d->profile, d->context, offer->mode);
    int64_t vehicles = d->profile->vehicle_count;
    decimal more = cost_monthly(d->prices, &at, vehicles) -
                   cost_monthly(d->prices, &d->decision->placement, vehicles);
    /* Leaving shared servers costs more and going to them less, unless prices say otherwise. */
    bool costs_more = more > 0 || (more == 0 && offer->mode == SINGLE_TENANT);
    json_t *object = new_object();
    set(object, "mode", json_from_text(mode_names[at.mode]));
    set(object, "plan", json_from_text(plan_names[at.plan]));
    set(object, "reason", json_from_text(offer->because));
    set(object, costs_more ? "estimated_cost_increase" : "estimated_cost_savings",
        json_decimal(more < 0 ? -more : more));
    return object;
}

/* The other mode, when the policy has something to say for it and no constraint forbids it. */
static json_t *alternatives_json(const struct decided *d)
{
    json_t *list = new_list();
    struct inputs in = inputs_of(d->profile);
    if (d->decision->constraint != CONSTRAINT_NONE)
        return list;
    for (size_t i = 0; i < d->policy->alternatives.count; i++) {
        const struct clause *offer = &d->policy->alternatives.items[i];
        if (offer->mode != d->decision->placement.mode && conditions_hold(&offer->when, &in)) {
            append(list, alternative_json(d, offer));
            break;
        }
    }
    return list;
}

static json_t *policy_json(const struct policy *p)
{
    json_t *object = new_object();
    set(object, "name", json_from_text(p->name));
    set(object, "sha256", json_from_text(p->sha256));
    return object;
}

/*
 * What the estimates can be made again from: the file and, where something was laid over it, what
 * that was for the customer's main region, which is the only one that a decision asks about.
 */
static json_t *prices_json(const struct prices *p, enum geography main_region)
{
    json_t *object = new_object();
    set(object, "name", json_from_text(p->name));
    set(object, "sha256", json_from_text(p->sha256));
    if (p->over)
        set(object, "shared_server",
            json_encode(shared_price_fields, &p->over[main_region], JSON_KEEP_ABSENT));
    return object;
}

static json_t *regions_json(const struct placement *at)
{
    json_t *list = new_list();
    for (size_t i = 0; i < at->region_count; i++)
        append(list, json_from_text(
                         region_name(infrastructure_of(at->mode), (enum geography)at->regions[i])));
    return list;
}

json_t *decision_json(const struct decided *d)
{
    _cleanup_arena_ struct arena arena = {0};
    const struct placement *at = &d->decision->placement;
    json_t *object = new_object();
    set(object, "mode", json_from_text(mode_names[at->mode]));
    set(object, "infrastructure",
        json_from_text(infrastructure_names[infrastructure_of(at->mode)]));
    set(object, "plan", json_from_text(plan_names[at->plan]));
    set(object, "reason", json_from_text(decision_reason(d, &arena)));
    set(object, "confidence", json_decimal(d->decision->confidence));
    set(object, "alternatives", alternatives_json(d));
    set(object, "scores", scores_json(d->decision->scores));
    set(object, "factors", factors_json(d));
    set(object, "constraints", constraints_json(d));
    set(object, "policy", policy_json(d->policy));
    set(object, "regions", regions_json(at));
    set(object, "estimated_monthly_cost",
        json_decimal(cost_monthly(d->prices, at, d->profile->vehicle_count)));
    set(object, "prices", prices_json(d->prices, (enum geography)at->regions[0]));
    return object;
}

static json_t *batch_error(const struct error *e, size_t number)
{
    json_t *object = new_object();
    set(object, "error", json_from_text(e->text));
    set(object, "line", json_integer((json_int_t)number));
    return object;
}

bool decide_batch_line(const struct policy *policy, const struct prices *prices, struct str line,
                       size_t number, struct buf *out)
{
    line = str_trim(line);
    if (line.len == 0)
        return true;
    struct profile profile;
    struct decide_context context = {0};
    struct decision decision;
    struct error e;
    _cleanup_json_ json_t *reply = NULL;
    if (profile_parse(line, &profile, &e) == OK) {
        decide(policy, &profile, &context, &decision);
        reply = decision_json(&(struct decided){policy, prices, &profile, &context, &decision});
    } else {
        reply = batch_error(&e, number);
    }
    return json_write(reply, 0, out) && buf_append_char(out, '\n');
}
