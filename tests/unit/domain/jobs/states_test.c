/* The way of a job through its states, step by step under a clock that stands still. */
#include "rig.h"

#include "rig.sql.h"

static void a_job_that_succeeds_is_completed_in_its_first_attempt(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    int64_t id = rig_add_plain(rig);
    struct job job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_AVAILABLE);
    assert_int_equal(job.attempt, 0);
    assert_int_equal(job.max_attempts, JOB_MAX_ATTEMPTS);
    assert_true(job.node == INT_ABSENT && job.attempted_at == INT_ABSENT);

    rig_pass(rig, USEC_PER_SEC);
    assert_int_equal(rig_step(rig, runner), 1);
    job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_COMPLETED);
    assert_int_equal(job.attempt, 1);
    assert_int_equal(job.attempted_at, PRODUCT_START_US + USEC_PER_SEC);
    assert_int_equal(job.finished_at, PRODUCT_START_US + USEC_PER_SEC);
    assert_int_equal(job.node, product_number(&rig->p, &newest_node));
    assert_null(job.last_error);
    assert_int_equal(rig_step(rig, runner), 0);
    assert_int_equal(runner_counts(runner, FAST).completed, 1);
    assert_int_equal(runner_counts(runner, FAST).wait.sum_us, USEC_PER_SEC);
}

static void a_job_that_waits_is_run_when_it_is_due_and_not_before(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    struct job_spec spec = rig_spec("{}");
    spec.delay_us = 10 * USEC_PER_SEC;
    int64_t id = rig_add(rig, spec);
    ASSERT_STATE(rig, id, JOB_SCHEDULED);
    rig_pass(rig, 10 * USEC_PER_SEC - 1);
    assert_int_equal(rig_step(rig, runner), 0);
    ASSERT_STATE(rig, id, JOB_SCHEDULED);
    rig_pass(rig, 1);
    assert_int_equal(rig_step(rig, runner), 1);
    ASSERT_STATE(rig, id, JOB_COMPLETED);
}

static void an_error_is_tried_again_until_the_attempts_are_used_up(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    int64_t id = rig_add_plain(rig);
    rig->result = JOB_RETRY;
    for (int64_t attempt = 1; attempt < JOB_MAX_ATTEMPTS; attempt++) {
        assert_int_equal(rig_step(rig, runner), 1);
        struct job job = rig_job(rig, id);
        assert_int_equal(job.state, JOB_RETRYABLE);
        assert_int_equal(job.attempt, attempt);
        assert_string_equal(job.last_error, "the rack burns");
        int64_t wait = job.scheduled_at - env_now(&rig->p.env);
        int64_t base = USEC_PER_SEC << attempt;
        assert_in_range(wait, base * 3 / 4, base * 5 / 4);
        rig_pass(rig, wait - 1);
        assert_int_equal(rig_step(rig, runner), 0);
        rig_pass(rig, 1);
    }
    assert_int_equal(rig->discards, 0);
    assert_int_equal(rig_step(rig, runner), 1);
    struct job job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_DISCARDED);
    assert_int_equal(job.attempt, JOB_MAX_ATTEMPTS);
    assert_int_equal(job.finished_at, env_now(&rig->p.env));
    assert_int_equal(rig->discards, 1);
    assert_string_equal(rig->discard_why, "the rack burns");
    rig_pass(rig, USEC_PER_DAY);
    assert_int_equal(rig_step(rig, runner), 0);

    struct records errors = rig_errors(rig, id);
    assert_int_equal(errors.count, JOB_MAX_ATTEMPTS);
    const struct job_error *items = errors.items;
    for (size_t i = 0; i < errors.count; i++) {
        assert_int_equal(items[i].attempt, i + 1);
        assert_string_equal(items[i].error, "the rack burns");
    }
    struct runner_counts counts = runner_counts(runner, FAST);
    assert_int_equal(counts.retried, JOB_MAX_ATTEMPTS - 1);
    assert_int_equal(counts.discarded, 1);
    assert_int_equal(counts.completed, 0);
}

static void a_hopeless_job_is_discarded_at_once(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    int64_t id = rig_add_plain(rig);
    rig->result = JOB_FAIL;
    assert_int_equal(rig_step(rig, runner), 1);
    struct job job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_DISCARDED);
    assert_int_equal(job.attempt, 1);
    assert_int_equal(rig->discards, 1);
    assert_int_equal(product_number(&rig->p, &count_discard_traces), 1);
}

static void a_job_with_one_attempt_has_no_second(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    struct job_spec spec = rig_spec("{}");
    spec.max_attempts = 1;
    int64_t id = rig_add(rig, spec);
    rig->result = JOB_RETRY;
    (void)rig_step(rig, runner);
    ASSERT_STATE(rig, id, JOB_DISCARDED);
}

