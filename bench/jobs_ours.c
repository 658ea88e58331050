/*
 * The product's own queue, through the domain's functions as the daemon calls them.
 *
 *     jobs_ours URL        then the protocol of driver.h; URL as in --database
 *
 * What knows the queue's interface stands in queue_open(), queue_insert(), queue_start() and
 * queue_stop().
 */
#include "base/clock.h"
#include "domain/jobs/runner.h"
#include "driver.h"

#include <inttypes.h>
#include <pthread.h>

#define QUEUE           "bench"
#define WORKER          "BenchWorker"
#define RUN_PLACES      2 /* jobs at a time when batches are allowed: one for each core */
#define PRODUCERS       2 /* insert side by side, as the ceiling's connections do */
#define DB_READERS      4
#define BUSY_TIMEOUT_US (30 * USEC_PER_SEC)
#define LEASE_US        (60 * USEC_PER_SEC)
#define POLL_US         (1 * USEC_PER_SEC)
#define DRAIN_US        (30 * USEC_PER_SEC)

struct ours {
    struct env env;
    struct bench_marks marks;
    struct job_queue queue;
    struct job_worker worker;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    int64_t finished;   /* jobs whose end is committed */
    int64_t started_us; /* when the last job started */
};

/* job_observe has no context of its own. */
static struct ours ours = {
    .lock = PTHREAD_MUTEX_INITIALIZER,
    .env = {.clock = &clock_system, .rng = &rng_system},
};

/* -- the worker -------------------------------------------------------------------------------- */

static enum job_result perform(struct job_run *run, struct error *e)
{
    int64_t started_us = bench_now_us(), number;
    struct str args = str_from(run->job->args), n = STR("{\"n\":"), end = STR("}");
    if (!str_starts_with(args, n) || !str_ends_with(args, end) ||
        !str_to_i64((struct str){args.ptr + n.len, args.len - n.len - end.len}, &number)) {
        (void)error_set(e, ERR_CORRUPT, "%s is no job of this benchmark", run->job->args);
        return JOB_FAIL;
    }
    bench_mark(&ours.marks, number);
    pthread_mutex_lock(&ours.lock);
    ours.started_us = started_us;
    pthread_mutex_unlock(&ours.lock);
    return JOB_DONE;
}

/* Called when the end of the job is committed. */
static void observe(const struct job *job, enum job_state to, const char *why, int64_t took_us)
{
    (void)took_us;
    if (to != JOB_COMPLETED)
        fprintf(stderr, "jobs_ours: job %" PRId64 " is %s: %s\n", job->id, job_state_names[to],
                why ? why : "");
    pthread_mutex_lock(&ours.lock);
    ours.finished++;
    pthread_cond_signal(&ours.changed);
    pthread_mutex_unlock(&ours.lock);
}

static struct timespec timespec_of(int64_t us)
{
    return (struct timespec){.tv_sec = us / USEC_PER_SEC, .tv_nsec = us % USEC_PER_SEC * 1000};
}

/* False when the time has come first. */
static bool await_finished(int64_t count, int64_t until_us)
{
    struct timespec until = timespec_of(until_us);
    int waited = 0;
    pthread_mutex_lock(&ours.lock);
    while (ours.finished < count && waited == 0)
        waited = pthread_cond_timedwait(&ours.changed, &ours.lock, &until);
    bool reached = ours.finished >= count;
    pthread_mutex_unlock(&ours.lock);
    return reached;
}

static int64_t finished_so_far(void)
{
    pthread_mutex_lock(&ours.lock);
    int64_t finished = ours.finished;
    pthread_mutex_unlock(&ours.lock);
    return finished;
}

/* -- the queue's interface --------------------------------------------------------------------- */

static enum err queue_open(const char *url, struct error *e)
{
    struct db_options options = {
        .url = url,
        .migrations = core_migrations,
        .migration_count = core_migration_count,
        .readers = DB_READERS,
        .busy_timeout_us = BUSY_TIMEOUT_US,
    };
    return db_open(&options, &ours.env.db, e);
}

static enum err insert_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct bench_jobs *jobs = arg;
    _cleanup_arena_ struct arena arena = {0};
    struct job_spec *specs = arena_new_array(&arena, (size_t)jobs->count, struct job_spec);
    for (int64_t i = 0; i < jobs->count; i++)
        specs[i] = (struct job_spec){
            .worker = WORKER,
            .queue = QUEUE,
            .args = arena_printf(&arena, "{\"n\":%" PRId64 "}", jobs->first + i),
        };
    if (jobs->count > 1)
        return job_enqueue_many(tx, &ours.env, specs, (size_t)jobs->count, NULL, e);
    return job_enqueue(tx, &ours.env, specs, &arena, NULL, NULL, e);
}

/* One transaction. */
static enum err queue_insert(struct bench_jobs jobs, struct error *e)
{
    return db_write_relaxed(ours.env.db, insert_work, &jobs, e);
}

