/* Adding jobs: once per key, many at once; finding them again. */
#include "rig.h"

#include "rig.sql.h"

/* -- unique jobs ------------------------------------------------------------------------------ */

static bool enqueue_unique(struct rig *rig, const char *key, int64_t *ret_id)
{
    struct product *p = &rig->p;
    struct job_spec spec = rig_spec("{}");
    spec.unique_key = key;
    struct job job;
    bool added;
    ASSERT_OK(p, job_enqueue(product_begin(p), &p->env, &spec, &p->arena, &job, &added, &p->e));
    product_commit(p);
    *ret_id = job.id;
    return added;
}

static void a_key_that_is_taken_gives_the_job_that_has_it(void **state)
{
    struct rig *rig = *state;
    int64_t first, second, other;
    assert_true(enqueue_unique(rig, "nightly", &first));
    assert_false(enqueue_unique(rig, "nightly", &second));
    assert_int_equal(first, second);
    assert_true(enqueue_unique(rig, "weekly", &other));
    assert_int_not_equal(first, other);
    assert_int_equal(product_number(&rig->p, &count_rows), 2);
}

static void a_key_is_taken_in_every_unfinished_state_and_free_in_every_finished_one(void **state)
{
    struct rig *rig = *state;
    for (int s = JOB_AVAILABLE; s <= JOB_DISCARDED; s++) {
        const char *key = job_state_names[s];
        int64_t first, second;
        assert_true(enqueue_unique(rig, key, &first));
        (void)rig_exec(rig, &set_state, DB_ARGS(db_int(first), db_text(key)));
        bool finished = s == JOB_COMPLETED || s == JOB_CANCELLED || s == JOB_DISCARDED;
        assert_int_equal(enqueue_unique(rig, key, &second), finished);
        assert_int_equal(first != second, finished);
    }
}

static void a_unique_job_that_ran_may_be_enqueued_again(void **state)
{
    struct rig *rig = *state;
    struct runner *runner = rig_runner(rig, "one");
    int64_t first, second;
    assert_true(enqueue_unique(rig, "nightly", &first));
    rig->result = JOB_RETRY;
    (void)rig_step(rig, runner);
    assert_false(enqueue_unique(rig, "nightly", &second));
    rig->result = JOB_DONE;
    rig_pass(rig, 10 * USEC_PER_SEC);
    (void)rig_step(rig, runner);
    assert_true(enqueue_unique(rig, "nightly", &second));
    assert_true(second > first);
}

struct race {
    struct rig *rig;
    int64_t id;
    bool added;
};

static enum err race_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct race *race = arg;
    _cleanup_arena_ struct arena arena = {0};
    struct job_spec spec = rig_spec("{}");
    spec.unique_key = "nightly";
    struct job job;
    TRY(job_enqueue(tx, &race->rig->p.env, &spec, &arena, &job, &race->added, e));
    race->id = job.id;
    return OK;
}

static void *race_main(void *arg)
{
    struct race *race = arg;
    struct error e;
    BUG_ON(db_write(race->rig->p.t.db, race_work, race, &e) != OK);
    return NULL;
}

static void threads_that_enqueue_one_key_get_one_job(void **state)
{
    struct rig *rig = *state;
    enum { THREADS = 8 };
    struct race races[THREADS];
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++) {
        races[i] = (struct race){.rig = rig};
        assert_int_equal(pthread_create(&threads[i], NULL, race_main, &races[i]), 0);
    }
    int added = 0;
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        added += races[i].added;
        assert_int_equal(races[i].id, races[0].id);
    }
    assert_int_equal(added, 1);
    assert_int_equal(product_number(&rig->p, &count_rows), 1);
}

/* -- many at once ----------------------------------------------------------------------------- */

static int64_t add_many(struct rig *rig, const struct job_spec *specs, size_t count)
{
    struct product *p = &rig->p;
    int64_t added = -1;
    ASSERT_OK(p, job_enqueue_many(product_begin(p), &p->env, specs, count, &added, &p->e));
    product_commit(p);
    return added;
}