static void a_worker_that_nobody_knows_is_hopeless(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    struct job_spec spec = rig_spec("{}");
    spec.worker = "Nobody";
    int64_t id = rig_add(rig, spec);
    (void)rig_step(rig, runner);
    struct job job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_DISCARDED);
    assert_string_equal(job.last_error, "this program has no worker Nobody");
}

static void a_snooze_counts_as_no_attempt_and_keeps_the_last_error(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    int64_t id = rig_add_plain(rig);
    rig->result = JOB_RETRY;
    (void)rig_step(rig, runner);
    rig_pass(rig, 10 * USEC_PER_SEC);
    rig->result = JOB_SNOOZE;
    rig->snooze_us = 5 * USEC_PER_SEC;
    for (int64_t n = 1; n <= 5; n++) {
        assert_int_equal(rig_step(rig, runner), 1);
        struct job job = rig_job(rig, id);
        assert_int_equal(job.state, JOB_SCHEDULED);
        assert_int_equal(job.attempt, 1);
        assert_int_equal(job.snoozes, n);
        assert_int_equal(job.scheduled_at, env_now(&rig->p.env) + rig->snooze_us);
        assert_string_equal(job.last_error, "the rack burns");
        rig_pass(rig, rig->snooze_us);
    }
    rig->result = JOB_RETRY;
    rig->why = "again";
    (void)rig_step(rig, runner);
    struct job job = rig_job(rig, id);
    assert_int_equal(job.attempt, 2);
    assert_int_equal(job.snoozes, 0);
    assert_string_equal(job.last_error, "again");
    assert_int_equal(rig_errors(rig, id).count, 2);
    assert_int_equal(runner_counts(runner, FAST).snoozed, 5);
}

static void what_discarded_does_and_the_discarding_happen_together_or_not_at_all(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    static const enum err failures[] = {ERR_INVALID, ERR_CONFLICT, ERR_NOT_FOUND};
    for (size_t i = 0; i < ARRAY_LEN(failures); i++) {
        int64_t id = rig_add_plain(rig);
        rig->result = JOB_FAIL;
        rig->discard_fails = failures[i];
        size_t ran, before = (size_t)product_number(&rig->p, &count_errors);
        assert_int_not_equal(runner_step(runner, &ran, &rig->p.e), OK);
        ASSERT_CONTAINS(rig->p.e.text, "discarded() fails");
        ASSERT_STATE(rig, id, JOB_EXECUTING);
        assert_int_equal(product_number(&rig->p, &count_discard_traces), i);
        assert_int_equal(product_number(&rig->p, &count_errors), before);

        rig->discard_fails = OK; /* the next round writes it down without running it again */
        assert_int_equal(rig_step(rig, runner), 0);
        ASSERT_STATE(rig, id, JOB_DISCARDED);
        assert_int_equal(product_number(&rig->p, &count_discard_traces), i + 1);
    }
    assert_int_equal(runner_counts(runner, FAST).fenced, 0);
}

/* The worker's context tells apart which discarded() fails. */
static enum job_result burn(struct job_run *run, struct error *e)
{
    (void)run;
    (void)error_set(e, ERR_IO, "hopeless");
    return JOB_FAIL;
}

static void an_end_that_cannot_be_written_holds_up_no_other(void **state)
{
    struct rig *rig = *state;
    rig->workers[1].perform = burn;
    struct runner *runner = rig_runner(rig, "one");
    int64_t stuck = rig_add_plain(rig);
    struct job_spec spec = rig_spec("{}");
    spec.worker = "Other";
    int64_t other = rig_add(rig, spec);
    rig->result = JOB_FAIL;
    rig->discard_fails = ERR_INVALID;
    size_t ran;
    assert_int_equal(runner_step(runner, &ran, &rig->p.e), ERR_INVALID);
    ASSERT_STATE(rig, stuck, JOB_EXECUTING);
    ASSERT_STATE(rig, other, JOB_DISCARDED);
}

static void smaller_priorities_run_first_and_equal_ones_in_order(void **state)
{
    struct rig *rig = *state;
    rig->queues[FAST].limit = 3;
    struct runner *runner = rig_runner(rig, "one");
    static const int64_t priorities[] = {5, 0, -3, 0, 5, INT64_MAX, -3, 1};
    static const size_t order[] = {2, 6, 1, 3, 7, 0, 4, 5};
    int64_t ids[ARRAY_LEN(priorities)];
    for (size_t i = 0; i < ARRAY_LEN(priorities); i++) {
        struct job_spec spec = rig_spec("{}");
        spec.priority = priorities[i];
        ids[i] = rig_add(rig, spec);
    }
    while (rig_step(rig, runner) > 0)
        continue;
    assert_int_equal(rig->ran_count, ARRAY_LEN(priorities));
    for (size_t i = 0; i < ARRAY_LEN(order); i++)
        assert_int_equal(rig->ran[i], ids[order[i]]);
}

