/* Who was found due: moved by the policy's rules, proposed to a person, or left alone. */
#include "domain/audit/audit.h"
#include "domain/migration/evaluation.h"
#include "evaluation_test.sql.h"
#include "product.h"

#define DAYS(n) ((n)*USEC_PER_DAY)

static struct tracker_settings settings;
static struct tracker tracker;
static struct notify_settings told;
static struct evaluations with;

static int setup(void **state)
{
    (void)product_setup(state);
    struct product *p = *state;
    settings = tracker_settings_default();
    told = notify_settings_default();
    tracker = (struct tracker){&p->env, p->policy, &p->price_book, &settings};
    with = (struct evaluations){&tracker, &told};
    clock_virtual_advance(&p->clock, DAYS(100));
    return 0;
}

/* What was measured of a customer. */
struct measured {
    int64_t vehicles, response_us, error_rate, cpu, days, compliance;
};

static const struct measured calm = {50, 20000, 0, 1000, 10, INT_ABSENT};

static void measure(struct product *p, const char *id, struct measured m)
{
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &facts_set,
                         DB_ARGS(db_text(id), db_int(m.vehicles), db_int(m.response_us),
                                 db_int(m.error_rate), db_int(m.cpu),
                                 db_int(env_now(&p->env) - DAYS(m.days)), db_int(m.compliance)),
                         NULL, &p->e));
    product_commit(p);
}

/* On a shared host, which two sweeps found wrong. */
static struct signed_up customer(struct product *p, struct measured m)
{
    struct signed_up done =
        product_signup(p, "acme", "hobby", "{\"budget\":30,\"vehicle_count\":2}");
    product_begin(p);
    ASSERT_OK(p, deployment_activate(p->tx, &p->env, "test", &done.deployment, "sqlite:x",
                                     &p->arena, &p->e));
    ASSERT_OK(p, db_exec(p->tx, &verdict_add,
                         DB_ARGS(db_text(done.customer.id), db_int(SINGLE_TENANT)), NULL, &p->e));
    product_commit(p);
    measure(p, done.customer.id, m);
    return done;
}

static struct evaluated evaluate(struct product *p, const char *id)
{
    struct evaluated out;
    product_begin(p);
    ASSERT_OK(p, evaluate_move(p->tx, &with, id, &p->arena, &out, &p->e));
    product_commit(p);
    return out;
}

static struct move move_of(struct product *p, const char *id)
{
    struct move move;
    product_begin(p);
    ASSERT_OK(p, move_find(p->tx, id, &p->arena, &move, &p->e));
    product_rollback(p);
    return move;
}

static struct proposal proposal_of(struct product *p, const char *id)
{
    struct proposal proposal;
    product_begin(p);
    ASSERT_OK(p, proposal_find(p->tx, id, &p->arena, &proposal, &p->e));
    product_rollback(p);
    return proposal;
}

static bool audited(struct product *p, const char *action)
{
    struct records rows;
    const char *next;
    bool found = false;
    product_begin(p);
    ASSERT_OK(p, audit_list(p->tx, NULL, (struct page){100, NULL}, &p->arena, &rows, &next, &p->e));
    product_rollback(p);
    const struct audit_entry *entries = rows.items;
    for (size_t i = 0; i < rows.count; i++)
        found |= text_eq(entries[i].action, action);
    return found;
}

/* -- by itself, or by a person ------------------------------------------------------------------
 */

static void who_suffers_where_it_is_moves_at_once(void **state)
{
    struct product *p = *state;
    struct measured slow = calm;
    slow.response_us = 200001;
    struct evaluated out = evaluate(p, customer(p, slow).customer.id);
    assert_null(out.proposal_id);
    struct move move = move_of(p, out.migration_id);
    assert_int_equal(move.to_mode, SINGLE_TENANT);
    assert_string_equal(move.requested_by, "job:MigrationEvaluationWorker");
    ASSERT_CONTAINS(move.reason, "approved automatically: performance is bad where it is, "
                                 "responses take 200.001 ms");
    assert_int_equal(product_number(p, &count_notices), 0);
}

