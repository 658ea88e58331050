/* Sweeps over a database: what is kept of each customer, who becomes a job, who may sweep. */
#include "domain/usage/sweep.h"
#include "product.h"
#include "usage_test.sql.h"

#define HOURS6 (6 * 3600 * USEC_PER_SEC)

static struct tracker_settings settings;
static struct tracker tracker;

static int setup(void **state)
{
    (void)product_setup(state);
    struct product *p = *state;
    settings = tracker_settings_default();
    tracker = (struct tracker){&p->env, p->policy, p->prices, &settings};
    return 0;
}

static void run(struct product *p, const struct db_query *query, struct db_args args)
{
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, query, args, NULL, &p->e));
    product_commit(p);
}

struct place {
    int64_t vehicles, mode, moved_at, compliance;
};

/* A customer that lives somewhere, with so many vehicles as were measured. */
static struct signed_up customer(struct product *p, const char *slug, struct place at)
{
    clock_virtual_advance(&p->clock, 1000); /* ids are in the order of time */
    struct signed_up done = product_signup(p, slug, "hobby", "{\"budget\":200}");
    run(p, &facts_become,
        DB_ARGS(db_text(done.customer.id), db_int(at.vehicles), db_int(at.mode),
                db_int(PRODUCT_START_US), db_int(at.moved_at), db_int(at.compliance)));
    return done;
}

/* Should be single-tenant, and is not. */
static struct signed_up misplaced(struct product *p, const char *slug)
{
    return customer(p, slug, (struct place){50, MULTI_TENANT, INT_ABSENT, INT_ABSENT});
}

static struct sweep sweep(struct product *p)
{
    struct sweep s;
    ASSERT_OK(p, sweep_run(&tracker, "test", false, &p->arena, &s, &p->e));
    clock_virtual_advance(&p->clock, HOURS6);
    return s;
}

static struct tracked tracked(struct product *p, const char *id)
{
    struct tracked t;
    product_begin(p);
    ASSERT_OK(p, tracked_find(p->tx, &tracker, id, STANDING_NOTHING, &p->arena, &t, &p->e));
    product_rollback(p);
    return t;
}

static void assert_outcome(struct product *p, const char *id, enum sweep_outcome expected)
{
    struct tracked t = tracked(p, id);
    assert_true(t.swept);
    if (t.verdict.outcome != expected)
        fail_msg("%s instead of %s", sweep_outcome_names[t.verdict.outcome],
                 sweep_outcome_names[expected]);
}

static void who_changes_is_due_after_the_second_sweep_and_evaluated_once(void **state)
{
    struct product *p = *state;
    const char *grown = misplaced(p, "grown").customer.id;
    const char *fine =
        customer(p, "fine", (struct place){50, SINGLE_TENANT, INT_ABSENT, INT_ABSENT}).customer.id;
    assert_false(tracked(p, grown).swept);
    struct sweep first = sweep(p);
    assert_int_equal(first.customers, 2);
    assert_int_equal(first.decided, 2);
    assert_int_equal(first.changed, 2);
    assert_int_equal(first.due, 0);
    assert_string_equal(first.outcomes, "{\"stays\":1,\"waits_for_repeats\":1}");
    assert_outcome(p, grown, SWEEP_REPEATS);
    assert_int_equal(product_number(p, &count_evaluations), 0);

    struct sweep second = sweep(p);
    assert_int_equal(second.changed, 1);
    assert_int_equal(second.due, 1);
    assert_outcome(p, grown, SWEEP_DUE);
    assert_outcome(p, fine, SWEEP_STAYS);
    assert_int_equal(product_number(p, &count_evaluations), 1);

    struct sweep third = sweep(p);
    assert_int_equal(third.due, 0);
    assert_outcome(p, grown, SWEEP_EVALUATING);
    assert_int_equal(product_number(p, &count_evaluations), 1);
}