static void an_urgent_job_that_comes_late_overtakes_those_that_wait(void **state)
{
    struct rig *rig = *state;
    rig->queues[FAST].limit = 1;
    struct runner *runner = rig_runner(rig, "one");
    for (int i = 0; i < 3; i++)
        (void)rig_add_plain(rig);
    assert_int_equal(rig_step(rig, runner), 1);
    struct job_spec spec = rig_spec("{}");
    spec.priority = -1;
    int64_t urgent = rig_add(rig, spec);
    assert_int_equal(rig_step(rig, runner), 1);
    assert_int_equal(rig->ran[1], urgent);
}

static void a_queue_that_is_full_holds_up_no_other(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    rig_pause(rig, "slow", true);
    struct job_spec spec = rig_spec("{}");
    spec.queue = "slow";
    int64_t slow = rig_add(rig, spec), fast = rig_add_plain(rig);
    assert_int_equal(rig_step(rig, runner), 1);
    ASSERT_STATE(rig, fast, JOB_COMPLETED);
    ASSERT_STATE(rig, slow, JOB_AVAILABLE);
    rig_pause(rig, "slow", false);
    assert_int_equal(rig_step(rig, runner), 1);
    ASSERT_STATE(rig, slow, JOB_COMPLETED);
}

static void a_scaled_queue_takes_as_many_as_it_was_told(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    for (int i = 0; i < 30; i++)
        (void)rig_add_plain(rig);
    assert_int_equal(rig_step(rig, runner), 4);
    rig_scale(rig, "fast", 10);
    assert_int_equal(rig_step(rig, runner), 10);
    rig_scale(rig, "fast", 1);
    assert_int_equal(rig_step(rig, runner), 1);
    rig_scale(rig, "fast", INT_ABSENT);
    assert_int_equal(rig_step(rig, runner), 4);
}

/* -- backoff ---------------------------------------------------------------------------------- */

static void the_backoff_doubles_within_a_quarter_and_ends_at_a_minute(void **state)
{
    struct rig *rig = *state;
    for (int64_t attempt = 1; attempt <= 40; attempt++) {
        int64_t base = attempt < 6 ? USEC_PER_SEC << attempt : 64 * USEC_PER_SEC;
        int64_t least = INT64_MAX, most = 0;
        for (int i = 0; i < 500; i++) {
            int64_t us = job_backoff_us(&rig->p.rng.rng, attempt);
            assert_in_range(us, base * 3 / 4, base * 5 / 4);
            least = us < least ? us : least;
            most = us > most ? us : most;
        }
        /* It uses the width that it has. */
        assert_true(least < base * 8 / 10 && most > base * 12 / 10);
    }
}

static void the_backoff_repeats_itself_from_a_seed(void **state)
{
    (void)state;
    struct rng_seeded a, b;
    rng_seeded_init(&a, 7);
    rng_seeded_init(&b, 7);
    for (int64_t attempt = 1; attempt < 20; attempt++)
        assert_int_equal(job_backoff_us(&a.rng, attempt), job_backoff_us(&b.rng, attempt));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_job_that_succeeds_is_completed_in_its_first_attempt),
        RIG_TEST(a_job_that_waits_is_run_when_it_is_due_and_not_before),
        RIG_TEST(an_error_is_tried_again_until_the_attempts_are_used_up),
        RIG_TEST(a_hopeless_job_is_discarded_at_once),
        RIG_TEST(a_job_with_one_attempt_has_no_second),
        RIG_TEST(a_worker_that_nobody_knows_is_hopeless),
        RIG_TEST(a_snooze_counts_as_no_attempt_and_keeps_the_last_error),
        RIG_TEST(what_discarded_does_and_the_discarding_happen_together_or_not_at_all),
        RIG_TEST(an_end_that_cannot_be_written_holds_up_no_other),
        RIG_TEST(smaller_priorities_run_first_and_equal_ones_in_order),
        RIG_TEST(an_urgent_job_that_comes_late_overtakes_those_that_wait),
        RIG_TEST(a_queue_that_is_full_holds_up_no_other),
        RIG_TEST(a_scaled_queue_takes_as_many_as_it_was_told),
        RIG_TEST(the_backoff_doubles_within_a_quarter_and_ends_at_a_minute),
        RIG_TEST(the_backoff_repeats_itself_from_a_seed),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
