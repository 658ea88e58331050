/* How customers leave, in both modes, with both clouds; and what they take along. */
#include "clouds.h"
#include "domain/accounts/export_file.h"
#include "domain/accounts/offboarding_workers.h"
#include "domain/migration/move.h"
#include "domain/provisioning/workers.h"
#include "product.sql.h"

#include <sys/stat.h>

#define SMALL "{\"budget\":30,\"vehicle_count\":2}"
#define LARGE "{\"compliance_requirements\":[\"soc2\"]}"

struct leaving {
    struct clouds *c; /* its setup and teardown are called by ours */
    struct exports exports;
    struct offboarding_settings settings;
    struct job_worker workers[OFFBOARDING_WORKERS];
};

static int setup(void **state)
{
    struct leaving *l = calloc(1, sizeof(*l));
    assert_non_null(l);
    void *clouds;
    (void)clouds_setup(&clouds);
    l->c = clouds;
    l->settings = offboarding_settings_default();
    l->exports = (struct exports){
        .provisioning = &l->c->provisioning,
        .directory = arena_printf(&l->c->p.arena, "%s/exports", l->c->folder),
        .node = "here",
        .keep_us = l->settings.keep_exports_days * USEC_PER_DAY,
    };
    offboarding_workers(&l->exports, l->workers);
    *state = l;
    return 0;
}

static int teardown(void **state)
{
    struct leaving *l = *state;
    void *clouds = l->c;
    int64_t deleted;
    struct error e;
    assert_int_equal(export_files_prune(l->exports.directory, INT64_MAX, INT64_MAX, &deleted, &e),
                     OK);
    (void)rmdir(l->exports.directory);
    (void)clouds_teardown(&clouds);
    free(l);
    return 0;
}

#define LEAVING_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* -- helpers ----------------------------------------------------------------------------------- */

/* Signed up and provisioned, with two vehicles and their points. */
static struct signed_up arrive(struct leaving *l, const char *slug, const char *profile)
{
    struct clouds *c = l->c;
    struct signed_up done = product_signup(&c->p, slug, "hobby", profile);
    clouds_provision(c, done.deployment.id);
    product_begin(&c->p);
    ASSERT_OK(&c->p, job_cancel(c->p.tx, &c->p.env, "token:test", done.job.id, &c->p.arena,
                                &c->p.e)); /* the provider was driven by hand */
    product_commit(&c->p);
    ASSERT_OK(&c->p, tenant_fill_example(c->provisioning.stores, c->fleet.url, done.customer.id, 2,
                                         PRODUCT_START_US, &c->p.e));
    return done;
}

static enum err try_request(struct leaving *l, const char *customer, int64_t days,
                            struct offboarding *ret)
{
    struct product *p = &l->c->p;
    struct offboarding_wish wish = {.reason = "price", .retention_days = days};
    product_begin(p);
    enum err err = offboarding_request(p->tx, &p->env, &l->settings, "token:test", customer, &wish,
                                       &p->arena, &p->problems, ret, &p->e);
    if (err == OK)
        product_commit(p);
    else
        product_rollback(p);
    return err;
}

static struct offboarding request(struct leaving *l, const char *customer, int64_t days)
{
    struct offboarding o;
    ASSERT_OK(&l->c->p, try_request(l, customer, days, &o));
    return o;
}

/* One run of a worker, as the runner does it. */
static enum job_result run_worker(struct leaving *l, const char *name, const char *args)
{
    struct product *p = &l->c->p;
    struct job job = {.worker = name, .queue = OFFBOARDING_QUEUE, .args = args, .attempt = 1};
    _Atomic bool cancelled = false;
    for (size_t i = 0; i < OFFBOARDING_WORKERS; i++) {
        if (!text_eq(l->workers[i].name, name))
            continue;
        struct job_run run = {&p->env, &job, &p->arena, 0, l->workers[i].ctx, &cancelled};
        p->e = (struct error){0};
        return l->workers[i].perform(&run, &p->e);
    }
    fail_msg("there is no worker %s", name);
    return JOB_FAIL;
}

