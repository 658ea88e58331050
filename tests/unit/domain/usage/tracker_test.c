/* What becomes of one customer: both sides of each rule. */
#include "check.h"
#include "domain/usage/tracker.h"

#define NOW (INT64_C(1790000000) * USEC_PER_SEC)

struct bench {
    struct policy *policy;
    struct prices *prices;
    struct tracker_settings settings;
    struct judge judge;
    struct facts facts;
    struct standing standing;
    struct verdict before, verdict;
    struct arena arena;
};

/* A shared customer with fifty vehicles, which two sweeps found in the wrong place. */
static int setup(void **state)
{
    struct bench *b = calloc(1, sizeof(*b));
    assert_non_null(b);
    b->policy = policy_builtin("default");
    b->prices = prices_builtin();
    b->settings = tracker_settings_default();
    b->judge = (struct judge){b->policy, b->prices, &b->settings, NOW};
    b->facts = (struct facts){
        .active = 1,
        .plan = PLAN_HOBBY,
        .price = 29 * DECIMAL_ONE,
        .budget = 200 * DECIMAL_ONE,
        .latency = INT_ABSENT,
        .vehicles_told = 2,
        .users_told = INT_ABSENT,
        .compliance = INT_ABSENT,
        .regions = INT_ABSENT,
        .mode = MULTI_TENANT,
        .mode_since = NOW - 100 * USEC_PER_DAY,
        .moved_at = INT_ABSENT,
        .vehicles = 50,
        .peak_users = INT_ABSENT,
        .regions_used = INT_ABSENT,
    };
    b->standing = (struct standing){STANDING_NOTHING, INT_ABSENT, INT_ABSENT};
    b->before = (struct verdict){.recommended = SINGLE_TENANT, .repeats = 1};
    *state = b;
    return 0;
}

static int teardown(void **state)
{
    struct bench *b = *state;
    policy_free(b->policy);
    prices_free(b->prices);
    arena_release(&b->arena);
    free(b);
    return 0;
}

/* A customer with an app of its own that would be better off on a shared host. */
static void make_small(struct bench *b)
{
    b->facts.budget = 30 * DECIMAL_ONE;
    b->facts.vehicles = 2;
    b->facts.mode = SINGLE_TENANT;
    b->before.recommended = MULTI_TENANT;
}

static void require_single(struct bench *b)
{
    b->facts.budget = 30 * DECIMAL_ONE;
    b->facts.vehicles = 2;
    b->facts.compliance = 1 << COMPLIANCE_SOC2;
}

static enum sweep_outcome judged(struct bench *b)
{
    judge_customer(&b->judge, &b->facts, &b->standing, &b->before, &b->verdict);
    return (enum sweep_outcome)b->verdict.outcome;
}

static const char *sentence(struct bench *b)
{
    return verdict_sentence(&b->verdict, &b->facts, &b->standing, &b->settings, &b->arena);
}

static void who_lives_in_the_wrong_mode_long_enough_is_due(void **state)
{
    struct bench *b = *state;
    assert_int_equal(judged(b), SWEEP_DUE);
    assert_int_equal(b->verdict.recommended, SINGLE_TENANT);
    assert_int_equal(b->verdict.confidence, DECIMAL_ONE);
    assert_int_equal(b->verdict.required, 0);
    assert_true(b->verdict.saving < 0); /* it costs */
    ASSERT_CONTAINS(sentence(b), "a move to single-tenant is due");
}

static void who_is_not_active_or_lives_nowhere_is_not_decided_about(void **state)
{
    struct bench *b = *state;
    b->facts.mode = INT_ABSENT;
    assert_int_equal(judged(b), SWEEP_UNPLACED);
    assert_int_equal(b->verdict.recommended, INT_ABSENT);
    assert_string_equal(sentence(b), "it lives nowhere yet");
    b->facts.mode = MULTI_TENANT;
    b->facts.active = 0;
    assert_int_equal(judged(b), SWEEP_INACTIVE);
    assert_int_equal(b->verdict.repeats, 0);
    assert_string_equal(sentence(b), "it is no active customer");
}

