/* Nodes that die, are given up, come back, and claims whose answer was lost. */
#include "rig.h"

#include "rig.sql.h"

/* Puts one job in the hands of a node that will never finish it. */
static int64_t claim_and_die(struct rig *rig, const char *name, int64_t *ret_node)
{
    struct product *p = &rig->p;
    int64_t id = rig_add_plain(rig);
    struct db_tx *tx = product_begin(p);
    ASSERT_OK(p, node_register(tx, &p->env, name, LEASE_US, ret_node, &p->e));
    struct records jobs = rig_claim(rig, tx, *ret_node, 1);
    product_commit(p);
    assert_int_equal(jobs.count, 1);
    assert_int_equal(((const struct job *)jobs.items)[0].id, id);
    return id;
}

static void a_dead_nodes_job_is_rescued_when_its_lease_ends_and_not_before(void **state)
{
    struct rig *rig = *state;
    int64_t node;
    int64_t id = claim_and_die(rig, "dead", &node);
    struct runner *runner = rig_runner(rig, "alive");
    rig_pass(rig, LEASE_US);
    assert_int_equal(rig_step(rig, runner), 0);
    ASSERT_STATE(rig, id, JOB_EXECUTING);
    rig_pass(rig, 1);
    assert_int_equal(rig_step(rig, runner), 0);
    struct job job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_RETRYABLE);
    assert_int_equal(job.attempt, 1);
    const char *why = arena_printf(&rig->p.arena, "node %lld stopped answering", (long long)node);
    assert_string_equal(job.last_error, why);
    assert_string_equal(((const struct job_error *)rig_errors(rig, id).items)[0].error, why);
    assert_int_equal(runner_counts(runner, FAST).rescued, 1);
    assert_int_equal(product_number(&rig->p, &count_nodes), 1);
    rig_pass(rig, 10 * USEC_PER_SEC);
    assert_int_equal(rig_step(rig, runner), 1);
    assert_int_equal(rig_job(rig, id).attempt, 2);
    ASSERT_STATE(rig, id, JOB_COMPLETED);
}

static void a_job_that_kills_every_node_is_discarded_after_its_attempts(void **state)
{
    struct rig *rig = *state;
    struct product *p = &rig->p;
    struct runner *runner = rig_runner(rig, "alive");
    int64_t id = rig_add_plain(rig), node;
    for (int attempt = 1; attempt <= JOB_MAX_ATTEMPTS; attempt++) {
        int64_t staged;
        struct db_tx *tx = product_begin(p);
        ASSERT_OK(p, node_register(tx, &p->env, "dying", LEASE_US, &node, &p->e));
        ASSERT_OK(p, job_stage_due(tx, &p->env, 10, &staged, &p->e));
        struct records jobs = rig_claim(rig, tx, node, 1);
        product_commit(p);
        assert_int_equal(jobs.count, 1);
        rig_pass(rig, LEASE_US + 1);
        ASSERT_OK(p, runner_keep_alive(runner, &p->e));
        ASSERT_STATE(rig, id, attempt < JOB_MAX_ATTEMPTS ? JOB_RETRYABLE : JOB_DISCARDED);
        rig_pass(rig, 20 * USEC_PER_SEC);
    }
    assert_int_equal(rig->discards, 1);
    ASSERT_CONTAINS(rig->discard_why, "stopped answering");
    assert_int_equal(rig_errors(rig, id).count, JOB_MAX_ATTEMPTS);
    assert_int_equal(rig->ran_count, 0);
}

static void more_orphans_than_one_batch_are_all_rescued(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "alive");
    enum { ORPHANS = 250 };
    (void)rig_exec(rig, &make_many, DB_ARGS(db_int(ORPHANS), db_text("executing"), db_null()));
    (void)rig_exec(rig, &give_to_nobody, DB_NO_ARGS);
    ASSERT_OK(&rig->p, runner_keep_alive(runner, &rig->p.e));
    assert_int_equal(product_number(&rig->p, &count_executing), 0);
    assert_int_equal(runner_counts(runner, FAST).rescued, ORPHANS);
    assert_int_equal(rig->discards, ORPHANS);
}

static void an_orphan_that_cannot_be_discarded_holds_up_no_other(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "alive");
    enum { ORPHANS = 20 };
    (void)rig_exec(rig, &make_many, DB_ARGS(db_int(ORPHANS), db_text("executing"), db_null()));
    (void)rig_exec(rig, &give_to_nobody, DB_NO_ARGS);
    int64_t stuck = product_number(&rig->p, &newest_job) - ORPHANS / 2;
    (void)rig_exec(rig, &change_worker, DB_ARGS(db_text("Other")));
    (void)rig_exec(rig, &change_worker_of, DB_ARGS(db_int(stuck), db_text("Worker")));
    rig->discard_fails = ERR_CONFLICT;
    ASSERT_OK(&rig->p, runner_keep_alive(runner, &rig->p.e));
    ASSERT_STATE(rig, stuck, JOB_EXECUTING);
    assert_int_equal(product_number(&rig->p, &count_executing), 1);
    rig->discard_fails = OK;
    ASSERT_OK(&rig->p, runner_keep_alive(runner, &rig->p.e));
    ASSERT_STATE(rig, stuck, JOB_DISCARDED);
}

