/* What became of decisions, told from records that each test writes. */
#include "domain/outcomes/feedback.h"
#include "domain/outcomes/margins.h"
#include "domain/outcomes/outcomes.h"
#include "outcomes_test.sql.h"
#include "product.h"

#define DAY USEC_PER_DAY

static const char small[] = "{\"budget\":30,\"vehicle_count\":2}";
static const char large[] = "{\"budget\":500,\"vehicle_count\":80}";

static void run(struct product *p, const struct db_query *query, struct db_args args)
{
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, query, args, NULL, &p->e));
    product_commit(p);
}

static void pass(struct product *p, int64_t us)
{
    clock_virtual_advance(&p->clock, us);
}

static int64_t now(struct product *p)
{
    return env_now(&p->env);
}

static json_t *read_span(struct product *p, int64_t from, int64_t to)
{
    json_t *summary = NULL;
    p->problems.count = 0;
    product_begin(p);
    ASSERT_OK(p, outcomes_read(p->tx, &p->env, (struct outcomes_span){from, to}, &p->problems,
                               &summary, &p->e));
    product_rollback(p);
    return summary;
}

/* The figure at a path of two or three members, of the last 90 days. INT_ABSENT: null. */
static int64_t figure(struct product *p, const char *part, const char *mode, const char *member)
{
    _cleanup_json_ json_t *summary = read_span(p, INT_ABSENT, INT_ABSENT);
    const json_t *of = json_object_get(json_object_get(summary, part), mode);
    const json_t *value = json_object_get(of, member);
    assert_non_null(value);
    return json_is_null(value) ? INT_ABSENT
                               : (int64_t)(json_number_value(value) * DECIMAL_ONE + 0.5);
}

#define ASSERT_FIGURE(p, part, mode, member, expected)                                             \
    assert_int_equal(figure(p, part, mode, member), (int64_t)((expected)*DECIMAL_ONE + 0.5))

static struct signed_up come(struct product *p, const char *slug, bool alone)
{
    struct signed_up done =
        product_signup(p, slug, alone ? "business" : "hobby", alone ? large : small);
    run(p, &place, DB_ARGS(db_text(done.customer.id), db_int(alone)));
    return done;
}

/* Ninety seconds until the switch, then a day of soak; in another state it ends after ninety. */
static const char *move(struct product *p, const struct signed_up *c, const char *by,
                        const char *from, const char *to, const char *state)
{
    const char *id = env_id(&p->env, &p->arena);
    int64_t at = now(p) + 90 * USEC_PER_SEC;
    bool soaks = text_eq(state, "soaking") || text_eq(state, "cleaning");
    bool switched = soaks || text_eq(state, "completed") || text_eq(state, "returned");
    int64_t end = soaks ? INT_ABSENT : switched ? at + DAY : at;
    run(p, &add_move,
        DB_ARGS(db_text(id), db_text(c->customer.id), db_text(from), db_text(to), db_text(state),
                db_text(by), db_text(c->deployment.id), db_int(now(p)),
                db_int(switched ? at : INT_ABSENT), db_int(end)));
    return id;
}

#define MULTI  "multi_tenant"
#define SINGLE "single_tenant"
#define SYSTEM "job:MigrationEvaluationWorker"

/* -- feedback --------------------------------------------------------------------------------- */

static struct feedback say(struct product *p, const char *customer, int64_t score,
                           const char *comment)
{
    struct feedback feedback;
    struct feedback_wish wish = {score, comment};
    product_begin(p);
    ASSERT_OK(
        p, feedback_add(p->tx, &p->env, "token:t", customer, &wish, &p->arena, &feedback, &p->e));
    product_commit(p);
    return feedback;
}

static void feedback_keeps_where_the_customer_lived_and_which_decision_put_it_there(void **state)
{
    struct product *p = *state;
    struct signed_up c = come(p, "acme", true);
    struct feedback said = say(p, "acme", 4, "fine");
    assert_string_equal(said.customer_id, c.customer.id);
    assert_int_equal(said.mode, SINGLE_TENANT);
    assert_int_equal(said.plan, PLAN_BUSINESS);
    assert_string_equal(said.decision_id, c.decision.id);
    assert_string_equal(said.comment, "fine");
}

