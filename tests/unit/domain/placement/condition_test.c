#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/placement/condition.h"

/* Whether `when` holds for this value of a factor that is a number. */
static bool holds(enum factor factor, const char *when, int64_t value)
{
    struct condition c;
    struct inputs in = {.words = WORD_ALWAYS};
    assert_null(condition_parse(factor, when, &c));
    in.values[factor] = value;
    return condition_holds(&c, factor, &in);
}

static bool compliance_holds(const char *when, bool given, uint32_t words)
{
    struct condition c;
    struct profile p;
    profile_clear(&p);
    p.compliance_given = given;
    p.compliance = words;
    struct inputs in = inputs_of(&p);
    assert_null(condition_parse(FACTOR_COMPLIANCE, when, &c));
    return condition_holds(&c, FACTOR_COMPLIANCE, &in);
}

static void comparisons_hold_exactly_up_to_their_number(void **state)
{
    (void)state;
    const decimal fifty = 50 * DECIMAL_ONE;
    assert_true(holds(FACTOR_BUDGET, "< 50", fifty - 1)); /* 49.9999 */
    assert_false(holds(FACTOR_BUDGET, "< 50", fifty));
    assert_true(holds(FACTOR_BUDGET, "> 50", fifty + 1));
    assert_false(holds(FACTOR_BUDGET, "> 50", fifty));
    assert_true(holds(FACTOR_BUDGET, "== 49.99", fifty - 100));
    assert_false(holds(FACTOR_BUDGET, "== 49.99", fifty - 99));
    assert_true(holds(FACTOR_VEHICLES, "<= 5", 5));
    assert_false(holds(FACTOR_VEHICLES, "<= 5", 6));
    assert_true(holds(FACTOR_VEHICLES, ">= 5", 5));
    assert_false(holds(FACTOR_VEHICLES, ">= 5", 4));
}

static void spaces_around_the_operator_do_not_matter(void **state)
{
    (void)state;
    assert_true(holds(FACTOR_VEHICLES, "<=5", 5));
    assert_true(holds(FACTOR_VEHICLES, "  <=   5 ", 5));
}

static void any_holds_for_every_value_that_was_given(void **state)
{
    (void)state;
    assert_true(holds(FACTOR_BUDGET, "any", 0));
    assert_true(holds(FACTOR_BUDGET, "any", PROFILE_VALUE_MAX * DECIMAL_ONE));
    assert_false(holds(FACTOR_BUDGET, "any", INT_ABSENT));
    assert_false(holds(FACTOR_BUDGET, "< 50", INT_ABSENT));
    assert_false(holds(FACTOR_BUDGET, ">= 0", INT_ABSENT));
}

static void a_profile_without_regions_fulfils_no_condition_on_them(void **state)
{
    (void)state;
    assert_false(holds(FACTOR_REGIONS, "any", 0));
    assert_false(holds(FACTOR_REGIONS, "< 2", 0));
    assert_true(holds(FACTOR_REGIONS, "< 2", 1));
    assert_true(holds(FACTOR_REGIONS, "> 1", 3));
}

static void compliance_distinguishes_absent_empty_and_named(void **state)
{
    (void)state;
    const uint32_t soc2 = 1u << COMPLIANCE_SOC2, gdpr = 1u << COMPLIANCE_GDPR;
    assert_true(compliance_holds("none", true, 0));
    assert_false(compliance_holds("none", false, 0));
    assert_false(compliance_holds("none", true, soc2));
    assert_true(compliance_holds("any", true, gdpr));
    assert_false(compliance_holds("any", true, 0));
    assert_false(compliance_holds("any", false, 0));
    assert_true(compliance_holds("has soc2", true, soc2 | gdpr));
    assert_false(compliance_holds("has soc2", true, gdpr));
}

