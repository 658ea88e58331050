#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/placement/profile.h"

static struct profile read_profile(const char *text)
{
    struct profile p;
    struct error e = {0};
    if (profile_parse(str_from(text), &p, &e) != OK)
        fail_msg("%s", e.text);
    return p;
}

static void assert_same(const struct profile *a, const struct profile *b)
{
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_json_ json_t *left = profile_json(a), *right = profile_json(b);
    assert_string_equal(json_text(left, &arena), json_text(right, &arena));
}

static void refused(const char *text, const char *sentence)
{
    struct profile p = {.budget = 42};
    struct error e;
    assert_int_equal(profile_parse(str_from(text), &p, &e), ERR_INVALID);
    assert_string_equal(e.text, sentence);
    assert_int_equal(p.budget, 42);
}

static void a_whole_profile_is_read(void **state)
{
    (void)state;
    struct profile p = read_profile(
        "{\"budget\":49.99,\"vehicle_count\":15,\"compliance_requirements\":[\"soc2\",\"gdpr\"],"
        "\"performance_needs\":{\"latency_requirement\":50.5},"
        "\"geographic_distribution\":[\"EU\",\"US\"],"
        "\"usage_patterns\":{\"peak_concurrent_users\":7}}");
    assert_int_equal(p.budget, 499900);
    assert_int_equal(p.vehicle_count, 15);
    assert_true(p.compliance_given);
    assert_int_equal(p.compliance, 1u << COMPLIANCE_SOC2 | 1u << COMPLIANCE_GDPR);
    assert_int_equal(p.latency, 505000);
    assert_int_equal(p.region_count, 2);
    assert_int_equal(p.regions[0], GEOGRAPHY_EU);
    assert_int_equal(p.regions[1], GEOGRAPHY_US);
    assert_int_equal(p.peak_users, 7);
}

static void an_empty_profile_is_all_absent(void **state)
{
    (void)state;
    struct profile p = read_profile("{}"), absent;
    profile_clear(&absent);
    assert_same(&p, &absent);
}

static void given_and_empty_is_not_absent(void **state)
{
    (void)state;
    struct profile p =
        read_profile("{\"compliance_requirements\":[],\"geographic_distribution\":[]}");
    assert_true(p.compliance_given);
    assert_int_equal(p.compliance, 0);
    assert_true(p.regions_given);
    assert_int_equal(p.region_count, 0);
}

static void null_counts_as_absent(void **state)
{
    (void)state;
    struct profile p = read_profile("{\"compliance_requirements\":null,\"budget\":null,"
                                    "\"performance_needs\":null,\"usage_patterns\":{}}");
    assert_false(p.compliance_given);
    assert_int_equal(p.budget, INT_ABSENT);
    assert_int_equal(p.latency, INT_ABSENT);
}

static void latency_and_peak_users_may_stand_at_the_top(void **state)
{
    (void)state;
    struct profile p = read_profile("{\"latency_requirement\":40,\"peak_concurrent_users\":200}");
    assert_int_equal(p.latency, 40 * DECIMAL_ONE);
    assert_int_equal(p.peak_users, 200);
    p = read_profile("{\"latency_requirement\":40,\"performance_needs\":"
                     "{\"latency_requirement\":40.0}}");
    assert_int_equal(p.latency, 40 * DECIMAL_ONE);
}

static void two_different_values_for_one_thing_are_refused(void **state)
{
    (void)state;
    refused("{\"latency_requirement\":40,\"performance_needs\":{\"latency_requirement\":50},"
            "\"peak_concurrent_users\":1,\"usage_patterns\":{\"peak_concurrent_users\":2}}",
            "latency_requirement: is 40.0 here and 50.0 in performance_needs; give it once; "
            "peak_concurrent_users: is 1 here and 2 in usage_patterns; give it once");
}

static void a_misspelt_compliance_word_is_refused_with_the_accepted_ones(void **state)
{
    (void)state;
    refused("{\"compliance_requirements\":[\"soc2\",\"hippa\"]}",
            "compliance_requirements[1]: must be one of soc2, hipaa, gdpr, pci, iso27001, fedramp, "
            "hitrust, ccpa, glba, sox, ferpa, cjis, itar, cmmc, tisax, csa_star, and not "
            "\"hippa\"");
    refused("{\"geographic_distribution\":[\"USA\"]}",
            "geographic_distribution[0]: must be one of US, EU, APAC, and not \"USA\"");
    refused("{\"compliance\":[\"hipaa\"]}", "compliance: is unknown");
    refused("{\"compliance_requirement\":[\"hipaa\"]}",
            "compliance_requirement: is unknown; did you mean compliance_requirements?");
}