static void at_the_limit_of_every_figure_nobody_suffers(void **state)
{
    struct product *p = *state;
    struct measured limit = {50, 200000, 500, 8000, 30, INT_ABSENT};
    struct evaluated out = evaluate(p, customer(p, limit).customer.id);
    assert_null(out.migration_id);
    assert_non_null(out.proposal_id);
}

static void one_more_error_or_one_more_busy_cpu_is_enough(void **state)
{
    struct product *p = *state;
    struct measured bad = calm;
    const char *id = customer(p, calm).customer.id;
    bad.error_rate = 501;
    bad.cpu = 8001;
    measure(p, id, bad);
    ASSERT_CONTAINS(move_of(p, evaluate(p, id).migration_id).reason,
                    "the error rate is 0.0501, CPU is at 0.8001");
}

static void who_has_been_there_for_long_moves_at_once(void **state)
{
    struct product *p = *state;
    struct measured settled = calm;
    settled.days = 31;
    ASSERT_CONTAINS(move_of(p, evaluate(p, customer(p, settled).customer.id).migration_id).reason,
                    "it has been in its mode for 31 days");
}

static void what_compliance_forbids_moves_at_once_when_it_is_certain(void **state)
{
    struct product *p = *state;
    struct measured bound = calm;
    bound.compliance = 1 << COMPLIANCE_HIPAA;
    ASSERT_CONTAINS(move_of(p, evaluate(p, customer(p, bound).customer.id).migration_id).reason,
                    "approved automatically: HIPAA");
}

static void what_was_never_measured_is_no_reason(void **state)
{
    struct product *p = *state;
    struct measured unknown = {50, INT_ABSENT, INT_ABSENT, INT_ABSENT, 1, INT_ABSENT};
    assert_non_null(evaluate(p, customer(p, unknown).customer.id).proposal_id);
}

/* -- proposals --------------------------------------------------------------------------------- */

static void else_a_person_is_asked_and_told(void **state)
{
    struct product *p = *state;
    struct signed_up c = customer(p, calm);
    struct evaluated out = evaluate(p, c.customer.id);
    struct proposal proposal = proposal_of(p, out.proposal_id);
    assert_int_equal(proposal.state, PROPOSAL_PENDING);
    assert_string_equal(proposal.customer_id, c.customer.id);
    assert_int_equal(proposal.from_mode, MULTI_TENANT);
    assert_int_equal(proposal.to_mode, SINGLE_TENANT);
    assert_int_equal(proposal.confidence, DECIMAL_ONE);
    assert_int_equal(strlen(proposal.plan_hash), 64);
    assert_true(proposal.monthly_saving < 0);
    assert_int_equal(proposal.expires_at - proposal.created_at, DAYS(14));
    assert_true(audited(p, "proposal.created"));

    const char *notice;
    product_begin(p);
    ASSERT_OK(p, db_get_text(p->tx, &newest_notice, DB_NO_ARGS, &p->arena, &notice, &p->e));
    product_rollback(p);
    ASSERT_CONTAINS(notice, "\"kind\":\"proposal.created\"");
    ASSERT_CONTAINS(notice, "A move of customer acme from multi-tenant to single-tenant");
    ASSERT_CONTAINS(notice, proposal.id);
}

static void asked_once_nobody_is_asked_again(void **state)
{
    struct product *p = *state;
    const char *id = customer(p, calm).customer.id;
    assert_non_null(evaluate(p, id).proposal_id);
    struct evaluated again = evaluate(p, id);
    assert_null(again.proposal_id);
    assert_null(again.migration_id);
    assert_int_equal(again.verdict.outcome, SWEEP_PROPOSED);
    assert_int_equal(product_number(p, &count_proposals), 1);
    assert_int_equal(product_number(p, &count_notices), 1);
}

static void who_is_fine_by_the_facts_of_now_is_left_alone(void **state)
{
    struct product *p = *state;
    const char *id = customer(p, calm).customer.id;
    struct measured shrunk = calm;
    shrunk.vehicles = 2;
    measure(p, id, shrunk);
    struct evaluated out = evaluate(p, id);
    assert_int_equal(out.verdict.outcome, SWEEP_STAYS);
    assert_int_equal(product_number(p, &count_proposals), 0);
    assert_int_equal(product_number(p, &count_moves), 0);
}

