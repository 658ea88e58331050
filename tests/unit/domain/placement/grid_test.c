/*
 * The plan's scoring written a second time, straight from its table, in tenths and without any of
 * the product's code; then every profile of a grid around its thresholds decided by both.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/placement/decide.h"

#define D(whole) ((decimal)(whole)*DECIMAL_ONE)

static const decimal budgets[] = {INT_ABSENT, 0,          D(30),  D(50) - 1,  D(50),
                                  D(50) + 1,  D(100) - 1, D(100), D(100) + 1, D(200)};
static const int64_t fleets[] = {INT_ABSENT, 0, 5, 6, 8, 10, 11, 25, 26, 100, 101};
static const decimal latencies[] = {INT_ABSENT, D(50) - 1, D(50), D(100) - 1, D(100), D(100) + 1};
static const int64_t crowds[] = {INT_ABSENT, 0, 19, 20, 100, 101};

#define SOC2  (UINT32_C(1) << COMPLIANCE_SOC2)
#define HIPAA (UINT32_C(1) << COMPLIANCE_HIPAA)
#define GDPR  (UINT32_C(1) << COMPLIANCE_GDPR)

static const struct {
    bool given;
    uint32_t words;
} duties[] = {{false, 0},    {true, 0},    {true, SOC2},
              {true, HIPAA}, {true, GDPR}, {true, SOC2 | HIPAA}};

static int multi_tenths(const struct profile *p)
{
    int s = 5;
    if (p->budget != INT_ABSENT)
        s += p->budget < D(50) ? 3 : p->budget < D(100) ? 1 : -2;
    if (p->vehicle_count != INT_ABSENT)
        s += p->vehicle_count <= 5 ? 2 : p->vehicle_count <= 10 ? 0 : -3;
    if (p->compliance_given)
        s += p->compliance == 0 ? 1 : -4;
    if (p->latency != INT_ABSENT)
        s += p->latency > D(100) ? 1 : p->latency < D(50) ? -3 : 0;
    if (p->region_count)
        s += p->region_count == 1 ? 1 : -2;
    if (p->peak_users != INT_ABSENT)
        s += p->peak_users < 20 ? 1 : p->peak_users > 100 ? -3 : 0;
    return s < 0 ? 0 : s > 10 ? 10 : s;
}

static int single_tenths(const struct profile *p)
{
    int s = 5;
    if (p->budget != INT_ABSENT)
        s += p->budget > D(100) ? 3 : p->budget > D(50) ? 1 : -2;
    if (p->vehicle_count != INT_ABSENT)
        s += p->vehicle_count > 10 ? 3 : p->vehicle_count > 5 ? 1 : -1;
    if (p->compliance & SOC2)
        s += 4;
    else if (p->compliance & HIPAA)
        s += 5;
    if (p->latency != INT_ABSENT)
        s += p->latency < D(50) ? 3 : p->latency < D(100) ? 1 : 0;
    if (p->region_count > 1)
        s += 3;
    return s < 0 ? 0 : s > 10 ? 10 : s;
}

static enum mode expected_mode(int multi, int single)
{
    if (multi > 8)
        return MULTI_TENANT;
    if (single > 8)
        return SINGLE_TENANT;
    return multi > single ? MULTI_TENANT : SINGLE_TENANT;
}

static enum plan expected_plan(const struct profile *p, enum mode mode)
{
    if (mode == MULTI_TENANT)
        return PLAN_HOBBY;
    if (p->vehicle_count > 100 || p->region_count == 3)
        return PLAN_BUSINESS;
    if (p->vehicle_count > 25 || p->compliance || p->region_count == 2)
        return PLAN_PROFESSIONAL;
    return PLAN_STARTER;
}

/* The n-th profile of the grid; false past its end. */
static bool grid_profile(size_t n, struct profile *p)
{
    profile_clear(p);
    p->budget = budgets[n % ARRAY_LEN(budgets)];
    n /= ARRAY_LEN(budgets);
    p->vehicle_count = fleets[n % ARRAY_LEN(fleets)];
    n /= ARRAY_LEN(fleets);
    p->latency = latencies[n % ARRAY_LEN(latencies)];
    n /= ARRAY_LEN(latencies);
    p->peak_users = crowds[n % ARRAY_LEN(crowds)];
    n /= ARRAY_LEN(crowds);
    p->compliance_given = duties[n % ARRAY_LEN(duties)].given;
    p->compliance = duties[n % ARRAY_LEN(duties)].words;
    n /= ARRAY_LEN(duties);
    p->regions_given = true;
    p->region_count = (uint8_t)(n % 4);
    for (uint8_t i = 0; i < p->region_count; i++)
        p->regions[i] = i;
    return n / 4 == 0;
}

static void every_profile_of_the_grid_is_decided_as_the_table_says(void **state)
{
    (void)state;
    struct policy *policy = policy_builtin("plan-v1");
    const struct decide_context context = {0};
    struct profile p;
    size_t n = 0;
    for (; grid_profile(n, &p); n++) {
        struct decision d;
        decide(policy, &p, &context, &d);
        int multi = multi_tenths(&p), single = single_tenths(&p);
        enum mode mode = expected_mode(multi, single);
        if (d.scores[MULTI_TENANT] != multi * 1000 || d.scores[SINGLE_TENANT] != single * 1000 ||
            d.placement.mode != mode || d.placement.plan != expected_plan(&p, mode) ||
            d.confidence != (mode == MULTI_TENANT ? multi : single) * 1000 ||
            d.constraint != CONSTRAINT_NONE)
            fail_msg("profile %zu of the grid is decided otherwise", n);
    }
    assert_int_equal(n, 10 * 11 * 6 * 6 * 6 * 4);
    policy_free(policy);
}

static void the_default_policy_differs_only_where_a_constraint_holds(void **state)
{
    (void)state;
    struct policy *plan = policy_builtin("plan-v1"), *ours = policy_builtin("default");
    const struct decide_context context = {0};
    struct profile p;
    size_t overruled = 0;
    for (size_t n = 0; grid_profile(n, &p); n++) {
        struct decision a, b;
        decide(plan, &p, &context, &a);
        decide(ours, &p, &context, &b);
        assert_memory_equal(a.scores, b.scores, sizeof(a.scores));
        bool bound = p.compliance & (SOC2 | HIPAA);
        assert_int_equal(b.placement.mode, bound ? SINGLE_TENANT : a.placement.mode);
        assert_int_equal(b.constraint != CONSTRAINT_NONE, bound);
        overruled += a.placement.mode != b.placement.mode;
    }
    assert_true(overruled > 0); /* the plan alone puts some of them on a shared database */
    policy_free(plan);
    policy_free(ours);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_profile_of_the_grid_is_decided_as_the_table_says),
        cmocka_unit_test(the_default_policy_differs_only_where_a_constraint_holds),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