static void who_lives_in_the_right_mode_stays_and_forgets_its_repeats(void **state)
{
    struct bench *b = *state;
    b->facts.mode = SINGLE_TENANT;
    assert_int_equal(judged(b), SWEEP_STAYS);
    assert_int_equal(b->verdict.repeats, 0);
    assert_int_equal(b->verdict.saving, INT_ABSENT);
    ASSERT_CONTAINS(sentence(b), "single-tenant is where it belongs (confidence 1.0)");
}

static void a_move_needs_the_policys_confidence(void **state)
{
    struct bench *b = *state;
    b->facts.budget = 60 * DECIMAL_ONE;
    b->facts.vehicles = 8; /* 0.5 + 0.1 + 0.1 for each mode: a tie, which goes to single-tenant */
    assert_int_equal(judged(b), SWEEP_UNSURE);
    assert_int_equal(b->verdict.confidence, b->policy->migrate_above);
    assert_int_equal(b->verdict.repeats, 0);
    ASSERT_CONTAINS(sentence(b), "its confidence of 0.7 is too low");
}

static void the_same_has_to_be_recommended_so_many_sweeps_in_a_row(void **state)
{
    struct bench *b = *state;
    b->settings.repeats = 3;
    b->before.repeats = 0;
    assert_int_equal(judged(b), SWEEP_REPEATS);
    assert_int_equal(b->verdict.repeats, 1);
    b->before = b->verdict;
    assert_int_equal(judged(b), SWEEP_REPEATS);
    assert_int_equal(b->verdict.repeats, 2);
    ASSERT_CONTAINS(sentence(b), "single-tenant is recommended in sweep 2 of 3 in a row");
    b->before = b->verdict;
    assert_int_equal(judged(b), SWEEP_DUE);
    b->before = b->verdict;
    assert_int_equal(judged(b), SWEEP_DUE);
    assert_int_equal(b->verdict.repeats, 3); /* it does not grow for ever: nothing to write */
}

static void a_recommendation_for_another_mode_begins_to_count_anew(void **state)
{
    struct bench *b = *state;
    b->before.recommended = MULTI_TENANT;
    assert_int_equal(judged(b), SWEEP_REPEATS);
    assert_int_equal(b->verdict.repeats, 1);
}

static void who_moved_cools_down_for_its_days_and_not_longer(void **state)
{
    struct bench *b = *state;
    b->facts.moved_at = NOW - 7 * USEC_PER_DAY + 1;
    assert_int_equal(judged(b), SWEEP_COOLING);
    assert_int_equal(b->verdict.repeats, 2); /* they count meanwhile */
    ASSERT_CONTAINS(sentence(b), "it moved on 2026-09-14 and stays where it is for 7 days");
    b->facts.moved_at = NOW - 7 * USEC_PER_DAY;
    assert_int_equal(judged(b), SWEEP_DUE);
}

static void the_margin_has_to_be_reached(void **state)
{
    struct bench *b = *state;
    assert_int_equal(judged(b), SWEEP_DUE);
    b->settings.margin = b->verdict.margin;
    assert_int_equal(judged(b), SWEEP_DUE);
    b->settings.margin++;
    assert_int_equal(judged(b), SWEEP_MARGIN);
    ASSERT_CONTAINS(sentence(b), "single-tenant is ahead by 0.9, and a move takes 0.9001");
}

static void a_saving_has_to_be_more_than_the_move_costs(void **state)
{
    struct bench *b = *state;
    make_small(b);
    assert_int_equal(judged(b), SWEEP_DUE);
    assert_true(b->verdict.saving > 0);
    b->settings.disruption_cost = b->verdict.saving * b->settings.horizon_months - 1;
    assert_int_equal(judged(b), SWEEP_DUE);
    b->settings.disruption_cost++;
    assert_int_equal(judged(b), SWEEP_NOT_WORTH);
    ASSERT_CONTAINS(sentence(b), "which in 6 months is not more than");
    b->settings.horizon_months++;
    assert_int_equal(judged(b), SWEEP_DUE);
}

static void a_move_that_costs_more_is_not_weighed_by_savings(void **state)
{
    struct bench *b = *state;
    b->settings.disruption_cost = 1000000 * (decimal)DECIMAL_ONE;
    assert_int_equal(judged(b), SWEEP_DUE);
}

