#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/placement/decide.h"

struct fixture {
    struct policy *plan;     /* plan-v1 */
    struct policy *standard; /* default */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->plan = policy_builtin("plan-v1");
    f->standard = policy_builtin("default");
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    policy_free(f->plan);
    policy_free(f->standard);
    free(f);
    return 0;
}

static struct profile profile(const char *text)
{
    struct profile p;
    struct error e = {0};
    if (profile_parse(str_from(text), &p, &e) != OK)
        fail_msg("%s", e.text);
    return p;
}

static struct decision decided(const struct policy *policy, const char *text)
{
    const struct decide_context context = {0};
    struct profile p = profile(text);
    struct decision d;
    decide(policy, &p, &context, &d);
    return d;
}

/* What one factor adds in each mode, in tenths, when nothing else is known. */
static void adds(void **state, enum factor factor, const char *text, int multi, int single)
{
    struct fixture *f = *state;
    struct decision d = decided(f->plan, text);
    assert_int_equal(d.factors[factor].add[MULTI_TENANT], multi * 1000);
    assert_int_equal(d.factors[factor].add[SINGLE_TENANT], single * 1000);
    assert_int_equal(d.scores[MULTI_TENANT], 5000 + multi * 1000);
    assert_int_equal(d.scores[SINGLE_TENANT], 5000 + single * 1000);
    for (int other = 0; other < FACTOR_COUNT; other++) {
        if (other != (int)factor)
            assert_int_equal(d.factors[other].rule[MULTI_TENANT], RULE_NONE);
    }
}

static void a_budget_below_50_speaks_for_shared(void **state)
{
    adds(state, FACTOR_BUDGET, "{\"budget\":0}", 3, -2);
    adds(state, FACTOR_BUDGET, "{\"budget\":49.9999}", 3, -2);
}

static void a_budget_of_exactly_50_is_in_the_middle_for_shared_and_low_for_dedicated(void **state)
{
    adds(state, FACTOR_BUDGET, "{\"budget\":50}", 1, -2);
}

static void a_budget_above_50_starts_to_speak_for_dedicated(void **state)
{
    adds(state, FACTOR_BUDGET, "{\"budget\":50.0001}", 1, 1);
    adds(state, FACTOR_BUDGET, "{\"budget\":99.99}", 1, 1);
    adds(state, FACTOR_BUDGET, "{\"budget\":99.9999}", 1, 1);
}

static void a_budget_of_exactly_100_counts_against_shared_and_not_yet_for_dedicated(void **state)
{
    adds(state, FACTOR_BUDGET, "{\"budget\":100}", -2, 1);
}

static void a_budget_above_100_speaks_for_dedicated(void **state)
{
    adds(state, FACTOR_BUDGET, "{\"budget\":100.0001}", -2, 3);
    adds(state, FACTOR_BUDGET, "{\"budget\":1000000000}", -2, 3);
}

static void up_to_5_vehicles_are_a_small_fleet(void **state)
{
    adds(state, FACTOR_VEHICLES, "{\"vehicle_count\":0}", 2, -1);
    adds(state, FACTOR_VEHICLES, "{\"vehicle_count\":5}", 2, -1);
}

static void six_to_10_vehicles_are_neutral_for_shared(void **state)
{
    struct fixture *f = *state;
    adds(state, FACTOR_VEHICLES, "{\"vehicle_count\":6}", 0, 1);
    adds(state, FACTOR_VEHICLES, "{\"vehicle_count\":10}", 0, 1);
    struct decision d = decided(f->plan, "{\"vehicle_count\":6}");
    assert_int_equal(d.factors[FACTOR_VEHICLES].rule[MULTI_TENANT], 1); /* a rule that adds 0 */
}

static void more_than_10_vehicles_are_a_large_fleet(void **state)
{
    adds(state, FACTOR_VEHICLES, "{\"vehicle_count\":11}", -3, 3);
}

static void no_compliance_requirements_speak_for_shared(void **state)
{
    adds(state, FACTOR_COMPLIANCE, "{\"compliance_requirements\":[]}", 1, 0);
}

static void any_compliance_requirement_counts_against_shared(void **state)
{
    adds(state, FACTOR_COMPLIANCE, "{\"compliance_requirements\":[\"gdpr\"]}", -4, 0);
    adds(state, FACTOR_COMPLIANCE, "{\"compliance_requirements\":[\"pci\",\"gdpr\"]}", -4, 0);
}

