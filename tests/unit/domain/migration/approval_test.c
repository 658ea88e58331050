/* Plans before a move, and the second person who agrees to one. */
#include "domain/migration/evaluation.h"
#include "domain/migration/plan.h"
#include "evaluation_test.sql.h"
#include "product.h"
#include "script.h"

#define DAYS(n) ((n)*USEC_PER_DAY)

static struct tracker_settings settings;
static struct tracker tracker;
static struct notify_settings told;
static struct move_settings move_settings;
static struct provisioning provisioning;
static struct move_context moves;
static struct move_planner planner;
static const char *customer_id;

static int setup(void **state)
{
    (void)product_setup(state);
    struct product *p = *state;
    settings = tracker_settings_default();
    told = notify_settings_default();
    move_settings = move_settings_default();
    move_settings.second_person = true;
    tracker = (struct tracker){&p->env, p->policy, &p->price_book, &settings};
    moves = (struct move_context){&provisioning, &move_settings, &told, NULL, script_mover};
    planner = (struct move_planner){&p->env, p->policy, &p->price_book, &moves};
    script_reset();
    clock_virtual_advance(&p->clock, DAYS(100));
    struct signed_up done =
        product_signup(p, "acme", "hobby", "{\"budget\":30,\"vehicle_count\":2}");
    product_begin(p);
    ASSERT_OK(p, deployment_activate(p->tx, &p->env, "test", &done.deployment, "sqlite:x",
                                     &p->arena, &p->e));
    product_commit(p);
    customer_id = done.customer.id;
    return 0;
}

static struct answerer answerer(struct product *p, const char *name, const char *token)
{
    return (struct answerer){&p->env, &told, name, token};
}

static struct move_plan plan_of(struct product *p)
{
    struct move_wish wish = {.customer = "acme", .target_mode = "single_tenant"};
    struct move_plan plan;
    ASSERT_OK(p, move_plan_make(&planner, &wish, &p->arena, &p->problems, &plan, &p->e));
    return plan;
}

static enum err ask(struct product *p, const char *name, const char *token, struct proposal *ret)
{
    struct move_plan plan = plan_of(p);
    const struct judged_move *j = &plan.judged;
    struct decided decided = {p->policy, p->prices, &j->profile, &j->context, &j->decision};
    struct proposal_wish wish = {
        .tracker = &tracker,
        .customer = &j->customer,
        .decided = &decided,
        .notify = &told,
        .plan = &plan,
        .token_id = token,
        .reason = "it asked for it",
    };
    product_begin(p);
    enum err err = proposal_create(p->tx, name, &wish, &p->arena, ret, &p->e);
    if (err == OK)
        product_commit(p);
    else
        product_rollback(p);
    return err;
}

static struct proposal asked(struct product *p)
{
    struct proposal proposal;
    ASSERT_OK(p, ask(p, "token:anna", "token-anna", &proposal));
    return proposal;
}

/* As the API does: the look outside, then the transaction. */
static enum err approve(struct product *p, struct answerer by, const char *id, struct proposal *ret)
{
    const char *schema;
    TRY(proposal_recheck(&planner, &by, id, &p->arena, &schema, &p->e));
    product_begin(p);
    enum err err = proposal_approve(p->tx, &tracker, &by, id, schema, &p->arena, ret, &p->e);
    if (err == OK)
        product_commit(p);
    else
        product_rollback(p);
    return err;
}

static struct proposal proposal_now(struct product *p, const char *id)
{
    struct proposal proposal;
    product_begin(p);
    ASSERT_OK(p, proposal_find(p->tx, id, &p->arena, &proposal, &p->e));
    product_rollback(p);
    return proposal;
}

/* -- plans ------------------------------------------------------------------------------------- */

static void a_plan_tells_size_cost_and_what_is_thought_of_it_and_changes_nothing(void **state)
{
    struct product *p = *state;
    struct move_plan plan = plan_of(p);
    assert_null(plan.refusal);
    assert_int_equal(plan.rows, 3050);
    assert_int_equal(plan.bytes, 305000);
    assert_string_equal(plan.size_class, "small");
    assert_false(plan.from_earlier_moves);
    assert_true(plan.needs_approval);
    assert_int_equal(plan.judged.recommended, MULTI_TENANT);
    assert_true(plan.cost_then > plan.cost_now);
    assert_string_equal(plan_of(p).hash, plan.hash);
    _cleanup_json_ json_t *shown = move_plan_json(&plan);
    assert_true(json_get_bool(shown, "possible"));
    assert_int_equal(json_array_size(json_object_get(shown, "tables")), 2);
    assert_int_equal(json_array_size(json_object_get(shown, "obstacles")), 0);
    assert_int_equal(product_number(p, &count_moves), 0);
    assert_int_equal(product_number(p, &count_proposals), 0);
}

