#include "domain/placement/decide.h"

static inline size_t steps_reached(const uint64_t edge[STEPS_AT_ONCE], uint64_t at)
{
    return (size_t)(at >= edge[0]) + (size_t)(at >= edge[1]) + (size_t)(at >= edge[2]) +
           (size_t)(at >= edge[3]);
}

/* All that one number means: how many steps begin at or below it is the index. */
static inline const struct cell *look_up(const struct steps *s, int64_t value)
{
    uint64_t at = step_edge(value);
    size_t n = steps_reached(s->edge, at);
    for (size_t i = STEPS_AT_ONCE; i < s->count; i += STEPS_AT_ONCE) /* most have one */
        n += steps_reached(&s->edge[i], at);
    return &s->cell[n];
}

static inline const struct cell *look_up_words(const struct word_cells *w, uint32_t words)
{
    return &w->cell[w->index[0][words & 0xff] | w->index[1][words >> 8 & 0xff] |
                    w->index[2][words >> 16 & 0xff] | w->index[3][words >> 24]];
}

static inline decimal clamp(decimal score)
{
    return score < 0 ? 0 : score > DECIMAL_ONE ? DECIMAL_ONE : score;
}

/* A whole outcome or holding; what is not a number to add is carried along and not looked at. */
typedef uint32_t lanes __attribute__((vector_size(16)));
_Static_assert(sizeof(struct outcome) == sizeof(lanes) && sizeof(struct holding) == sizeof(lanes),
               "each is one register");

/* What the factors looked up so far come to. */
struct tally {
    lanes outcomes, holdings;
};

static inline void count(const struct cell *cell, struct tally *t, struct outcome *ret_outcome)
{
    lanes outcome, holding;
    memcpy(&outcome, &cell->outcome, sizeof(outcome));
    memcpy(&holding, &cell->holding, sizeof(holding));
    memcpy(ret_outcome, &outcome, sizeof(outcome));
    t->outcomes += outcome;
    t->holdings &= holding;
}

/* Inlined by force: a call would hand the sets over through memory. */
#define INLINE __attribute__((always_inline)) inline

static INLINE struct holding score(const struct policy *p, const struct profile *profile,
                                   struct decision *d)
{
    struct inputs in = inputs_of(profile);
    struct tally t = {.outcomes = {0}, .holdings = ~(lanes){0}};
#define COUNT(factor) count(look_up(&p->steps[factor], in.values[factor]), &t, &d->factors[factor])
    COUNT(FACTOR_BUDGET);
    COUNT(FACTOR_VEHICLES);
    count(look_up_words(&p->words, in.words), &t, &d->factors[FACTOR_COMPLIANCE]);
    COUNT(FACTOR_LATENCY);
    COUNT(FACTOR_REGIONS);
    COUNT(FACTOR_PEAK_USERS);
#undef COUNT
    struct holding holding;
    memcpy(&holding, &t.holdings, sizeof(holding));
    d->scores[MULTI_TENANT] = clamp(p->base_score + (int32_t)t.outcomes[MULTI_TENANT]);
    d->scores[SINGLE_TENANT] = clamp(p->base_score + (int32_t)t.outcomes[SINGLE_TENANT]);
    return holding;
}

/*
 * The plan asks "does multi-tenant exceed the bar, else does single-tenant, else which is higher".
 * Once multi-tenant does not exceed it, its second question has the answer of its third.
 */
static enum mode choose(const struct policy *policy, const decimal scores[MODE_COUNT])
{
    decimal multi = scores[MULTI_TENANT];
    bool single = (multi <= policy->choose_above) & (multi <= scores[SINGLE_TENANT]);
    return (enum mode)single; /* without a branch: nobody could guess it */
}

/* The first rule that holds, raised to what the floors that hold ask for. */
static inline enum plan single_tenant_plan(const struct policy *policy,
                                           const struct holding *holding, enum plan subscribed)
{
    int plan = PLAN_STARTER;
    if (holding->plan_rules)
        plan = policy->plan_of_rule[__builtin_ctz(holding->plan_rules)];
    for (int p = PLAN_PROFESSIONAL; p < PLAN_COUNT; p++)
        plan = (holding->floors & policy->floors_at[p]) && plan < p ? p : plan;
    return (int)subscribed > plan ? subscribed : (enum plan)plan;
}

static inline void fill_regions(const struct policy *policy, const struct profile *profile,
                                struct placement *at)
{
    const uint8_t *r = profile->regions;
    const uint8_t *order = policy->regions.order[profile->region_count][r[0]][r[1]][r[2]];
    for (int i = 0; i < GEOGRAPHY_COUNT; i++)
        at->regions[i] = order[i];
    at->region_count =
        at->mode == MULTI_TENANT ? 1 : (uint8_t)(at->plan - PLAN_STARTER + 1); /* 1, 2, 3 */
}

static inline void place(const struct policy *policy, const struct profile *profile,
                         const struct holding *holding, const struct decide_context *context,
                         enum mode mode, struct placement *ret_placement)
{
    enum plan plan = single_tenant_plan(policy, holding, context->subscribed);
    ret_placement->mode = mode;
    ret_placement->plan = mode == MULTI_TENANT ? PLAN_HOBBY : plan;
    fill_regions(policy, profile, ret_placement);
}

struct placement placement_in_mode(const struct policy *policy, const struct profile *profile,
                                   const struct decide_context *context, enum mode mode)
{
    struct decision d;
    struct holding holding = score(policy, profile, &d);
    place(policy, profile, &holding, context, mode, &d.placement);
    return d.placement;
}

void decide(const struct policy *policy, const struct profile *profile,
            const struct decide_context *context, struct decision *ret_decision)
{
    struct decision *d = ret_decision;
    struct holding holding = score(policy, profile, d);
    enum mode mode = choose(policy, d->scores);
    d->constraint = CONSTRAINT_NONE;
    if (holding.constraints) {
        d->constraint = __builtin_ctz(holding.constraints);
        mode = policy->constraints.items[d->constraint].mode;
    }
    place(policy, profile, &holding, context, mode, &d->placement);
    d->confidence = d->scores[mode];
}

decimal decision_margin(const struct decision *d)
{
    enum mode chosen = d->placement.mode;
    return d->scores[chosen] - d->scores[chosen == MULTI_TENANT ? SINGLE_TENANT : MULTI_TENANT];
}

bool decision_wants_move(const struct policy *policy, const struct decision *d, enum mode current)
{
    return d->placement.mode != current &&
           (d->constraint != CONSTRAINT_NONE || d->confidence > policy->migrate_above);
}

enum approval move_approval(const struct policy *policy, const struct decision *d,
                            const struct move_facts *facts)
{
    const struct auto_approve *limits = &policy->auto_approve;
    bool slow = facts->response_ms > limits->with_issues.response_ms_above ||
                facts->error_rate > limits->with_issues.error_rate_above ||
                facts->cpu > limits->with_issues.cpu_above; /* absent is below every limit */
    if (d->confidence > limits->with_issues.confidence_above && slow)
        return APPROVAL_PERFORMANCE;
    if (d->confidence > limits->with_issues.confidence_above && facts->compliance_issues)
        return APPROVAL_COMPLIANCE;
    if (d->confidence > limits->settled.confidence_above &&
        facts->days_in_mode > limits->settled.days_above)
        return APPROVAL_SETTLED;
    return APPROVAL_BY_PERSON;
}
