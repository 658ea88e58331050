/* Moves that are disturbed: killed, failing, cancelled, overtaken; and the fence itself. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/migration/postgres/watchdog.h"
#include "world.h"

#include "world.sql.h"

#include <pthread.h>
#include <signal.h>
#include <spawn.h>
#include <sys/wait.h>

#define SMALL "{\"budget\":30,\"vehicle_count\":2}"

static struct world w;

static int setup(void **state)
{
    (void)state;
    world_create(&w);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_remove(&w);
    return 0;
}

static struct move requested(const char *id, const char *mode)
{
    struct error e = {0};
    struct move move;
    if (world_request(&w, id, mode, &move, &e) != OK)
        fail_msg("%s", e.text);
    return move;
}

static int64_t fences(void)
{
    return world_tenant_count(&w, w.shared.url, &world_fences, "") +
           world_tenant_count(&w, w.dedicated.url, &world_fences, "");
}

/* -- the fence --------------------------------------------------------------------------------- */

struct change {
    const struct db_query *query;
    const char *id, *value; /* value NULL: the query takes one parameter */
};

static enum err change_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct change *c = arg;
    struct db_value values[] = {db_text(c->id), db_text(c->value)};
    return db_exec(tx, c->query, (struct db_args){values, c->value ? 2 : 1}, NULL, e);
}

static enum err change(const char *url, const struct db_query *query, const char *id,
                       const char *value, struct error *e)
{
    struct change c = {query, id, value};
    struct db *db;
    TRY(tenant_store_get(w.provisioning.stores, url, &db, e));
    enum err err = db_write(db, change_work, &c, e);
    tenant_store_put(w.provisioning.stores, db);
    return err;
}

static void a_fenced_tenant_refuses_every_change_and_its_neighbour_none(void **state)
{
    (void)state;
    struct error e;
    struct tenant_stores *stores = w.provisioning.stores;
    const char *url = w.shared.url;
    const char *id = world_customer(&w, "acme", SMALL);
    const char *other = world_customer(&w, "neighbour", SMALL);
    const char *rows = world_fingerprint(&w, url, id);
    assert_int_equal(tenant_fence(stores, url, id, 1, &e), OK);
    assert_int_equal(tenant_fence(stores, url, id, 1, &e), OK);
    assert_int_equal(world_write(&w, url, id, "new", &e), ERR_CONFLICT);
    assert_non_null(strstr(e.text, "read-only while it is moved"));
    assert_int_equal(change(url, &world_vehicle_rename, id, "x", &e), ERR_CONFLICT);
    assert_int_equal(change(url, &world_vehicle_delete, id, "vehicle-001", &e), ERR_CONFLICT);
    assert_int_equal(change(url, &world_spoil, id, NULL, &e), ERR_CONFLICT);
    assert_int_equal(change(url, &world_point_delete, id, NULL, &e), ERR_CONFLICT);
    assert_int_equal(tenant_fill_example(stores, url, id, 1, 99, &e), ERR_CONFLICT);
    assert_string_equal(world_fingerprint(&w, url, id), rows);
    assert_int_equal(world_write(&w, url, other, "new", &e), OK);

    assert_int_equal(tenant_unfence(stores, url, id, 1, &e), OK);
    assert_int_equal(world_write(&w, url, id, "new", &e), OK);
}

/* A change that is under way when the fence is closed. */
struct slow_change {
    const char *id;
    struct db *db;
    pthread_mutex_t lock;
    pthread_cond_t inserted_cond;
    bool inserted;
    enum err err;
};

static enum err slow_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct slow_change *c = arg;
    TRY(db_exec(tx, &world_vehicle_insert, DB_ARGS(db_text(c->id), db_text("slow")), NULL, e));
    pthread_mutex_lock(&c->lock);
    c->inserted = true;
    pthread_cond_signal(&c->inserted_cond);
    pthread_mutex_unlock(&c->lock);
    /* Long enough for a fence that does not wait to be caught; one that waits needs no luck. */
    (void)nanosleep(&(struct timespec){.tv_nsec = 200 * 1000 * 1000}, NULL);
    return OK;
}