static void a_sweep_that_finds_nothing_new_writes_no_verdict(void **state)
{
    struct product *p = *state;
    customer(p, "a", (struct place){50, SINGLE_TENANT, INT_ABSENT, INT_ABSENT});
    customer(p, "b", (struct place){50, SINGLE_TENANT, INT_ABSENT, INT_ABSENT});
    (void)sweep(p);
    int64_t since = product_number(p, &newest_verdict_since);
    struct sweep again = sweep(p);
    assert_int_equal(again.customers, 2);
    assert_int_equal(again.changed, 0);
    assert_int_equal(product_number(p, &newest_verdict_since), since);
}

static void a_verdict_says_since_when_and_by_which_figures(void **state)
{
    struct product *p = *state;
    const char *id = misplaced(p, "grown").customer.id;
    (void)sweep(p);
    struct tracked t = tracked(p, id);
    assert_int_equal(t.since, PRODUCT_START_US + 1000);
    assert_int_equal(t.verdict.recommended, SINGLE_TENANT);
    assert_int_equal(t.verdict.confidence, DECIMAL_ONE);
    assert_int_equal(t.verdict.repeats, 1);
    assert_true(t.verdict.saving < 0);
    _cleanup_json_ json_t *shown = tracked_json(&t, &tracker, &p->arena);
    assert_string_equal(json_get_text(shown, "outcome"), "waits_for_repeats");
    ASSERT_CONTAINS(json_get_text(shown, "why"),
                    "single-tenant is recommended in sweep 1 of 2 in a row");
}

static void before_the_first_sweep_that_is_what_is_said(void **state)
{
    struct product *p = *state;
    struct tracked t = tracked(p, misplaced(p, "new").customer.id);
    _cleanup_json_ json_t *shown = tracked_json(&t, &tracker, &p->arena);
    assert_true(json_is_null(json_object_get(shown, "outcome")));
    ASSERT_CONTAINS(json_get_text(shown, "why"), "no sweep has seen");
}

static void who_left_is_passed_by_and_who_is_not_set_up_yet_too(void **state)
{
    struct product *p = *state;
    const char *gone = misplaced(p, "gone").customer.id;
    const char *fresh = product_signup(p, "fresh", "hobby", "{}").customer.id;
    run(p, &set_inactive, DB_ARGS(db_text(gone)));
    struct sweep s = sweep(p);
    assert_int_equal(s.customers, 2);
    assert_int_equal(s.decided, 0);
    assert_outcome(p, gone, SWEEP_INACTIVE);
    assert_outcome(p, fresh, SWEEP_UNPLACED);
}

static void no_more_than_the_cap_are_due_and_the_required_go_first(void **state)
{
    struct product *p = *state;
    settings.repeats = 1;
    settings.moves_at_once = 2;
    const char *a = misplaced(p, "a").customer.id;
    const char *b = misplaced(p, "b").customer.id;
    const char *c =
        customer(p, "c", (struct place){2, MULTI_TENANT, INT_ABSENT, 1 << COMPLIANCE_SOC2})
            .customer.id;
    struct sweep s = sweep(p);
    assert_int_equal(s.due, 2);
    assert_outcome(p, c, SWEEP_DUE); /* last by its id, and first */
    assert_outcome(p, a, SWEEP_DUE);
    assert_outcome(p, b, SWEEP_CAP);
    assert_string_equal(s.outcomes, "{\"cap_reached\":1,\"due\":2}");
    s = sweep(p);
    assert_int_equal(s.due, 0); /* both places are taken until the jobs have ended */
    run(p, &finish_jobs, DB_NO_ARGS);
    assert_int_equal(sweep(p).due, 2);
}

static void a_move_takes_a_place(void **state)
{
    struct product *p = *state;
    settings.repeats = 1;
    settings.moves_at_once = 1;
    struct signed_up moving = misplaced(p, "moving");
    const char *other = misplaced(p, "other").customer.id;
    run(p, &add_migration, DB_ARGS(db_text(moving.customer.id), db_text(moving.deployment.id)));
    assert_int_equal(sweep(p).due, 0);
    assert_outcome(p, moving.customer.id, SWEEP_MOVING);
    assert_outcome(p, other, SWEEP_CAP);
    settings.moves_at_once = 2;
    assert_int_equal(sweep(p).due, 1);
    assert_outcome(p, other, SWEEP_DUE);
}

