/* What people do to jobs: retry, cancel; and pruning. */
#include "rig.h"

#include "rig.sql.h"

/* -- retry ------------------------------------------------------------------------------------ */

static void a_discarded_job_that_is_retried_has_one_more_attempt(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    int64_t id = rig_add_plain(rig);
    rig->result = JOB_FAIL;
    (void)rig_step(rig, runner);
    (void)rig_exec(rig, &use_up_attempts, DB_ARGS(db_int(id)));
    ASSERT_OK(&rig->p, rig_retry(rig, id));
    struct job job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_AVAILABLE);
    assert_int_equal(job.max_attempts, 4);
    assert_true(job.finished_at == INT_ABSENT);
    assert_string_equal(job.last_error, "the rack burns");
    rig->result = JOB_DONE;
    assert_int_equal(rig_step(rig, runner), 1);
    job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_COMPLETED);
    assert_int_equal(job.attempt, 4);
}

static void a_retry_runs_what_waits_at_once_and_nothing_else(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    struct job_spec spec = rig_spec("{}");
    spec.delay_us = USEC_PER_DAY;
    int64_t scheduled = rig_add(rig, spec);
    ASSERT_OK(&rig->p, rig_retry(rig, scheduled));
    assert_int_equal(rig_job(rig, scheduled).max_attempts, JOB_MAX_ATTEMPTS);
    assert_int_equal(rig_step(rig, runner), 1);

    int64_t available = rig_add_plain(rig);
    assert_int_equal(rig_retry(rig, available), ERR_CONFLICT);
    ASSERT_CONTAINS(rig->p.e.text, "is available: it cannot be retried");
    assert_int_equal(rig_retry(rig, scheduled), ERR_CONFLICT);
    ASSERT_CONTAINS(rig->p.e.text, "is completed");
    assert_int_equal(rig_retry(rig, 4711), ERR_NOT_FOUND);
}

static int64_t add_unique(struct rig *rig, const char *key, enum job_state then)
{
    struct job_spec spec = rig_spec("{}");
    spec.unique_key = key;
    int64_t id = rig_add(rig, spec);
    (void)rig_exec(rig, &set_state, DB_ARGS(db_int(id), db_text(job_state_names[then])));
    return id;
}

static void a_job_whose_key_another_has_now_is_not_retried_and_the_reason_says_so(void **state)
{
    struct rig *rig = *state;
    int64_t old = add_unique(rig, "nightly", JOB_DISCARDED);
    (void)add_unique(rig, "nightly", JOB_AVAILABLE);
    assert_int_equal(rig_retry(rig, old), ERR_CONFLICT);
    ASSERT_CONTAINS(rig->p.e.text, "an unfinished job has its key nightly");
    ASSERT_STATE(rig, old, JOB_DISCARDED);
}

static int64_t retry_below(struct rig *rig, struct job_filter filter, int64_t *below)
{
    struct product *p = &rig->p;
    int64_t retried;
    ASSERT_OK(p, job_retry_many(product_begin(p), &p->env, "token:test", &filter, *below, &p->arena,
                                &retried, below, &p->e));
    product_commit(p);
    return retried;
}

static int64_t retry_many(struct rig *rig, struct job_filter filter)
{
    int64_t below = INT_ABSENT;
    return retry_below(rig, filter, &below);
}