static enum job_result run(struct leaving *l, const struct offboarding *o)
{
    return run_worker(l, OFFBOARDING_WORKER,
                      arena_printf(&l->c->p.arena, "{\"offboarding_id\":\"%s\"}", o->id));
}

static struct offboarding now(struct leaving *l, const struct offboarding *o)
{
    struct product *p = &l->c->p;
    struct offboarding found;
    product_begin(p);
    ASSERT_OK(p, offboarding_find(p->tx, o->id, &p->arena, &found, &p->e));
    product_rollback(p);
    return found;
}

static struct customer customer(struct leaving *l, const char *id)
{
    struct product *p = &l->c->p;
    struct customer found;
    product_begin(p);
    ASSERT_OK(p, customer_find(p->tx, id, &p->arena, &found, &p->e));
    product_rollback(p);
    return found;
}

/* What the tenant's database says to a change. */
static enum err write_tenant(struct leaving *l, const char *id, int64_t at)
{
    return tenant_fill_example(l->c->provisioning.stores, l->c->fleet.url, id, 1, at, &l->c->p.e);
}

static bool tenant_is_there(struct leaving *l, const char *id)
{
    struct tenant_usage usage;
    ASSERT_OK(&l->c->p, tenant_measure(l->c->provisioning.stores, l->c->fleet.url, id,
                                       PRODUCT_START_US, &usage, &l->c->p.e));
    return usage.vehicle_count > 0;
}

/* -- the table --------------------------------------------------------------------------------- */

static void only_the_edges_of_the_table_can_be_taken(void **state)
{
    (void)state;
    static const int expected[OFFBOARDING_STATES][OFFBOARDING_EVENTS] = {
        [OFFBOARDING_REQUESTED] = {[OFFBOARDING_START] = OFFBOARDING_EXPORTING,
                                   [OFFBOARDING_CANCEL] = OFFBOARDING_CANCELLING},
        [OFFBOARDING_EXPORTING] = {[OFFBOARDING_EXPORT] = OFFBOARDING_EXPORTED,
                                   [OFFBOARDING_CANCEL] = OFFBOARDING_CANCELLING},
        [OFFBOARDING_EXPORTED] = {[OFFBOARDING_CLOSE] = OFFBOARDING_RETAINING,
                                  [OFFBOARDING_CANCEL] = OFFBOARDING_CANCELLING},
        [OFFBOARDING_RETAINING] = {[OFFBOARDING_EXPIRE] = OFFBOARDING_DELETING,
                                   [OFFBOARDING_CANCEL] = OFFBOARDING_CANCELLING},
        [OFFBOARDING_DELETING] = {[OFFBOARDING_GONE] = OFFBOARDING_DONE},
        [OFFBOARDING_CANCELLING] = {[OFFBOARDING_REOPEN] = OFFBOARDING_CANCELLED},
    };
    for (int from = 0; from < OFFBOARDING_STATES; from++) {
        for (int event = 0; event < OFFBOARDING_EVENTS; event++) {
            int to = expected[from][event]; /* 0, requested, is where no edge leads */
            assert_int_equal(
                offboarding_next_state((enum offboarding_state)from, (enum offboarding_event)event),
                to ? to : -1);
        }
    }
}

/* -- leaving ----------------------------------------------------------------------------------- */