static void propose(struct product *p, const struct signed_up *c, const char *mode,
                    const char *state, int64_t expires_at, int64_t decided_at)
{
    run(p, &add_proposal,
        DB_ARGS(db_text(c->customer.id), db_text(mode), db_text(state), db_text(c->decision.id),
                db_int(expires_at), db_int(decided_at)));
}

static void a_pending_proposal_waits_and_takes_no_place(void **state)
{
    struct product *p = *state;
    settings.repeats = 1;
    settings.moves_at_once = 1;
    struct signed_up asked = misplaced(p, "asked");
    const char *other = misplaced(p, "other").customer.id;
    propose(p, &asked, "single_tenant", "pending", PRODUCT_START_US + USEC_PER_DAY, INT_ABSENT);
    assert_int_equal(sweep(p).due, 1);
    assert_outcome(p, asked.customer.id, SWEEP_PROPOSED);
    assert_outcome(p, other, SWEEP_DUE);
}

static void a_proposal_that_is_out_of_date_or_time_goes_to_evaluation(void **state)
{
    struct product *p = *state;
    struct signed_up old = misplaced(p, "old");
    struct signed_up changed =
        customer(p, "changed", (struct place){50, SINGLE_TENANT, INT_ABSENT, INT_ABSENT});
    propose(p, &old, "single_tenant", "pending", PRODUCT_START_US, INT_ABSENT);
    propose(p, &changed, "single_tenant", "pending", PRODUCT_START_US + USEC_PER_DAY, INT_ABSENT);
    struct sweep s = sweep(p);
    assert_int_equal(s.due, 0);
    assert_outcome(p, old.customer.id, SWEEP_EVALUATING);
    assert_outcome(p, changed.customer.id, SWEEP_STAYS);
    assert_int_equal(product_number(p, &count_evaluations), 2);
}

static void a_no_holds_for_its_days(void **state)
{
    struct product *p = *state;
    settings.repeats = 1;
    struct signed_up c = misplaced(p, "c");
    propose(p, &c, "single_tenant", "rejected", PRODUCT_START_US, PRODUCT_START_US);
    (void)sweep(p);
    assert_outcome(p, c.customer.id, SWEEP_REJECTED);
    clock_virtual_advance(&p->clock, 30 * USEC_PER_DAY - HOURS6);
    (void)sweep(p);
    assert_outcome(p, c.customer.id, SWEEP_DUE);
}

static void customers_beyond_a_page_are_judged_too(void **state)
{
    struct product *p = *state;
    const char *id = misplaced(p, "first").customer.id;
    enum { COPIES = 20000 }; /* two pages and one row */
    run(p, &facts_copies, DB_ARGS(db_text(id), db_int(COPIES)));
    struct sweep s = sweep(p);
    assert_int_equal(s.customers, COPIES + 1);
    assert_int_equal(s.changed, COPIES + 1);
    assert_int_equal(product_number(p, &count_verdicts), COPIES + 1);
    assert_outcome(p, "copy-1020000", SWEEP_REPEATS);
    s = sweep(p);
    assert_int_equal(s.due, 5);
    assert_outcome(p, "copy-1020000", SWEEP_CAP);
}

static void a_dry_run_tells_the_same_and_changes_nothing(void **state)
{
    struct product *p = *state;
    struct sweep dry;
    settings.repeats = 1;
    misplaced(p, "a");
    ASSERT_OK(p, sweep_run(&tracker, "test", true, &p->arena, &dry, &p->e));
    assert_int_equal(dry.due, 1);
    assert_null(dry.id);
    assert_int_equal(product_number(p, &count_verdicts), 0);
    assert_int_equal(product_number(p, &count_evaluations), 0);
    assert_string_equal(sweep(p).outcomes, dry.outcomes);
}