static void *slow_main(void *arg)
{
    struct slow_change *c = arg;
    struct error e;
    c->err = db_write(c->db, slow_work, c, &e);
    return NULL;
}

static void closing_the_fence_waits_for_changes_that_are_under_way(void **state)
{
    (void)state;
    struct error e;
    struct slow_change c = {.lock = PTHREAD_MUTEX_INITIALIZER,
                            .inserted_cond = PTHREAD_COND_INITIALIZER};
    pthread_t thread;
    c.id = world_customer(&w, "acme", SMALL);
    assert_int_equal(tenant_store_get(w.provisioning.stores, w.shared.url, &c.db, &e), OK);
    assert_int_equal(pthread_create(&thread, NULL, slow_main, &c), 0);
    pthread_mutex_lock(&c.lock);
    while (!c.inserted)
        pthread_cond_wait(&c.inserted_cond, &c.lock);
    pthread_mutex_unlock(&c.lock);
    assert_int_equal(tenant_fence(w.provisioning.stores, w.shared.url, c.id, 1, &e), OK);
    assert_int_equal(world_tenant_count(&w, w.shared.url, &world_vehicles, c.id), 51);
    assert_int_equal(pthread_join(thread, NULL), 0);
    assert_int_equal(c.err, OK);
    tenant_store_put(w.provisioning.stores, c.db);
}

static void an_older_run_can_neither_open_nor_close_the_fence(void **state)
{
    (void)state;
    struct error e;
    struct tenant_stores *stores = w.provisioning.stores;
    const char *id = world_customer(&w, "acme", SMALL);
    assert_int_equal(tenant_fence(stores, w.shared.url, id, 5, &e), OK);
    assert_int_equal(tenant_unfence(stores, w.shared.url, id, 4, &e), ERR_CONFLICT);
    assert_int_equal(world_write(&w, w.shared.url, id, "new", &e), ERR_CONFLICT);
    assert_int_equal(tenant_unfence(stores, w.shared.url, id, 6, &e), OK);
    assert_int_equal(tenant_fence(stores, w.shared.url, id, 5, &e), ERR_CONFLICT);
    assert_int_equal(world_write(&w, w.shared.url, id, "new", &e), OK);
    assert_int_equal(tenant_unfence(stores, w.shared.url, "nobody", 1, &e), OK);
    assert_int_equal(tenant_fence(stores, w.shared.url, "nobody", 1, &e), ERR_NOT_FOUND);
}

static void only_its_own_deployment_drops_a_tenant_fenced_or_not(void **state)
{
    (void)state;
    struct error e;
    struct tenant_stores *stores = w.provisioning.stores;
    const char *id = world_customer(&w, "acme", SMALL), *url = w.shared.url;
    struct deployment at = world_current(&w, id);
    struct tenant stranger = {id, "acme", "A Name", "another-deployment"};
    assert_int_equal(tenant_fence(stores, url, id, 1, &e), OK);
    assert_int_equal(tenant_create(stores, url, &stranger, 1, &e), ERR_CONFLICT);
    assert_int_equal(tenant_drop(stores, url, id, "another-deployment", &e), OK);
    assert_int_equal(world_tenant_count(&w, url, &world_points, id), 3000);
    assert_int_equal(tenant_drop(stores, url, id, at.id, &e), OK);
    assert_int_equal(world_tenant_count(&w, url, &world_points, id), 0);
    assert_int_equal(world_tenant_count(&w, url, &world_places, id), 0);
}

/* -- a mover that is disturbed ----------------------------------------------------------------- */

/* What the next calls of the mover do before and after the real one. */
static struct {
    const struct mover *real;
    int failures; /* of copy, after it copied */
    bool cancel_in_copy, busy;
    const char *migration_id;
} plan;

static enum err planned_copy(const struct mover_run *run, int64_t *ret_rows, int64_t *ret_bytes,
                             struct error *e)
{
    if (plan.cancel_in_copy) {
        plan.cancel_in_copy = false;
        assert_int_equal(world_cancel(&w, plan.migration_id, e), OK);
    }
    TRY(plan.real->copy(run, ret_rows, ret_bytes, e));
    if (plan.failures-- > 0)
        return error_set(e, plan.busy ? ERR_BUSY : ERR_IO, "the disk of the test is full");
    return OK;
}