enum { MANY = 2500 };

/* They differ in everything, in runs of uneven length. */
static struct job_spec mixed(struct rig *rig, size_t i, const char *customer)
{
    struct job_spec spec = {
        .worker = i % 700 < 350 ? "Worker" : "Other",
        .queue = i % 500 < 250 ? "fast" : "slow",
        .priority = (int64_t)(i / 400) - 2,
        .max_attempts = i % 900 < 450 ? 0 : 7,
        .delay_us = i % 1000 < 100 ? USEC_PER_SEC : 0,
        .customer_id = i % 3 == 0 ? customer : NULL,
        .args = arena_printf(&rig->p.arena, "{\"n\":%zu,\"text\":\"a'\\\"\\\\,{}\xc3\xa9\"}", i),
    };
    if (i % 10 > 6)
        spec.unique_key = arena_printf(&rig->p.arena, "key, {%zu}", i);
    return spec;
}

static void assert_is(const struct job *job, const struct job_spec *spec, int64_t now)
{
    assert_string_equal(job->worker, spec->worker);
    assert_string_equal(job->queue, spec->queue);
    assert_string_equal(job->args, spec->args);
    assert_int_equal(job->priority, spec->priority);
    assert_int_equal(job->state, spec->delay_us ? JOB_SCHEDULED : JOB_AVAILABLE);
    assert_int_equal(job->scheduled_at, now + spec->delay_us);
    assert_int_equal(job->inserted_at, now);
    assert_int_equal(job->max_attempts, spec->max_attempts ? spec->max_attempts : JOB_MAX_ATTEMPTS);
    assert_true(text_eq(job->customer_id, spec->customer_id) ||
                (!job->customer_id && !spec->customer_id));
    assert_true(text_eq(job->unique_key, spec->unique_key) ||
                (!job->unique_key && !spec->unique_key));
}

static void many_mixed_jobs_arrive_whole_and_in_order(void **state)
{
    struct rig *rig = *state;
    struct product *p = &rig->p;
    struct signed_up customer = product_signup(p, "acme", "hobby", "{}");
    int64_t before = product_number(p, &count_rows);
    struct job_spec *specs = arena_new_array(&p->arena, MANY, struct job_spec);
    for (size_t i = 0; i < MANY; i++)
        specs[i] = mixed(rig, i, customer.customer.id);
    assert_int_equal(add_many(rig, specs, MANY), MANY);
    assert_int_equal(product_number(p, &count_rows), before + MANY);

    struct job_filter any = {.state = -1};
    int64_t below = INT_ABSENT;
    size_t at = MANY;
    do {
        struct records page;
        ASSERT_OK(p, job_list(product_begin(p), &any, below, PAGE_LIMIT_MAX, &p->arena, &page,
                              &below, &p->e));
        product_rollback(p);
        const struct job *jobs = page.items;
        for (size_t i = 0; i < page.count && at > 0; i++)
            assert_is(&jobs[i], &specs[--at], PRODUCT_START_US);
    } while (below != INT_ABSENT);
    assert_int_equal(at, 0);
}

static void many_at_once_leave_out_keys_that_are_taken_or_come_twice(void **state)
{
    struct rig *rig = *state;
    int64_t id;
    assert_true(enqueue_unique(rig, "b", &id));
    static const char *const keys[] = {"a", "b", "c", "a", NULL, NULL, "c", "d"};
    struct job_spec specs[ARRAY_LEN(keys)];
    for (size_t i = 0; i < ARRAY_LEN(keys); i++) {
        specs[i] = rig_spec("{}");
        specs[i].unique_key = keys[i];
    }
    assert_int_equal(add_many(rig, specs, ARRAY_LEN(keys)), 5);
    assert_int_equal(add_many(rig, specs, ARRAY_LEN(keys)), 2);
    assert_int_equal(product_number(&rig->p, &count_rows), 8);
}

