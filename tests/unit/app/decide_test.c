#include "support.h"

#include "domain/placement/files.h"
#include "infra/json/json.h"
#include "infra/secrets/secret.h"

static void a_small_customer_goes_to_a_shared_server_with_every_factor_shown(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("decide", "--budget", "30", "--vehicles", "2", "--compliance",
                                     "", "--regions", "US", "--policy", "plan-v1");
    assert_int_equal(r.code, CLI_OK);
    assert_string_equal(r.err, "");
    assert_contains(r.out, "multi_tenant on hetzner, plan hobby, in ash\n");
    assert_contains(r.out, "Recommended multi-tenant deployment: ");
    assert_contains(r.out, "\nbudget                   30          +0.3  < 50    -0.2  any\n");
    assert_contains(r.out, "\nvehicle_count            2           +0.2  <= 5    -0.1  any\n");
    assert_contains(r.out, "\ncompliance_requirements  none        +0.1  none       0  -\n");
    assert_contains(r.out, "\nlatency_requirement      not given      0  -          0  -\n");
    assert_contains(r.out, "\nscore                                 1.0           0.2");
    assert_contains(r.out, "USD a month, estimated");
    assert_contains(r.out, "Policy       plan-v1 (sha256 ");
}

static void a_constraint_is_named_and_leaves_the_scores_visible(void **state)
{
    (void)state;
    _cleanup_run_ struct run r =
        RUN("decide", "--budget", "30", "--vehicles", "2", "--compliance", "hipaa");
    assert_int_equal(r.code, CLI_OK);
    assert_contains(r.out, "single_tenant on flyio, plan professional");
    assert_contains(r.out, "Constraint   hipaa-dedicated requires single_tenant, whatever the");
    assert_contains(r.out, "\nscore ");
}

static void json_is_the_whole_document(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("decide", "--vehicles", "2", "-o", "json");
    _cleanup_json_ json_t *d = NULL;
    static const char *const keys[] = {
        "mode",   "infrastructure", "plan",        "reason", "confidence", "alternatives",
        "scores", "factors",        "constraints", "policy", "regions",    "estimated_monthly_cost",
        "prices"};
    assert_int_equal(json_parse(str_from(r.out), &d, NULL), OK);
    for (size_t i = 0; i < ARRAY_LEN(keys); i++)
        assert_non_null(json_object_get(d, keys[i]));
}

static void standard_input_a_file_and_flags_give_the_same_decision(void **state)
{
    (void)state;
    static const char profile[] = "{\"budget\": 150, \"vehicle_count\": 40}";
    char *path = file_with(profile);
    _cleanup_run_ struct run flags = RUN("decide", "--budget", "150", "--vehicles", "40");
    _cleanup_run_ struct run input = RUN_IN(profile, "decide");
    _cleanup_run_ struct run dash = RUN_IN(profile, "decide", "-");
    _cleanup_run_ struct run file = RUN("decide", path);
    assert_string_equal(flags.out, input.out);
    assert_string_equal(flags.out, dash.out);
    assert_string_equal(flags.out, file.out);
    file_remove(path);
}

static void flags_go_before_what_the_file_says(void **state)
{
    (void)state;
    _cleanup_run_ struct run r =
        RUN_IN("{\"budget\": 150, \"vehicle_count\": 40}", "decide", "-", "--vehicles", "3");
    assert_contains(r.out, "vehicle_count            3 ");
    assert_contains(r.out, "budget                   150 ");
}

static void a_wrong_word_names_the_flag_and_decides_nothing(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("decide", "--compliance", "hippa", "--regions", "US,MARS");
    assert_int_equal(r.code, CLI_USAGE);
    assert_string_equal(r.out, "");
    assert_contains(r.err, "webhost: --compliance must be ");
    assert_contains(r.err, "webhost: --regions must be ");
}

static void every_mistake_of_a_file_is_named(void **state)
{
    (void)state;
    _cleanup_run_ struct run r =
        RUN_IN("{\"budgett\": 3, \"vehicle_count\": \"many\"}", "decide", "-");
    assert_int_equal(r.code, CLI_USAGE);
    assert_string_equal(r.out, "");
    assert_contains(r.err, "<stdin>: budgett: is unknown; did you mean budget?");
    assert_contains(r.err, "<stdin>: vehicle_count: ");
    _cleanup_run_ struct run text = RUN_IN("budget: 3", "decide", "-");
    assert_int_equal(text.code, CLI_USAGE);
    assert_contains(text.err, "webhost: <stdin>: ");
}

static void a_file_that_is_not_there_is_not_found(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("decide", "/nonexistent/profile.json");
    assert_int_equal(r.code, CLI_NOT_FOUND);
    assert_contains(r.err, "/nonexistent/profile.json");
    _cleanup_run_ struct run policy = RUN("decide", "--budget", "3", "--policy", "no-such-policy");
    assert_int_equal(policy.code, CLI_NOT_FOUND);
    assert_contains(policy.err, "the built-in policies are default, plan-v1");
}

static const char *cost_of(const struct run *r, struct arena *arena)
{
    _cleanup_json_ json_t *d = NULL;
    assert_int_equal(json_parse(str_from(r->out), &d, NULL), OK);
    return json_text(json_object_get(d, "estimated_monthly_cost"), arena);
}