static enum err planned_mover(const char *source_url, const char *target_url,
                              const struct mover **ret, struct error *e)
{
    static struct mover planned;
    TRY(mover_for(source_url, target_url, &plan.real, e));
    planned = *plan.real;
    planned.copy = planned_copy;
    *ret = &planned;
    return OK;
}

static const char *customer_with_plan(void)
{
    memset(&plan, 0, sizeof(plan));
    w.moves.mover_for = planned_mover;
    return world_customer(&w, "acme", SMALL);
}

/* Nothing of the move is left but its record, and the tenant is as before and can be written. */
static void assert_undone(const char *id, const struct move *move, const char *rows)
{
    struct error e;
    assert_int_equal(fences(), 0);
    assert_true(move->finished_at != INT_ABSENT);
    assert_string_equal(world_current(&w, id).id, move->source_id);
    assert_int_equal(world_current(&w, id).status, DEPLOYMENT_ACTIVE);
    assert_int_equal(world_deployment(&w, move->target_id).status, DEPLOYMENT_RETIRED);
    assert_string_equal(world_fingerprint(&w, w.shared.url, id), rows);
    assert_int_equal(world_tenant_count(&w, w.dedicated.url, &world_places, id), 0);
    assert_int_equal(world_tenant_count(&w, w.dedicated.url, &world_points, id), 0);
    assert_int_equal(world_write(&w, w.shared.url, id, "afterwards", &e), OK);
}

static void a_copy_that_fails_once_is_repeated_and_doubles_nothing(void **state)
{
    (void)state;
    const char *id = customer_with_plan(), *rows = world_fingerprint(&w, w.shared.url, id);
    plan.failures = 1;
    struct move move = requested(id, "single_tenant");
    world_run(&w, 100);
    move = world_move(&w, move.id);
    assert_int_equal(move.state, MOVE_COMPLETED);
    assert_string_equal(world_fingerprint(&w, w.dedicated.url, id), rows);
}

static void between_two_attempts_the_tenant_can_be_written(void **state)
{
    (void)state;
    struct error e;
    const char *id = customer_with_plan();
    plan.failures = 1;
    struct move move = requested(id, "single_tenant");
    while (plan.failures > 0)
        world_run(&w, 1);
    assert_int_equal(world_move(&w, move.id).state, MOVE_COPYING);
    assert_int_equal(world_write(&w, w.shared.url, id, "between", &e), OK);
    const char *rows = world_fingerprint(&w, w.shared.url, id);
    world_run(&w, 100);
    assert_string_equal(world_fingerprint(&w, w.dedicated.url, id), rows);
}

static void a_move_that_keeps_failing_is_undone_and_says_why(void **state)
{
    (void)state;
    const char *id = customer_with_plan(), *rows = world_fingerprint(&w, w.shared.url, id);
    plan.failures = 1000;
    struct move move = requested(id, "single_tenant");
    world_run(&w, 200);
    move = world_move(&w, move.id);
    assert_string_equal(move_state_names[move.state], "failed");
    assert_string_equal(move.error, "the disk of the test is full");
    assert_undone(id, &move, rows);

    plan.failures = 0; /* and the next one is not held up by it */
    struct move next = requested(id, "single_tenant");
    world_run(&w, 100);
    assert_int_equal(world_move(&w, next.id).state, MOVE_COMPLETED);
}

static void a_busy_database_costs_no_attempt(void **state)
{
    (void)state;
    const char *id = customer_with_plan();
    plan.failures = JOB_MAX_ATTEMPTS + 2;
    plan.busy = true;
    struct move move = requested(id, "single_tenant");
    world_run(&w, 200);
    assert_int_equal(world_move(&w, move.id).state, MOVE_COMPLETED);
}