static enum err queue_start(int64_t batch, struct runner **ret_runner, struct error *e)
{
    bool single = batch == 1;
    ours.queue =
        (struct job_queue){QUEUE, single ? 1 : RUN_PLACES, single ? 0 : 2 * (unsigned)batch};
    ours.worker = (struct job_worker){.name = WORKER, .queue = QUEUE, .perform = perform};
    struct runner_options options = {
        .env = &ours.env,
        .node_name = "bench",
        .workers = &ours.worker,
        .worker_count = 1,
        .queues = &ours.queue,
        .queue_count = 1,
        .lease_us = LEASE_US,
        .poll_us = POLL_US,
        .drain_us = DRAIN_US,
        .observe = observe,
    };
    struct runner *runner = runner_new(&options);
    enum err err = runner_start(runner, e);
    if (err == OK)
        *ret_runner = runner;
    else
        runner_free(runner);
    return err;
}

static enum err queue_stop(struct runner *runner, struct error *e)
{
    if (!runner_stop(runner))
        return error_set(e, ERR_TIMEOUT, "jobs still run after %d s",
                         (int)(DRAIN_US / USEC_PER_SEC));
    runner_free(runner);
    return OK;
}

/* -- what is measured -------------------------------------------------------------------------- */

/* What one thread inserts. */
struct share {
    pthread_t thread;
    struct bench_jobs jobs;
    int64_t batch;
    enum err err;
    struct error error;
};

static enum err insert_share(struct share *s, struct error *e)
{
    for (int64_t done = 0; done < s->jobs.count; done += s->batch) {
        int64_t left = s->jobs.count - done;
        TRY(queue_insert(
            (struct bench_jobs){s->jobs.first + done, left < s->batch ? left : s->batch}, e));
    }
    return OK;
}

static void *produce(void *arg)
{
    struct share *s = arg;
    s->err = insert_share(s, &s->error);
    return NULL;
}

/* The transactions of PRODUCERS go side by side. */
static enum err insert(void *ctx, struct bench_jobs jobs, int64_t batch, struct error *e)
{
    (void)ctx;
    int64_t batches = (jobs.count + batch - 1) / batch;
    int64_t most = (batches + PRODUCERS - 1) / PRODUCERS * batch; /* jobs of one producer */
    struct share shares[PRODUCERS] = {0};
    int started = 0;
    for (int64_t done = 0; done < jobs.count; done += most, started++) {
        int64_t left = jobs.count - done;
        struct share *s = &shares[started];
        s->jobs = (struct bench_jobs){jobs.first + done, left < most ? left : most};
        s->batch = batch;
        BUG_ON(pthread_create(&s->thread, NULL, produce, s));
    }
    enum err err = OK;
    while (started-- > 0) {
        BUG_ON(pthread_join(shares[started].thread, NULL));
        if (shares[started].err != OK)
            err = error_set(e, shares[started].err, "%s", shares[started].error.text);
    }
    return err;
}

static enum err run(void *ctx, int64_t count, int64_t batch, int64_t until_us, struct error *e)
{
    (void)ctx;
    struct runner *runner;
    int64_t all = finished_so_far() + count;
    TRY(queue_start(batch, &runner, e));
    (void)await_finished(all, until_us);
    return queue_stop(runner, e);
}

static enum err latency_once(struct runner *runner, int64_t number, int64_t until_us,
                             int64_t *ret_us, struct error *e)
{
    int64_t before = finished_so_far(), start = bench_now_us();
    TRY(queue_insert((struct bench_jobs){number, 1}, e));
    runner_wake(runner);
    if (!await_finished(before + 1, until_us))
        return error_set(e, ERR_TIMEOUT, "job %" PRId64 " was not run", number);
    pthread_mutex_lock(&ours.lock);
    *ret_us = ours.started_us - start;
    pthread_mutex_unlock(&ours.lock);
    return OK;
}

static enum err latency(void *ctx, struct bench_jobs jobs, int64_t until_us, int64_t *samples_us,
                        int64_t *ret_taken, struct error *e)
{
    (void)ctx;
    struct runner *runner;
    TRY(queue_start(1, &runner, e));
    enum err err = OK;
    int64_t taken = 0;
    while (err == OK && taken < jobs.count && bench_now_us() < until_us) {
        err = latency_once(runner, jobs.first + taken, until_us, &samples_us[taken], e);
        taken += err == OK;
    }
    *ret_taken = taken;
    struct error stop_error;
    enum err stopped = queue_stop(runner, &stop_error);
    if (err == OK && stopped != OK)
        return error_set(e, stopped, "%s", stop_error.text);
    return err;
}

static enum err ours_open(const char *url, struct error *e)
{
    pthread_condattr_t attr;
    BUG_ON(pthread_condattr_init(&attr) || pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
           pthread_cond_init(&ours.changed, &attr));
    (void)pthread_condattr_destroy(&attr);
    TRY(bench_marks_init(&ours.marks, e));
    return queue_open(url, e);
}

int main(int argc, char **argv)
{
    if (argc != 2) {
        fprintf(stderr, "usage: jobs_ours URL\n");
        return 2;
    }
    struct bench_subject subject = {insert, run, latency, NULL, &ours.marks};
    struct error e;
    enum err err = ours_open(argv[1], &e);
    if (err == OK)
        err = bench_serve(&subject, &e);
    db_close(ours.env.db);
    bench_marks_release(&ours.marks);
    (void)pthread_cond_destroy(&ours.changed);
    if (err != OK)
        fprintf(stderr, "jobs_ours: %s\n", e.text);
    return err == OK ? 0 : 1;
}
