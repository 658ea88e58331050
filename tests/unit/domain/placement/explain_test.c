#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/placement/explain.h"

struct fixture {
    struct arena arena;
    struct policy *plan, *standard;
    struct prices *prices;
    struct profile profile;
    struct decide_context context;
    struct decision decision;
    json_t *json; /* the last decision explained */
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->plan = policy_builtin("plan-v1");
    f->standard = policy_builtin("default");
    f->prices = prices_builtin();
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    json_decref(f->json);
    policy_free(f->plan);
    policy_free(f->standard);
    prices_free(f->prices);
    arena_release(&f->arena);
    free(f);
    return 0;
}

static const json_t *explain(struct fixture *f, const struct policy *policy, const char *text)
{
    struct error e = {0};
    if (profile_parse(str_from(text), &f->profile, &e) != OK)
        fail_msg("%s", e.text);
    decide(policy, &f->profile, &f->context, &f->decision);
    json_decref(f->json);
    f->json =
        decision_json(&(struct decided){policy, f->prices, &f->profile, &f->context, &f->decision});
    return f->json;
}

static void reason_is(struct fixture *f, const struct policy *policy, const char *text,
                      const char *expected)
{
    assert_string_equal(json_get_text(explain(f, policy, text), "reason"), expected);
}

/* The value under a key as compact JSON. */
static const char *part(struct fixture *f, const char *key)
{
    return json_text(json_object_get(f->json, key), &f->arena);
}

static const char *const small =
    "{\"budget\":30,\"vehicle_count\":3,\"compliance_requirements\":[],"
    "\"latency_requirement\":150,\"geographic_distribution\":[\"US\"],"
    "\"peak_concurrent_users\":5}";

static void a_reason_reads_as_in_the_plan(void **state)
{
    struct fixture *f = *state;
    reason_is(f, f->plan, small,
              "Recommended multi-tenant deployment: No special compliance needs, Small fleet size, "
              "Budget-conscious customer (confidence: 1.0)");
    reason_is(f, f->plan, "{\"budget\":60,\"vehicle_count\":3,\"compliance_requirements\":[]}",
              "Recommended multi-tenant deployment: No special compliance needs, Small fleet size "
              "(confidence: 0.9)");
}

static void every_rule_that_holds_is_named_and_not_only_the_one_that_counted(void **state)
{
    struct fixture *f = *state;
    reason_is(f, f->plan,
              "{\"vehicle_count\":20,\"compliance_requirements\":[\"soc2\",\"hipaa\"],"
              "\"latency_requirement\":20}",
              "Recommended single-tenant deployment: High performance requirements, HIPAA "
              "compliance required, SOC 2 compliance required, Large fleet requires dedicated "
              "resources (confidence: 1.0)");
}

static void without_a_sentence_the_scores_are_the_reason(void **state)
{
    struct fixture *f = *state;
    reason_is(f, f->plan, "{\"budget\":150}",
              "Recommended single-tenant deployment: it scores 0.8 and multi-tenant 0.3 "
              "(confidence: 0.8)");
}

static void a_constraint_is_named_in_the_reason(void **state)
{
    struct fixture *f = *state;
    reason_is(f, f->standard, "{\"budget\":20,\"compliance_requirements\":[\"hipaa\"]}",
              "Required single-tenant deployment: HIPAA data must not share a database "
              "[hipaa-dedicated], HIPAA compliance required (confidence: 0.8)");
    assert_string_equal(part(f, "constraints"),
                        "[{\"name\":\"hipaa-dedicated\",\"mode\":\"single_tenant\",\"because\":"
                        "\"HIPAA data must not share a database\"}]");
    assert_string_equal(part(f, "scores"), "{\"multi_tenant\":0.4,\"single_tenant\":0.8}");
}

static void all_constraints_that_hold_are_listed(void **state)
{
    struct fixture *f = *state;
    (void)explain(f, f->standard, "{\"compliance_requirements\":[\"soc2\",\"hipaa\"]}");
    assert_int_equal(json_array_size(json_object_get(f->json, "constraints")), 2);
}