static void a_proposal_that_is_not_recommended_any_more_is_superseded(void **state)
{
    struct product *p = *state;
    const char *id = customer(p, calm).customer.id;
    struct proposal proposal = proposal_of(p, evaluate(p, id).proposal_id);
    struct measured shrunk = calm;
    shrunk.vehicles = 2;
    measure(p, id, shrunk);
    (void)evaluate(p, id);
    assert_int_equal(proposal_of(p, proposal.id).state, PROPOSAL_SUPERSEDED);
    assert_true(audited(p, "proposal.superseded"));
}

static void an_unanswered_proposal_expires_and_another_is_made(void **state)
{
    struct product *p = *state;
    const char *id = customer(p, calm).customer.id;
    const char *old = evaluate(p, id).proposal_id;
    clock_virtual_advance(&p->clock, DAYS(14) - 1);
    assert_null(evaluate(p, id).proposal_id);
    clock_virtual_advance(&p->clock, 1);
    struct evaluated out = evaluate(p, id);
    assert_int_equal(proposal_of(p, old).state, PROPOSAL_EXPIRED);
    assert_non_null(out.proposal_id);
    assert_string_not_equal(out.proposal_id, old);
}

/* -- answers ----------------------------------------------------------------------------------- */

static enum err approve(struct product *p, const char *id, struct proposal *ret)
{
    product_begin(p);
    struct answerer boss = {&p->env, &told, "token:boss", "token-1"};
    enum err err = proposal_approve(p->tx, &tracker, &boss, id, NULL, &p->arena, ret, &p->e);
    if (err == OK)
        product_commit(p);
    else
        product_rollback(p);
    return err;
}

static void an_approval_starts_the_move_and_is_given_once(void **state)
{
    struct product *p = *state;
    struct proposal proposal;
    const char *id = evaluate(p, customer(p, calm).customer.id).proposal_id;
    ASSERT_OK(p, approve(p, id, &proposal));
    assert_int_equal(proposal.state, PROPOSAL_APPROVED);
    assert_string_equal(proposal.decided_by, "token:boss");
    struct move move = move_of(p, proposal.migration_id);
    assert_string_equal(move.requested_by, "token:boss");
    ASSERT_CONTAINS(move.reason, arena_printf(&p->arena, "proposal %s approved", id));
    assert_true(audited(p, "proposal.approved"));
    assert_int_equal(approve(p, id, &proposal), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "is not pending: it is approved");
    assert_int_equal(product_number(p, &count_moves), 1);
}

static void what_is_not_recommended_any_more_cannot_be_approved(void **state)
{
    struct product *p = *state;
    struct proposal proposal;
    const char *customer_id = customer(p, calm).customer.id;
    struct measured large = calm, small = calm;
    large.vehicles = 50;
    small.vehicles = 2;
    measure(p, customer_id, large);
    const char *id = evaluate(p, customer_id).proposal_id;
    measure(p, customer_id, small);
    assert_int_equal(approve(p, id, &proposal), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "recommends multi-tenant for customer acme now");
    assert_int_equal(proposal_of(p, id).state, PROPOSAL_PENDING);
    assert_int_equal(product_number(p, &count_moves), 0);
}

static void an_expired_proposal_cannot_be_approved(void **state)
{
    struct product *p = *state;
    struct proposal proposal;
    const char *id = evaluate(p, customer(p, calm).customer.id).proposal_id;
    clock_virtual_advance(&p->clock, DAYS(14));
    assert_int_equal(approve(p, id, &proposal), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "has expired");
}

static void who_is_being_moved_cannot_be_approved(void **state)
{
    struct product *p = *state;
    struct proposal proposal;
    struct move move;
    struct move_wish wish = {"acme", "single_tenant", NULL};
    const char *id = evaluate(p, customer(p, calm).customer.id).proposal_id;
    product_begin(p);
    ASSERT_OK(p, move_request(p->tx, &p->env, p->policy, p->prices, "test", &wish, &p->arena,
                              &p->problems, &move, &p->e));
    product_commit(p);
    assert_int_equal(approve(p, id, &proposal), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "is being moved already");
}

