#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/rng.h"
#include "domain/placement/decide.h"
#include "infra/secrets/secret.h"

struct fixture {
    struct arena arena;
    struct problems problems;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->problems.arena = &f->arena;
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_release(&f->arena);
    free(f);
    return 0;
}

/* The plan's table, typed in a second time from its text. */
static const struct {
    enum factor factor;
    enum mode mode;
    const char *when;
    decimal add;
    const char *because;
} plan_table[] = {
    {FACTOR_BUDGET, MULTI_TENANT, "< 50", 3000, "Budget-conscious customer"},
    {FACTOR_BUDGET, MULTI_TENANT, "< 100", 1000, NULL},
    {FACTOR_BUDGET, MULTI_TENANT, "any", -2000, NULL},
    {FACTOR_BUDGET, SINGLE_TENANT, "> 100", 3000, NULL},
    {FACTOR_BUDGET, SINGLE_TENANT, "> 50", 1000, NULL},
    {FACTOR_BUDGET, SINGLE_TENANT, "any", -2000, NULL},
    {FACTOR_VEHICLES, MULTI_TENANT, "<= 5", 2000, "Small fleet size"},
    {FACTOR_VEHICLES, MULTI_TENANT, "<= 10", 0, NULL},
    {FACTOR_VEHICLES, MULTI_TENANT, "any", -3000, NULL},
    {FACTOR_VEHICLES, SINGLE_TENANT, "> 10", 3000, "Large fleet requires dedicated resources"},
    {FACTOR_VEHICLES, SINGLE_TENANT, "> 5", 1000, NULL},
    {FACTOR_VEHICLES, SINGLE_TENANT, "any", -1000, NULL},
    {FACTOR_COMPLIANCE, MULTI_TENANT, "none", 1000, "No special compliance needs"},
    {FACTOR_COMPLIANCE, MULTI_TENANT, "any", -4000, NULL},
    {FACTOR_COMPLIANCE, SINGLE_TENANT, "has soc2", 4000, "SOC 2 compliance required"},
    {FACTOR_COMPLIANCE, SINGLE_TENANT, "has hipaa", 5000, "HIPAA compliance required"},
    {FACTOR_LATENCY, MULTI_TENANT, "> 100", 1000, NULL},
    {FACTOR_LATENCY, MULTI_TENANT, "< 50", -3000, NULL},
    {FACTOR_LATENCY, SINGLE_TENANT, "< 50", 3000, "High performance requirements"},
    {FACTOR_LATENCY, SINGLE_TENANT, "< 100", 1000, NULL},
    {FACTOR_REGIONS, MULTI_TENANT, "== 1", 1000, NULL},
    {FACTOR_REGIONS, MULTI_TENANT, "> 1", -2000, NULL},
    {FACTOR_REGIONS, SINGLE_TENANT, "> 1", 3000, NULL},
    {FACTOR_PEAK_USERS, MULTI_TENANT, "< 20", 1000, NULL},
    {FACTOR_PEAK_USERS, MULTI_TENANT, "> 100", -3000, NULL},
};

static void is_the_plans_table(const char *name)
{
    struct policy *p = policy_builtin(name);
    assert_non_null(p);
    size_t seen[FACTOR_COUNT][MODE_COUNT] = {0};
    for (size_t i = 0; i < ARRAY_LEN(plan_table); i++) {
        size_t at = seen[plan_table[i].factor][plan_table[i].mode]++;
        const struct rules *rules = &p->rules[plan_table[i].factor][plan_table[i].mode];
        assert_true(at < rules->count);
        assert_string_equal(rules->items[at].when, plan_table[i].when);
        assert_int_equal(rules->items[at].add, plan_table[i].add);
        assert_true(text_eq(rules->items[at].because, plan_table[i].because));
    }
    for (int f = 0; f < FACTOR_COUNT; f++) {
        for (int m = 0; m < MODE_COUNT; m++)
            assert_int_equal(p->rules[f][m].count, seen[f][m]);
    }
    assert_int_equal(p->base_score, 5000);
    assert_int_equal(p->choose_above, 8000);
    assert_int_equal(p->migrate_above, 7000);
    assert_int_equal(p->auto_approve.with_issues.confidence_above, 9000);
    assert_int_equal(p->auto_approve.with_issues.response_ms_above, 200 * DECIMAL_ONE);
    assert_int_equal(p->auto_approve.with_issues.error_rate_above, 500);
    assert_int_equal(p->auto_approve.with_issues.cpu_above, 8000);
    assert_int_equal(p->auto_approve.settled.confidence_above, 9500);
    assert_int_equal(p->auto_approve.settled.days_above, 30);
    policy_free(p);
}