static void feedback_is_listed_newest_first_for_one_and_for_all(void **state)
{
    struct product *p = *state;
    struct records rows;
    const char *next;
    struct signed_up c = come(p, "acme", false);
    (void)come(p, "bolt", false);
    for (int i = 1; i <= 3; i++) {
        pass(p, USEC_PER_SEC);
        (void)say(p, i == 2 ? "bolt" : "acme", i, NULL);
    }
    product_begin(p);
    ASSERT_OK(p,
              feedback_list(p->tx, NULL, (struct page){2, NULL}, &p->arena, &rows, &next, &p->e));
    const struct feedback *items = rows.items;
    assert_int_equal(rows.count, 2);
    assert_int_equal(items[0].score, 3);
    assert_string_equal(items[1].customer_slug, "bolt");
    assert_non_null(next);
    ASSERT_OK(p, feedback_list(p->tx, c.customer.id, (struct page){10, NULL}, &p->arena, &rows,
                               &next, &p->e));
    assert_int_equal(rows.count, 2);
    product_rollback(p);
}

static void satisfied_are_four_and_five(void **state)
{
    struct product *p = *state;
    (void)come(p, "acme", false);
    (void)come(p, "bolt", true);
    (void)say(p, "acme", 5, NULL);
    (void)say(p, "acme", 3, NULL);
    (void)say(p, "acme", 4, NULL);
    (void)say(p, "bolt", 1, NULL);
    pass(p, USEC_PER_SEC);
    ASSERT_FIGURE(p, "satisfaction", MULTI, "responses", 3);
    ASSERT_FIGURE(p, "satisfaction", MULTI, "average", 4);
    ASSERT_FIGURE(p, "satisfaction", MULTI, "satisfied", 0.6666);
    ASSERT_FIGURE(p, "satisfaction", SINGLE, "satisfied", 0);
    ASSERT_FIGURE(p, "decisions", MULTI, "rated", 1);
    ASSERT_FIGURE(p, "decisions", MULTI, "rated_satisfied", 1);
    ASSERT_FIGURE(p, "decisions", SINGLE, "rated_satisfied", 0);
}

/* -- decisions -------------------------------------------------------------------------------- */

static void a_decision_that_stands_is_open_until_thirty_days_are_over(void **state)
{
    struct product *p = *state;
    (void)come(p, "acme", false);
    pass(p, 29 * DAY);
    ASSERT_FIGURE(p, "decisions", MULTI, "open", 1);
    assert_int_equal(figure(p, "decisions", MULTI, "accuracy"), INT_ABSENT);
    pass(p, 2 * DAY);
    ASSERT_FIGURE(p, "decisions", MULTI, "settled", 1);
    ASSERT_FIGURE(p, "decisions", MULTI, "accuracy", 1);
}

static void who_is_moved_by_hand_within_thirty_days_overrides_the_decision(void **state)
{
    struct product *p = *state;
    struct signed_up a = come(p, "acme", false), b = come(p, "bolt", false);
    pass(p, 10 * DAY);
    (void)move(p, &a, "token:ann", MULTI, SINGLE, "completed");
    ASSERT_FIGURE(p, "decisions", MULTI, "overridden", 1);
    ASSERT_FIGURE(p, "decisions", MULTI, "settled", 1); /* it is known; the other is open */
    pass(p, 25 * DAY);
    (void)move(p, &b, "token:ann", MULTI, SINGLE, "completed"); /* later than thirty days */
    pass(p, DAY);
    ASSERT_FIGURE(p, "decisions", MULTI, "overridden", 1);
    ASSERT_FIGURE(p, "decisions", MULTI, "settled", 2);
    ASSERT_FIGURE(p, "decisions", MULTI, "accuracy", 0.5);
    ASSERT_FIGURE(p, "decisions", SINGLE, "decisions", 0); /* a person's is no decision of ours */
}

static void a_move_that_fails_or_is_cancelled_overrides_nothing(void **state)
{
    struct product *p = *state;
    struct signed_up a = come(p, "acme", false);
    pass(p, DAY);
    (void)move(p, &a, "token:ann", MULTI, SINGLE, "failed");
    (void)move(p, &a, "token:ann", MULTI, SINGLE, "cancelled");
    pass(p, DAY);
    ASSERT_FIGURE(p, "decisions", MULTI, "overridden", 0);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "count", 0);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "failed", 1);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "success", 0);
}

static void a_move_back_by_the_policy_reverses_the_move_before(void **state)
{
    struct product *p = *state;
    struct signed_up a = come(p, "acme", false);
    pass(p, 40 * DAY);
    (void)move(p, &a, SYSTEM, MULTI, SINGLE, "completed");
    pass(p, 5 * DAY);
    (void)move(p, &a, SYSTEM, SINGLE, MULTI, "completed");
    pass(p, DAY);
    ASSERT_FIGURE(p, "decisions", SINGLE, "decisions", 1);
    ASSERT_FIGURE(p, "decisions", SINGLE, "reversed", 1);
    ASSERT_FIGURE(p, "decisions", SINGLE, "accuracy", 0);
    ASSERT_FIGURE(p, "decisions", MULTI, "decisions", 2);
    ASSERT_FIGURE(p, "decisions", MULTI, "accuracy", 1); /* of the signup, which is old */
}