static void leaves_nothing_behind(struct leaving *l, const char *profile)
{
    struct signed_up first = arrive(l, "acme", profile);
    struct offboarding o = request(l, "acme", 0);
    assert_int_equal(customer(l, "acme").status, CUSTOMER_LEAVING);
    assert_int_equal(run(l, &o), JOB_DONE);
    assert_int_equal(now(l, &o).state, OFFBOARDING_DONE);
    assert_int_equal(clouds_count(l->c, "apps"), 0);
    assert_int_equal(clouds_count(l->c, "machines"), 0);
    assert_int_equal(clouds_count(l->c, "volumes"), 0);
    assert_int_equal(product_number(&l->c->p, &sum_slots_used), 0);
    assert_int_equal(product_deployment(&l->c->p, first.deployment.id).status, DEPLOYMENT_RETIRED);
    assert_false(tenant_is_there(l, first.customer.id));

    struct customer gone = customer(l, first.customer.id);
    assert_int_equal(gone.status, CUSTOMER_CANCELLED);
    assert_string_equal(now(l, &o).slug, "acme");
    struct signed_up second = product_signup(&l->c->p, "acme", "hobby", profile);
    assert_string_equal(customer(l, "acme").id, second.customer.id);
    assert_int_equal(run(l, &o), JOB_DONE); /* once more changes nothing */
    assert_int_equal(customer(l, "acme").status, CUSTOMER_ACTIVE);
}

static void a_small_customer_leaves_no_row_and_no_slot_behind(void **state)
{
    leaves_nothing_behind(*state, SMALL);
}

static void a_large_customer_leaves_no_app_and_no_machine_behind(void **state)
{
    leaves_nothing_behind(*state, LARGE);
}

static void until_the_retention_is_over_the_data_is_there_and_cannot_be_changed(void **state)
{
    struct leaving *l = *state;
    struct signed_up who = arrive(l, "acme", SMALL);
    struct offboarding o = request(l, "acme", 2);
    assert_int_equal(run(l, &o), JOB_DONE);
    o = now(l, &o);
    assert_int_equal(o.state, OFFBOARDING_RETAINING);
    assert_int_equal(o.retain_until, clock_now(l->c->p.env.clock) + 2 * USEC_PER_DAY);
    assert_true(tenant_is_there(l, who.customer.id));
    assert_int_equal(write_tenant(l, who.customer.id, PRODUCT_START_US + 1), ERR_CONFLICT);

    clock_virtual_advance(&l->c->p.clock, 2 * USEC_PER_DAY - 1);
    int64_t jobs = product_number(&l->c->p, &count_jobs);
    assert_int_equal(run_worker(l, "OffboardingSweepWorker", "{}"), JOB_DONE);
    assert_int_equal(run(l, &o), JOB_DONE);
    assert_int_equal(now(l, &o).state, OFFBOARDING_RETAINING);
    /* The request's job still has the key in this test, which runs workers without the queue. */
    assert_int_equal(product_number(&l->c->p, &count_jobs), jobs);
    clock_virtual_advance(&l->c->p.clock, 1);
    assert_int_equal(run(l, &o), JOB_DONE);
    assert_int_equal(now(l, &o).state, OFFBOARDING_DONE);
    assert_false(tenant_is_there(l, who.customer.id));
}

static void the_sweep_enqueues_what_is_due_and_nothing_else(void **state)
{
    struct leaving *l = *state;
    struct product *p = &l->c->p;
    (void)arrive(l, "acme", SMALL);
    struct offboarding o = request(l, "acme", 2);
    assert_int_equal(run(l, &o), JOB_DONE);
    struct records jobs;
    product_begin(p);
    ASSERT_OK(p, job_list_unfinished(p->tx, o.customer_id, &p->arena, &jobs, &p->e));
    assert_int_equal(jobs.count, 1);
    int64_t id = ((const struct job *)jobs.items)[0].id;
    ASSERT_OK(p, job_cancel(p->tx, &p->env, "token:test", id, &p->arena, &p->e));
    product_commit(p);

    int64_t before = product_number(p, &count_jobs);
    assert_int_equal(run_worker(l, "OffboardingSweepWorker", "{}"), JOB_DONE);
    assert_int_equal(product_number(p, &count_jobs), before);
    clock_virtual_advance(&p->clock, 2 * USEC_PER_DAY);
    assert_int_equal(run_worker(l, "OffboardingSweepWorker", "{}"), JOB_DONE);
    assert_int_equal(run_worker(l, "OffboardingSweepWorker", "{}"), JOB_DONE);
    assert_int_equal(product_number(p, &count_jobs), before + 1);
}