/* -- a node that was only slow ---------------------------------------------------------------- */

/* While the first node runs the job its lease ends, and the second rescues the job. */
static void be_rescued(struct rig *rig, const struct job_run *run)
{
    rig->meanwhile = NULL;
    assert_false(atomic_load(run->cancelled));
    rig_pass(rig, LEASE_US + 1);
    ASSERT_OK(&rig->p, runner_keep_alive(rig->runners[1], &rig->p.e));
    ASSERT_STATE(rig, run->job->id, JOB_RETRYABLE);
}

static void a_slow_nodes_end_is_refused_whatever_it_was(void **state)
{
    struct rig *rig = *state;
    static const enum job_result results[] = {JOB_DONE, JOB_RETRY, JOB_SNOOZE, JOB_FAIL};
    struct runner *slow = rig_runner(rig, "slow"), *other = rig_runner(rig, "other");
    for (size_t i = 0; i < ARRAY_LEN(results); i++) {
        int64_t id = rig_add_plain(rig);
        rig->meanwhile = be_rescued;
        rig->result = results[i];
        assert_int_equal(rig_step(rig, slow), 1);
        struct job job = rig_job(rig, id);
        assert_int_equal(job.state, JOB_RETRYABLE);
        assert_int_equal(job.attempt, 1);
        assert_int_equal(rig_errors(rig, id).count, 1);
        assert_int_equal(runner_counts(slow, FAST).fenced, i + 1);
        rig->result = JOB_DONE;
        rig_pass(rig, 10 * USEC_PER_SEC);
        assert_int_equal(rig_step(rig, other), 1);
        ASSERT_STATE(rig, id, JOB_COMPLETED);
    }
    assert_int_equal(rig->discards, 0);
}

/* The other node runs it meanwhile, so it executes again when the slow node's end comes. */
static void be_overtaken(struct rig *rig, const struct job_run *run)
{
    be_rescued(rig, run);
    rig_pass(rig, 10 * USEC_PER_SEC);
    struct product *p = &rig->p;
    int64_t staged;
    struct db_tx *tx = product_begin(p);
    ASSERT_OK(p, job_stage_due(tx, &p->env, 10, &staged, &p->e));
    struct records jobs = rig_claim(rig, tx, rig->runners[1]->node, 1);
    product_commit(p);
    assert_int_equal(jobs.count, 1);
}

static void a_slow_nodes_end_does_not_end_the_run_of_another(void **state)
{
    struct rig *rig = *state;
    struct runner *slow = rig_runner(rig, "slow"), *other = rig_runner(rig, "other");
    ASSERT_OK(&rig->p, runner_keep_alive(other, &rig->p.e));
    int64_t id = rig_add_plain(rig);
    rig->meanwhile = be_overtaken;
    assert_int_equal(rig_step(rig, slow), 1);
    struct job job = rig_job(rig, id);
    assert_int_equal(job.state, JOB_EXECUTING);
    assert_int_equal(job.attempt, 2);
    assert_int_equal(job.node, other->node);
}

/* The first of a batch: the node is given up, and notices. */
static void be_given_up(struct rig *rig, const struct job_run *run)
{
    rig->meanwhile = NULL;
    (void)rig_exec(rig, &delete_nodes, DB_NO_ARGS);
    int64_t old = rig->runners[0]->node;
    ASSERT_OK(&rig->p, runner_keep_alive(rig->runners[0], &rig->p.e));
    assert_int_not_equal(rig->runners[0]->node, old);
    assert_true(atomic_load(run->cancelled));
}

static void a_node_given_up_registers_again_and_drops_what_it_had_not_begun(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    int64_t ids[3];
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        ids[i] = rig_add_plain(rig);
    rig->meanwhile = be_given_up;
    assert_int_equal(rig_step(rig, runner), 1);
    assert_int_equal(runner_counts(runner, FAST).fenced, 1);
    assert_int_equal(product_number(&rig->p, &count_nodes), 1);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++)
        ASSERT_STATE(rig, ids[i], JOB_RETRYABLE);
    rig_pass(rig, 10 * USEC_PER_SEC);
    assert_int_equal(rig_step(rig, runner), 3);
    for (size_t i = 0; i < ARRAY_LEN(ids); i++) {
        struct job job = rig_job(rig, ids[i]);
        assert_int_equal(job.state, JOB_COMPLETED);
        assert_int_equal(job.node, runner->node);
    }
}