static void what_a_constraint_requires_waits_for_the_repeats_only(void **state)
{
    struct bench *b = *state;
    require_single(b);
    b->facts.moved_at = NOW - 1;
    b->settings.margin = DECIMAL_ONE;
    b->settings.disruption_cost = 1000000 * (decimal)DECIMAL_ONE;
    assert_int_equal(judged(b), SWEEP_DUE);
    assert_int_equal(b->verdict.required, 1);
    b->before.repeats = 0;
    assert_int_equal(judged(b), SWEEP_REPEATS);
}

static void who_moves_already_is_moving_wherever_it_should_live(void **state)
{
    struct bench *b = *state;
    b->standing.kind = STANDING_MOVING;
    assert_int_equal(judged(b), SWEEP_MOVING);
    assert_string_equal(sentence(b), "it is being moved");
    b->facts.mode = SINGLE_TENANT;
    assert_int_equal(judged(b), SWEEP_MOVING);
}

static void who_is_looked_at_is_not_due_again(void **state)
{
    struct bench *b = *state;
    b->standing.kind = STANDING_EVALUATED;
    assert_int_equal(judged(b), SWEEP_EVALUATING);
}

static void a_proposal_stands_for_its_mode_and_its_time(void **state)
{
    struct bench *b = *state;
    b->standing = (struct standing){STANDING_PROPOSED, SINGLE_TENANT, NOW + 1};
    assert_int_equal(judged(b), SWEEP_PROPOSED);
    ASSERT_CONTAINS(sentence(b), "a person is asked whether it may move to single-tenant");
    b->standing.at = NOW;
    assert_int_equal(judged(b), SWEEP_EVALUATING);
    b->standing = (struct standing){STANDING_PROPOSED, MULTI_TENANT, NOW + 1};
    assert_int_equal(judged(b), SWEEP_DUE);
}

static void what_a_person_rejected_is_not_due_again(void **state)
{
    struct bench *b = *state;
    b->standing = (struct standing){STANDING_REJECTED, SINGLE_TENANT, NOW - USEC_PER_DAY};
    assert_int_equal(judged(b), SWEEP_REJECTED);
    ASSERT_CONTAINS(sentence(b), "a person said no to single-tenant on 2026-09-20");
    b->standing.mode = MULTI_TENANT;
    assert_int_equal(judged(b), SWEEP_DUE);
}

static void every_outcome_has_a_sentence(void **state)
{
    struct bench *b = *state;
    (void)judged(b);
    for (int64_t outcome = 0; outcome < SWEEP_OUTCOMES; outcome++) {
        b->verdict.outcome = outcome;
        b->facts.moved_at = NOW;
        assert_true(strlen(sentence(b)) > 10);
    }
}

static void an_interval_divides_an_hour_or_a_day(void **state)
{
    (void)state;
    const struct field *every = record_field(tracker_settings_fields, STR("every"));
    static const char *const good[] = {"1m", "15m", "60m", "1h", "6h", "24h", "1d", "3600s"};
    static const char *const bad[] = {"7m", "5h", "36h", "2d", "30s", "90m", "6", "", "0h"};
    for (size_t i = 0; i < ARRAY_LEN(good); i++)
        assert_null(every->check(good[i]));
    for (size_t i = 0; i < ARRAY_LEN(bad); i++)
        assert_non_null(every->check(bad[i]));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_lives_in_the_wrong_mode_long_enough_is_due),
        TEST(who_is_not_active_or_lives_nowhere_is_not_decided_about),
        TEST(who_lives_in_the_right_mode_stays_and_forgets_its_repeats),
        TEST(a_move_needs_the_policys_confidence),
        TEST(the_same_has_to_be_recommended_so_many_sweeps_in_a_row),
        TEST(a_recommendation_for_another_mode_begins_to_count_anew),
        TEST(who_moved_cools_down_for_its_days_and_not_longer),
        TEST(the_margin_has_to_be_reached),
        TEST(a_saving_has_to_be_more_than_the_move_costs),
        TEST(a_move_that_costs_more_is_not_weighed_by_savings),
        TEST(what_a_constraint_requires_waits_for_the_repeats_only),
        TEST(who_moves_already_is_moving_wherever_it_should_live),
        TEST(who_is_looked_at_is_not_due_again),
        TEST(a_proposal_stands_for_its_mode_and_its_time),
        TEST(what_a_person_rejected_is_not_due_again),
        TEST(every_outcome_has_a_sentence),
        TEST(an_interval_divides_an_hour_or_a_day),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