static void mistakes_are_named(void **state)
{
    (void)state;
    static const struct {
        enum factor factor;
        const char *text, *why;
    } cases[] = {
        {FACTOR_BUDGET, "50", "comparison with a number"},
        {FACTOR_BUDGET, "", "comparison with a number"},
        {FACTOR_BUDGET, "=< 50", "comparison with a number"},
        {FACTOR_BUDGET, "< 50 USD", "comparison with a number"},
        {FACTOR_BUDGET, "< 49.99999", "comparison with a number"},
        {FACTOR_BUDGET, "none", "comparison with a number"},
        {FACTOR_VEHICLES, "< 1.5", "whole number"},
        {FACTOR_VEHICLES, "> -1", "from 0 to 1000000000"},
        {FACTOR_VEHICLES, "> 1000000001", "from 0 to 1000000000"},
        {FACTOR_VEHICLES, "< 0", "can never match"},
        {FACTOR_REGIONS, "> 3", "1 to 3 regions"},
        {FACTOR_REGIONS, "== 0", "1 to 3 regions"},
        {FACTOR_COMPLIANCE, "< 1", "`any`, `none`, or `has`"},
        {FACTOR_COMPLIANCE, "has hippa", "has`: soc2 hipaa gdpr"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct condition c = {.low = 42};
        const char *why = condition_parse(cases[i].factor, cases[i].text, &c);
        assert_non_null(why);
        assert_non_null(strstr(why, cases[i].why));
        assert_int_equal(c.low, 42);
    }
}

/* Whether the last of these conditions is never reached. */
static bool last_is_covered(enum factor factor, const char *const *whens)
{
    struct condition all[8];
    size_t n = 0;
    for (; whens[n]; n++)
        assert_null(condition_parse(factor, whens[n], &all[n]));
    return condition_is_covered(factor, all, n - 1);
}

#define COVERED(factor, ...) last_is_covered((factor), (const char *const[]){__VA_ARGS__, NULL})

static void a_condition_is_covered_when_earlier_ones_leave_nothing_of_it(void **state)
{
    (void)state;
    assert_true(COVERED(FACTOR_BUDGET, "< 50", "< 40"));
    assert_false(COVERED(FACTOR_BUDGET, "< 50", "< 60"));
    assert_true(COVERED(FACTOR_BUDGET, "any", "< 60"));
    assert_true(COVERED(FACTOR_BUDGET, "<= 50", "> 50", "any"));
    assert_false(COVERED(FACTOR_BUDGET, "< 50", "> 50", "any")); /* 50 itself is left */
    assert_true(COVERED(FACTOR_BUDGET, "< 50", "> 50", "== 50", "any"));
    assert_true(COVERED(FACTOR_VEHICLES, "< 5", "> 7", "== 6", "== 5", "== 7", "any"));
    assert_false(COVERED(FACTOR_VEHICLES, "< 5", "> 7", "== 6", "== 5", "any"));
    assert_true(COVERED(FACTOR_REGIONS, "== 1", "> 1", "any"));
    assert_false(COVERED(FACTOR_REGIONS, "any"));
}

static void compliance_is_covered_word_by_word(void **state)
{
    (void)state;
    assert_true(COVERED(FACTOR_COMPLIANCE, "any", "has soc2"));
    assert_false(COVERED(FACTOR_COMPLIANCE, "has soc2", "any"));
    assert_false(COVERED(FACTOR_COMPLIANCE, "any", "none"));
    assert_true(COVERED(FACTOR_COMPLIANCE, "has soc2", "has soc2"));
    assert_false(COVERED(FACTOR_COMPLIANCE, "has soc2", "has hipaa"));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(comparisons_hold_exactly_up_to_their_number),
        cmocka_unit_test(spaces_around_the_operator_do_not_matter),
        cmocka_unit_test(any_holds_for_every_value_that_was_given),
        cmocka_unit_test(a_profile_without_regions_fulfils_no_condition_on_them),
        cmocka_unit_test(compliance_distinguishes_absent_empty_and_named),
        cmocka_unit_test(mistakes_are_named),
        cmocka_unit_test(a_condition_is_covered_when_earlier_ones_leave_nothing_of_it),
        cmocka_unit_test(compliance_is_covered_word_by_word),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