static void a_decision_has_the_plans_keys_then_ours_in_this_order(void **state)
{
    static const char *const keys[] = {
        "mode",   "infrastructure", "plan",        "reason", "confidence", "alternatives",
        "scores", "factors",        "constraints", "policy", "regions",    "estimated_monthly_cost",
        "prices",
    };
    struct fixture *f = *state;
    (void)explain(f, f->plan, small);
    size_t n = 0;
    const char *key;
    json_t *value;
    json_object_foreach (f->json, key, value) {
        assert_true(n < ARRAY_LEN(keys));
        assert_string_equal(key, keys[n++]);
    }
    assert_int_equal(n, ARRAY_LEN(keys));
    assert_string_equal(part(f, "mode"), "\"multi_tenant\"");
    assert_string_equal(part(f, "infrastructure"), "\"hetzner\"");
    assert_string_equal(part(f, "plan"), "\"hobby\"");
    assert_string_equal(part(f, "confidence"), "1.0");
    assert_string_equal(part(f, "regions"), "[\"ash\"]");
    json_t *policy = json_object_get(f->json, "policy");
    assert_string_equal(json_get_text(policy, "name"), "plan-v1");
    assert_string_equal(json_get_text(policy, "sha256"), f->plan->sha256);
}

static void each_factor_shows_its_value_rules_and_contributions(void **state)
{
    struct fixture *f = *state;
    (void)explain(f, f->plan,
                  "{\"budget\":49.99,\"compliance_requirements\":[\"soc2\"],"
                  "\"geographic_distribution\":[\"EU\",\"US\"]}");
    static const char *const expected[FACTOR_COUNT] = {
        "{\"name\":\"budget\",\"value\":49.99,"
        "\"rules\":{\"multi_tenant\":\"< 50\",\"single_tenant\":\"any\"},"
        "\"contributions\":{\"multi_tenant\":0.3,\"single_tenant\":-0.2}}",
        "{\"name\":\"vehicle_count\",\"value\":null,"
        "\"rules\":{\"multi_tenant\":null,\"single_tenant\":null},"
        "\"contributions\":{\"multi_tenant\":0.0,\"single_tenant\":0.0}}",
        "{\"name\":\"compliance_requirements\",\"value\":[\"soc2\"],"
        "\"rules\":{\"multi_tenant\":\"any\",\"single_tenant\":\"has soc2\"},"
        "\"contributions\":{\"multi_tenant\":-0.4,\"single_tenant\":0.4}}",
        "{\"name\":\"latency_requirement\",\"value\":null,"
        "\"rules\":{\"multi_tenant\":null,\"single_tenant\":null},"
        "\"contributions\":{\"multi_tenant\":0.0,\"single_tenant\":0.0}}",
        "{\"name\":\"geographic_distribution\",\"value\":[\"EU\",\"US\"],"
        "\"rules\":{\"multi_tenant\":\"> 1\",\"single_tenant\":\"> 1\"},"
        "\"contributions\":{\"multi_tenant\":-0.2,\"single_tenant\":0.3}}",
        "{\"name\":\"peak_concurrent_users\",\"value\":null,"
        "\"rules\":{\"multi_tenant\":null,\"single_tenant\":null},"
        "\"contributions\":{\"multi_tenant\":0.0,\"single_tenant\":0.0}}",
    };
    const json_t *factors = json_object_get(f->json, "factors");
    assert_int_equal(json_array_size(factors), FACTOR_COUNT);
    for (size_t i = 0; i < FACTOR_COUNT; i++)
        assert_string_equal(json_text(json_array_get(factors, i), &f->arena), expected[i]);
}

static size_t alternatives(struct fixture *f, const struct policy *policy, const char *text)
{
    return json_array_size(json_object_get(explain(f, policy, text), "alternatives"));
}

static void a_growing_shared_customer_is_shown_what_dedicated_would_cost(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(alternatives(f, f->plan, "{\"budget\":30,\"vehicle_count\":8}"), 0);
    assert_int_equal(alternatives(f, f->plan, "{\"budget\":30,\"vehicle_count\":9}"), 1);
    const json_t *offer = json_array_get(json_object_get(f->json, "alternatives"), 0);
    assert_string_equal(json_get_text(offer, "mode"), "single_tenant");
    assert_string_equal(json_get_text(offer, "plan"), "starter");
    assert_string_equal(json_get_text(offer, "reason"), "Consider upgrading if growth continues");
    assert_null(json_object_get(offer, "estimated_cost_savings"));

    struct placement dedicated =
        placement_in_mode(f->plan, &f->profile, &f->context, SINGLE_TENANT);
    decimal more =
        cost_monthly(f->prices, &dedicated, 9) - cost_monthly(f->prices, &f->decision.placement, 9);
    assert_true(more > 0);
    char text[DECIMAL_TEXT_MAX];
    assert_string_equal(json_text(json_object_get(offer, "estimated_cost_increase"), &f->arena),
                        decimal_text(more, text));
}