static void a_move_is_cancelled_in_the_middle_of_copying(void **state)
{
    (void)state;
    const char *id = customer_with_plan(), *rows = world_fingerprint(&w, w.shared.url, id);
    struct move move = requested(id, "single_tenant");
    plan.cancel_in_copy = true;
    plan.migration_id = move.id;
    world_run(&w, 100);
    move = world_move(&w, move.id);
    assert_string_equal(move_state_names[move.state], "cancelled");
    assert_undone(id, &move, rows);
}

static void a_move_is_cancelled_before_it_began(void **state)
{
    (void)state;
    struct error e;
    const char *id = customer_with_plan(), *rows = world_fingerprint(&w, w.shared.url, id);
    struct move move = requested(id, "single_tenant");
    assert_int_equal(world_cancel(&w, move.id, &e), OK);
    assert_int_equal(world_cancel(&w, move.id, &e), OK); /* it is on its way: the same again */
    world_run(&w, 100);
    move = world_move(&w, move.id);
    assert_int_equal(move.state, MOVE_CANCELLED);
    assert_undone(id, &move, rows);
}

static void a_move_whose_job_somebody_cancelled_can_still_be_cancelled(void **state)
{
    (void)state;
    struct error e;
    const char *id = customer_with_plan(), *rows = world_fingerprint(&w, w.shared.url, id);
    struct move move = requested(id, "single_tenant");
    struct change c = {&world_job_cancel, MOVE_QUEUE, NULL};
    assert_int_equal(db_write(w.env.db, change_work, &c, &e), OK);
    assert_int_equal(world_cancel(&w, move.id, &e), OK);
    world_run(&w, 100);
    move = world_move(&w, move.id);
    assert_int_equal(move.state, MOVE_CANCELLED);
    assert_undone(id, &move, rows);
}

static void after_the_switch_a_move_cannot_be_cancelled(void **state)
{
    (void)state;
    struct error e;
    const char *id = customer_with_plan();
    struct move move = requested(id, "single_tenant");
    world_run(&w, 100);
    assert_int_equal(world_cancel(&w, move.id, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.text, "is completed: it cannot be cancelled; it is over"));
}

/* Both modes' urls name one database: nothing may be deleted from it in the target's name. */
static void a_target_in_the_sources_database_is_refused_and_nothing_is_lost(void **state)
{
    (void)state;
    const char *id = customer_with_plan(), *rows = world_fingerprint(&w, w.shared.url, id);
    w.settings.fly.database_url = w.shared.url;
    struct move move = requested(id, "single_tenant");
    world_run(&w, 200);
    move = world_move(&w, move.id);
    assert_string_equal(move_state_names[move.state], "failed");
    assert_non_null(strstr(move.error, "give each its own database url"));
    assert_undone(id, &move, rows);
}

/* -- killed ------------------------------------------------------------------------------------ */

/*
 * A second process runs the jobs and kills itself at the n-th of the points below: whenever it asks
 * for the time, which every record does, and around each call and batch of the mover.
 */
static int64_t points_left;
static int64_t child_now;

static void point(void)
{
    if (--points_left == 0)
        (void)raise(SIGKILL);
}

static int64_t counting_now(const struct clock *self)
{
    (void)self;
    point();
    return child_now;
}

/* The mover that works, and what its runs are asked by. */
static const struct mover *counted;

static enum err counting_go_on(void *ctx, struct error *e)
{
    const struct mover_run *real = ctx;
    point();
    return real->go_on(real->ctx, e);
}

static void counting_note(void *ctx, const struct mover_progress *progress)
{
    const struct mover_run *real = ctx;
    real->note(real->ctx, progress);
}

static struct mover_run watched(const struct mover_run *run)
{
    struct mover_run r = *run;
    r.go_on = counting_go_on;
    r.note = counting_note;
    r.ctx = (void *)(uintptr_t)run;
    point();
    return r;
}

static enum err after(enum err err)
{
    point();
    return err;
}

#define PLAIN_PART(name)                                                                           \
    static enum err counting_##name(const struct mover_run *run, struct error *e)                  \
    {                                                                                              \
        struct mover_run r = watched(run);                                                         \
        return after(counted->name(&r, e));                                                        \
    }