static void a_price_file_makes_the_estimates(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    const struct embedded_file *f = placement_files;
    while (strcmp(f->name, "prices") != 0)
        f++;
    char *table = arena_text_n(&arena, f->bytes, f->len);
    char *slots = strstr(table, "customers_per_host: 40");
    assert_non_null(slots);
    memcpy(slots, "customers_per_host: 10", 22);
    char *path = file_with(table);
    _cleanup_run_ struct run dear =
        RUN("decide", "--vehicles", "0", "--prices", path, "-o", "json");
    _cleanup_run_ struct run usual = RUN("decide", "--vehicles", "0", "-o", "json");
    _cleanup_run_ struct run told = RUN("decide", "--vehicles", "0", "--prices", path);
    char hash[HASH_TEXT_MAX];
    assert_string_equal(cost_of(&usual, &arena), "1.88"); /* (62.99 / 40 + 0.0572) * 1.15 */
    assert_string_equal(cost_of(&dear, &arena), "7.31");  /* (62.99 / 10 + 0.0572) * 1.15 */
    assert_contains(dear.out, sha256_hex(str_from(table), hash));
    assert_contains(told.out, "Prices       list-2026-09 (sha256 ");
    file_remove(path);
}

static void every_mistake_of_a_price_file_is_named(void **state)
{
    (void)state;
    char *path = file_with("name: mine\neur_usd: 0\n");
    _cleanup_run_ struct run r = RUN("decide", "--vehicles", "2", "--prices", path);
    assert_int_equal(r.code, CLI_USAGE);
    assert_string_equal(r.out, "");
    assert_contains(r.err, "eur_usd: must be between 0.0001 and 10.0");
    assert_contains(r.err, "multi_tenant: is required");
    file_remove(path);
}

static void a_policy_file_decides_as_the_policy_it_extends(void **state)
{
    (void)state;
    char *path = file_with("name: ours\nextends: plan-v1\n");
    _cleanup_run_ struct run r = RUN("decide", "--vehicles", "2", "--policy", path);
    assert_int_equal(r.code, CLI_OK);
    assert_contains(r.out, "Policy       ours (sha256 ");
    file_remove(path);
}

static void a_wrong_policy_file_decides_nothing(void **state)
{
    (void)state;
    char *path = file_with("name: ours\nextends: plan-v1\nbase_scor: 3\n");
    _cleanup_run_ struct run r = RUN("decide", "--vehicles", "2", "--policy", path);
    assert_int_equal(r.code, CLI_USAGE);
    assert_string_equal(r.out, "");
    assert_contains(r.err, ":3: ");
    file_remove(path);
}

static void policy_check_says_yes_or_names_every_mistake_with_its_line(void **state)
{
    (void)state;
    char *path = file_with("name: ours\nextends: plan-v1\n");
    _cleanup_run_ struct run right = RUN("policy", "check", path);
    assert_int_equal(right.code, CLI_OK);
    assert_contains(right.out, " is right: policy ours, sha256 ");
    file_remove(path);

    _cleanup_run_ struct run wrong = RUN_IN(
        "name: x\nextends: plan-v1\nbase_score: lots\nbase_scor: 3\n", "policy", "check", "-");
    assert_int_equal(wrong.code, CLI_FAILED);
    assert_string_equal(wrong.out, "");
    assert_contains(wrong.err, "<stdin>:3: base_score: ");
    assert_contains(wrong.err, "<stdin>:4: base_scor: is unknown; did you mean base_score?");
    assert_true(strstr(wrong.err, "<stdin>:3:") < strstr(wrong.err, "<stdin>:4:"));

    _cleanup_run_ struct run json = RUN_IN("a: b\n", "policy", "check", "-", "-o", "json");
    _cleanup_json_ json_t *report = NULL;
    assert_int_equal(json.code, CLI_FAILED);
    assert_int_equal(json_parse(str_from(json.out), &report, NULL), OK);
    assert_true(json_is_false(json_object_get(report, "valid")));
    assert_true(json_array_size(json_object_get(report, "problems")) > 1);
}

static void policy_show_prints_a_file_that_policy_check_accepts(void **state)
{
    (void)state;
    _cleanup_run_ struct run shown = RUN("policy", "show", "plan-v1");
    assert_int_equal(shown.code, CLI_OK);
    _cleanup_run_ struct run checked = RUN_IN(shown.out, "policy", "check", "-");
    assert_int_equal(checked.code, CLI_OK);
    _cleanup_run_ struct run unknown = RUN("policy", "show", "plan-v2");
    assert_int_equal(unknown.code, CLI_NOT_FOUND);
}

static void policy_list_names_the_built_in_ones(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("policy"), json = RUN("policy", "list", "-o", "json");
    assert_int_equal(r.code, CLI_OK);
    assert_contains(r.out, "default");
    assert_contains(r.out, "plan-v1");
    assert_contains(json.out, "\"policies\": [");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_small_customer_goes_to_a_shared_server_with_every_factor_shown),
        cmocka_unit_test(a_constraint_is_named_and_leaves_the_scores_visible),
        cmocka_unit_test(json_is_the_whole_document),
        cmocka_unit_test(standard_input_a_file_and_flags_give_the_same_decision),
        cmocka_unit_test(flags_go_before_what_the_file_says),
        cmocka_unit_test(a_wrong_word_names_the_flag_and_decides_nothing),
        cmocka_unit_test(every_mistake_of_a_file_is_named),
        cmocka_unit_test(a_file_that_is_not_there_is_not_found),
        cmocka_unit_test(a_price_file_makes_the_estimates),
        cmocka_unit_test(every_mistake_of_a_price_file_is_named),
        cmocka_unit_test(a_policy_file_decides_as_the_policy_it_extends),
        cmocka_unit_test(a_wrong_policy_file_decides_nothing),
        cmocka_unit_test(policy_check_says_yes_or_names_every_mistake_with_its_line),
        cmocka_unit_test(policy_show_prints_a_file_that_policy_check_accepts),
        cmocka_unit_test(policy_list_names_the_built_in_ones),
    };
    return cmocka_run_group_tests(tests, clean_environment, NULL);
}