static void the_alternative_plan_is_the_one_the_customer_would_get(void **state)
{
    struct fixture *f = *state;
    const char *text = "{\"budget\":30,\"vehicle_count\":3,\"peak_concurrent_users\":5,"
                       "\"compliance_requirements\":[\"gdpr\"],\"latency_requirement\":150,"
                       "\"geographic_distribution\":[\"EU\"]}";
    assert_int_equal(alternatives(f, f->plan, text), 1);
    const json_t *offer = json_array_get(json_object_get(f->json, "alternatives"), 0);
    assert_string_equal(json_get_text(offer, "plan"), "professional"); /* the floor for gdpr */
}

static const char *const fast =
    "{\"budget\":99.99,\"vehicle_count\":5,\"compliance_requirements\":[],"
    "\"latency_requirement\":40,\"geographic_distribution\":[\"US\",\"EU\"]}";

static void a_small_dedicated_customer_is_shown_what_shared_would_save(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(alternatives(f, f->plan, fast), 1);
    const json_t *offer = json_array_get(json_object_get(f->json, "alternatives"), 0);
    assert_string_equal(json_get_text(offer, "mode"), "multi_tenant");
    assert_string_equal(json_get_text(offer, "plan"), "hobby");
    assert_string_equal(json_get_text(offer, "reason"), "Could save costs with shared resources");
    assert_null(json_object_get(offer, "estimated_cost_increase"));
    assert_true(json_number_value(json_object_get(offer, "estimated_cost_savings")) > 0);
}

static void missing_values_make_an_alternatives_conditions_false(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(alternatives(f, f->plan, "{\"latency_requirement\":40}"), 0);
    assert_int_equal(alternatives(f, f->plan,
                                  "{\"latency_requirement\":40,\"vehicle_count\":5,"
                                  "\"compliance_requirements\":[]}"),
                     0);
    assert_int_equal(alternatives(f, f->plan,
                                  "{\"latency_requirement\":40,\"vehicle_count\":5,"
                                  "\"budget\":99,\"geographic_distribution\":[\"US\",\"EU\"]}"),
                     0);
}

static void what_a_constraint_forbids_is_not_offered(void **state)
{
    struct fixture *f = *state;
    struct problems problems = {.arena = &f->arena};
    struct policy *p = policy_parse(
        STR("name: eu\nextends: plan-v1\nconstraints:\n"
            "  - {name: fast, when: {latency_requirement: \"< 50\"}, mode: single_tenant,"
            " because: Slow is broken}\n"),
        &problems);
    assert_non_null(p);
    assert_int_equal(alternatives(f, p, fast), 0);
    policy_free(p);
}

static void when_dedicated_is_cheaper_the_key_says_so(void **state)
{
    struct fixture *f = *state;
    f->prices->multi_tenant.customers_per_host = 1;
    f->prices->multi_tenant.host_month_eur[GEOGRAPHY_US] = 1000 * DECIMAL_ONE;
    assert_int_equal(alternatives(f, f->plan, "{\"budget\":30,\"vehicle_count\":9}"), 1);
    const json_t *offer = json_array_get(json_object_get(f->json, "alternatives"), 0);
    assert_null(json_object_get(offer, "estimated_cost_increase"));
    assert_true(json_number_value(json_object_get(offer, "estimated_cost_savings")) > 0);
}

