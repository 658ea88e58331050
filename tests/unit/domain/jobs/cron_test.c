/* The times of crontab(5), and each slot's job once whatever the number of nodes. */
#include "rig.h"

#include "rig.sql.h"

/* -- times ------------------------------------------------------------------------------------ */

static int64_t at(const char *text)
{
    int64_t us;
    if (!time_parse(str_from(text), &us))
        fail_msg("not a time: %s", text);
    return us;
}

static void the_newest_slot_is_found_for_every_kind_of_field(void **state)
{
    (void)state;
    static const struct {
        const char *when, *now, *slot;
    } cases[] = {
        {"* * * * *", "2026-09-21T13:33:20Z", "2026-09-21T13:33:00Z"},
        {"* * * * *", "2026-09-21T13:33:00Z", "2026-09-21T13:33:00Z"},
        {"0 3 * * *", "2026-09-21T03:00:00Z", "2026-09-21T03:00:00Z"},
        {"0 3 * * *", "2026-09-21T02:59:59Z", "2026-09-20T03:00:00Z"},
        {"30 3 * * *", "2026-01-01T00:00:00Z", "2025-12-31T03:30:00Z"},
        {"*/15 * * * *", "2026-09-21T13:44:00Z", "2026-09-21T13:30:00Z"},
        {"10-20/5 * * * *", "2026-09-21T13:59:00Z", "2026-09-21T13:20:00Z"},
        {"10-20/7 * * * *", "2026-09-21T13:59:00Z", "2026-09-21T13:17:00Z"},
        {"50/4 * * * *", "2026-09-21T13:57:00Z", "2026-09-21T13:54:00Z"},
        {"0,30 * * * *", "2026-09-21T13:29:00Z", "2026-09-21T13:00:00Z"},
        {"5,10-12,40/10 * * * *", "2026-09-21T13:39:00Z", "2026-09-21T13:12:00Z"},
        {"0 0 1 * *", "2026-09-21T13:00:00Z", "2026-09-01T00:00:00Z"},
        {"0 0 31 * *", "2026-09-21T13:00:00Z", "2026-08-31T00:00:00Z"},
        {"0 0 * 2 *", "2026-09-21T13:00:00Z", "2026-02-28T00:00:00Z"},
        {"59 23 31 12 *", "2026-09-21T13:00:00Z", "2025-12-31T23:59:00Z"},
        {" 0 3 * * * ", "2026-09-21T03:00:00Z", "2026-09-21T03:00:00Z"},
        /* 2026-09-21 is a Monday. */
        {"0 0 * * 1", "2026-09-21T13:00:00Z", "2026-09-21T00:00:00Z"},
        {"0 0 * * 0", "2026-09-21T13:00:00Z", "2026-09-20T00:00:00Z"},
        {"0 0 * * 7", "2026-09-21T13:00:00Z", "2026-09-20T00:00:00Z"},
        {"0 0 * * 5-7", "2026-09-21T13:00:00Z", "2026-09-20T00:00:00Z"},
        {"0 0 * * 2-4", "2026-09-21T13:00:00Z", "2026-09-17T00:00:00Z"},
        /* Both days restricted: one of them is enough. */
        {"0 0 13 * 5", "2026-09-21T13:00:00Z", "2026-09-18T00:00:00Z"},
        {"0 0 19 * 5", "2026-09-21T13:00:00Z", "2026-09-19T00:00:00Z"},
        /* A star with a step restricts nothing by that rule: both must match. */
        {"0 0 */2 * 5", "2026-09-21T13:00:00Z", "2026-09-11T00:00:00Z"},
        {"0 0 19 * */2", "2026-09-21T13:00:00Z", "2026-09-19T00:00:00Z"},
        {"0 0 18 * */2", "2026-09-21T13:00:00Z", "2026-08-18T00:00:00Z"},
        /* Leap days. */
        {"0 12 29 2 *", "2026-09-21T13:00:00Z", "2024-02-29T12:00:00Z"},
        {"0 12 29 2 *", "2024-02-29T12:00:00Z", "2024-02-29T12:00:00Z"},
        {"0 12 29 2 *", "2028-02-29T11:59:59Z", "2024-02-29T12:00:00Z"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        char got[TIME_TEXT_MAX], wanted[TIME_TEXT_MAX];
        assert_null(cron_check(cases[i].when));
        (void)time_text(cron_last_slot(cases[i].when, at(cases[i].now)), got);
        (void)time_text(at(cases[i].slot), wanted);
        if (strcmp(got, wanted) != 0)
            fail_msg("%s at %s: %s, not %s", cases[i].when, cases[i].now, got, wanted);
    }
}

static void a_day_that_never_comes_has_no_slot(void **state)
{
    (void)state;
    assert_true(cron_last_slot("0 0 30 2 *", PRODUCT_START_US) == INT_ABSENT);
    assert_true(cron_last_slot("0 0 31 4,6,9,11 *", PRODUCT_START_US) == INT_ABSENT);
}

static void wrong_times_are_refused_with_what_is_wrong(void **state)
{
    (void)state;
    static const struct {
        const char *when, *complaint;
    } cases[] = {
        {"", "minute"},
        {"*", "five fields"},
        {"* * * *", "five fields"},
        {"* * * * * *", "five fields"},
        {"@daily", "minute"},
        {"60 * * * *", "minute"},
        {"-1 * * * *", "minute"},
        {"x * * * *", "minute"},
        {"5- * * * *", "minute"},
        {"9-5 * * * *", "minute"},
        {"1,,2 * * * *", "minute"},
        {"1, * * * *", "minute"},
        {"*/0 * * * *", "minute"},
        {"*/-5 * * * *", "minute"},
        {"*/ * * * *", "minute"},
        {"*/60 * * * *", "minute"},
        {"1-5/9223372036854775807 * * * *", "minute"},
        {"99999999999999999999 * * * *", "minute"},
        {"5 24 * * *", "hour"},
        {"5 5 0 * *", "day of month"},
        {"5 5 32 * *", "day of month"},
        {"5 5 5 13 *", "the month"},
        {"5 5 5 0 *", "the month"},
        {"5 5 5 jan *", "the month"},
        {"5 5 5 5 8", "day of week"},
        {"5 5 5 5 mon", "day of week"},
        {"**/2 * * * *", "minute"},
        {"1/2/3 * * * *", "minute"},
        {"1-2-3 * * * *", "minute"},
        {"5 5 5 5 5 ; rm", "five fields"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        const char *complaint = cron_check(cases[i].when);
        if (!complaint || !strstr(complaint, cases[i].complaint))
            fail_msg("\"%s\": %s, not %s", cases[i].when, complaint ? complaint : "accepted",
                     cases[i].complaint);
    }
}

/* -- slots ------------------------------------------------------------------------------------ */

#define MINUTE_US (60 * USEC_PER_SEC)

static void with_cron(struct rig *rig, const char *when)
{
    rig->crons[0] = (struct cron){"nightly", when, rig_spec("{\"cron\":1}")};
    rig->options.cron_count = 1;
}

static int64_t jobs(struct rig *rig)
{
    return product_number(&rig->p, &count_rows);
}

static void a_new_cron_starts_with_its_next_slot(void **state)
{
    struct rig *rig = *state;
    with_cron(rig, "*/10 * * * *"); /* it is 14:13:20 */
    struct runner *runner = rig_runner(rig, "one");
    assert_int_equal(rig_step(rig, runner), 0);
    rig_pass(rig, 6 * MINUTE_US);
    assert_int_equal(rig_step(rig, runner), 0);
    rig_pass(rig, 40 * USEC_PER_SEC); /* 20:00 */
    assert_int_equal(rig_step(rig, runner), 1);
    assert_int_equal(rig_step(rig, runner), 0);
    assert_int_equal(jobs(rig), 1);
}

static void three_runners_enqueue_each_slot_once(void **state)
{
    struct rig *rig = *state;
    with_cron(rig, "* * * * *");
    enum { RUNNERS = 3, MINUTES = 10 };
    struct runner *runners[RUNNERS];
    for (size_t i = 0; i < RUNNERS; i++) {
        runners[i] = rig_runner(rig, "a node");
        (void)rig_step(rig, runners[i]);
    }
    for (size_t minute = 0; minute < MINUTES; minute++) {
        rig_pass(rig, MINUTE_US / 2); /* within the leases */
        for (size_t i = 0; i < RUNNERS; i++)
            (void)rig_step(rig, runners[(i + minute) % RUNNERS]);
        rig_pass(rig, MINUTE_US / 2);
        for (size_t i = 0; i < RUNNERS; i++)
            (void)rig_step(rig, runners[(i + minute) % RUNNERS]);
        assert_int_equal(jobs(rig), minute + 1);
    }
    assert_int_equal(rig->ran_count, MINUTES);
}

struct ticker {
    struct rig *rig;
    int64_t node, enqueued;
};

static enum err tick_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct ticker *t = arg;
    _cleanup_arena_ struct arena arena = {0};
    return cron_tick(tx, &t->rig->p.env, t->node, LEASE_US, t->rig->crons, 2, &arena, &t->enqueued,
                     e);
}

static int64_t tick(struct rig *rig, int64_t node)
{
    struct ticker t = {rig, node, -1};
    ASSERT_OK(&rig->p, db_write(rig->p.t.db, tick_work, &t, &rig->p.e));
    return t.enqueued;
}

static void *tick_main(void *arg)
{
    struct ticker *t = arg;
    struct error e;
    BUG_ON(db_write(t->rig->p.t.db, tick_work, t, &e) != OK);
    return NULL;
}

static void two_crons(struct rig *rig)
{
    rig->crons[0] = (struct cron){"a", "* * * * *", rig_spec("{}")};
    rig->crons[1] = (struct cron){"b", "*/2 * * * *", rig_spec("{}")};
}

static void nodes_that_tick_at_once_enqueue_each_slot_once(void **state)
{
    struct rig *rig = *state;
    two_crons(rig);
    enum { THREADS = 6, ROUNDS = 5 };
    assert_int_equal(tick(rig, 1), 0);
    for (int round = 0; round < ROUNDS; round++) {
        rig_pass(rig, 2 * MINUTE_US);
        struct ticker tickers[THREADS];
        pthread_t threads[THREADS];
        int64_t sum = 0;
        for (int i = 0; i < THREADS; i++) {
            tickers[i] = (struct ticker){rig, i + 1, 0};
            assert_int_equal(pthread_create(&threads[i], NULL, tick_main, &tickers[i]), 0);
        }
        for (int i = 0; i < THREADS; i++) {
            assert_int_equal(pthread_join(threads[i], NULL), 0);
            sum += tickers[i].enqueued;
        }
        assert_int_equal(sum, 2);
    }
    assert_int_equal(jobs(rig), 2 * ROUNDS);
}

static void only_the_newest_missed_slot_is_made_up_for(void **state)
{
    struct rig *rig = *state;
    two_crons(rig);
    assert_int_equal(tick(rig, 1), 0);
    rig_pass(rig, 100 * MINUTE_US);
    assert_int_equal(tick(rig, 1), 2);
    assert_int_equal(tick(rig, 1), 0);
    assert_int_equal(jobs(rig), 2);
}

static void a_clock_that_goes_back_repeats_no_slot(void **state)
{
    struct rig *rig = *state;
    two_crons(rig);
    assert_int_equal(tick(rig, 1), 0);
    rig_pass(rig, 10 * MINUTE_US);
    assert_int_equal(tick(rig, 1), 2);
    rig_pass(rig, -8 * MINUTE_US);
    assert_int_equal(tick(rig, 1), 0);
    rig_pass(rig, 8 * MINUTE_US);
    assert_int_equal(tick(rig, 1), 0);
}

static void the_lead_passes_on_when_the_leader_dies_and_not_before(void **state)
{
    struct rig *rig = *state;
    two_crons(rig);
    assert_int_equal(tick(rig, 1), 0);
    rig_pass(rig, LEASE_US); /* runs out after now */
    assert_int_equal(tick(rig, 2), 0);
    rig_pass(rig, 1);
    assert_int_equal(tick(rig, 2), 2); /* 14:14 */
    assert_int_equal(tick(rig, 1), 0);
    rig_pass(rig, LEASE_US / 2);
    assert_int_equal(tick(rig, 2), 0);
    rig_pass(rig, LEASE_US);
    assert_int_equal(tick(rig, 1), 0); /* the second renewed */
    assert_int_equal(tick(rig, 2), 1); /* 14:15 */
}

static void a_node_whose_clock_is_ahead_takes_no_lead_and_no_slot_before_its_time(void **state)
{
    struct rig *rig = *state;
    two_crons(rig);
    assert_int_equal(tick(rig, 1), 0);
    struct clock_virtual ahead;
    clock_virtual_init(&ahead, env_now(&rig->p.env) + 60 * MINUTE_US);
    const struct clock *right = rig->p.env.clock;
    rig->p.env.clock = &ahead.clock;
    assert_int_equal(tick(rig, 2), 0);
    assert_int_equal(tick(rig, 1), 0);
    rig->p.env.clock = right;
    rig_pass(rig, 2 * MINUTE_US);
    assert_int_equal(tick(rig, 1), 2);
}

static void a_slot_whose_transaction_is_undone_comes_again(void **state)
{
    struct rig *rig = *state;
    struct product *p = &rig->p;
    two_crons(rig);
    assert_int_equal(tick(rig, 1), 0);
    rig_pass(rig, 2 * MINUTE_US);
    int64_t enqueued;
    ASSERT_OK(p, cron_tick(product_begin(p), &p->env, 1, LEASE_US, rig->crons, 2, &p->arena,
                           &enqueued, &p->e));
    product_rollback(p);
    assert_int_equal(enqueued, 2);
    assert_int_equal(jobs(rig), 0);
    assert_int_equal(tick(rig, 1), 2);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_newest_slot_is_found_for_every_kind_of_field),
        cmocka_unit_test(a_day_that_never_comes_has_no_slot),
        cmocka_unit_test(wrong_times_are_refused_with_what_is_wrong),
        RIG_TEST(a_new_cron_starts_with_its_next_slot),
        RIG_TEST(three_runners_enqueue_each_slot_once),
        RIG_TEST(nodes_that_tick_at_once_enqueue_each_slot_once),
        RIG_TEST(only_the_newest_missed_slot_is_made_up_for),
        RIG_TEST(a_clock_that_goes_back_repeats_no_slot),
        RIG_TEST(the_lead_passes_on_when_the_leader_dies_and_not_before),
        RIG_TEST(a_node_whose_clock_is_ahead_takes_no_lead_and_no_slot_before_its_time),
        RIG_TEST(a_slot_whose_transaction_is_undone_comes_again),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