static void soc2_and_hipaa_speak_for_dedicated(void **state)
{
    adds(state, FACTOR_COMPLIANCE, "{\"compliance_requirements\":[\"soc2\"]}", -4, 4);
    adds(state, FACTOR_COMPLIANCE, "{\"compliance_requirements\":[\"hipaa\"]}", -4, 5);
}

static void with_soc2_and_hipaa_the_first_rule_counts_and_not_the_larger(void **state)
{
    adds(state, FACTOR_COMPLIANCE, "{\"compliance_requirements\":[\"hipaa\",\"soc2\"]}", -4, 4);
}

static void a_latency_below_50_speaks_for_dedicated(void **state)
{
    adds(state, FACTOR_LATENCY, "{\"latency_requirement\":49.9999}", -3, 3);
}

static void a_latency_from_50_to_below_100_is_half_a_reason(void **state)
{
    adds(state, FACTOR_LATENCY, "{\"latency_requirement\":50}", 0, 1);
    adds(state, FACTOR_LATENCY, "{\"latency_requirement\":99.99}", 0, 1);
}

static void a_latency_of_exactly_100_says_nothing(void **state)
{
    adds(state, FACTOR_LATENCY, "{\"latency_requirement\":100}", 0, 0);
}

static void a_latency_above_100_speaks_for_shared(void **state)
{
    adds(state, FACTOR_LATENCY, "{\"latency_requirement\":100.0001}", 1, 0);
}

static void one_region_speaks_for_shared(void **state)
{
    adds(state, FACTOR_REGIONS, "{\"geographic_distribution\":[\"APAC\"]}", 1, 0);
}

static void several_regions_speak_for_dedicated(void **state)
{
    adds(state, FACTOR_REGIONS, "{\"geographic_distribution\":[\"US\",\"EU\"]}", -2, 3);
    adds(state, FACTOR_REGIONS, "{\"geographic_distribution\":[\"US\",\"EU\",\"APAC\"]}", -2, 3);
}

static void an_empty_region_list_says_nothing(void **state)
{
    adds(state, FACTOR_REGIONS, "{\"geographic_distribution\":[]}", 0, 0);
}

static void few_peak_users_speak_for_shared_and_many_against(void **state)
{
    adds(state, FACTOR_PEAK_USERS, "{\"peak_concurrent_users\":19}", 1, 0);
    adds(state, FACTOR_PEAK_USERS, "{\"peak_concurrent_users\":20}", 0, 0);
    adds(state, FACTOR_PEAK_USERS, "{\"peak_concurrent_users\":100}", 0, 0);
    adds(state, FACTOR_PEAK_USERS, "{\"peak_concurrent_users\":101}", -3, 0);
}

static void missing_factors_add_nothing_and_match_no_rule(void **state)
{
    struct fixture *f = *state;
    struct decision d = decided(f->plan, "{}");
    for (int factor = 0; factor < FACTOR_COUNT; factor++) {
        for (int m = 0; m < MODE_COUNT; m++) {
            assert_int_equal(d.factors[factor].add[m], 0);
            assert_int_equal(d.factors[factor].rule[m], RULE_NONE);
        }
    }
    assert_int_equal(d.scores[MULTI_TENANT], 5000);
    assert_int_equal(d.scores[SINGLE_TENANT], 5000);
}

static void a_tie_goes_to_single_tenant(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(decided(f->plan, "{}").placement.mode, SINGLE_TENANT);
}

static void scores_are_clamped_to_0_and_1(void **state)
{
    struct fixture *f = *state;
    struct decision d = decided(
        f->plan, "{\"budget\":500,\"vehicle_count\":50,\"compliance_requirements\":[\"hipaa\"],"
                 "\"latency_requirement\":10,\"geographic_distribution\":[\"US\",\"EU\"],"
                 "\"peak_concurrent_users\":500}");
    assert_int_equal(d.scores[MULTI_TENANT], 0);
    assert_int_equal(d.scores[SINGLE_TENANT], DECIMAL_ONE);
    assert_int_equal(d.confidence, DECIMAL_ONE);
}

/*
 * Under the shipped table the scores cannot both pass 0.8, so the order of the choice shows only
 * with a lower bar. This profile scores 0.6 for multi-tenant and 0.7 for single-tenant.
 */