static void none_at_once_is_nothing(void **state)
{
    struct rig *rig = *state;
    assert_int_equal(add_many(rig, NULL, 0), 0);
}

static void a_job_exists_only_when_its_cause_is_committed(void **state)
{
    struct rig *rig = *state;
    struct product *p = &rig->p;
    struct runner *runner = rig_runner(rig, "one");
    struct job_spec spec = rig_spec("{}");
    struct job job;
    ASSERT_OK(p, job_enqueue(product_begin(p), &p->env, &spec, &p->arena, &job, NULL, &p->e));
    product_rollback(p);
    assert_int_equal(rig_step(rig, runner), 0);
    assert_int_equal(product_number(p, &count_rows), 0);
}

/* -- lists ------------------------------------------------------------------------------------ */

/* Walks the list page by page; the ids must fall, and nothing may come twice. */
static size_t walk(struct rig *rig, const struct job_filter *filter, int64_t limit, int64_t *ids)
{
    struct product *p = &rig->p;
    int64_t below = INT_ABSENT;
    size_t count = 0;
    do {
        struct records page;
        ASSERT_OK(
            p, job_list(product_begin(p), filter, below, limit, &p->arena, &page, &below, &p->e));
        product_rollback(p);
        const struct job *jobs = page.items;
        assert_true(page.count <= (size_t)limit);
        for (size_t i = 0; i < page.count; i++) {
            assert_true(count == 0 || jobs[i].id < ids[count - 1]);
            assert_true(filter->state < 0 || jobs[i].state == filter->state);
            assert_true(!filter->queue || text_eq(jobs[i].queue, filter->queue));
            assert_true(!filter->worker || text_eq(jobs[i].worker, filter->worker));
            assert_true(!filter->customer_id || text_eq(jobs[i].customer_id, filter->customer_id));
            ids[count++] = jobs[i].id;
        }
    } while (below != INT_ABSENT);
    return count;
}

static void every_filter_finds_each_of_its_jobs_once_in_pages_of_any_size(void **state)
{
    struct rig *rig = *state;
    const char *customer = product_signup(&rig->p, "acme", "hobby", "{}").customer.id;
    enum { EACH = 6 }; /* in each state: 3 of the customer, 2 in the other queue */
    for (int n = 0; n < EACH * (JOB_DISCARDED + 1); n++) {
        struct job_spec spec = rig_spec("{}");
        int i = n / (JOB_DISCARDED + 1);
        spec.customer_id = i % 2 ? customer : NULL;
        spec.queue = i % 3 ? "fast" : "slow";
        spec.worker = i < 3 ? "Worker" : "Other";
        int64_t id = rig_add(rig, spec);
        (void)rig_exec(rig, &set_state,
                       DB_ARGS(db_int(id), db_text(job_state_names[n % (JOB_DISCARDED + 1)])));
    }
    int64_t ids[100];
    for (int s = JOB_AVAILABLE; s <= JOB_DISCARDED; s++) {
        size_t own = s == JOB_AVAILABLE; /* the signup's */
        for (int64_t limit = 1; limit <= 7; limit += 2) {
            struct job_filter f = {.state = s};
            assert_int_equal(walk(rig, &f, limit, ids), EACH + own);
            f.queue = "slow";
            assert_int_equal(walk(rig, &f, limit, ids), 2);
            f.customer_id = customer;
            assert_int_equal(walk(rig, &f, limit, ids), 1);
            f.queue = NULL;
            assert_int_equal(walk(rig, &f, limit, ids), 3 + own);
            f.worker = "Other";
            assert_int_equal(walk(rig, &f, limit, ids), 2);
            f.customer_id = NULL;
            assert_int_equal(walk(rig, &f, limit, ids), 3);
            f.queue = "no such queue";
            assert_int_equal(walk(rig, &f, limit, ids), 0);
        }
    }
    struct job_filter any = {.state = -1};
    assert_int_equal(walk(rig, &any, 10, ids), EACH * (JOB_DISCARDED + 1) + 1);
    any.worker = "Worker";
    assert_int_equal(walk(rig, &any, 4, ids), 3 * (JOB_DISCARDED + 1));

    struct records unfinished;
    struct product *p = &rig->p;
    ASSERT_OK(p, job_list_unfinished(product_begin(p), customer, &p->arena, &unfinished, &p->e));
    product_rollback(p);
    assert_int_equal(unfinished.count, 3 * 4 + 1);
}

