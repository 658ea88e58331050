/* The runner with its threads: bounds, settings that change while it runs, and stopping. */
#include "rig.h"

#include "rig.sql.h"

#include <poll.h>

/*
 * A worker that counts how many of it run at once, and can be held. Every runner of the test shares
 * it, so the most that it saw is the most of all nodes.
 */
struct meter {
    pthread_mutex_t lock;
    pthread_cond_t changed;
    bool held;
    size_t running, most, ended;
    size_t runs[RAN_MAX]; /* by id */
};

static enum job_result measured(struct job_run *run, struct error *e)
{
    (void)e;
    struct meter *m = run->ctx;
    pthread_mutex_lock(&m->lock);
    BUG_ON(run->job->id >= RAN_MAX);
    m->runs[run->job->id]++;
    m->running++;
    m->most = m->running > m->most ? m->running : m->most;
    pthread_cond_broadcast(&m->changed);
    while (m->held)
        pthread_cond_wait(&m->changed, &m->lock);
    m->running--;
    m->ended++;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
    return JOB_DONE;
}

static void hold(struct meter *m, bool held)
{
    pthread_mutex_lock(&m->lock);
    m->held = held;
    pthread_cond_broadcast(&m->changed);
    pthread_mutex_unlock(&m->lock);
}

/* Waits until so many run, or have ended; a runner that does not get there hangs the test. */
static void wait_running(struct meter *m, size_t count)
{
    pthread_mutex_lock(&m->lock);
    while (m->running < count)
        pthread_cond_wait(&m->changed, &m->lock);
    pthread_mutex_unlock(&m->lock);
}

static void wait_ended(struct meter *m, size_t count)
{
    pthread_mutex_lock(&m->lock);
    while (m->ended < count)
        pthread_cond_wait(&m->changed, &m->lock);
    pthread_mutex_unlock(&m->lock);
}

static size_t most(struct meter *m)
{
    pthread_mutex_lock(&m->lock);
    size_t seen = m->most;
    pthread_mutex_unlock(&m->lock);
    return seen;
}

struct bench {
    struct rig *rig;
    struct meter meter;
    struct runner *started[RUNNERS_MAX];
    size_t count;
};

static struct bench bench;

static int setup(void **state)
{
    bench = (struct bench){0};
    (void)rig_setup((void **)&bench.rig);
    BUG_ON(pthread_mutex_init(&bench.meter.lock, NULL) ||
           pthread_cond_init(&bench.meter.changed, NULL));
    bench.rig->workers[0].perform = measured;
    bench.rig->workers[0].ctx = &bench.meter;
    bench.rig->workers[0].discarded = NULL;
    bench.rig->p.env.clock = &clock_system;
    bench.rig->p.env.rng = &rng_system;
    *state = &bench;
    return 0;
}

static struct runner *start(const char *name)
{
    struct runner *runner = rig_runner(bench.rig, name);
    ASSERT_OK(&bench.rig->p, runner_start(runner, &bench.rig->p.e));
    bench.started[bench.count++] = runner;
    return runner;
}

static void stop_all(void)
{
    hold(&bench.meter, false);
    while (bench.count > 0)
        assert_true(runner_stop(bench.started[--bench.count]));
}

static int teardown(void **state)
{
    (void)state;
    stop_all();
    void *rig = bench.rig;
    int failed = rig_teardown(&rig);
    (void)pthread_mutex_destroy(&bench.meter.lock);
    (void)pthread_cond_destroy(&bench.meter.changed);
    return failed;
}

static void add(size_t count, const char *queue)
{
    struct product *p = &bench.rig->p;
    struct job_spec *specs = arena_new_array(&p->arena, count, struct job_spec);
    for (size_t i = 0; i < count; i++) {
        specs[i] = rig_spec("{}");
        specs[i].queue = queue;
    }
    ASSERT_OK(p, job_enqueue_many(product_begin(p), &p->env, specs, count, NULL, &p->e));
    product_commit(p);
    for (size_t i = 0; i < bench.count; i++)
        runner_wake(bench.started[i]);
}

static int64_t number_of(const struct db_query *query)
{
    return product_number(&bench.rig->p, query);
}

static void wait_for_number(const struct db_query *query, int64_t wanted)
{
    while (number_of(query) != wanted)
        (void)poll(NULL, 0, 1);
}

static void assert_each_ran_once(size_t jobs)
{
    assert_int_equal(bench.meter.ended, jobs);
    for (size_t id = 1; id <= jobs; id++)
        assert_int_equal(bench.meter.runs[id], 1);
}

/* -- bounds ----------------------------------------------------------------------------------- */