static enum mode mode_with_bar(void **state, const char *policy, decimal expected_margin)
{
    struct fixture *f = *state;
    struct problems problems = {.arena = &f->plan->arena};
    struct policy *low = policy_parse(str_from(policy), &problems);
    assert_non_null(low);
    struct decision d = decided(low, "{\"budget\":60,\"latency_requirement\":60}");
    policy_free(low);
    assert_int_equal(d.scores[MULTI_TENANT], 6000);
    assert_int_equal(d.scores[SINGLE_TENANT], 7000);
    assert_int_equal(decision_margin(&d), expected_margin);
    return d.placement.mode;
}

static void multi_tenant_is_asked_first_when_both_exceed_the_bar(void **state)
{
    assert_int_equal(
        mode_with_bar(state, "name: low\nextends: plan-v1\nchoose_above: 0.5999\n", -1000),
        MULTI_TENANT);
}

static void a_score_that_equals_the_bar_does_not_win_at_once(void **state)
{
    assert_int_equal(mode_with_bar(state, "name: low\nextends: plan-v1\nchoose_above: 0.6\n", 1000),
                     SINGLE_TENANT);
}

static void below_the_bar_the_higher_score_wins(void **state)
{
    struct fixture *f = *state;
    struct decision d = decided(f->plan, "{\"budget\":60,\"latency_requirement\":60}");
    assert_int_equal(d.placement.mode, SINGLE_TENANT);
    assert_int_equal(decision_margin(&d), 1000);
    d = decided(f->plan, "{\"budget\":60,\"vehicle_count\":3}");
    assert_int_equal(d.scores[MULTI_TENANT], 8000);
    assert_int_equal(d.placement.mode, MULTI_TENANT);
    assert_int_equal(decision_margin(&d), 3000);
}

static void the_plans_first_sample_is_multi_tenant_on_hobby(void **state)
{
    struct fixture *f = *state;
    const char *sample =
        "{\"budget\":30,\"vehicle_count\":3,\"compliance_requirements\":[],"
        "\"performance_needs\":{\"latency_requirement\":150},"
        "\"geographic_distribution\":[\"US\"],\"usage_patterns\":{\"peak_concurrent_users\":5}}";
    const struct policy *policies[] = {f->plan, f->standard};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        struct decision d = decided(policies[i], sample);
        assert_int_equal(d.placement.mode, MULTI_TENANT);
        assert_int_equal(infrastructure_of(d.placement.mode), HETZNER);
        assert_int_equal(d.placement.plan, PLAN_HOBBY);
        assert_int_equal(d.confidence, DECIMAL_ONE);
    }
}

static void the_plans_second_sample_is_single_tenant_on_professional(void **state)
{
    struct fixture *f = *state;
    const char *sample =
        "{\"budget\":200,\"vehicle_count\":15,\"compliance_requirements\":[\"soc2\"],"
        "\"performance_needs\":{\"latency_requirement\":50},"
        "\"geographic_distribution\":[\"US\",\"EU\"],"
        "\"usage_patterns\":{\"peak_concurrent_users\":50}}";
    const struct policy *policies[] = {f->plan, f->standard};
    for (size_t i = 0; i < ARRAY_LEN(policies); i++) {
        struct decision d = decided(policies[i], sample);
        assert_int_equal(d.placement.mode, SINGLE_TENANT);
        assert_int_equal(infrastructure_of(d.placement.mode), FLYIO);
        assert_int_equal(d.placement.plan, PLAN_PROFESSIONAL); /* contradiction 1 */
        assert_int_equal(d.confidence, DECIMAL_ONE);
    }
}

static void the_plans_provisioning_samples_land_where_they_should(void **state)
{
    struct fixture *f = *state;
    struct decision d = decided(f->plan, "{\"budget\":30,\"vehicle_count\":2}");
    assert_int_equal(d.placement.mode, MULTI_TENANT);
    d = decided(f->plan, "{\"budget\":200,\"vehicle_count\":50,"
                         "\"compliance_requirements\":[\"soc2\"]}");
    assert_int_equal(d.placement.mode, SINGLE_TENANT);
    assert_int_equal(d.placement.plan, PLAN_PROFESSIONAL);
}

static const char *const small_hipaa =
    "{\"budget\":20,\"vehicle_count\":2,\"compliance_requirements\":[\"hipaa\"],"
    "\"latency_requirement\":150,\"geographic_distribution\":[\"US\"],"
    "\"peak_concurrent_users\":5}";

static void under_the_plan_alone_a_small_hipaa_customer_lands_on_a_shared_database(void **state)
{
    struct fixture *f = *state;
    struct decision d = decided(f->plan, small_hipaa);
    assert_int_equal(d.placement.mode, MULTI_TENANT);
    assert_int_equal(d.constraint, CONSTRAINT_NONE);
}