static void a_customer_who_changes_its_mind_is_as_before(void **state)
{
    struct leaving *l = *state;
    struct product *p = &l->c->p;
    struct signed_up who = arrive(l, "acme", LARGE);
    struct offboarding o = request(l, "acme", 30), cancelled;
    assert_int_equal(run(l, &o), JOB_DONE);
    product_begin(p);
    ASSERT_OK(
        p, offboarding_cancel(p->tx, &p->env, "token:test", "acme", &p->arena, &cancelled, &p->e));
    product_commit(p);
    assert_int_equal(cancelled.state, OFFBOARDING_CANCELLING);
    assert_int_equal(run(l, &o), JOB_DONE);
    assert_int_equal(now(l, &o).state, OFFBOARDING_CANCELLED);
    assert_int_equal(customer(l, "acme").status, CUSTOMER_ACTIVE);
    assert_int_equal(write_tenant(l, who.customer.id, PRODUCT_START_US + 1), OK);

    clock_virtual_advance(&p->clock, USEC_PER_SEC);
    o = request(l, "acme", 0); /* and may leave again */
    assert_int_equal(run(l, &o), JOB_DONE);
    assert_int_equal(now(l, &o).state, OFFBOARDING_DONE);
    product_begin(p);
    assert_int_equal(offboarding_cancel(p->tx, &p->env, "token:test", who.customer.id, &p->arena,
                                        &cancelled, &p->e),
                     ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "is done: it cannot be cancelled");
    product_rollback(p);
}

static void who_is_being_set_up_or_leaving_or_moving_cannot_leave(void **state)
{
    struct leaving *l = *state;
    struct product *p = &l->c->p;
    struct offboarding o;
    struct move move;
    (void)product_signup(p, "new", "hobby", SMALL);
    assert_int_equal(try_request(l, "new", 0, &o), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "is being set up: wait for it or cancel job");

    (void)arrive(l, "moving", SMALL);
    struct move_wish wish = {"moving", "single_tenant", NULL};
    product_begin(p);
    ASSERT_OK(p, move_request(p->tx, &p->env, p->policy, p->prices, "token:test", &wish, &p->arena,
                              &p->problems, &move, &p->e));
    product_commit(p);
    assert_int_equal(try_request(l, "moving", 0, &o), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, move.id);

    (void)arrive(l, "leaving", SMALL);
    (void)request(l, "leaving", 0);
    assert_int_equal(try_request(l, "leaving", 0, &o), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "leaving already");
    wish.customer = "leaving";
    product_begin(p);
    assert_int_equal(move_request(p->tx, &p->env, p->policy, p->prices, "token:test", &wish,
                                  &p->arena, &p->problems, &move, &p->e),
                     ERR_CONFLICT);
    product_rollback(p);
}

static void a_customer_whose_signup_failed_halfway_can_leave(void **state)
{
    struct leaving *l = *state;
    struct product *p = &l->c->p;
    struct signed_up who = product_signup(p, "acme", "hobby", LARGE);
    const char *url = NULL;
    assert_int_equal(clouds_advance(l->c, who.deployment.id, &url), JOB_SNOOZE);
    assert_int_equal(clouds_count(l->c, "apps"), 1);
    product_begin(p);
    ASSERT_OK(p, job_cancel(p->tx, &p->env, "token:test", who.job.id, &p->arena, &p->e));
    struct job job = who.job;
    ASSERT_OK(p, provisioning_cancelled(p->tx, &p->env, "token:test", &job, &p->arena, &p->e));
    product_commit(p);

    struct offboarding o = request(l, "acme", 30);
    assert_int_equal(o.retention_days, 0);
    assert_false(o.wants_export);
    assert_int_equal(run(l, &o), JOB_DONE);
    assert_int_equal(now(l, &o).state, OFFBOARDING_DONE);
    assert_int_equal(clouds_count(l->c, "apps"), 0);
    assert_int_equal(clouds_count(l->c, "machines"), 0);
}