static void many_retries_take_what_the_filter_finds(void **state)
{
    struct rig *rig = *state;
    int64_t ids[JOB_DISCARDED + 1];
    for (int s = 0; s <= JOB_DISCARDED; s++) {
        ids[s] = rig_add_plain(rig);
        (void)rig_exec(rig, &set_state, DB_ARGS(db_int(ids[s]), db_text(job_state_names[s])));
    }
    assert_int_equal(retry_many(rig, (struct job_filter){.state = JOB_DISCARDED, .queue = "slow"}),
                     0);
    assert_int_equal(product_number(&rig->p, &count_retries_audited), 0);
    static const enum job_state allowed[] = {JOB_DISCARDED, JOB_CANCELLED, JOB_RETRYABLE};
    for (size_t i = 0; i < ARRAY_LEN(allowed); i++) {
        struct job_filter f = {.state = (int)allowed[i], .queue = "fast", .worker = "Worker"};
        assert_int_equal(retry_many(rig, f), 1);
        ASSERT_STATE(rig, ids[allowed[i]], JOB_AVAILABLE);
        assert_int_equal(retry_many(rig, f), 0);
    }
    assert_int_equal(product_number(&rig->p, &count_retries_audited), ARRAY_LEN(allowed));
    ASSERT_STATE(rig, ids[JOB_COMPLETED], JOB_COMPLETED);
    ASSERT_STATE(rig, ids[JOB_EXECUTING], JOB_EXECUTING);
}

static void many_retries_want_to_know_which(void **state)
{
    struct rig *rig = *state;
    struct product *p = &rig->p;
    static const int refused[] = {-1, JOB_AVAILABLE, JOB_SCHEDULED, JOB_EXECUTING, JOB_COMPLETED};
    for (size_t i = 0; i < ARRAY_LEN(refused); i++) {
        struct job_filter f = {.state = refused[i]};
        int64_t retried, next;
        assert_int_equal(job_retry_many(product_begin(p), &p->env, "token:test", &f, INT_ABSENT,
                                        &p->arena, &retried, &next, &p->e),
                         ERR_INVALID);
        product_rollback(p);
    }
}

static void many_retries_are_bounded_go_on_below_and_end_though_all_fail_again(void **state)
{
    struct rig *rig = *state;
    (void)rig_exec(
        rig, &make_many,
        DB_ARGS(db_int(JOB_RETRY_MANY_MAX + 5), db_text("discarded"), db_text("discarded")));
    struct job_filter f = {.state = JOB_DISCARDED};
    int64_t below = INT_ABSENT, newest = product_number(&rig->p, &newest_job);
    assert_int_equal(retry_below(rig, f, &below), JOB_RETRY_MANY_MAX);
    assert_int_equal(below, newest - JOB_RETRY_MANY_MAX + 1);
    assert_int_equal(rig_list(rig, f).count, 5);
    (void)rig_exec(rig, &set_state, DB_ARGS(db_int(newest), db_text("discarded")));
    assert_int_equal(retry_below(rig, f, &below), 5);
    assert_int_equal(below, INT_ABSENT);
    ASSERT_STATE(rig, newest, JOB_DISCARDED);
}

static void many_retries_take_one_of_each_key_and_none_that_is_taken(void **state)
{
    struct rig *rig = *state;
    int64_t a_old = add_unique(rig, "a", JOB_DISCARDED), a = add_unique(rig, "a", JOB_DISCARDED);
    int64_t b_old = add_unique(rig, "b", JOB_DISCARDED), b = add_unique(rig, "b", JOB_RETRYABLE);
    int64_t plain = rig_add_plain(rig), other = rig_add_plain(rig);
    (void)rig_exec(rig, &set_state, DB_ARGS(db_int(plain), db_text("discarded")));
    (void)rig_exec(rig, &set_state, DB_ARGS(db_int(other), db_text("discarded")));
    struct job_filter f = {.state = JOB_DISCARDED};
    assert_int_equal(retry_many(rig, f), 3);
    ASSERT_STATE(rig, a, JOB_AVAILABLE);
    ASSERT_STATE(rig, plain, JOB_AVAILABLE);
    ASSERT_STATE(rig, other, JOB_AVAILABLE);
    ASSERT_STATE(rig, a_old, JOB_DISCARDED);
    ASSERT_STATE(rig, b_old, JOB_DISCARDED);
    f.state = JOB_RETRYABLE;
    assert_int_equal(retry_many(rig, f), 1);
    ASSERT_STATE(rig, b, JOB_AVAILABLE);
}

/* -- cancel ----------------------------------------------------------------------------------- */