static void the_default_policy_never_shares_a_database_with_hipaa_data(void **state)
{
    struct fixture *f = *state;
    struct decision d = decided(f->standard, small_hipaa);
    assert_int_equal(d.placement.mode, SINGLE_TENANT);
    assert_string_equal(f->standard->constraints.items[d.constraint].name, "hipaa-dedicated");
    assert_int_equal(d.scores[MULTI_TENANT], 9000); /* the scores stay visible */
    assert_int_equal(d.scores[SINGLE_TENANT], 7000);
    assert_int_equal(d.confidence, 7000);
}

static void the_default_policy_never_shares_a_database_with_soc2_customers(void **state)
{
    struct fixture *f = *state;
    struct decision d =
        decided(f->standard, "{\"budget\":1,\"compliance_requirements\":[\"soc2\"]}");
    assert_int_equal(d.placement.mode, SINGLE_TENANT);
    assert_string_equal(f->standard->constraints.items[d.constraint].name, "soc2-dedicated");
}

static enum plan plan_of(const struct policy *policy, const char *text, enum plan subscribed)
{
    const struct decide_context context = {.subscribed = subscribed};
    struct profile p = profile(text);
    return placement_in_mode(policy, &p, &context, SINGLE_TENANT).plan;
}

static void single_tenant_plans_follow_the_fleet(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(plan_of(f->plan, "{}", PLAN_NONE), PLAN_STARTER);
    assert_int_equal(plan_of(f->plan, "{\"vehicle_count\":25}", PLAN_NONE), PLAN_STARTER);
    assert_int_equal(plan_of(f->plan, "{\"vehicle_count\":26}", PLAN_NONE), PLAN_PROFESSIONAL);
    assert_int_equal(plan_of(f->plan, "{\"vehicle_count\":100}", PLAN_NONE), PLAN_PROFESSIONAL);
    assert_int_equal(plan_of(f->plan, "{\"vehicle_count\":101}", PLAN_NONE), PLAN_BUSINESS);
}

static void compliance_and_regions_are_floors_for_the_plan(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(plan_of(f->plan, "{\"compliance_requirements\":[\"gdpr\"]}", PLAN_NONE),
                     PLAN_PROFESSIONAL);
    assert_int_equal(plan_of(f->plan, "{\"compliance_requirements\":[]}", PLAN_NONE), PLAN_STARTER);
    assert_int_equal(plan_of(f->plan, "{\"geographic_distribution\":[\"US\"]}", PLAN_NONE),
                     PLAN_STARTER);
    assert_int_equal(plan_of(f->plan, "{\"geographic_distribution\":[\"US\",\"EU\"]}", PLAN_NONE),
                     PLAN_PROFESSIONAL);
    assert_int_equal(
        plan_of(f->plan, "{\"geographic_distribution\":[\"US\",\"EU\",\"APAC\"]}", PLAN_NONE),
        PLAN_BUSINESS);
    assert_int_equal(plan_of(f->plan,
                             "{\"vehicle_count\":500,\"compliance_requirements\":[\"gdpr\"]}",
                             PLAN_NONE),
                     PLAN_BUSINESS); /* a floor never lowers */
}

static void the_subscribed_plan_is_a_floor_and_hobby_is_none(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(plan_of(f->plan, "{}", PLAN_HOBBY), PLAN_STARTER);
    assert_int_equal(plan_of(f->plan, "{}", PLAN_BUSINESS), PLAN_BUSINESS);
    assert_int_equal(plan_of(f->plan, "{\"vehicle_count\":500}", PLAN_STARTER), PLAN_BUSINESS);
}

static void multi_tenant_is_hobby_whatever_was_subscribed(void **state)
{
    struct fixture *f = *state;
    const struct decide_context context = {.subscribed = PLAN_BUSINESS};
    struct profile p = profile("{\"vehicle_count\":500}");
    struct placement at = placement_in_mode(f->plan, &p, &context, MULTI_TENANT);
    assert_int_equal(at.plan, PLAN_HOBBY);
}

/* The regions as "iad fra", for one geography list, plan and mode. */
static void in_regions(void **state, const char *text, enum mode mode, enum plan subscribed,
                       const char *expected)
{
    struct fixture *f = *state;
    const struct decide_context context = {.subscribed = subscribed};
    struct profile p = profile(text);
    struct placement at = placement_in_mode(f->plan, &p, &context, mode);
    _cleanup_buf_ struct buf b = BUF_INIT(100);
    for (size_t i = 0; i < at.region_count; i++)
        (void)buf_printf(&b, "%s%s", i ? " " : "",
                         region_name(infrastructure_of(mode), (enum geography)at.regions[i]));
    assert_string_equal(buf_text(&b), expected);
}