static void a_rejection_is_kept_with_its_comment_and_holds(void **state)
{
    struct product *p = *state;
    struct proposal proposal;
    const char *customer_id = customer(p, calm).customer.id;
    const char *id = evaluate(p, customer_id).proposal_id;
    product_begin(p);
    struct answerer boss = {&p->env, &told, "token:boss", "token-1"};
    ASSERT_OK(p, proposal_reject(p->tx, &boss, id, "not now", &p->arena, &proposal, &p->e));
    product_commit(p);
    assert_int_equal(proposal.state, PROPOSAL_REJECTED);
    assert_string_equal(proposal.comment, "not now");
    assert_int_equal(approve(p, id, &proposal), ERR_CONFLICT);
    struct evaluated out = evaluate(p, customer_id);
    assert_int_equal(out.verdict.outcome, SWEEP_REJECTED);
    assert_null(out.proposal_id);
}

static void pending_proposals_are_listed(void **state)
{
    struct product *p = *state;
    struct records rows;
    const char *next;
    const char *id = evaluate(p, customer(p, calm).customer.id).proposal_id;
    struct proposal_filter pending = {.state = "pending"}, rejected = {.state = "rejected"};
    struct page page = {10, NULL};
    product_begin(p);
    ASSERT_OK(p, proposal_list(p->tx, &pending, page, &p->arena, &rows, &next, &p->e));
    assert_int_equal(rows.count, 1);
    assert_string_equal(((struct proposal *)rows.items)[0].id, id);
    assert_string_equal(((struct proposal *)rows.items)[0].customer_slug, "acme");
    ASSERT_OK(p, proposal_list(p->tx, &rejected, page, &p->arena, &rows, &next, &p->e));
    assert_int_equal(rows.count, 0);
    assert_int_equal(proposal_find(p->tx, "nothing", &p->arena, rows.items, &p->e), ERR_NOT_FOUND);
    product_rollback(p);
}

/* -- the worker -------------------------------------------------------------------------------- */

static enum job_result perform(struct product *p, const char *args)
{
    struct job job = {.args = args};
    const _Atomic bool cancelled = false;
    struct job_worker worker = evaluation_worker(&with);
    struct job_run run = {.env = &p->env,
                          .job = &job,
                          .arena = &p->arena,
                          .ctx = worker.ctx,
                          .cancelled = &cancelled};
    return worker.perform(&run, &p->e);
}

static void the_job_evaluates_and_gives_up_on_who_is_not_there(void **state)
{
    struct product *p = *state;
    const char *id = customer(p, calm).customer.id;
    const char *args = arena_printf(&p->arena, "{\"customer_id\":\"%s\"}", id);
    assert_int_equal(perform(p, args), JOB_DONE);
    assert_int_equal(perform(p, args), JOB_DONE); /* a repeated run finds its work done */
    assert_int_equal(product_number(p, &count_proposals), 1);
    assert_int_equal(perform(p, "{\"customer_id\":\"nobody\"}"), JOB_FAIL);
    assert_int_equal(perform(p, "{}"), JOB_FAIL);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, product_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_suffers_where_it_is_moves_at_once),
        TEST(at_the_limit_of_every_figure_nobody_suffers),
        TEST(one_more_error_or_one_more_busy_cpu_is_enough),
        TEST(who_has_been_there_for_long_moves_at_once),
        TEST(what_compliance_forbids_moves_at_once_when_it_is_certain),
        TEST(what_was_never_measured_is_no_reason),
        TEST(else_a_person_is_asked_and_told),
        TEST(asked_once_nobody_is_asked_again),
        TEST(who_is_fine_by_the_facts_of_now_is_left_alone),
        TEST(a_proposal_that_is_not_recommended_any_more_is_superseded),
        TEST(an_unanswered_proposal_expires_and_another_is_made),
        TEST(an_approval_starts_the_move_and_is_given_once),
        TEST(what_is_not_recommended_any_more_cannot_be_approved),
        TEST(an_expired_proposal_cannot_be_approved),
        TEST(who_is_being_moved_cannot_be_approved),
        TEST(a_rejection_is_kept_with_its_comment_and_holds),
        TEST(pending_proposals_are_listed),
        TEST(the_job_evaluates_and_gives_up_on_who_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