static void a_plan_names_what_is_in_the_way(void **state)
{
    struct product *p = *state;
    script.obstacle = "table trips";
    struct move_plan plan = plan_of(p);
    assert_int_equal(move_plan_check(&plan, &p->arena, &p->e), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "table trips has no primary key (add one)");
    script.obstacle = NULL;
    script.fails[PART_SURVEY].err = ERR_UNAVAILABLE;
    script.fails[PART_SURVEY].times = 1;
    plan = plan_of(p);
    assert_int_equal(move_plan_check(&plan, &p->arena, &p->e), ERR_UNAVAILABLE);
    struct move_wish there = {.customer = "acme", .target_mode = "multi_tenant"};
    ASSERT_OK(p, move_plan_make(&planner, &there, &p->arena, &p->problems, &plan, &p->e));
    assert_int_equal(move_plan_check(&plan, &p->arena, &p->e), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "is in mode multi_tenant already");
}

static void the_hash_changes_with_everything_that_is_agreed_to(void **state)
{
    struct product *p = *state;
    struct move_plan plan = plan_of(p);
    struct placement other = plan.judged.decision.placement;
    other.plan = PLAN_BUSINESS;
    struct move_agreement a = {"c", MULTI_TENANT,    &plan.judged.decision.placement, "p", "small",
                               "s", 10 * DECIMAL_ONE};
    struct move_agreement variants[7] = {a, a, a, a, a, a, a};
    variants[0].customer_id = "d";
    variants[1].to = &other;
    variants[2].policy_sha256 = "q";
    variants[3].size_class = "huge";
    variants[4].schema_sha256 = "t";
    variants[5].cost = 11 * DECIMAL_ONE;
    variants[6].schema_sha256 = NULL;
    char first[HASH_TEXT_MAX], second[HASH_TEXT_MAX];
    (void)move_agreement_hash(&a, first, &p->arena);
    for (size_t i = 0; i < ARRAY_LEN(variants); i++)
        assert_string_not_equal(move_agreement_hash(&variants[i], second, &p->arena), first);
    a.cost += DECIMAL_ONE / 10; /* prices move by cents every day */
    assert_string_equal(move_agreement_hash(&a, second, &p->arena), first);
}

/* -- two people -------------------------------------------------------------------------------- */

static void somebody_else_approves_what_was_asked_for_and_exactly_that_moves(void **state)
{
    struct product *p = *state;
    struct proposal proposal = asked(p);
    assert_int_equal(proposal.kind, PROPOSAL_REQUESTED);
    assert_string_equal(proposal.requested_by, "token:anna");
    assert_int_equal(product_number(p, &count_moves), 0);
    ASSERT_OK(p, approve(p, answerer(p, "token:bert", "token-bert"), proposal.id, &proposal));
    assert_int_equal(proposal.state, PROPOSAL_APPROVED);
    struct move move;
    product_begin(p);
    ASSERT_OK(p, move_find(p->tx, proposal.migration_id, &p->arena, &move, &p->e));
    product_rollback(p);
    assert_string_equal(move.proposal_id, proposal.id);
    assert_string_equal(move.schema_sha256, script.schema);
    assert_int_equal(product_number(p, &count_notices), 2); /* asked for, approved */
}

static void who_asked_cannot_approve_by_token_or_by_name(void **state)
{
    struct product *p = *state;
    struct proposal proposal = asked(p);
    struct answerer same[] = {
        answerer(p, "token:anna", "token-anna"),
        answerer(p, "token:renamed", "token-anna"),
        answerer(p, "token:anna", "another-token"),
    };
    for (size_t i = 0; i < ARRAY_LEN(same); i++) {
        struct proposal ignored;
        assert_int_equal(approve(p, same[i], proposal.id, &ignored), ERR_DENIED);
        ASSERT_CONTAINS(p->e.text, "somebody else has to approve it");
        product_begin(p); /* nor without the look outside */
        assert_int_equal(proposal_approve(p->tx, &tracker, &same[i], proposal.id, NULL, &p->arena,
                                          &ignored, &p->e),
                         ERR_DENIED);
        product_rollback(p);
    }
    assert_int_equal(proposal_now(p, proposal.id).state, PROPOSAL_PENDING);
    assert_int_equal(product_number(p, &count_moves), 0);
}

