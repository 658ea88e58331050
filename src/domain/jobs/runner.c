#include "domain/jobs/runner.h"

#include "base/log.h"

#include <pthread.h>

#define RESCUE_BATCH 100

/* One claimed job on its way through an executor. */
struct task {
    struct task *next;
    struct arena arena; /* the job's texts, and what its perform() allocates */
    struct job job;
    const struct job_worker *worker; /* NULL: this program does not know the worker */
    size_t queue;
};

struct runner {
    struct runner_options opt;
    char node[UUID_TEXT_MAX];

    pthread_mutex_t lock; /* guards everything below */
    pthread_cond_t wake;  /* the dispatcher: something may be ready, a place is free, stop */
    pthread_cond_t ready; /* executors: `waiting` is not empty, stop */
    struct task *waiting; /* claimed, not yet picked up */
    struct task *running;
    unsigned *taken; /* by queue: waiting and running tasks */
    bool woken, stopping;

    pthread_t dispatcher;
    pthread_t *executors;
    size_t executor_count;
    size_t idle_executors; /* that have ended, while stopping */
};

static pthread_cond_t monotonic_cond(void)
{
    pthread_cond_t cond;
    pthread_condattr_t attr;
    BUG_ON(pthread_condattr_init(&attr) || pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
           pthread_cond_init(&cond, &attr));
    (void)pthread_condattr_destroy(&attr);
    return cond;
}

struct runner *runner_new(const struct runner_options *options)
{
    struct runner *r = calloc(1, sizeof(*r));
    BUG_ON(!r);
    r->opt = *options;
    (void)uuid7(options->env->clock, options->env->rng, r->node);
    BUG_ON(pthread_mutex_init(&r->lock, NULL));
    r->wake = monotonic_cond();
    r->ready = monotonic_cond();
    r->taken = calloc(options->queue_count, sizeof(*r->taken));
    BUG_ON(!r->taken);
    return r;
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    BUG_ON(r->waiting || r->running);
    (void)pthread_cond_destroy(&r->ready);
    (void)pthread_cond_destroy(&r->wake);
    (void)pthread_mutex_destroy(&r->lock);
    free(r->executors);
    free(r->taken);
    free(r);
}

const char *runner_node(const struct runner *r)
{
    return r->node;
}

static const struct job_worker *find_worker(const struct runner *r, const char *name)
{
    for (size_t i = 0; i < r->opt.worker_count; i++) {
        if (text_eq(r->opt.workers[i].name, name))
            return &r->opt.workers[i];
    }
    return NULL;
}

static struct job job_copy(const struct job *job, struct arena *arena)
{
    struct job copy = *job;
    for (const struct field *f = job_fields; f->name; f++) {
        if (f->type == FIELD_TEXT || f->type == FIELD_JSON) {
            const char **text = record_at(&copy, f);
            *text = arena_text(arena, *text);
        }
    }
    return copy;
}

/* -- claiming --------------------------------------------------------------------------------- */

struct claim {
    struct runner *runner;
    const char *queue;
    int64_t max;
    struct arena *arena;
    struct records jobs;
};

static enum err claim_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct claim *c = arg;
    const struct runner *r = c->runner;
    return job_claim(tx, r->opt.env, c->queue, r->node, c->max, r->opt.lease_us, c->arena, &c->jobs,
                     e);
}

/* Claims what the queue has places for and puts it before the executors. */
static enum err fill_queue(struct runner *r, size_t queue, size_t *claimed, struct error *e)
{
    pthread_mutex_lock(&r->lock);
    unsigned places = r->opt.queues[queue].limit - r->taken[queue];
    pthread_mutex_unlock(&r->lock);
    if (places == 0)
        return OK;

    _cleanup_arena_ struct arena arena = {0};
    struct claim c = {r, r->opt.queues[queue].name, places, &arena, {0}};
    TRY(db_write(r->opt.env->db, claim_work, &c, e));

    const struct job *jobs = c.jobs.items;
    for (size_t i = 0; i < c.jobs.count; i++) {
        struct task *task = calloc(1, sizeof(*task));
        BUG_ON(!task);
        task->job = job_copy(&jobs[i], &task->arena);
        task->worker = find_worker(r, task->job.worker);
        task->queue = queue;
        pthread_mutex_lock(&r->lock);
        struct task **end = &r->waiting;
        while (*end)
            end = &(*end)->next;
        *end = task;
        r->taken[queue]++;
        pthread_cond_signal(&r->ready);
        pthread_mutex_unlock(&r->lock);
    }
    *claimed += c.jobs.count;
    return OK;
}