static void a_job_that_is_not_there_is_not_found_by_its_number(void **state)
{
    struct rig *rig = *state;
    struct product *p = &rig->p;
    struct job job;
    assert_int_equal(job_find(product_begin(p), 4711, &p->arena, &job, &p->e), ERR_NOT_FOUND);
    product_rollback(p);
    assert_string_equal(p->e.text, "there is no job 4711");
}

/* -- depth ------------------------------------------------------------------------------------ */

static struct queue_depth depth(struct rig *rig, const char *queue)
{
    struct product *p = &rig->p;
    struct queue_depth d;
    ASSERT_OK(p, queue_depth(product_begin(p), queue, &d, &p->e));
    product_rollback(p);
    return d;
}

static void the_depth_counts_what_is_unfinished_and_finds_the_oldest(void **state)
{
    struct rig *rig = *state;
    struct queue_depth d = depth(rig, "fast");
    assert_int_equal(d.available + d.scheduled + d.executing + d.retryable, 0);
    assert_true(d.oldest_at == INT_ABSENT);
    assert_string_equal(d.queue, "fast");

    rig_pass(rig, USEC_PER_SEC);
    int64_t id = rig_add_plain(rig);
    rig_pass(rig, USEC_PER_SEC);
    for (int s = JOB_AVAILABLE; s <= JOB_DISCARDED; s++) {
        for (int n = 0; n <= s; n++)
            (void)rig_exec(rig, &set_state,
                           DB_ARGS(db_int(rig_add_plain(rig)), db_text(job_state_names[s])));
    }
    d = depth(rig, "fast");
    assert_int_equal(d.available, 2);
    assert_int_equal(d.scheduled, JOB_SCHEDULED + 1);
    assert_int_equal(d.executing, JOB_EXECUTING + 1);
    assert_int_equal(d.retryable, JOB_RETRYABLE + 1);
    assert_int_equal(d.oldest_at, PRODUCT_START_US + USEC_PER_SEC);
    (void)rig_exec(rig, &set_state, DB_ARGS(db_int(id), db_text("completed")));
    assert_int_equal(depth(rig, "fast").oldest_at, PRODUCT_START_US + 2 * USEC_PER_SEC);
    assert_int_equal(depth(rig, "slow").available, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        RIG_TEST(a_key_that_is_taken_gives_the_job_that_has_it),
        RIG_TEST(a_key_is_taken_in_every_unfinished_state_and_free_in_every_finished_one),
        RIG_TEST(a_unique_job_that_ran_may_be_enqueued_again),
        RIG_TEST(threads_that_enqueue_one_key_get_one_job),
        RIG_TEST(many_mixed_jobs_arrive_whole_and_in_order),
        RIG_TEST(many_at_once_leave_out_keys_that_are_taken_or_come_twice),
        RIG_TEST(none_at_once_is_nothing),
        RIG_TEST(a_job_exists_only_when_its_cause_is_committed),
        RIG_TEST(every_filter_finds_each_of_its_jobs_once_in_pages_of_any_size),
        RIG_TEST(a_job_that_is_not_there_is_not_found_by_its_number),
        RIG_TEST(the_depth_counts_what_is_unfinished_and_finds_the_oldest),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