static void a_us_customer_gets_exactly_the_plans_region_lists(void **state)
{
    const char *us = "{\"geographic_distribution\":[\"US\"]}";
    in_regions(state, us, SINGLE_TENANT, PLAN_STARTER, "iad");
    in_regions(state, us, SINGLE_TENANT, PLAN_PROFESSIONAL, "iad fra");
    in_regions(state, us, SINGLE_TENANT, PLAN_BUSINESS, "iad fra sin");
}

static void the_customers_geography_comes_first(void **state)
{
    in_regions(state, "{\"geographic_distribution\":[\"EU\"]}", SINGLE_TENANT, PLAN_STARTER, "fra");
    in_regions(state, "{\"geographic_distribution\":[\"APAC\"]}", SINGLE_TENANT, PLAN_PROFESSIONAL,
               "sin iad");
    in_regions(state, "{\"geographic_distribution\":[\"APAC\",\"EU\"]}", SINGLE_TENANT,
               PLAN_BUSINESS, "sin fra iad");
    in_regions(state, "{}", SINGLE_TENANT, PLAN_STARTER, "iad");
    in_regions(state, "{\"geographic_distribution\":[]}", SINGLE_TENANT, PLAN_STARTER, "iad");
}

static void shared_servers_stand_in_the_first_geography(void **state)
{
    in_regions(state, "{}", MULTI_TENANT, PLAN_NONE, "ash");
    in_regions(state, "{\"geographic_distribution\":[\"US\"]}", MULTI_TENANT, PLAN_NONE, "ash");
    in_regions(state, "{\"geographic_distribution\":[\"EU\",\"US\"]}", MULTI_TENANT, PLAN_NONE,
               "fsn1");
    in_regions(state, "{\"geographic_distribution\":[\"APAC\"]}", MULTI_TENANT, PLAN_NONE, "sin");
}

static void a_move_needs_another_mode_and_more_than_0_7(void **state)
{
    struct fixture *f = *state;
    struct decision d = {.placement.mode = SINGLE_TENANT, .constraint = CONSTRAINT_NONE};
    d.confidence = 7001;
    assert_true(decision_wants_move(f->plan, &d, MULTI_TENANT));
    assert_false(decision_wants_move(f->plan, &d, SINGLE_TENANT));
    d.confidence = 7000;
    assert_false(decision_wants_move(f->plan, &d, MULTI_TENANT));
}

static void a_constraint_moves_a_customer_whatever_the_confidence(void **state)
{
    struct fixture *f = *state;
    struct decision d = decided(f->standard, small_hipaa);
    assert_int_equal(d.confidence, 7000);
    assert_true(decision_wants_move(f->standard, &d, MULTI_TENANT));
    assert_false(decision_wants_move(f->standard, &d, SINGLE_TENANT));
}

static enum approval approval(void **state, decimal confidence, struct move_facts facts)
{
    struct fixture *f = *state;
    struct decision d = {.confidence = confidence, .constraint = CONSTRAINT_NONE};
    return move_approval(f->plan, &d, &facts);
}

#define NOTHING_MEASURED                                                                           \
    .response_ms = INT_ABSENT, .error_rate = INT_ABSENT, .cpu = INT_ABSENT,                        \
    .days_in_mode = INT_ABSENT

static void performance_issues_approve_above_0_9(void **state)
{
    struct move_facts slow = {NOTHING_MEASURED};
    slow.response_ms = 200 * DECIMAL_ONE;
    assert_int_equal(approval(state, 9500, slow), APPROVAL_BY_PERSON);
    slow.response_ms += 1;
    assert_int_equal(approval(state, 9500, slow), APPROVAL_PERFORMANCE);
    assert_int_equal(approval(state, 9000, slow), APPROVAL_BY_PERSON);
    assert_int_equal(approval(state, 9001, slow), APPROVAL_PERFORMANCE);
    struct move_facts failing = {NOTHING_MEASURED};
    failing.error_rate = 500;
    assert_int_equal(approval(state, 9500, failing), APPROVAL_BY_PERSON);
    failing.error_rate = 501;
    assert_int_equal(approval(state, 9500, failing), APPROVAL_PERFORMANCE);
    struct move_facts busy = {NOTHING_MEASURED};
    busy.cpu = 8000;
    assert_int_equal(approval(state, 9500, busy), APPROVAL_BY_PERSON);
    busy.cpu = 8001;
    assert_int_equal(approval(state, 9500, busy), APPROVAL_PERFORMANCE);
}