static void plan_v1_is_the_plans_table_and_nothing_else(void **state)
{
    (void)state;
    is_the_plans_table("plan-v1");
    struct policy *p = policy_builtin("plan-v1");
    assert_string_equal(p->name, "plan-v1");
    assert_int_equal(p->constraints.count, 0);
    policy_free(p);
}

static void default_is_the_plans_table_and_two_constraints(void **state)
{
    (void)state;
    is_the_plans_table("default");
    struct policy *p = policy_builtin("default");
    assert_string_equal(p->name, "default");
    assert_int_equal(p->constraints.count, 2);
    for (size_t i = 0; i < p->constraints.count; i++)
        assert_int_equal(p->constraints.items[i].mode, SINGLE_TENANT);
    policy_free(p);
}

static void every_policy_in_the_binary_parses_without_a_problem(void **state)
{
    struct fixture *f = *state;
    for (size_t i = 0; policy_builtin_names[i]; i++) {
        struct policy *p = policy_parse(policy_builtin_text(policy_builtin_names[i]), &f->problems);
        assert_non_null(p);
        assert_string_equal(p->name, policy_builtin_names[i]);
        policy_free(p);
    }
    assert_int_equal(f->problems.count, 0);
    assert_null(policy_builtin("prices")); /* a file in the binary, and no policy */
    assert_null(policy_builtin("nope"));
}

static void the_hash_covers_the_file_and_what_it_extends(void **state)
{
    struct fixture *f = *state;
    char expected[HASH_TEXT_MAX];
    struct str plan = policy_builtin_text("plan-v1"), ours = policy_builtin_text("default");
    struct policy *p = policy_builtin("plan-v1");
    assert_string_equal(p->sha256, sha256_hex(plan, expected));
    policy_free(p);
    const char *both = arena_printf(&f->arena, "%s%s", ours.ptr, plan.ptr);
    p = policy_builtin("default");
    assert_string_equal(p->sha256, sha256_hex(str_from(both), expected));
    assert_true(str_eq(p->text, ours));
    policy_free(p);
}

static void one_changed_byte_is_another_hash(void **state)
{
    struct fixture *f = *state;
    struct policy *a = policy_parse(STR("name: a\nextends: plan-v1\n"), &f->problems);
    struct policy *b = policy_parse(STR("name: a\nextends: plan-v1\n\n"), &f->problems);
    struct policy *c = policy_parse(STR("name: a\nextends: plan-v1\n"), &f->problems);
    assert_string_not_equal(a->sha256, b->sha256);
    assert_string_equal(a->sha256, c->sha256);
    policy_free(a);
    policy_free(b);
    policy_free(c);
}

static void extending_replaces_what_is_named_and_keeps_the_rest(void **state)
{
    struct fixture *f = *state;
    struct policy *p = policy_parse(STR("name: mine\n"
                                        "extends: default\n"
                                        "migrate_above: 0.75\n"
                                        "factors:\n"
                                        "  budget:\n"
                                        "    multi_tenant:\n"
                                        "      - {when: \"< 60\", add: 0.4}\n"),
                                    &f->problems);
    assert_non_null(p);
    assert_string_equal(p->name, "mine");
    assert_int_equal(p->migrate_above, 7500);
    assert_int_equal(p->choose_above, 8000);
    assert_int_equal(p->rules[FACTOR_BUDGET][MULTI_TENANT].count, 1);
    assert_int_equal(p->rules[FACTOR_BUDGET][SINGLE_TENANT].count, 3);
    assert_int_equal(p->constraints.count, 2); /* the base's base is plan-v1 */
    policy_free(p);
}

/* Checks a policy that extends plan-v1 with these lines; they start on line 3. */
static void refused(struct fixture *f, const char *lines, const char *sentence)
{
    struct error e = {0};
    f->problems.count = 0;
    const char *text = arena_printf(&f->arena, "name: mine\nextends: plan-v1\n%s", lines);
    struct policy *p = policy_parse(str_from(text), &f->problems);
    assert_null(p);
    (void)problems_error(&f->problems, &e);
    assert_string_equal(e.text, sentence);
}

static void unknown_keys_are_named_with_line_and_suggestion(void **state)
{
    refused(*state, "chose_above: 0.9\n",
            "line 3: chose_above: is unknown; did you mean choose_above?");
    refused(*state, "factors:\n  bugdet:\n    multi_tenant: []\n",
            "line 4: factors.bugdet: is unknown; did you mean budget?");
    refused(*state, "factors:\n  budget:\n    multi_tenant:\n      - {when: any, ad: 1, add: 1}\n",
            "line 6: factors.budget.multi_tenant[0].ad: is unknown; did you mean add?");
}