static void a_node_that_renews_keeps_its_number_and_its_jobs(void **state)
{
    struct rig *rig = *state;
    struct runner *one = rig_runner(rig, "one"), *two = rig_runner(rig, "two");
    ASSERT_OK(&rig->p, runner_keep_alive(one, &rig->p.e));
    ASSERT_OK(&rig->p, runner_keep_alive(two, &rig->p.e));
    int64_t node = one->node;
    assert_int_not_equal(node, two->node);
    for (int i = 0; i < 10; i++) {
        rig_pass(rig, LEASE_US - 1);
        ASSERT_OK(&rig->p, runner_keep_alive(one, &rig->p.e));
        ASSERT_OK(&rig->p, runner_keep_alive(two, &rig->p.e));
    }
    assert_int_equal(one->node, node);
    assert_int_equal(product_number(&rig->p, &count_nodes), 2);
}

/* -- a snooze that is written down twice ------------------------------------------------------ */

static void a_snooze_whose_answer_was_lost_does_not_hit_the_next_run(void **state)
{
    struct rig *rig = *state;
    struct product *p = &rig->p;
    int64_t node;
    int64_t id = claim_and_die(rig, "one", &node);
    struct job first = rig_job(rig, id), next;
    struct job_run run = {.env = &p->env, .job = &first, .arena = &p->arena, .snooze_us = 1000};
    enum job_state to;
    int64_t staged;
    struct db_tx *tx = product_begin(p);
    ASSERT_OK(p, job_finish(tx, &run, NULL, JOB_SNOOZE, NULL, &to, &p->e));
    rig_pass(rig, 1000);
    ASSERT_OK(p, job_stage_due(tx, &p->env, 10, &staged, &p->e));
    (void)rig_claim(rig, tx, node, 1);
    assert_int_equal(job_finish(tx, &run, NULL, JOB_SNOOZE, NULL, &to, &p->e), ERR_CONFLICT);
    assert_int_equal(job_finish(tx, &run, NULL, JOB_DONE, NULL, &to, &p->e), ERR_CONFLICT);
    ASSERT_OK(p, job_find(tx, id, &p->arena, &next, &p->e));
    assert_int_equal(next.state, JOB_EXECUTING);
    run.job = &next;
    ASSERT_OK(p, job_finish(tx, &run, NULL, JOB_DONE, NULL, &to, &p->e));
    product_commit(p);
    ASSERT_STATE(rig, id, JOB_COMPLETED);
}

/* -- claims whose answer was lost ------------------------------------------------------------- */

static void jobs_claimed_without_an_answer_are_put_back_and_run(void **state)
{
    struct rig *rig = *state;
    struct product *p = &rig->p;
    struct runner *runner = rig_runner(rig, "one");
    (void)rig_step(rig, runner);
    int64_t lost = rig_add_plain(rig);
    (void)rig_claim(rig, product_begin(p), runner->node, 10);
    product_commit(p);
    assert_int_equal(rig_step(rig, runner), 0); /* nobody doubts: it waits for ever */
    ASSERT_STATE(rig, lost, JOB_EXECUTING);
    runner->doubtful = true;
    assert_int_equal(rig_step(rig, runner), 1);
    struct job job = rig_job(rig, lost);
    assert_int_equal(job.state, JOB_COMPLETED);
    assert_int_equal(job.attempt, 1); /* the lost claim is no attempt */
    assert_false(runner->doubtful);
}

/* In the middle of a batch: what is in hand is not put back. */
static void doubt_now(struct rig *rig, const struct job_run *run)
{
    (void)run;
    rig->runners[0]->doubtful = true;
    ASSERT_OK(&rig->p, claims_resolve_doubt(rig->runners[0], &rig->p.e));
}

static void what_a_node_has_in_hand_is_not_put_back_in_doubt(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    for (int i = 0; i < 3; i++)
        (void)rig_add_plain(rig);
    rig->meanwhile = doubt_now;
    assert_int_equal(rig_step(rig, runner), 3);
    assert_int_equal(runner_counts(runner, FAST).completed, 3);
    assert_int_equal(runner_counts(runner, FAST).fenced, 0);
    assert_int_equal(product_number(&rig->p, &sum_attempts), 3);
    assert_int_equal(rig_step(rig, runner), 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_dead_nodes_job_is_rescued_when_its_lease_ends_and_not_before),
        RIG_TEST(a_job_that_kills_every_node_is_discarded_after_its_attempts),
        RIG_TEST(more_orphans_than_one_batch_are_all_rescued),
        RIG_TEST(an_orphan_that_cannot_be_discarded_holds_up_no_other),
        RIG_TEST(a_slow_nodes_end_is_refused_whatever_it_was),
        RIG_TEST(a_slow_nodes_end_does_not_end_the_run_of_another),
        RIG_TEST(a_node_given_up_registers_again_and_drops_what_it_had_not_begun),
        RIG_TEST(a_node_that_renews_keeps_its_number_and_its_jobs),
        RIG_TEST(a_snooze_whose_answer_was_lost_does_not_hit_the_next_run),
        RIG_TEST(jobs_claimed_without_an_answer_are_put_back_and_run),
        RIG_TEST(what_a_node_has_in_hand_is_not_put_back_in_doubt),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