static void compliance_issues_approve_above_0_9(void **state)
{
    struct move_facts facts = {NOTHING_MEASURED};
    facts.compliance_issues = true;
    assert_int_equal(approval(state, 9000, facts), APPROVAL_BY_PERSON);
    assert_int_equal(approval(state, 9001, facts), APPROVAL_COMPLIANCE);
}

static void more_than_30_days_approve_above_0_95(void **state)
{
    struct move_facts facts = {NOTHING_MEASURED};
    facts.days_in_mode = 30;
    assert_int_equal(approval(state, 10000, facts), APPROVAL_BY_PERSON);
    facts.days_in_mode = 31;
    assert_int_equal(approval(state, 9500, facts), APPROVAL_BY_PERSON);
    assert_int_equal(approval(state, 9501, facts), APPROVAL_SETTLED);
}

static void nothing_measured_leaves_it_to_a_person(void **state)
{
    assert_int_equal(approval(state, 10000, (struct move_facts){NOTHING_MEASURED}),
                     APPROVAL_BY_PERSON);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_budget_below_50_speaks_for_shared),
        TEST(a_budget_of_exactly_50_is_in_the_middle_for_shared_and_low_for_dedicated),
        TEST(a_budget_above_50_starts_to_speak_for_dedicated),
        TEST(a_budget_of_exactly_100_counts_against_shared_and_not_yet_for_dedicated),
        TEST(a_budget_above_100_speaks_for_dedicated),
        TEST(up_to_5_vehicles_are_a_small_fleet),
        TEST(six_to_10_vehicles_are_neutral_for_shared),
        TEST(more_than_10_vehicles_are_a_large_fleet),
        TEST(no_compliance_requirements_speak_for_shared),
        TEST(any_compliance_requirement_counts_against_shared),
        TEST(soc2_and_hipaa_speak_for_dedicated),
        TEST(with_soc2_and_hipaa_the_first_rule_counts_and_not_the_larger),
        TEST(a_latency_below_50_speaks_for_dedicated),
        TEST(a_latency_from_50_to_below_100_is_half_a_reason),
        TEST(a_latency_of_exactly_100_says_nothing),
        TEST(a_latency_above_100_speaks_for_shared),
        TEST(one_region_speaks_for_shared),
        TEST(several_regions_speak_for_dedicated),
        TEST(an_empty_region_list_says_nothing),
        TEST(few_peak_users_speak_for_shared_and_many_against),
        TEST(missing_factors_add_nothing_and_match_no_rule),
        TEST(a_tie_goes_to_single_tenant),
        TEST(scores_are_clamped_to_0_and_1),
        TEST(multi_tenant_is_asked_first_when_both_exceed_the_bar),
        TEST(a_score_that_equals_the_bar_does_not_win_at_once),
        TEST(below_the_bar_the_higher_score_wins),
        TEST(the_plans_first_sample_is_multi_tenant_on_hobby),
        TEST(the_plans_second_sample_is_single_tenant_on_professional),
        TEST(the_plans_provisioning_samples_land_where_they_should),
        TEST(under_the_plan_alone_a_small_hipaa_customer_lands_on_a_shared_database),
        TEST(the_default_policy_never_shares_a_database_with_hipaa_data),
        TEST(the_default_policy_never_shares_a_database_with_soc2_customers),
        TEST(single_tenant_plans_follow_the_fleet),
        TEST(compliance_and_regions_are_floors_for_the_plan),
        TEST(the_subscribed_plan_is_a_floor_and_hobby_is_none),
        TEST(multi_tenant_is_hobby_whatever_was_subscribed),
        TEST(a_us_customer_gets_exactly_the_plans_region_lists),
        TEST(the_customers_geography_comes_first),
        TEST(shared_servers_stand_in_the_first_geography),
        TEST(a_move_needs_another_mode_and_more_than_0_7),
        TEST(a_constraint_moves_a_customer_whatever_the_confidence),
        TEST(performance_issues_approve_above_0_9),
        TEST(compliance_issues_approve_above_0_9),
        TEST(more_than_30_days_approve_above_0_95),
        TEST(nothing_measured_leaves_it_to_a_person),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