static enum err fill_all(struct runner *r, size_t *claimed, struct error *e)
{
    for (size_t i = 0; i < r->opt.queue_count; i++)
        TRY(fill_queue(r, i, claimed, e));
    return OK;
}

/* -- running ---------------------------------------------------------------------------------- */

struct finish {
    struct job_run *run;
    const struct job_worker *worker;
    enum job_result result;
    const char *why;
    enum job_state to;
};

static enum err finish_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct finish *f = arg;
    return job_finish(tx, f->run, f->worker, f->result, f->why, &f->to, e);
}

static void run_task(struct runner *r, struct task *task)
{
    const struct env *env = r->opt.env;
    struct job_run run = {.env = env,
                          .job = &task->job,
                          .arena = &task->arena,
                          .ctx = task->worker ? task->worker->ctx : NULL};
    int64_t started = env_now(env);
    struct error why = {0}, e;
    struct finish f = {.run = &run, .worker = task->worker, .result = JOB_FAIL};
    if (task->worker)
        f.result = task->worker->perform(&run, &why);
    else
        (void)error_set(&why, ERR_INVALID, "this program has no worker %s", task->job.worker);
    f.why = f.result == JOB_RETRY || f.result == JOB_FAIL ? why.text : NULL;

    if (db_write(env->db, finish_work, &f, &e) != OK)
        log_error("job not finished", LOG_TEXT("job", task->job.id), LOG_TEXT("error", e.text));
    else if (r->opt.observe)
        r->opt.observe(&task->job, f.to, f.why, env_now(env) - started);
}

/* Called with the lock held. */
static struct task *take_task(struct runner *r)
{
    struct task *task = r->waiting;
    r->waiting = task->next;
    task->next = r->running;
    r->running = task;
    return task;
}

/* Called with the lock held. */
static void drop_task(struct runner *r, struct task *task)
{
    struct task **at = &r->running;
    while (*at != task)
        at = &(*at)->next;
    *at = task->next;
    r->taken[task->queue]--;
    arena_release(&task->arena);
    free(task);
}

static void *executor_main(void *arg)
{
    struct runner *r = arg;
    pthread_mutex_lock(&r->lock);
    for (;;) {
        while (!r->waiting && !r->stopping)
            pthread_cond_wait(&r->ready, &r->lock);
        if (r->stopping)
            break;
        struct task *task = take_task(r);
        pthread_mutex_unlock(&r->lock);
        run_task(r, task);
        pthread_mutex_lock(&r->lock);
        drop_task(r, task);
        r->woken = true;
        pthread_cond_signal(&r->wake);
    }
    r->idle_executors++;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* -- leases ----------------------------------------------------------------------------------- */

/* Renews what runs here. The lock is held so that the list stands still; renewing is one commit. */
static enum err heartbeat_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct runner *r = arg;
    struct task *const lists[] = {r->running, r->waiting};
    for (size_t i = 0; i < ARRAY_LEN(lists); i++) {
        for (struct task *t = lists[i]; t; t = t->next)
            TRY(job_heartbeat(tx, r->opt.env, &t->job, r->opt.lease_us, e));
    }
    return OK;
}

static enum err rescue_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct runner *r = arg;
    _cleanup_arena_ struct arena arena = {0};
    struct records expired;
    TRY(job_list_expired(tx, r->opt.env, RESCUE_BATCH, &arena, &expired, e));
    const struct job *jobs = expired.items;
    for (size_t i = 0; i < expired.count; i++) {
        const struct job_worker *worker = find_worker(r, jobs[i].worker);
        struct job_run run = {.env = r->opt.env,
                              .job = &jobs[i],
                              .arena = &arena,
                              .ctx = worker ? worker->ctx : NULL};
        const char *why = arena_printf(&arena, "node %s stopped answering", jobs[i].node);
        enum job_state to;
        TRY(job_finish(tx, &run, worker, JOB_RETRY, why, &to, e));
    }
    return OK;
}