static void scores_out_of_range_are_named(void **state)
{
    refused(*state, "base_score: 1.5\n", "line 3: base_score: must be between 0.0 and 1.0");
    refused(*state, "migrate_above: -0.1\n", "line 3: migrate_above: must be between 0.0 and 1.0");
    refused(*state, "factors:\n  budget:\n    multi_tenant:\n      - {when: any, add: 30}\n",
            "line 6: factors.budget.multi_tenant[0].add: must be between -1.0 and 1.0");
    refused(*state, "base_score: half\n", "line 3: base_score: must be a number");
    refused(*state, "base_score: 0.12345\n",
            "line 3: base_score: has more than four decimal places (0.12345); round it");
}

static void bad_conditions_are_named(void **state)
{
    refused(*state,
            "factors:\n  vehicle_count:\n    multi_tenant:\n"
            "      - {when: \"< 5.5\", add: 0.1}\n",
            "line 6: factors.vehicle_count.multi_tenant[0].when: must be `any` or a comparison "
            "with a whole number, such as \"<= 5\"");
    refused(*state,
            "factors:\n  geographic_distribution:\n    single_tenant:\n"
            "      - when: \"> 3\"\n        add: 0.1\n",
            "line 6: factors.geographic_distribution.single_tenant[0].when: can never match: there "
            "are 1 to 3 regions");
}

static void rules_that_are_never_reached_are_named(void **state)
{
    refused(*state,
            "factors:\n  budget:\n    multi_tenant:\n"
            "      - {when: \"< 50\", add: 0.1}\n"
            "      - {when: \"< 40\", add: 0.2}\n"
            "      - {when: any, add: 0}\n"
            "      - {when: \"> 1000\", add: 0}\n",
            "line 7: factors.budget.multi_tenant[1].when: can never match: the rules before it "
            "cover \"< 40\"; line 9: factors.budget.multi_tenant[3].when: can never match: the "
            "rules before it cover \"> 1000\"");
    refused(*state,
            "plans:\n  by_vehicle_count:\n    - {when: any, plan: starter}\n"
            "    - {when: \"> 100\", plan: business}\n",
            "line 6: plans.by_vehicle_count[1].when: can never match: the rules before it cover "
            "\"> 100\"");
}

static void bad_constraints_are_named(void **state)
{
    refused(
        *state,
        "constraints:\n"
        "  - name: Loud Name\n"
        "    when: {compliance_requirements: has hippa}\n"
        "    mode: dedicated\n"
        "    because: x\n",
        "line 4: constraints[0].name: must be lower-case letters, digits and dashes; "
        "line 5: constraints[0].when.compliance_requirements: must name one of these after "
        "`has`: soc2 hipaa gdpr pci iso27001 fedramp hitrust ccpa glba sox ferpa cjis itar cmmc "
        "tisax csa_star; "
        "line 6: constraints[0].mode: must be one of multi_tenant, single_tenant, and not "
        "\"dedicated\"");
    refused(*state,
            "constraints:\n"
            "  - {name: a, when: {}, mode: single_tenant, because: x}\n"
            "  - {name: a, when: {budget: any}, mode: single_tenant, because: x}\n",
            "line 4: constraints[0].when: must name at least one condition; "
            "line 5: constraints[1].name: is the name of constraints[0] too");
    refused(*state, "constraints:\n  - {name: a, mode: single_tenant, because: x}\n",
            "line 4: constraints[0].when: is required");
    refused(*state, "plans:\n  floors:\n    - {when: {budget: any}, plan: hobby}\n",
            "line 5: plans.floors[0].plan: must be one of starter, professional, business, and not "
            "\"hobby\"");
}

static void every_mistake_is_reported_at_once(void **state)
{
    struct fixture *f = *state;
    refused(f,
            "base_score: 2\n"
            "base_score: 0.5\n"
            "auto_approve:\n"
            "  settled: {days_above: -1}\n"
            "factors:\n"
            "  budget:\n"
            "    multi_tenant: [{when: any, add: 0}, {when: any, add: 0}]\n",
            "line 4: base_score: this key stands here twice; "
            "line 3: base_score: must be between 0.0 and 1.0; "
            "line 6: auto_approve.settled.days_above: must be between 0 and 36500; "
            "line 9: factors.budget.multi_tenant[1].when: can never match: the rules before it "
            "cover \"any\"");
    assert_int_equal(f->problems.count, 4);
}

