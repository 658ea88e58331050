#include "domain/placement/decide.h"

/* All that one number contributes: how many steps begin at or below it is the index. */
static inline const struct outcome *look_up(const struct steps *s, int64_t value)
{
    size_t n = 0;
    for (size_t i = 0; i < s->count; i++)
        n += value >= s->start[i];
    return &s->outcome[n];
}

/*
 * Words are no numbers: first match over the few rules, backwards so that no branch is needed.
 * Written in place, because copying an outcome whose bytes were just stored stalls the processor.
 */
static inline void match_words(const struct rules rules[MODE_COUNT], uint32_t words,
                               struct outcome *o)
{
    *o = (struct outcome){.rule = {RULE_NONE, RULE_NONE}};
    for (int m = 0; m < MODE_COUNT; m++) {
        for (size_t i = rules[m].count; i-- > 0;) {
            const struct rule *r = &rules[m].items[i];
            bool holds = (words & r->condition.words) != 0;
            o->add[m] = holds ? (int32_t)r->add : o->add[m];
            o->rule[m] = holds ? (int8_t)i : o->rule[m];
        }
    }
}

static inline decimal clamp(decimal score)
{
    return score < 0 ? 0 : score > DECIMAL_ONE ? DECIMAL_ONE : score;
}

static void score(const struct policy *policy, const struct inputs *in, struct decision *d)
{
    for (int f = 0; f < FACTOR_COUNT; f++) {
        if (f == FACTOR_COMPLIANCE)
            match_words(policy->rules[f], in->words, &d->factors[f]);
        else
            d->factors[f] = *look_up(&policy->steps[f], in->values[f]);
    }
    for (int m = 0; m < MODE_COUNT; m++) {
        decimal sum = policy->base_score;
        for (int f = 0; f < FACTOR_COUNT; f++)
            sum += d->factors[f].add[m];
        d->scores[m] = clamp(sum);
    }
}

static int first_constraint(const struct policy *policy, const struct inputs *in)
{
    for (size_t i = 0; i < policy->constraints.count; i++) {
        if (conditions_hold(&policy->constraints.items[i].when, in))
            return (int)i;
    }
    return CONSTRAINT_NONE;
}

/*
 * The plan asks "does multi-tenant exceed the bar, else does single-tenant, else which is higher".
 * Once multi-tenant does not exceed it, its second question has the answer of its third.
 */
static enum mode choose(const struct policy *policy, const decimal scores[MODE_COUNT])
{
    bool multi =
        scores[MULTI_TENANT] > policy->choose_above || scores[MULTI_TENANT] > scores[SINGLE_TENANT];
    return multi ? MULTI_TENANT : SINGLE_TENANT;
}

static enum plan single_tenant_plan(const struct policy *policy, const struct inputs *in,
                                    enum plan subscribed)
{
    enum plan plan = PLAN_STARTER;
    for (size_t i = policy->plan_rules.count; i-- > 0;) {
        if (condition_holds(&policy->plan_rules.items[i].condition, FACTOR_VEHICLES, in))
            plan = policy->plan_of_rule[i];
    }
    for (size_t i = 0; i < policy->floors.count; i++) {
        const struct clause *floor = &policy->floors.items[i];
        if (floor->plan > plan && conditions_hold(&floor->when, in))
            plan = floor->plan;
    }
    return subscribed > plan ? subscribed : plan;
}

/* The customer's geographies in its own order, then the others, up to what the plan has room for.
 */
static void fill_regions(const struct profile *profile, struct placement *at)
{
    uint32_t seen = 0;
    uint8_t n = profile->region_count;
    for (uint8_t i = 0; i < n; i++) {
        at->regions[i] = profile->regions[i];
        seen |= UINT32_C(1) << profile->regions[i];
    }
    for (uint8_t g = 0; g < GEOGRAPHY_COUNT; g++) {
        if (!(seen & UINT32_C(1) << g))
            at->regions[n++] = g;
    }
    at->region_count =
        at->mode == MULTI_TENANT ? 1 : (uint8_t)(at->plan - PLAN_STARTER + 1); /* 1, 2, 3 */
}

static void place(const struct policy *policy, const struct profile *profile,
                  const struct inputs *in, const struct decide_context *context, enum mode mode,
                  struct placement *ret_placement)
{
    ret_placement->mode = mode;
    ret_placement->plan =
        mode == MULTI_TENANT ? PLAN_HOBBY : single_tenant_plan(policy, in, context->subscribed);
    fill_regions(profile, ret_placement);
}

struct placement placement_in_mode(const struct policy *policy, const struct profile *profile,
                                   const struct decide_context *context, enum mode mode)
{
    struct inputs in = inputs_of(profile);
    struct placement at;
    place(policy, profile, &in, context, mode, &at);
    return at;
}

void decide(const struct policy *policy, const struct profile *profile,
            const struct decide_context *context, struct decision *ret_decision)
{
    struct inputs in = inputs_of(profile);
    struct decision *d = ret_decision;
    score(policy, &in, d);
    d->constraint = first_constraint(policy, &in);
    enum mode mode = d->constraint == CONSTRAINT_NONE
                         ? choose(policy, d->scores)
                         : policy->constraints.items[d->constraint].mode;
    place(policy, profile, &in, context, mode, &d->placement);
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