static void numbers_out_of_bounds_are_refused(void **state)
{
    (void)state;
    refused("{\"budget\":-0.01,\"vehicle_count\":-1}",
            "budget: must be between 0.0 and 1000000000.0; "
            "vehicle_count: must be between 0 and 1000000000");
    refused("{\"budget\":49.99999}",
            "budget: has more than four decimal places (49.99999); round it");
    refused("{\"vehicle_count\":2.5}", "vehicle_count: must be a whole number");
    refused("{\"budget\":\"30\"}", "budget: must be a number");
}

static void repeated_words_count_once(void **state)
{
    (void)state;
    struct profile p = read_profile("{\"geographic_distribution\":[\"EU\",\"US\",\"EU\",\"US\"],"
                                    "\"compliance_requirements\":[\"pci\",\"pci\"]}");
    assert_int_equal(p.region_count, 2);
    assert_int_equal(p.regions[0], GEOGRAPHY_EU);
    assert_int_equal(p.compliance, 1u << COMPLIANCE_PCI);
}

static void absent_overrides_take_the_base(void **state)
{
    (void)state;
    struct profile base =
        read_profile("{\"budget\":10,\"vehicle_count\":2,\"compliance_requirements\":[\"soc2\"],"
                     "\"latency_requirement\":80,\"geographic_distribution\":[\"EU\"],"
                     "\"peak_concurrent_users\":3}");
    struct profile none = read_profile("{}");
    struct profile merged = profile_merge(&base, &none);
    assert_same(&merged, &base);
    struct profile some = read_profile("{\"budget\":20,\"compliance_requirements\":[],"
                                       "\"geographic_distribution\":[\"US\",\"APAC\"]}");
    merged = profile_merge(&base, &some);
    assert_int_equal(merged.budget, 20 * DECIMAL_ONE);
    assert_int_equal(merged.vehicle_count, 2);
    assert_true(merged.compliance_given);
    assert_int_equal(merged.compliance, 0); /* an empty list is an answer, not a gap */
    assert_int_equal(merged.region_count, 2);
    assert_int_equal(merged.peak_users, 3);
}

static void the_defaults_are_the_plans_price_100_ms_and_the_us(void **state)
{
    (void)state;
    struct profile p = profile_defaults(29 * DECIMAL_ONE);
    struct profile expected = read_profile(
        "{\"budget\":29,\"latency_requirement\":100,\"geographic_distribution\":[\"US\"]}");
    assert_same(&p, &expected);
}

static void a_profile_survives_being_written_and_read(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "{}",
        "{\"budget\":0.1,\"compliance_requirements\":[]}",
        "{\"budget\":49.9999,\"vehicle_count\":3,\"compliance_requirements\":[\"hipaa\",\"pci\"],"
        "\"performance_needs\":{\"latency_requirement\":99.99},"
        "\"geographic_distribution\":[\"APAC\",\"US\",\"EU\"],"
        "\"usage_patterns\":{\"peak_concurrent_users\":0}}",
    };
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        _cleanup_arena_ struct arena arena = {0};
        struct profile p = read_profile(texts[i]);
        _cleanup_json_ json_t *written = profile_json(&p);
        assert_string_equal(json_text(written, &arena), texts[i]);
    }
}

static void a_profile_inside_another_object_names_its_whole_path(void **state)
{
    (void)state;
    static const struct field signup_fields[] = {
        {"profile_overrides", FIELD_OBJECT, 0, .fields = profile_fields},
        FIELD_END,
    };
    _cleanup_arena_ struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct profile_form form;
    struct profile p;
    struct error e;
    record_clear(profile_fields, &form);
    assert_int_equal(json_decode_text(signup_fields, STR("{\"profile_overrides\":{\"budget\":-1}}"),
                                      &arena, &form, &problems, &e),
                     ERR_INVALID);
    assert_string_equal(problems.items[0].path, "profile_overrides.budget");
    record_clear(profile_fields, &form);
    form.latency = 1;
    form.performance.latency = 2;
    assert_false(profile_from_form(&form, "profile_overrides", &problems, &p));
    assert_string_equal(problems.items[1].path, "profile_overrides.latency_requirement");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_whole_profile_is_read),
        cmocka_unit_test(an_empty_profile_is_all_absent),
        cmocka_unit_test(given_and_empty_is_not_absent),
        cmocka_unit_test(null_counts_as_absent),
        cmocka_unit_test(latency_and_peak_users_may_stand_at_the_top),
        cmocka_unit_test(two_different_values_for_one_thing_are_refused),
        cmocka_unit_test(a_misspelt_compliance_word_is_refused_with_the_accepted_ones),
        cmocka_unit_test(numbers_out_of_bounds_are_refused),
        cmocka_unit_test(repeated_words_count_once),
        cmocka_unit_test(absent_overrides_take_the_base),
        cmocka_unit_test(the_defaults_are_the_plans_price_100_ms_and_the_us),
        cmocka_unit_test(a_profile_survives_being_written_and_read),
        cmocka_unit_test(a_profile_inside_another_object_names_its_whole_path),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