static void it_is_not_done_before_the_cloud_says_so(void **state)
{
    struct leaving *l = *state;
    (void)arrive(l, "acme", LARGE);
    struct offboarding o = request(l, "acme", 0);
    clouds_fault(l->c, "[{\"match\":{\"method\":\"DELETE\",\"path_prefix\":\"/v1/apps\"},"
                       "\"effect\":{\"status\":500}}]");
    assert_int_equal(run(l, &o), JOB_RETRY);
    assert_int_equal(now(l, &o).state, OFFBOARDING_DELETING);
    assert_int_equal(clouds_count(l->c, "apps"), 1);
    clouds_no_faults(l->c);

    clouds_fault(l->c, "[{\"match\":{\"method\":\"GET\",\"path_prefix\":\"/v1/apps\"},"
                       "\"effect\":{\"status\":500}}]");
    assert_int_equal(run(l, &o), JOB_RETRY); /* deleted, but nobody has confirmed it */
    assert_int_equal(now(l, &o).state, OFFBOARDING_DELETING);
    clouds_no_faults(l->c);
    assert_int_equal(run(l, &o), JOB_DONE);
    assert_int_equal(now(l, &o).state, OFFBOARDING_DONE);
}

static void a_job_out_of_attempts_leaves_a_new_one_and_the_reason(void **state)
{
    struct leaving *l = *state;
    struct product *p = &l->c->p;
    (void)arrive(l, "acme", LARGE);
    struct offboarding o = request(l, "acme", 0);
    struct records jobs;
    product_begin(p);
    ASSERT_OK(p, job_list_unfinished(p->tx, o.customer_id, &p->arena, &jobs, &p->e));
    struct job job = ((const struct job *)jobs.items)[0];
    ASSERT_OK(p, job_cancel(p->tx, &p->env, "token:test", job.id, &p->arena, &p->e));
    struct job_run given_up = {&p->env, &job, &p->arena, 0, &l->exports, NULL};
    ASSERT_OK(p, l->workers[0].discarded(p->tx, &given_up, "Fly is on fire", &p->e));
    ASSERT_OK(p, job_list_unfinished(p->tx, o.customer_id, &p->arena, &jobs, &p->e));
    product_commit(p);
    assert_int_equal(jobs.count, 1);
    assert_string_equal(now(l, &o).error, "Fly is on fire");
    assert_int_equal(run(l, &o), JOB_DONE);
    assert_null(now(l, &o).error);
}

/* -- exports ----------------------------------------------------------------------------------- */

static struct export_record export_of_customer(struct leaving *l, const char *id)
{
    struct product *p = &l->c->p;
    struct export_record record;
    product_begin(p);
    ASSERT_OK(p, export_find(p->tx, id, &p->arena, &record, &p->e));
    product_rollback(p);
    return record;
}