static enum err keep_leases(struct runner *r, struct error *e)
{
    pthread_mutex_lock(&r->lock);
    enum err err = r->running || r->waiting ? db_write(r->opt.env->db, heartbeat_work, r, e) : OK;
    pthread_mutex_unlock(&r->lock);
    TRY(err);
    return db_write(r->opt.env->db, rescue_work, r, e);
}

/* -- threads ---------------------------------------------------------------------------------- */

static int64_t monotonic_us(void)
{
    struct timespec ts;
    BUG_ON(clock_gettime(CLOCK_MONOTONIC, &ts));
    return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static struct timespec timespec_at(int64_t monotonic)
{
    return (struct timespec){.tv_sec = monotonic / USEC_PER_SEC,
                             .tv_nsec = monotonic % USEC_PER_SEC * 1000};
}

/* Waits for a reason to look again; false when it is time to stop. */
static bool wait_for_wake(struct runner *r)
{
    struct timespec until = timespec_at(monotonic_us() + r->opt.poll_us);
    pthread_mutex_lock(&r->lock);
    while (!r->woken && !r->stopping) {
        if (pthread_cond_timedwait(&r->wake, &r->lock, &until) != 0)
            break;
    }
    r->woken = false;
    bool go_on = !r->stopping;
    pthread_mutex_unlock(&r->lock);
    return go_on;
}

static void *dispatcher_main(void *arg)
{
    struct runner *r = arg;
    int64_t leases_due = 0;
    do {
        struct error e;
        size_t claimed = 0;
        if (monotonic_us() >= leases_due) {
            if (keep_leases(r, &e) != OK)
                log_error("leases not renewed", LOG_TEXT("error", e.text));
            leases_due = monotonic_us() + r->opt.lease_us / 3;
        }
        if (fill_all(r, &claimed, &e) != OK)
            log_error("jobs not claimed", LOG_TEXT("error", e.text));
    } while (wait_for_wake(r));
    return NULL;
}

enum err runner_start(struct runner *r, struct error *e)
{
    BUG_ON(r->executors);
    size_t count = 0;
    for (size_t i = 0; i < r->opt.queue_count; i++)
        count += r->opt.queues[i].limit;
    r->executors = calloc(count, sizeof(*r->executors));
    BUG_ON(!r->executors);
    for (size_t i = 0; i < count; i++) {
        if (pthread_create(&r->executors[i], NULL, executor_main, r) != 0)
            return error_set(e, ERR_IO, "cannot start thread %zu of %zu for jobs", i + 1, count);
        r->executor_count++;
    }
    BUG_ON(pthread_create(&r->dispatcher, NULL, dispatcher_main, r) != 0);
    return OK;
}

void runner_wake(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    r->woken = true;
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
}

/* Claimed but never started: put back, so that nobody has to wait for their leases. */
static void put_back_waiting(struct runner *r)
{
    while (r->waiting) {
        struct task *task = take_task(r);
        struct job_run run = {.env = r->opt.env, .job = &task->job, .arena = &task->arena};
        struct finish f = {.run = &run, .result = JOB_SNOOZE};
        struct error e;
        if (db_write(r->opt.env->db, finish_work, &f, &e) != OK)
            log_error("job not put back", LOG_TEXT("job", task->job.id), LOG_TEXT("error", e.text));
        drop_task(r, task);
    }
}

bool runner_stop(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_broadcast(&r->ready);
    pthread_cond_signal(&r->wake);
    pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->dispatcher, NULL);

    struct timespec until = timespec_at(monotonic_us() + r->opt.drain_us);
    pthread_mutex_lock(&r->lock);
    while (r->idle_executors < r->executor_count) {
        if (pthread_cond_timedwait(&r->wake, &r->lock, &until) != 0)
            break;
    }
    bool drained = r->idle_executors == r->executor_count;
    pthread_mutex_unlock(&r->lock);
    if (!drained)
        return false;
    for (size_t i = 0; i < r->executor_count; i++)
        (void)pthread_join(r->executors[i], NULL);
    put_back_waiting(r);
    return true;
}

enum err runner_step(struct runner *r, size_t *ret_ran, struct error *e)
{
    BUG_ON(r->executors);
    size_t claimed = 0, ran = 0;
    TRY(keep_leases(r, e));
    TRY(fill_all(r, &claimed, e));
    while (r->waiting) {
        struct task *task = take_task(r);
        run_task(r, task);
        drop_task(r, task);
        ran++;
    }
    *ret_ran = ran;
    return OK;
}