static void what_waits_and_is_cancelled_never_runs(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    struct job_spec later = rig_spec("{}");
    later.delay_us = USEC_PER_SEC;
    int64_t available = rig_add_plain(rig), scheduled = rig_add(rig, later);
    ASSERT_OK(&rig->p, rig_cancel(rig, available));
    ASSERT_OK(&rig->p, rig_cancel(rig, scheduled));
    assert_int_equal(rig_job(rig, available).finished_at, PRODUCT_START_US);
    rig_pass(rig, USEC_PER_DAY);
    assert_int_equal(rig_step(rig, runner), 0);
    ASSERT_STATE(rig, scheduled, JOB_CANCELLED);

    int64_t retryable = rig_add_plain(rig);
    rig->result = JOB_RETRY;
    assert_int_equal(rig_step(rig, runner), 1);
    ASSERT_OK(&rig->p, rig_cancel(rig, retryable));
    rig_pass(rig, USEC_PER_DAY);
    assert_int_equal(rig_step(rig, runner), 0);
    assert_int_equal(rig_cancel(rig, retryable), ERR_CONFLICT);
    ASSERT_CONTAINS(rig->p.e.text, "is cancelled: it cannot be cancelled");
    assert_int_equal(rig->discards, 0);
}

/* While it runs: somebody cancels it, and the keeper's next look tells it. */
static void cancel_it(struct rig *rig, const struct job_run *run)
{
    assert_false(atomic_load(run->cancelled));
    ASSERT_OK(&rig->p, rig_cancel(rig, run->job->id));
    ASSERT_OK(&rig->p, runner_look_around(rig->runners[0], &rig->p.e));
    assert_true(atomic_load(run->cancelled));
}

static void a_running_job_learns_of_its_cancellation_and_its_end_does_not_count(void **state)
{
    struct rig *rig = *state;
    static const enum job_result results[] = {JOB_DONE, JOB_RETRY, JOB_SNOOZE, JOB_FAIL};
    struct runner *runner = rig_runner(rig, "one");
    rig->meanwhile = cancel_it;
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        int64_t id = rig_add_plain(rig);
        rig->result = results[i];
        assert_int_equal(rig_step(rig, runner), 1);
        ASSERT_STATE(rig, id, JOB_CANCELLED);
        assert_int_equal(runner_counts(runner, FAST).fenced, i + 1);
        assert_int_equal(rig_errors(rig, id).count, 0);
    }
    struct runner_counts counts = runner_counts(runner, FAST);
    assert_int_equal(counts.completed + counts.retried + counts.snoozed + counts.discarded, 0);
    assert_int_equal(rig->discards, 0);
}

/* The first of a claimed batch to run cancels the last. */
static void cancel_the_last(struct rig *rig, const struct job_run *run)
{
    (void)run;
    rig->meanwhile = NULL;
    ASSERT_OK(&rig->p, rig_cancel(rig, product_number(&rig->p, &newest_job)));
    ASSERT_OK(&rig->p, runner_look_around(rig->runners[0], &rig->p.e));
}

static void a_claimed_job_that_is_cancelled_before_it_began_is_not_begun(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    for (int i = 0; i < 3; i++)
        (void)rig_add_plain(rig);
    rig->meanwhile = cancel_the_last;
    assert_int_equal(rig_step(rig, runner), 2);
    assert_int_equal(runner_counts(runner, FAST).completed, 2);
    ASSERT_STATE(rig, product_number(&rig->p, &newest_job), JOB_CANCELLED);
}

/* -- pruning ---------------------------------------------------------------------------------- */

static int64_t prune(struct rig *rig, int64_t before, int64_t max)
{
    struct product *p = &rig->p;
    int64_t deleted;
    ASSERT_OK(p, job_prune(product_begin(p), before, max, &deleted, &p->e));
    product_commit(p);
    return deleted;
}