static void a_decision_names_the_prices_that_it_was_made_with(void **state)
{
    struct fixture *f = *state;
    struct shared_price over[GEOGRAPHY_COUNT];
    for (int g = 0; g < GEOGRAPHY_COUNT; g++)
        over[g] = prices_shared(f->prices, (enum geography)g);
    over[GEOGRAPHY_EU] = (struct shared_price){
        .location = "fsn1",
        .server_type = "cpx32",
        .host_month_eur = 40 * DECIMAL_ONE,
        .ipv4_month_eur = DECIMAL_ONE / 2,
        .volume_gb_month_eur = 500,
        .slots = 30,
        .read_at = 1700000000 * USEC_PER_SEC,
    };
    struct prices *file = f->prices;
    const char *european = "{\"budget\":30,\"vehicle_count\":0,"
                           "\"geographic_distribution\":[\"EU\"]}";
    const char *name =
        arena_printf(&f->arena, "{\"name\":\"%s\",\"sha256\":\"%s\"", file->name, file->sha256);
    (void)explain(f, f->plan, european);
    assert_string_equal(part(f, "prices"), arena_printf(&f->arena, "%s}", name));

    struct prices laid_over = *prices_over(file, over, &f->arena);
    f->prices = &laid_over;
    (void)explain(f, f->plan, european);
    f->prices = file;
    assert_string_equal(part(f, "estimated_monthly_cost"), "1.61"); /* (40.50 / 30 + 0.05) * 1.15 */
    assert_string_equal(
        part(f, "prices"),
        arena_printf(&f->arena,
                     "%s,\"shared_server\":{\"location\":\"fsn1\",\"server_type\":\"cpx32\","
                     "\"host_month_eur\":40.0,\"ipv4_month_eur\":0.5,"
                     "\"volume_gb_month_eur\":0.05,\"slots\":30,"
                     "\"read_at\":\"2023-11-14T22:13:20.000000Z\"}}",
                     name));
}

static const char *batch(struct fixture *f, const char *line, size_t number)
{
    _cleanup_buf_ struct buf out = BUF_INIT(65536);
    assert_true(decide_batch_line(f->plan, f->prices, str_from(line), number, &out));
    return arena_text(&f->arena, buf_text(&out));
}

static void a_batch_line_gives_one_line_with_the_decision(void **state)
{
    struct fixture *f = *state;
    const char *expected =
        arena_printf(&f->arena, "%s\n", json_text(explain(f, f->plan, small), &f->arena));
    assert_string_equal(batch(f, small, 1), expected);
    assert_string_equal(batch(f, arena_printf(&f->arena, "  %s\r\n", small), 1), expected);
}

static void a_bad_batch_line_gives_its_error_and_number(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(batch(f, "{\"bugdet\":1}", 7),
                        "{\"error\":\"bugdet: is unknown; did you mean budget?\","
                        "\"line\":7}\n");
    assert_string_equal(batch(f, "[]", 8), "{\"error\":\"must be an object\",\"line\":8}\n");
    const char *broken = batch(f, "{\"budget\":", 9);
    assert_non_null(strstr(broken, "not JSON"));
    assert_non_null(strstr(broken, ",\"line\":9}\n"));
    assert_non_null(strstr(batch(f, "{\"x\":\"\xff\"}", 10), "\"line\":10}"));
}

static void a_blank_batch_line_gives_nothing(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(batch(f, "", 1), "");
    assert_string_equal(batch(f, "  \t\r\n", 2), "");
}

static void a_full_buffer_is_reported(void **state)
{
    struct fixture *f = *state;
    _cleanup_buf_ struct buf out = BUF_INIT(100);
    assert_false(decide_batch_line(f->plan, f->prices, str_from(small), 1, &out));
}

static void equal_input_gives_equal_bytes(void **state)
{
    struct fixture *f = *state;
    assert_string_equal(batch(f, small, 1), batch(f, small, 1));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_reason_reads_as_in_the_plan),
        TEST(every_rule_that_holds_is_named_and_not_only_the_one_that_counted),
        TEST(without_a_sentence_the_scores_are_the_reason),
        TEST(a_constraint_is_named_in_the_reason),
        TEST(all_constraints_that_hold_are_listed),
        TEST(a_decision_has_the_plans_keys_then_ours_in_this_order),
        TEST(each_factor_shows_its_value_rules_and_contributions),
        TEST(a_growing_shared_customer_is_shown_what_dedicated_would_cost),
        TEST(the_alternative_plan_is_the_one_the_customer_would_get),
        TEST(a_small_dedicated_customer_is_shown_what_shared_would_save),
        TEST(missing_values_make_an_alternatives_conditions_false),
        TEST(what_a_constraint_forbids_is_not_offered),
        TEST(when_dedicated_is_cheaper_the_key_says_so),
        TEST(a_decision_names_the_prices_that_it_was_made_with),
        TEST(a_batch_line_gives_one_line_with_the_decision),
        TEST(a_bad_batch_line_gives_its_error_and_number),
        TEST(a_blank_batch_line_gives_nothing),
        TEST(a_full_buffer_is_reported),
        TEST(equal_input_gives_equal_bytes),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