static void a_move_after_one_by_hand_reverses_nothing_of_ours(void **state)
{
    struct product *p = *state;
    struct signed_up a = come(p, "acme", false);
    pass(p, 40 * DAY);
    (void)move(p, &a, "token:ann", MULTI, SINGLE, "completed");
    pass(p, 5 * DAY);
    (void)move(p, &a, SYSTEM, SINGLE, MULTI, "completed");
    pass(p, DAY);
    ASSERT_FIGURE(p, "decisions", SINGLE, "reversed", 0);
    ASSERT_FIGURE(p, "decisions", SINGLE, "overridden", 0);
    ASSERT_FIGURE(p, "decisions", MULTI, "decisions", 2);
}

static void a_proposal_is_a_decision_once_a_person_has_answered(void **state)
{
    struct product *p = *state;
    struct signed_up a = come(p, "acme", false);
    pass(p, 40 * DAY);
    const char *id = move(p, &a, "token:ann", MULTI, SINGLE, "completed"); /* as proposed */
    run(p, &add_proposal,
        DB_ARGS(db_text("p1"), db_text(a.customer.id), db_text("approved"), db_text(a.decision.id),
                db_text(id), db_int(now(p))));
    run(p, &approve_move, DB_ARGS(db_text(id), db_text("p1")));
    run(p, &add_proposal,
        DB_ARGS(db_text("p2"), db_text(a.customer.id), db_text("rejected"), db_text(a.decision.id),
                db_null(), db_int(now(p))));
    run(p, &add_proposal,
        DB_ARGS(db_text("p3"), db_text(a.customer.id), db_text("expired"), db_text(a.decision.id),
                db_null(), db_int(now(p))));
    pass(p, DAY);
    ASSERT_FIGURE(p, "decisions", SINGLE, "decisions", 2);
    ASSERT_FIGURE(p, "decisions", SINGLE, "overridden", 1);
    ASSERT_FIGURE(p, "decisions", SINGLE, "settled", 1);
    ASSERT_FIGURE(p, "decisions", MULTI, "overridden", 0);
}

/* -- who stays -------------------------------------------------------------------------------- */

static void leave_for(struct product *p, const struct signed_up *c, const char *state,
                      const char *mode, const char *reason)
{
    run(p, &add_leaving,
        DB_ARGS(db_text(env_id(&p->env, &p->arena)), db_text(c->customer.id), db_text(state),
                db_text(mode), db_text(reason), db_int(now(p))));
    if (!text_eq(state, "cancelled"))
        run(p, &leave, DB_ARGS(db_text(c->customer.id)));
}

static void who_left_is_counted_by_mode_and_reason_and_who_changed_its_mind_is_not(void **state)
{
    struct product *p = *state;
    struct signed_up a = come(p, "acme", false), b = come(p, "bolt", false);
    struct signed_up c = come(p, "cask", true), d = come(p, "dock", false);
    pass(p, DAY);
    leave_for(p, &a, "done", MULTI, "price");
    leave_for(p, &b, "cancelled", MULTI, "price");
    leave_for(p, &c, "retaining", SINGLE, "closed");
    (void)d;
    pass(p, DAY);
    ASSERT_FIGURE(p, "retention", MULTI, "there", 3);
    ASSERT_FIGURE(p, "retention", MULTI, "left", 1);
    ASSERT_FIGURE(p, "retention", MULTI, "retained", 0.6666);
    ASSERT_FIGURE(p, "retention", SINGLE, "retained", 0);
    _cleanup_json_ json_t *summary = read_span(p, INT_ABSENT, INT_ABSENT);
    const json_t *all = json_object_get(summary, "cancellations");
    assert_int_equal(json_get_int(all, "total"), 2);
    assert_int_equal(json_array_size(json_object_get(all, "reasons")), 2);
}