static void only_old_finished_jobs_are_pruned_with_their_errors(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    rig->result = JOB_FAIL;
    int64_t discarded = rig_add_plain(rig);
    (void)rig_step(rig, runner);
    rig->result = JOB_DONE;
    int64_t completed = rig_add_plain(rig), cancelled;
    (void)rig_step(rig, runner);
    cancelled = rig_add_plain(rig);
    ASSERT_OK(&rig->p, rig_cancel(rig, cancelled));
    struct job_spec spec = rig_spec("{}");
    spec.delay_us = 30 * USEC_PER_DAY;
    int64_t waiting = rig_add(rig, spec);
    assert_int_equal(product_number(&rig->p, &count_errors), 1);

    assert_int_equal(prune(rig, PRODUCT_START_US, 100), 0); /* not before then */
    rig_pass(rig, USEC_PER_DAY);
    int64_t young = rig_add_plain(rig);
    (void)rig_step(rig, runner);
    ASSERT_STATE(rig, young, JOB_COMPLETED);
    assert_int_equal(prune(rig, PRODUCT_START_US + 1, 2), 2); /* at most, oldest first */
    struct records left = rig_list(rig, (struct job_filter){.state = -1});
    assert_int_equal(left.count, 3);
    assert_int_equal(((const struct job *)left.items)[2].id, cancelled);
    assert_true(discarded < cancelled && completed < cancelled);
    assert_int_equal(prune(rig, PRODUCT_START_US + 1, 2), 1);
    assert_int_equal(prune(rig, PRODUCT_START_US + 1, 2), 0);
    assert_int_equal(product_number(&rig->p, &count_errors), 0);
    ASSERT_STATE(rig, waiting, JOB_SCHEDULED);
}

static void the_newest_row_stays_so_that_no_number_comes_twice(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    int64_t last = 0;
    for (int i = 0; i < 3; i++)
        last = rig_add_plain(rig);
    (void)rig_step(rig, runner);
    rig_pass(rig, USEC_PER_DAY);
    assert_int_equal(prune(rig, env_now(&rig->p.env), 100), 2);
    assert_int_equal(prune(rig, env_now(&rig->p.env), 100), 0);
    ASSERT_STATE(rig, last, JOB_COMPLETED);
    assert_true(rig_add_plain(rig) > last);
    assert_int_equal(prune(rig, env_now(&rig->p.env), 100), 1);
}

static void pruning_goes_round_what_is_old_and_unfinished(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    struct job_spec spec = rig_spec("{}");
    spec.delay_us = 30 * USEC_PER_DAY;
    int64_t stuck = rig_add(rig, spec), done = rig_add_plain(rig);
    (void)rig_step(rig, runner);
    ASSERT_STATE(rig, done, JOB_COMPLETED);
    rig_pass(rig, USEC_PER_DAY);
    (void)rig_add_plain(rig);
    assert_int_equal(prune(rig, env_now(&rig->p.env), 100), 1);
    ASSERT_STATE(rig, stuck, JOB_SCHEDULED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_discarded_job_that_is_retried_has_one_more_attempt),
        RIG_TEST(a_retry_runs_what_waits_at_once_and_nothing_else),
        RIG_TEST(a_job_whose_key_another_has_now_is_not_retried_and_the_reason_says_so),
        RIG_TEST(many_retries_take_what_the_filter_finds),
        RIG_TEST(many_retries_want_to_know_which),
        RIG_TEST(many_retries_are_bounded_go_on_below_and_end_though_all_fail_again),
        RIG_TEST(many_retries_take_one_of_each_key_and_none_that_is_taken),
        RIG_TEST(what_waits_and_is_cancelled_never_runs),
        RIG_TEST(a_running_job_learns_of_its_cancellation_and_its_end_does_not_count),
        RIG_TEST(a_claimed_job_that_is_cancelled_before_it_began_is_not_begun),
        RIG_TEST(only_old_finished_jobs_are_pruned_with_their_errors),
        RIG_TEST(the_newest_row_stays_so_that_no_number_comes_twice),
        RIG_TEST(pruning_goes_round_what_is_old_and_unfinished),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