PLAIN_PART(prepare)
PLAIN_PART(index)
PLAIN_PART(catch_up)
PLAIN_PART(verify)
PLAIN_PART(settle)
PLAIN_PART(finish)
PLAIN_PART(undo)

static enum err counting_copy(const struct mover_run *run, int64_t *ret_rows, int64_t *ret_bytes,
                              struct error *e)
{
    struct mover_run r = watched(run);
    return after(counted->copy(&r, ret_rows, ret_bytes, e));
}

static enum err counting_cut_over(const struct mover_run *run, enum mover_side to,
                                  struct mover_cut **ret_cut, int64_t *ret_stall_us,
                                  struct error *e)
{
    struct mover_run r = watched(run);
    return after(counted->cut_over(&r, to, ret_cut, ret_stall_us, e));
}

static enum err counting_prove(const struct mover_run *run, struct mover_cut *cut,
                               const char **ret_proof, struct error *e)
{
    struct mover_run r = watched(run);
    return after(counted->prove(&r, cut, ret_proof, e));
}

static enum err counting_mover(const char *source_url, const char *target_url,
                               const struct mover **ret, struct error *e)
{
    static struct mover counting;
    TRY(mover_for(source_url, target_url, &counted, e));
    counting = *counted;
    counting.prepare = counting_prepare;
    counting.copy = counting_copy;
    counting.index = counting_index;
    counting.catch_up = counting_catch_up;
    counting.verify = counting_verify;
    counting.cut_over = counting_cut_over;
    counting.settle = counting_settle;
    counting.prove = counting_prove;
    counting.finish = counting_finish;
    counting.undo = counting_undo;
    *ret = &counting;
    return OK;
}

/* The arguments: the point, the time, the sandbox's port, three database urls. */
static int be_killed(char **argv)
{
    static struct world child;
    static const struct clock clock = {.now = counting_now};
    int64_t port;
    if (!str_to_i64(str_from(argv[0]), &points_left) ||
        !str_to_i64(str_from(argv[1]), &child_now) || !str_to_i64(str_from(argv[2]), &port))
        return EXIT_FAILURE;
    (void)snprintf(child.core.url, sizeof(child.core.url), "%s", argv[3]);
    (void)snprintf(child.shared.url, sizeof(child.shared.url), "%s", argv[4]);
    (void)snprintf(child.dedicated.url, sizeof(child.dedicated.url), "%s", argv[5]);
    rng_seeded_init(&child.rng, (uint64_t)child_now);
    child.env = (struct env){.clock = &clock, .rng = &child.rng.rng};
    world_join(&child, (unsigned)port);
    child.moves.mover_for = counting_mover;
    for (int i = 0; i < 60 && world_count(&child, &world_jobs_left, "") > 0; i++) {
        struct error e;
        size_t ran;
        if (runner_step(child.runner, &ran, &e) != OK)
            return EXIT_FAILURE;
        child_now += 2 * USEC_PER_SEC;
    }
    world_leave(&child);
    db_close(child.core.db);
    return EXIT_SUCCESS;
}

/* True when the process was killed, false when it came to its end. */
static bool run_and_kill(int64_t at)
{
    extern char **environ;
    struct arena *a = &w.arena;
    char *argv[] = {arena_text(a, "workers_test"),
                    arena_text(a, "be-killed"),
                    arena_printf(a, "%lld", (long long)at),
                    arena_printf(a, "%lld", (long long)env_now(&w.env)),
                    arena_printf(a, "%u", sandbox_port(w.sandbox)),
                    w.core.url,
                    w.shared.url,
                    w.dedicated.url,
                    NULL};
    pid_t pid;
    int status;
    assert_int_equal(posix_spawn(&pid, "/proc/self/exe", NULL, NULL, argv, environ), 0);
    assert_int_equal(waitpid(pid, &status, 0), pid);
    assert_true(WIFSIGNALED(status) ? WTERMSIG(status) == SIGKILL : WEXITSTATUS(status) == 0);
    return WIFSIGNALED(status);
}