static void a_schema_that_has_changed_supersedes_what_was_asked_for(void **state)
{
    struct product *p = *state;
    struct proposal proposal = asked(p), ignored;
    script.schema = "schema-2";
    struct answerer bert = answerer(p, "token:bert", "token-bert");
    assert_int_equal(approve(p, bert, proposal.id, &ignored), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "look at the plan and ask again");
    assert_int_equal(proposal_now(p, proposal.id).state, PROPOSAL_SUPERSEDED);
    assert_int_equal(product_number(p, &count_moves), 0);
    proposal = asked(p); /* and then it goes */
    ASSERT_OK(p, approve(p, bert, proposal.id, &ignored));
}

static void an_obstacle_that_came_meanwhile_is_named_and_the_wish_waits(void **state)
{
    struct product *p = *state;
    struct proposal proposal = asked(p), ignored;
    script.obstacle = "table trips";
    struct answerer bert = answerer(p, "token:bert", "token-bert");
    assert_int_equal(approve(p, bert, proposal.id, &ignored), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "table trips has no primary key");
    assert_int_equal(proposal_now(p, proposal.id).state, PROPOSAL_PENDING);
}

static void a_wish_that_waits_stands_in_the_way_of_another(void **state)
{
    struct product *p = *state;
    struct proposal proposal = asked(p), ignored;
    assert_int_equal(ask(p, "token:bert", "token-bert", &ignored), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "asked for by token:anna");
    clock_virtual_advance(&p->clock, DAYS(14));
    ASSERT_OK(p, ask(p, "token:bert", "token-bert", &ignored));
    assert_int_equal(proposal_now(p, proposal.id).state, PROPOSAL_EXPIRED);
}

static void the_tracker_does_not_end_what_a_person_asked_for(void **state)
{
    struct product *p = *state;
    struct evaluations with = {&tracker, &told};
    struct evaluated out;
    struct proposal proposal = asked(p);
    product_begin(p);
    ASSERT_OK(p, evaluate_move(p->tx, &with, customer_id, &p->arena, &out, &p->e));
    product_commit(p);
    assert_null(out.migration_id);
    assert_int_equal(proposal_now(p, proposal.id).state, PROPOSAL_PENDING);
}

/* -- what the tracker proposed ----------------------------------------------------------------- */

static void measure(struct product *p, int64_t vehicles)
{
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &facts_set,
                         DB_ARGS(db_text(customer_id), db_int(vehicles), db_int(20000), db_int(0),
                                 db_int(1000), db_int(env_now(&p->env) - DAYS(10)), db_null()),
                         NULL, &p->e));
    product_commit(p);
}

static void a_recommended_plan_that_is_another_one_now_is_superseded(void **state)
{
    struct product *p = *state;
    struct evaluations with = {&tracker, &told};
    struct evaluated out;
    struct proposal ignored;
    measure(p, 50);
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &verdict_add, DB_ARGS(db_text(customer_id), db_int(SINGLE_TENANT)),
                         NULL, &p->e));
    ASSERT_OK(p, evaluate_move(p->tx, &with, customer_id, &p->arena, &out, &p->e));
    product_commit(p);
    assert_non_null(out.proposal_id);
    measure(p, 500); /* still a move to single-tenant, on a larger plan */
    struct answerer bert = answerer(p, "token:bert", "token-bert");
    assert_int_equal(approve(p, bert, out.proposal_id, &ignored), ERR_CONFLICT);
    assert_int_equal(proposal_now(p, out.proposal_id).state, PROPOSAL_SUPERSEDED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, product_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_plan_tells_size_cost_and_what_is_thought_of_it_and_changes_nothing),
        TEST(a_plan_names_what_is_in_the_way),
        TEST(the_hash_changes_with_everything_that_is_agreed_to),
        TEST(somebody_else_approves_what_was_asked_for_and_exactly_that_moves),
        TEST(who_asked_cannot_approve_by_token_or_by_name),
        TEST(a_schema_that_has_changed_supersedes_what_was_asked_for),
        TEST(an_obstacle_that_came_meanwhile_is_named_and_the_wish_waits),
        TEST(a_wish_that_waits_stands_in_the_way_of_another),
        TEST(the_tracker_does_not_end_what_a_person_asked_for),
        TEST(a_recommended_plan_that_is_another_one_now_is_superseded),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