static void a_node_runs_as_many_at_once_as_it_may_and_never_more(void **state)
{
    (void)state;
    enum { LIMIT = 4, BUFFER = 20, JOBS = 600 };
    bench.rig->queues[FAST] = (struct job_queue){"fast", LIMIT, BUFFER};
    struct runner *runner = start("one");
    hold(&bench.meter, true);
    add(JOBS, "fast");
    wait_running(&bench.meter, LIMIT);
    for (int i = 0; i < 20; i++) {
        runner_wake(runner);
        assert_in_range(number_of(&count_executing), LIMIT, LIMIT + BUFFER);
    }
    hold(&bench.meter, false);
    wait_ended(&bench.meter, JOBS);
    wait_for_number(&count_completed, JOBS);
    assert_int_equal(most(&bench.meter), LIMIT);
    stop_all();
    assert_each_ran_once(JOBS);
    assert_int_equal(runner_counts(runner, FAST).completed, JOBS);
    assert_int_equal(runner_counts(runner, FAST).run.total, JOBS);
}

static void without_a_buffer_nothing_is_claimed_that_cannot_run(void **state)
{
    (void)state;
    (void)start("one");
    hold(&bench.meter, true);
    add(50, "fast");
    wait_running(&bench.meter, 4);
    for (int i = 0; i < 20; i++) {
        assert_int_equal(number_of(&count_executing), 4);
        runner_wake(bench.started[0]);
    }
    hold(&bench.meter, false);
    wait_for_number(&count_completed, 50);
}

static void nodes_share_a_queue_and_run_each_job_once(void **state)
{
    (void)state;
    enum { NODES = 3, JOBS = 1500 };
    bench.rig->queues[FAST] = (struct job_queue){"fast", 4, 16};
    for (size_t i = 0; i < NODES; i++)
        (void)start("a node");
    hold(&bench.meter, true);
    add(JOBS, "fast");
    wait_running(&bench.meter, NODES * 4); /* every node takes part */
    hold(&bench.meter, false);
    wait_for_number(&count_completed, JOBS);
    assert_int_equal(most(&bench.meter), NODES * 4);
    stop_all();
    assert_each_ran_once(JOBS);
    for (size_t i = 0; i < NODES; i++)
        assert_int_equal(runner_counts(bench.rig->runners[i], FAST).fenced, 0);
    assert_int_equal(number_of(&sum_attempts), JOBS);
}

static void jobs_enqueued_while_it_works_are_all_run(void **state)
{
    (void)state;
    enum { ROUNDS = 40, EACH = 15 };
    bench.rig->queues[FAST] = (struct job_queue){"fast", 3, 10};
    (void)start("one");
    for (size_t i = 0; i < ROUNDS; i++)
        add(EACH, i % 2 ? "fast" : "slow");
    wait_for_number(&count_completed, ROUNDS * EACH);
    stop_all();
    assert_each_ran_once(ROUNDS * EACH);
}

/* -- settings --------------------------------------------------------------------------------- */

static void tell(void)
{
    for (size_t i = 0; i < bench.count; i++)
        runner_wake(bench.started[i]);
}

static void a_paused_queue_finishes_what_runs_and_claims_nothing_until_it_goes_on(void **state)
{
    (void)state;
    struct runner *runner = start("one");
    hold(&bench.meter, true);
    add(10, "fast");
    wait_running(&bench.meter, 4);
    rig_pause(bench.rig, "fast", true);
    ASSERT_OK(&bench.rig->p, runner_look_around(runner, &bench.rig->p.e));
    hold(&bench.meter, false);
    wait_for_number(&count_completed, 4);
    for (int i = 0; i < 20; i++) {
        tell();
        assert_int_equal(number_of(&count_completed) + number_of(&count_executing), 4);
    }
    rig_pause(bench.rig, "fast", false);
    tell();
    wait_for_number(&count_completed, 10);
}

static void a_queue_scaled_up_while_it_runs_runs_more_than_all_were_configured(void **state)
{
    (void)state;
    enum { MORE = 24 }; /* the queues have 4 and 1 */
    (void)start("one");
    hold(&bench.meter, true);
    add(60, "fast");
    wait_running(&bench.meter, 4);
    rig_scale(bench.rig, "fast", MORE);
    tell();
    wait_running(&bench.meter, MORE);
    wait_for_number(&count_executing, MORE);
    assert_int_equal(most(&bench.meter), MORE);
    hold(&bench.meter, false);
    wait_for_number(&count_completed, 60);
    stop_all();
    assert_each_ran_once(60);
}