static void a_policy_of_its_own_must_have_every_factor(void **state)
{
    struct fixture *f = *state;
    const char *plan = policy_builtin_text("plan-v1").ptr;
    const char *cut = strstr(plan, "  peak_concurrent_users:");
    const char *rest = strstr(plan, "\n# Multi-tenant customers");
    const char *text = arena_printf(&f->arena, "%.*s%s", (int)(cut - plan), plan, rest);
    assert_null(policy_parse(str_from(text), &f->problems));
    assert_int_equal(f->problems.count, 1);
    assert_string_equal(f->problems.items[0].path, "factors.peak_concurrent_users");
    assert_string_equal(f->problems.items[0].text, "is required");
    assert_true(f->problems.items[0].line > 0);
}

static void an_unknown_base_is_one_problem_and_not_twenty(void **state)
{
    struct fixture *f = *state;
    assert_null(policy_parse(STR("name: a\nextends: plan-v2\n"), &f->problems));
    assert_int_equal(f->problems.count, 1);
    assert_string_equal(f->problems.items[0].path, "extends");
    assert_int_equal(f->problems.items[0].line, 2);
}

static void an_extending_policy_needs_a_name_of_its_own(void **state)
{
    struct fixture *f = *state;
    assert_null(policy_parse(STR("extends: plan-v1\n"), &f->problems));
    assert_int_equal(f->problems.count, 1);
    assert_string_equal(f->problems.items[0].path, "name");
}

static void what_is_no_policy_at_all_is_refused(void **state)
{
    struct fixture *f = *state;
    assert_null(policy_parse(STR(""), &f->problems));
    assert_null(policy_parse(STR("just text"), &f->problems));
    assert_null(policy_parse(STR("- a\n- b\n"), &f->problems));
    assert_null(policy_parse(STR("name: [\n"), &f->problems));
    assert_null(policy_parse(STR("name: a\nextends: [x]\n"), &f->problems));
    assert_true(f->problems.count > 4);
}

/* Swaps, doubles and drops lines and changes bytes of a good policy. */
static char *damage(struct arena *arena, struct str good, struct rng *rng)
{
    char *text = arena_text_n(arena, good.ptr, good.len);
    for (int64_t n = rng_below(rng, 3); n >= 0; n--)
        text[rng_below(rng, (int64_t)good.len)] = " :-[]{}\"\n&*!a0<>"[rng_below(rng, 17)];
    char *from = strchr(text + rng_below(rng, (int64_t)good.len / 2), '\n');
    char *to = from ? strchr(from + 1, '\n') : NULL;
    if (!to)
        return text;
    bool twice = rng_below(rng, 2);
    return arena_printf(arena, "%.*s%s", (int)(twice ? to - text : from - text), text,
                        twice ? from : to);
}

static void damaged_policies_are_refused_with_problems_or_work(void **state)
{
    struct fixture *f = *state;
    const struct decide_context context = {0};
    struct str good[] = {policy_builtin_text("plan-v1"), policy_builtin_text("default")};
    struct rng_seeded rng;
    rng_seeded_init(&rng, 11);
    size_t refusals = 0;
    for (int i = 0; i < 600; i++) {
        _cleanup_arena_ struct arena arena = {0};
        struct problems problems = {.arena = &arena};
        char *text = damage(&arena, good[i % 2], &rng.rng);
        struct policy *p = policy_parse(str_from(text), &problems);
        assert_true((p == NULL) == (problems.count > 0));
        refusals += p == NULL;
        if (p) {
            struct profile profile = profile_defaults(30 * DECIMAL_ONE);
            struct decision d;
            decide(p, &profile, &context, &d);
            assert_in_range(d.confidence, 0, DECIMAL_ONE);
        }
        policy_free(p);
    }
    assert_in_range(refusals, 300, 600);
    assert_int_equal(f->problems.count, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plan_v1_is_the_plans_table_and_nothing_else),
        TEST(default_is_the_plans_table_and_two_constraints),
        TEST(every_policy_in_the_binary_parses_without_a_problem),
        TEST(the_hash_covers_the_file_and_what_it_extends),
        TEST(one_changed_byte_is_another_hash),
        TEST(extending_replaces_what_is_named_and_keeps_the_rest),
        TEST(unknown_keys_are_named_with_line_and_suggestion),
        TEST(scores_out_of_range_are_named),
        TEST(bad_conditions_are_named),
        TEST(rules_that_are_never_reached_are_named),
        TEST(bad_constraints_are_named),
        TEST(every_mistake_is_reported_at_once),
        TEST(a_policy_of_its_own_must_have_every_factor),
        TEST(an_unknown_base_is_one_problem_and_not_twenty),
        TEST(an_extending_policy_needs_a_name_of_its_own),
        TEST(what_is_no_policy_at_all_is_refused),
        TEST(damaged_policies_are_refused_with_problems_or_work),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