static void a_cohort_tells_who_was_still_there_at_the_end_of_each_month(void **state)
{
    struct product *p = *state; /* 2026-09-21 */
    struct signed_up a = come(p, "acme", false);
    (void)come(p, "bolt", false);
    pass(p, 30 * DAY); /* October */
    leave_for(p, &a, "done", MULTI, "price");
    pass(p, 30 * DAY); /* November */
    _cleanup_json_ json_t *summary = read_span(p, INT_ABSENT, INT_ABSENT);
    const json_t *cohorts = json_object_get(json_object_get(summary, "retention"), "cohorts");
    assert_int_equal(json_array_size(cohorts), 1);
    const json_t *cohort = json_array_get(cohorts, 0);
    assert_string_equal(json_get_text(cohort, "month"), "2026-09");
    assert_int_equal(json_get_int(cohort, "signed_up"), 2);
    const json_t *retained = json_object_get(cohort, "retained");
    static const double expected[] = {1.0, 0.5, 0.5};
    assert_int_equal(json_array_size(retained), 3);
    for (size_t i = 0; i < 3; i++)
        assert_true(json_number_value(json_array_get(retained, i)) == expected[i]);
}

/* -- times and spans -------------------------------------------------------------------------- */

static void times_have_a_median_a_95th_percentile_and_the_longest(void **state)
{
    struct product *p = *state;
    struct signed_up a = come(p, "acme", false);
    for (int64_t i = 1; i <= 20; i++)
        run(p, &add_detection,
            DB_ARGS(db_text(env_id(&p->env, &p->arena)), db_text(a.customer.id),
                    db_int(now(p) - i * USEC_PER_SEC), db_int(now(p))));
    (void)move(p, &a, SYSTEM, MULTI, SINGLE, "completed");
    pass(p, DAY);
    ASSERT_FIGURE(p, "time_to_detect", "all", "count", 20);
    ASSERT_FIGURE(p, "time_to_detect", SINGLE, "median_s", 10);
    ASSERT_FIGURE(p, "time_to_detect", SINGLE, "p90_s", 18);
    ASSERT_FIGURE(p, "time_to_detect", SINGLE, "p95_s", 19);
    ASSERT_FIGURE(p, "time_to_detect", SINGLE, "max_s", 20);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "median_s", 90);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "success", 1);
    assert_int_equal(figure(p, "time_to_move", MULTI, "median_s"), INT_ABSENT);
}

static void a_move_counts_from_its_switch_on_while_it_soaks_and_is_cleaned_up(void **state)
{
    struct product *p = *state;
    struct signed_up a = come(p, "acme", false), b = come(p, "bolt", false);
    struct signed_up c = come(p, "cask", false);
    (void)move(p, &a, SYSTEM, MULTI, SINGLE, "soaking");
    (void)move(p, &b, SYSTEM, MULTI, SINGLE, "cleaning");
    (void)move(p, &c, SYSTEM, MULTI, SINGLE, "returned");
    pass(p, 60 * USEC_PER_SEC);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "count", 0); /* none has switched yet */
    pass(p, 60 * USEC_PER_SEC);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "count", 2);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "max_s", 90);
    ASSERT_FIGURE(p, "time_to_move", SINGLE, "returned", 1);
    ASSERT_FIGURE(p, "time_to_move", "all", "success", 0.6666);
}

static void scores_are_told_by_the_week_that_they_were_given_in(void **state)
{
    struct product *p = *state; /* 2026-09-21, a Monday */
    (void)come(p, "acme", false);
    (void)come(p, "bolt", true);
    pass(p, 6 * DAY);
    (void)say(p, "acme", 2, NULL);
    (void)say(p, "bolt", 5, NULL);
    pass(p, 15 * DAY); /* Monday again, two weeks on */
    (void)say(p, "acme", 4, NULL);
    pass(p, DAY);
    _cleanup_json_ json_t *summary = read_span(p, INT_ABSENT, INT_ABSENT);
    const json_t *weeks = json_object_get(json_object_get(summary, "satisfaction"), "weeks");
    assert_int_equal(json_array_size(weeks), 2);
    const json_t *first = json_array_get(weeks, 0), *last = json_array_get(weeks, 1);
    assert_string_equal(json_get_text(first, "week"), "2026-09-21");
    assert_string_equal(json_get_text(last, "week"), "2026-10-12");
    const json_t *both = json_object_get(first, "all");
    assert_int_equal(json_get_int(both, "responses"), 2);
    assert_true(json_number_value(json_object_get(both, "average")) == 3.5);
    assert_int_equal(json_get_int(json_object_get(last, MULTI), "responses"), 1);
    assert_true(json_is_null(json_object_get(json_object_get(last, SINGLE), "average")));
}

