/*
 * A connection that is cut between COMMIT and its answer: nothing is lost and nothing is done
 * twice. On PostgreSQL only, whose server is another process.
 */
#include "proxy.h"
#include "rig.h"

#include "rig.sql.h"

static struct proxy *proxy;

static int setup(void **state)
{
    assert_int_equal(rig_setup(state), 0);
    struct rig *rig = *state;
    struct testdb *t = &rig->p.t;
    char url[sizeof(t->url)];
    proxy = proxy_start(t->url, url, sizeof(url));
    db_close(t->db);
    memcpy(t->url, url, sizeof(url));
    testdb_open(t, core_migrations, core_migration_count);
    rig->p.env.db = t->db;
    return 0;
}

static int teardown(void **state)
{
    int failed = rig_teardown(state);
    proxy_stop(proxy);
    return failed;
}

static enum err enqueue_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct rig *rig = arg;
    struct job_spec spec = rig_spec("{}");
    spec.unique_key = "only-one";
    return job_enqueue(tx, &rig->p.env, &spec, &rig->p.arena, NULL, NULL, e);
}

static void enqueue_in_doubt(struct rig *rig, enum proxy_cut cut, int64_t kept)
{
    struct product *p = &rig->p;
    proxy_cut_commit(proxy, cut, "only-one");
    assert_int_equal(db_write(p->t.db, enqueue_work, rig, &p->e), ERR_TIMEOUT);
    assert_non_null(strstr(p->e.text, "not known"));
    assert_int_equal(product_number(p, &count_rows), kept);
    ASSERT_OK(p, db_write(p->t.db, enqueue_work, rig, &p->e));
    assert_int_equal(product_number(p, &count_rows), 1);
}

static void a_job_whose_commit_never_arrived_is_enqueued_by_the_next_try(void **state)
{
    enqueue_in_doubt(*state, CUT_BEFORE, 0);
}

static void a_job_whose_commit_was_not_answered_is_not_enqueued_twice(void **state)
{
    enqueue_in_doubt(*state, CUT_AFTER, 1);
}

static void assert_ran_once(struct rig *rig, struct runner *runner, int64_t id)
{
    (void)rig_step(rig, runner);
    assert_int_equal(rig_step(rig, runner), 0);
    assert_int_equal(rig->ran_count, 1);
    assert_int_equal(rig->ran[0], id);
    ASSERT_STATE(rig, id, JOB_COMPLETED);
    assert_int_equal(rig_job(rig, id).attempt, 1);
}

static void claim_in_doubt(struct rig *rig, enum proxy_cut cut)
{
    struct product *p = &rig->p;
    struct runner *runner = rig_runner(rig, "one");
    int64_t id = rig_add_plain(rig);
    size_t ran;
    proxy_cut_commit(proxy, cut, "fast");
    assert_int_equal(runner_step(runner, &ran, &p->e), ERR_TIMEOUT);
    assert_int_equal(product_number(p, &count_executing), cut == CUT_AFTER);
    assert_ran_once(rig, runner, id);
}

static void a_claim_whose_commit_never_arrived_is_made_again(void **state)
{
    claim_in_doubt(*state, CUT_BEFORE);
}

static void a_claim_whose_commit_was_not_answered_runs_the_job_once(void **state)
{
    claim_in_doubt(*state, CUT_AFTER);
}

static enum proxy_cut cut_completion;

static void cut_its_completion(struct rig *rig, const struct job_run *run)
{
    (void)rig;
    (void)run;
    proxy_cut_commit(proxy, cut_completion, "");
}

static void completion_in_doubt(struct rig *rig, enum proxy_cut cut)
{
    struct product *p = &rig->p;
    struct runner *runner = rig_runner(rig, "one");
    int64_t id = rig_add_plain(rig);
    size_t ran;
    cut_completion = cut;
    rig->meanwhile = cut_its_completion;
    assert_int_equal(runner_step(runner, &ran, &p->e), ERR_TIMEOUT);
    assert_int_equal(product_number(p, &count_completed), cut == CUT_AFTER);
    assert_ran_once(rig, runner, id);
}

static void a_completion_whose_commit_never_arrived_is_written_down_later(void **state)
{
    completion_in_doubt(*state, CUT_BEFORE);
}

static void a_completion_whose_commit_was_not_answered_counts_once(void **state)
{
    completion_in_doubt(*state, CUT_AFTER);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_job_whose_commit_never_arrived_is_enqueued_by_the_next_try),
        TEST(a_job_whose_commit_was_not_answered_is_not_enqueued_twice),
        TEST(a_claim_whose_commit_never_arrived_is_made_again),
        TEST(a_claim_whose_commit_was_not_answered_runs_the_job_once),
        TEST(a_completion_whose_commit_never_arrived_is_written_down_later),
        TEST(a_completion_whose_commit_was_not_answered_counts_once),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