static void what_waits_in_a_buffer_runs_when_the_queue_is_scaled_up(void **state)
{
    (void)state;
    bench.rig->queues[FAST] = (struct job_queue){"fast", 1, 9};
    (void)start("one");
    hold(&bench.meter, true);
    add(10, "fast");
    wait_for_number(&count_executing, 8); /* no nibbling: half of the buffer at a time */
    assert_int_equal(most(&bench.meter), 1);
    rig_scale(bench.rig, "fast", 10);
    tell();
    wait_running(&bench.meter, 10);
}

static void a_queue_scaled_down_while_it_runs_runs_fewer(void **state)
{
    (void)state;
    struct runner *runner = start("one");
    hold(&bench.meter, true);
    add(4, "fast");
    wait_running(&bench.meter, 4);
    rig_scale(bench.rig, "fast", 1);
    ASSERT_OK(&bench.rig->p, runner_look_around(runner, &bench.rig->p.e));
    hold(&bench.meter, false);
    wait_for_number(&count_completed, 4);
    pthread_mutex_lock(&bench.meter.lock);
    bench.meter.most = 0;
    pthread_mutex_unlock(&bench.meter.lock);
    add(30, "fast");
    wait_for_number(&count_completed, 34);
    assert_int_equal(most(&bench.meter), 1);
    rig_scale(bench.rig, "fast", INT_ABSENT); /* as configured again */
    hold(&bench.meter, true);
    add(10, "fast");
    wait_running(&bench.meter, 4);
}

/* -- stopping --------------------------------------------------------------------------------- */

static void *stop_main(void *arg)
{
    return runner_stop(arg) ? arg : NULL;
}

static void a_stop_waits_for_what_runs_and_puts_back_what_had_not_begun(void **state)
{
    (void)state;
    bench.rig->queues[FAST] = (struct job_queue){"fast", 2, 10};
    struct runner *runner = start("one");
    hold(&bench.meter, true);
    add(20, "fast");
    wait_running(&bench.meter, 2);
    wait_for_number(&count_executing, 10); /* no nibbling: half of the buffer at a time */
    pthread_t thread;
    assert_int_equal(pthread_create(&thread, NULL, stop_main, runner), 0);
    bench.count = 0;
    for (bool stopping = false; !stopping;) {
        pthread_mutex_lock(&runner->lock);
        stopping = runner->stopping;
        pthread_mutex_unlock(&runner->lock);
    }
    hold(&bench.meter, false);
    void *stopped;
    assert_int_equal(pthread_join(thread, &stopped), 0);
    assert_non_null(stopped);
    assert_int_equal(number_of(&count_completed), 2);
    assert_int_equal(number_of(&count_executing), 0);
    assert_int_equal(number_of(&count_nodes), 0);
    assert_int_equal(number_of(&sum_attempts), 2); /* what was put back had no attempt */
    (void)start("two");
    wait_for_number(&count_completed, 20);
    stop_all();
    assert_each_ran_once(20);
}

static void a_job_that_outlasts_the_drain_is_reported(void **state)
{
    (void)state;
    bench.rig->options.drain_us = 20 * USEC_PER_MS;
    struct runner *runner = start("one");
    hold(&bench.meter, true);
    add(1, "fast");
    wait_running(&bench.meter, 1);
    assert_false(runner_stop(runner));
    assert_int_equal(number_of(&count_nodes), 1); /* still its own, until its lease ends */
    assert_int_equal(number_of(&count_executing), 1);
    hold(&bench.meter, false);
    assert_true(runner_stop(runner)); /* once it did end, a stop is complete */
    bench.count = 0;
    assert_int_equal(number_of(&count_completed), 1);
    assert_int_equal(number_of(&count_nodes), 0);
}

static void a_runner_that_had_nothing_to_do_stops_and_leaves_no_node(void **state)
{
    (void)state;
    for (int i = 0; i < 5; i++) {
        (void)start("one");
        assert_int_equal(number_of(&count_nodes), 1);
        stop_all();
        assert_int_equal(number_of(&count_nodes), 0);
    }
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_node_runs_as_many_at_once_as_it_may_and_never_more),
        TEST(without_a_buffer_nothing_is_claimed_that_cannot_run),
        TEST(nodes_share_a_queue_and_run_each_job_once),
        TEST(jobs_enqueued_while_it_works_are_all_run),
        TEST(a_paused_queue_finishes_what_runs_and_claims_nothing_until_it_goes_on),
        TEST(a_queue_scaled_up_while_it_runs_runs_more_than_all_were_configured),
        TEST(what_waits_in_a_buffer_runs_when_the_queue_is_scaled_up),
        TEST(a_queue_scaled_down_while_it_runs_runs_fewer),
        TEST(a_stop_waits_for_what_runs_and_puts_back_what_had_not_begun),
        TEST(a_job_that_outlasts_the_drain_is_reported),
        TEST(a_runner_that_had_nothing_to_do_stops_and_leaves_no_node),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