static void the_export_is_private_recorded_and_outlives_the_customer_until_it_expires(void **state)
{
    struct leaving *l = *state;
    struct product *p = &l->c->p;
    struct signed_up who = arrive(l, "acme", SMALL);
    struct offboarding o = request(l, "acme", 0);
    assert_int_equal(run(l, &o), JOB_DONE);
    struct export_record record = export_of_customer(l, who.customer.id);
    assert_int_equal(record.row_count, 1 + 2 + 120);
    assert_string_equal(record.node, "here");
    int fd;
    int64_t size;
    struct stat st;
    ASSERT_OK(p, export_open(&l->exports, &record, &p->arena, &fd, &size, &p->e));
    assert_int_equal(fstat(fd, &st), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_int_equal(size, record.bytes);

    struct exports elsewhere = l->exports;
    elsewhere.node = "there";
    elsewhere.directory = "/nonexistent";
    assert_int_equal(export_open(&elsewhere, &record, &p->arena, &fd, &size, &p->e), ERR_CONFLICT);
    ASSERT_CONTAINS(p->e.text, "node here made it");

    /* The file's age is the system's, so only a clock beyond both sees it expire. */
    clock_virtual_advance(&p->clock, 100 * 365 * USEC_PER_DAY);
    assert_int_equal(run_worker(l, "OffboardingSweepWorker", "{}"), JOB_DONE);
    product_begin(p);
    assert_int_equal(export_find(p->tx, who.customer.id, &p->arena, &record, &p->e), ERR_NOT_FOUND);
    product_rollback(p);
    assert_int_equal(export_open(&l->exports, &record, &p->arena, &fd, &size, &p->e), ERR_CONFLICT);
}

static enum err columns_of(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    (void)columns;
    (void)e;
    *(size_t *)arg = count;
    return OK;
}

static enum err columns_work(struct db_tx *tx, void *arg, struct error *e)
{
    const char *id = arg;
    for (size_t i = 0; i < EXPORT_TABLES; i++) {
        const struct export_table *t = &export_tables[i];
        size_t columns = 0, named = 0;
        TRY(db_each(tx, t->rows, DB_ARGS(db_text(id)), columns_of, &columns, e));
        while (t->columns[named])
            named++;
        if (columns != named)
            return error_set(e, ERR_CORRUPT, "%s: %zu columns, %zu names", t->name, columns, named);
    }
    return OK;
}

static void every_column_of_an_export_has_its_name(void **state)
{
    struct leaving *l = *state;
    struct product *p = &l->c->p;
    struct signed_up who = arrive(l, "acme", SMALL);
    struct db *db;
    ASSERT_OK(p, tenant_store_get(l->c->provisioning.stores, l->c->fleet.url, &db, &p->e));
    ASSERT_OK(p, db_read(db, columns_work, (void *)(uintptr_t)who.customer.id, &p->e));
    tenant_store_put(l->c->provisioning.stores, db);
}

static void there_is_no_export_of_what_is_not_there(void **state)
{
    struct leaving *l = *state;
    struct product *p = &l->c->p;
    struct job job;
    struct signed_up who = product_signup(p, "new", "hobby", SMALL);
    product_begin(p);
    assert_int_equal(export_request(p->tx, &p->env, "token:test", "new", &p->arena, &job, &p->e),
                     ERR_CONFLICT);
    product_rollback(p);
    const char *args = arena_printf(&p->arena, "{\"customer_id\":\"%s\"}", who.customer.id);
    assert_int_equal(run_worker(l, "ExportWorker", args), JOB_FAIL);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(only_the_edges_of_the_table_can_be_taken),
        LEAVING_TEST(a_small_customer_leaves_no_row_and_no_slot_behind),
        LEAVING_TEST(a_large_customer_leaves_no_app_and_no_machine_behind),
        LEAVING_TEST(until_the_retention_is_over_the_data_is_there_and_cannot_be_changed),
        LEAVING_TEST(the_sweep_enqueues_what_is_due_and_nothing_else),
        LEAVING_TEST(a_customer_who_changes_its_mind_is_as_before),
        LEAVING_TEST(who_is_being_set_up_or_leaving_or_moving_cannot_leave),
        LEAVING_TEST(a_customer_whose_signup_failed_halfway_can_leave),
        LEAVING_TEST(it_is_not_done_before_the_cloud_says_so),
        LEAVING_TEST(a_job_out_of_attempts_leaves_a_new_one_and_the_reason),
        LEAVING_TEST(the_export_is_private_recorded_and_outlives_the_customer_until_it_expires),
        LEAVING_TEST(every_column_of_an_export_has_its_name),
        LEAVING_TEST(there_is_no_export_of_what_is_not_there),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