static void a_span_that_ends_before_it_begins_or_is_too_long_is_named(void **state)
{
    struct product *p = *state;
    json_t *summary;
    product_begin(p);
    p->problems.count = 0;
    assert_int_equal(outcomes_read(p->tx, &p->env, (struct outcomes_span){now(p), now(p) - 1},
                                   &p->problems, &summary, &p->e),
                     ERR_INVALID);
    assert_string_equal(p->problems.items[0].path, "from");
    p->problems.count = 0;
    assert_int_equal(outcomes_read(p->tx, &p->env,
                                   (struct outcomes_span){now(p) - 732 * DAY, now(p)}, &p->problems,
                                   &summary, &p->e),
                     ERR_INVALID);
    product_rollback(p);
}

/* -- costs ------------------------------------------------------------------------------------ */

static struct margins costs(struct product *p, int mode, struct page page)
{
    struct margins margins;
    struct tracker_settings settings = tracker_settings_default();
    struct tracker tracker = {&p->env, p->policy, &p->price_book, &settings};
    ASSERT_OK(p, margins_read(&tracker, mode, page, &p->arena, &margins, &p->e));
    return margins;
}

static void totals_are_the_sum_of_everybody_and_a_margin_is_the_price_less_the_cost(void **state)
{
    struct product *p = *state;
    (void)come(p, "acme", false);
    (void)come(p, "bolt", true);
    struct signed_up gone = come(p, "gone", false);
    run(p, &leave, DB_ARGS(db_text(gone.customer.id)));
    struct margins all = costs(p, -1, (struct page){10, NULL});
    const struct customer_margin *items = all.list.items;
    assert_int_equal(all.list.count, 2);
    decimal cost[MODE_COUNT] = {0};
    for (size_t i = 0; i < 2; i++) {
        assert_true(items[i].cost > 0);
        assert_int_equal(items[i].margin, items[i].price - items[i].cost);
        cost[items[i].mode] += items[i].cost;
    }
    for (size_t i = 0; i < MODE_COUNT; i++) {
        assert_int_equal(all.totals[i].customers, 1);
        assert_int_equal(all.totals[i].cost, cost[i]);
    }
    assert_int_equal(all.worst_count, 2);
    assert_true(all.worst[0].margin <= all.worst[1].margin);
}

static void the_list_of_one_mode_has_pages_and_the_totals_are_on_the_first(void **state)
{
    struct product *p = *state;
    for (int i = 0; i < 3; i++) {
        (void)come(p, arena_printf(&p->arena, "c%d", i), false);
        pass(p, USEC_PER_SEC);
    }
    (void)come(p, "bolt", true);
    struct margins first = costs(p, MULTI_TENANT, (struct page){2, NULL});
    assert_int_equal(first.list.count, 2);
    assert_true(first.whole);
    assert_int_equal(first.totals[SINGLE_TENANT].customers, 1);
    struct margins rest = costs(p, MULTI_TENANT, (struct page){2, first.next});
    assert_int_equal(rest.list.count, 1);
    assert_false(rest.whole);
    assert_null(rest.next);
    assert_string_equal(((const struct customer_margin *)rest.list.items)[0].slug, "c2");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(feedback_keeps_where_the_customer_lived_and_which_decision_put_it_there),
        PRODUCT_TEST(feedback_is_listed_newest_first_for_one_and_for_all),
        PRODUCT_TEST(satisfied_are_four_and_five),
        PRODUCT_TEST(a_decision_that_stands_is_open_until_thirty_days_are_over),
        PRODUCT_TEST(who_is_moved_by_hand_within_thirty_days_overrides_the_decision),
        PRODUCT_TEST(a_move_that_fails_or_is_cancelled_overrides_nothing),
        PRODUCT_TEST(a_move_back_by_the_policy_reverses_the_move_before),
        PRODUCT_TEST(a_move_after_one_by_hand_reverses_nothing_of_ours),
        PRODUCT_TEST(a_proposal_is_a_decision_once_a_person_has_answered),
        PRODUCT_TEST(who_left_is_counted_by_mode_and_reason_and_who_changed_its_mind_is_not),
        PRODUCT_TEST(a_cohort_tells_who_was_still_there_at_the_end_of_each_month),
        PRODUCT_TEST(times_have_a_median_a_95th_percentile_and_the_longest),
        PRODUCT_TEST(a_move_counts_from_its_switch_on_while_it_soaks_and_is_cleaned_up),
        PRODUCT_TEST(scores_are_told_by_the_week_that_they_were_given_in),
        PRODUCT_TEST(a_span_that_ends_before_it_begins_or_is_too_long_is_named),
        PRODUCT_TEST(totals_are_the_sum_of_everybody_and_a_margin_is_the_price_less_the_cost),
        PRODUCT_TEST(the_list_of_one_mode_has_pages_and_the_totals_are_on_the_first),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