static void sweeps_are_kept_newest_first_until_they_are_old(void **state)
{
    struct product *p = *state;
    misplaced(p, "a");
    struct sweep first = sweep(p), second = sweep(p);
    struct records rows;
    const char *next;
    int64_t deleted;
    product_begin(p);
    ASSERT_OK(p, sweep_list(p->tx, (struct page){10, NULL}, &p->arena, &rows, &next, &p->e));
    const struct sweep *all = rows.items;
    assert_int_equal(rows.count, 2);
    assert_string_equal(all[0].id, second.id);
    assert_string_equal(all[1].id, first.id);
    assert_string_equal(all[0].outcomes, second.outcomes);
    assert_string_equal(all[0].policy_sha256, p->policy->sha256);
    assert_string_equal(all[0].requested_by, "test");
    assert_null(all[0].error);
    ASSERT_OK(p, sweep_prune(p->tx, second.started_at, 10, &deleted, &p->e));
    assert_int_equal(deleted, 1);
    product_rollback(p);
}

static void while_another_node_sweeps_a_sweep_is_refused(void **state)
{
    struct product *p = *state;
    struct sweep s;
    misplaced(p, "a");
    run(p, &add_stolen_lease, DB_ARGS(db_int(PRODUCT_START_US + USEC_PER_SEC)));
    assert_int_equal(sweep_run(&tracker, "test", false, &p->arena, &s, &p->e), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "another sweep runs");
    assert_int_equal(product_number(p, &count_verdicts), 0);
    clock_virtual_advance(&p->clock, 2 * USEC_PER_SEC); /* its lease has run out */
    (void)sweep(p);
    assert_int_equal(product_number(p, &count_verdicts), 1);
}

static void the_job_sweeps_and_there_is_one_at_a_time(void **state)
{
    struct product *p = *state;
    struct job first, second;
    const _Atomic bool cancelled = false;
    misplaced(p, "a");
    product_begin(p);
    ASSERT_OK(p, sweep_enqueue(p->tx, &p->env, "token:x\"y", &p->arena, &first, &p->e));
    ASSERT_OK(p, sweep_enqueue(p->tx, &p->env, "cron", &p->arena, &second, &p->e));
    product_commit(p);
    assert_int_equal(first.id, second.id);
    struct job_worker worker = sweep_worker(&tracker);
    struct job_run job_run = {.env = &p->env,
                              .job = &first,
                              .arena = &p->arena,
                              .ctx = worker.ctx,
                              .cancelled = &cancelled};
    assert_int_equal(worker.perform(&job_run, &p->e), JOB_DONE);
    assert_int_equal(product_number(p, &count_verdicts), 1);
    assert_int_equal(product_number(p, &count_unfinished_sweeps), 0);
}

static void the_cron_follows_the_settings(void **state)
{
    struct product *p = *state;
    static const struct {
        const char *every, *when;
    } cases[] = {{"6h", "0 */6 * * *"}, {"15m", "*/15 * * * *"}, {"60m", "0 */1 * * *"},
                 {"24h", "0 0 * * *"},  {"1d", "0 0 * * *"},     {"1m", "*/1 * * * *"}};
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        settings.every = cases[i].every;
        struct cron cron = sweep_cron(&settings, &p->arena);
        assert_string_equal(cron.when, cases[i].when);
        assert_null(cron_check(cron.when));
    }
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, product_teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(who_changes_is_due_after_the_second_sweep_and_evaluated_once),
        TEST(a_sweep_that_finds_nothing_new_writes_no_verdict),
        TEST(a_verdict_says_since_when_and_by_which_figures),
        TEST(before_the_first_sweep_that_is_what_is_said),
        TEST(who_left_is_passed_by_and_who_is_not_set_up_yet_too),
        TEST(no_more_than_the_cap_are_due_and_the_required_go_first),
        TEST(a_move_takes_a_place),
        TEST(a_pending_proposal_waits_and_takes_no_place),
        TEST(a_proposal_that_is_out_of_date_or_time_goes_to_evaluation),
        TEST(a_no_holds_for_its_days),
        TEST(customers_beyond_a_page_are_judged_too),
        TEST(a_dry_run_tells_the_same_and_changes_nothing),
        TEST(sweeps_are_kept_newest_first_until_they_are_old),
        TEST(while_another_node_sweeps_a_sweep_is_refused),
        TEST(the_job_sweeps_and_there_is_one_at_a_time),
        TEST(the_cron_follows_the_settings),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