/* Killed at a point, on the way there and on the way back, the move still completes. */
static void a_move_killed_anywhere_is_taken_up_and_completed(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    const char *rows = world_fingerprint(&w, w.shared.url, id);
    bool there = true, killed[2] = {true, true};
    int64_t step = testdb_engine() == DB_POSTGRES ? 97 : 9; /* each takes its time */
    for (int64_t at = 1; killed[0] || killed[1]; there = !there, at += there ? step : 0) {
        const char *url = there ? w.dedicated.url : w.shared.url;
        const char *left = there ? w.shared.url : w.dedicated.url;
        struct move move = requested(id, there ? "single_tenant" : "multi_tenant");
        killed[there] = run_and_kill(at + !there);
        clock_virtual_advance(&w.clock, 120 * USEC_PER_SEC); /* the lease runs out */
        world_run(&w, 100);
        move = world_move(&w, move.id);
        if (move.state != MOVE_COMPLETED)
            fail_msg("killed at point %lld: %s, %s", (long long)at, move_state_names[move.state],
                     move.error ? move.error : "");
        assert_string_equal(world_fingerprint(&w, url, id), rows);
        assert_int_equal(world_tenant_count(&w, left, &world_places, id), 0);
        assert_int_equal(fences(), 0);
        assert_int_equal(world_count(&w, &world_slots, ""), there ? 0 : 1);
    }
}

/*
 * Its attempts used up by kills, with the fence closed: the queue gives it up without running it.
 * What closes a fence between PostgreSQL databases opens it again without the mover: its watchdog.
 */
static void a_move_killed_too_often_leaves_no_fence_and_no_target(void **state)
{
    (void)state;
    const char *id = world_customer(&w, "acme", SMALL);
    const char *rows = world_fingerprint(&w, w.shared.url, id);
    struct move move = requested(id, "single_tenant");
    struct error e;
    bool watched = testdb_engine() == DB_POSTGRES;
    for (int64_t at = 1; run_and_kill(at) && !watched && fences() == 0; at += 4) {
        assert_int_equal(world_cancel(&w, move.id, &e), OK);
        clock_virtual_advance(&w.clock, 120 * USEC_PER_SEC);
        world_run(&w, 100);
        move = requested(id, "single_tenant");
    }
    assert_int_equal(fences(), watched ? 0 : 1);
    struct change give_up = {&world_job_exhaust, MOVE_QUEUE, NULL};
    assert_int_equal(db_write(w.env.db, change_work, &give_up, &e), OK);
    clock_virtual_advance(&w.clock, 120 * USEC_PER_SEC);
    world_run(&w, 100);
    move = world_move(&w, move.id);
    assert_string_equal(move_state_names[move.state], "failed");
    assert_non_null(strstr(move.error, "stopped answering"));
    assert_undone(id, &move, rows);
}

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, NULL);
    if (argc == 8 && strcmp(argv[1], "be-killed") == 0)
        return be_killed(argv + 2);
    if (argc == 2)
        cmocka_set_test_filter(argv[1]);
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        TEST(a_fenced_tenant_refuses_every_change_and_its_neighbour_none),
        TEST(closing_the_fence_waits_for_changes_that_are_under_way),
        TEST(an_older_run_can_neither_open_nor_close_the_fence),
        TEST(only_its_own_deployment_drops_a_tenant_fenced_or_not),
        TEST(a_copy_that_fails_once_is_repeated_and_doubles_nothing),
        TEST(between_two_attempts_the_tenant_can_be_written),
        TEST(a_move_that_keeps_failing_is_undone_and_says_why),
        TEST(a_busy_database_costs_no_attempt),
        TEST(a_move_is_cancelled_in_the_middle_of_copying),
        TEST(a_move_is_cancelled_before_it_began),
        TEST(a_move_whose_job_somebody_cancelled_can_still_be_cancelled),
        TEST(after_the_switch_a_move_cannot_be_cancelled),
        TEST(a_target_in_the_sources_database_is_refused_and_nothing_is_lost),
        TEST(a_move_killed_anywhere_is_taken_up_and_completed),
        TEST(a_move_killed_too_often_leaves_no_fence_and_no_target),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
