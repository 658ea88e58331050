#include "domain/jobs/runner.h"

#include "base/log.h"
#include "domain/jobs/runner_parts.h"

#include <stdatomic.h>

#define AFTER_ERROR_US USEC_PER_SEC /* before the next try at something that failed */

/*
 * While there is more to run, ends are collected for so long, or until there are so many: one
 * commit for many costs as much as one commit for one.
 */
#define LINGER_US    (4 * USEC_PER_MS)
#define LINGER_COUNT 500

#define FEW_PLACES 64

/* -- tasks and lists -------------------------------------------------------------------------- */

void task_list_init(struct task_list *list)
{
    *list = (struct task_list){.end = &list->first};
}

void task_list_append(struct task_list *list, struct task *task)
{
    task->next = NULL;
    *list->end = task;
    list->end = &task->next;
    list->count++;
}

void task_list_append_all(struct task_list *list, struct task_list *from)
{
    if (from->count == 0)
        return;
    *list->end = from->first;
    list->end = from->end;
    list->count += from->count;
    task_list_init(from);
}

struct task *task_list_take(struct task_list *list)
{
    struct task *task = list->first;
    if (!task)
        return NULL;
    list->first = task->next;
    list->count--;
    if (!list->first)
        list->end = &list->first;
    return task;
}

static void collect_ids(const struct task *first, int64_t node, int64_t *ids, size_t *count)
{
    for (const struct task *t = first; t; t = t->next) {
        if (t->job->node == node)
            ids[(*count)++] = t->job->id;
    }
}

const int64_t *ids_in_hand(const struct runner *r, int64_t node, struct arena *arena,
                           size_t *ret_count)
{
    size_t most = r->ended.count + r->completing.count + r->ending.count, count = 0;
    for (size_t i = 0; i < r->opt.queue_count; i++)
        most += r->queues[i].waiting.count + r->queues[i].running;
    int64_t *ids = arena_new_array(arena, most, int64_t);
    for (size_t i = 0; i < r->opt.queue_count; i++)
        collect_ids(r->queues[i].waiting.first, node, ids, &count);
    collect_ids(r->running, node, ids, &count);
    collect_ids(r->ended.first, node, ids, &count);
    collect_ids(r->completing.first, node, ids, &count);
    collect_ids(r->ending.first, node, ids, &count);
    *ret_count = count;
    return ids;
}

const struct job_worker *runner_worker(const struct runner *r, const char *name)
{
    for (size_t i = 0; i < r->opt.worker_count; i++) {
        if (text_eq(r->opt.workers[i].name, name))
            return &r->opt.workers[i];
    }
    return NULL;
}

/* -- executing -------------------------------------------------------------------------------- */

struct task *runner_next_task(struct runner *r)
{
    for (size_t i = 0; i < r->opt.queue_count && !r->stopping; i++) {
        struct queue_state *q = &r->queues[i];
        if (q->waiting.count == 0 || q->running >= q->limit)
            continue;
        struct task *task = task_list_take(&q->waiting);
        q->running++;
        task->next = r->running;
        r->running = task;
        return task;
    }
    return NULL;
}

/* When what ended has to be written down; INT64_MAX when nothing ended. Locked. */
static int64_t finish_at(const struct runner *r)
{
    if (r->completing.count + r->ending.count > 0)
        return 0; /* an earlier round could not */
    if (r->ended.count == 0)
        return INT64_MAX;
    size_t waiting = 0;
    for (size_t i = 0; i < r->opt.queue_count; i++)
        waiting += r->queues[i].waiting.count;
    bool now = waiting == 0 || r->ended.count >= LINGER_COUNT || r->finishing;
    return now ? 0 : r->ended_since + LINGER_US;
}

static void move_to_ended(struct runner *r, struct task *task)
{
    pthread_mutex_lock(&r->lock);
    struct task **at = &r->running;
    while (*at != task)
        at = &(*at)->next;
    *at = task->next;
    struct queue_state *q = &r->queues[task->queue];
    q->running--;
    task_list_append(&r->ended, task);
    if (r->ended.count == 1)
        r->ended_since = monotonic_us();
    /* Once to set a time for it, and once when it is time at once. */
    bool finish = r->ended.count == 1 || finish_at(r) == 0;
    if (finish && !r->one_writer)
        pthread_cond_broadcast(&r->finisher_wake); /* who stops the runner waits on it too */
    if (q->waiting.count <= r->opt.queues[task->queue].buffer / 2)
        r->claimer_woken = true;
    if (r->claimer_woken || (finish && r->one_writer))
        pthread_cond_signal(&r->claimer_wake);
    pthread_mutex_unlock(&r->lock);
}

void runner_execute(struct runner *r, struct task *task)
{
    _cleanup_arena_ struct arena arena = {0};
    const struct env *env = r->opt.env;
    struct job_run run = {.env = env,
                          .job = task->job,
                          .arena = &arena,
                          .ctx = task->worker ? task->worker->ctx : NULL,
                          .cancelled = &task->cancelled};
    struct error why = {0};
    int64_t began = env_now(env);
    task->result = JOB_FAIL;
    if (task->worker)
        task->result = task->worker->perform(&run, &why);
    else
        (void)error_set(&why, ERR_INVALID, "this program has no worker %s", task->job->worker);
    task->took_us = env_now(env) - began;
    task->snooze_us = run.snooze_us;
    if (task->result == JOB_RETRY || task->result == JOB_FAIL) {
        task->why = strdup(why.text);
        BUG_ON(!task->why);
    }
    move_to_ended(r, task);
}

/* -- threads ---------------------------------------------------------------------------------- */

/* Locked. Returns at the latest at the monotonic time `until`. */
static bool wait_until(pthread_cond_t *cond, pthread_mutex_t *lock, int64_t until)
{
    struct timespec ts = {.tv_sec = until / USEC_PER_SEC, .tv_nsec = until % USEC_PER_SEC * 1000};
    return pthread_cond_timedwait(cond, lock, &ts) == 0;
}

static void *executor_main(void *arg)
{
    struct runner *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->stopping) {
        struct task *task = runner_next_task(r);
        if (task) {
            pthread_mutex_unlock(&r->lock);
            runner_execute(r, task);
            pthread_mutex_lock(&r->lock);
        } else {
            r->idle_executors++;
            pthread_cond_wait(&r->executor_wake, &r->lock);
            r->idle_executors--;
        }
    }
    r->executors_ended++;
    pthread_cond_broadcast(&r->finisher_wake);
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* When the claimer has to look again even if nobody wakes it. */
static int64_t next_look(const struct runner *r)
{
    int64_t at = monotonic_us() + r->opt.poll_us;
    for (size_t i = 0; i < r->opt.queue_count; i++) {
        const struct queue_state *q = &r->queues[i];
        if (q->looked_behind && q->look_at_all_at < at)
            at = q->look_at_all_at;
    }
    return at;
}

static bool has_ended(const struct runner *r)
{
    return r->ended.count + r->completing.count + r->ending.count > 0;
}

/* Locked. Waits until there may be something to claim, or until what ended is to be written. */
static void claimer_wait(struct runner *r, int64_t until)
{
    while (!r->claimer_woken && !r->finishing && !(r->stopping && !r->one_writer)) {
        int64_t finish = r->one_writer ? finish_at(r) : INT64_MAX;
        int64_t wake = finish < until ? finish : until;
        if (wake <= monotonic_us())
            break;
        (void)wait_until(&r->claimer_wake, &r->lock, wake);
    }
}

/* On an engine with one writer it does the finisher's work too, and stays until that is done. */
static bool claimer_stays(const struct runner *r)
{
    return !r->stopping || (r->one_writer && (!r->finishing || has_ended(r)));
}

static void *claimer_main(void *arg)
{
    struct runner *r = arg;
    unsigned parts = ROUND_CLAIM | (r->one_writer ? ROUND_FINISH : 0);
    pthread_mutex_lock(&r->lock);
    while (claimer_stays(r)) {
        struct error e;
        size_t claimed = 0;
        r->claimer_woken = false;
        pthread_mutex_unlock(&r->lock);
        enum err err = runner_round(r, parts, &claimed, &e);
        if (err != OK)
            log_error("jobs not claimed", LOG_TEXT("error", e.text));
        pthread_mutex_lock(&r->lock);
        if (err != OK && r->finishing)
            break; /* their lease runs out; others do them again */
        if (err != OK)
            (void)wait_until(&r->claimer_wake, &r->lock, monotonic_us() + AFTER_ERROR_US);
        else if (claimed == 0)
            claimer_wait(r, next_look(r));
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void *finisher_main(void *arg)
{
    struct runner *r = arg;
    pthread_mutex_lock(&r->lock);
    while (!r->finishing || has_ended(r)) {
        struct error e;
        int64_t at = finish_at(r);
        if (at == INT64_MAX) {
            pthread_cond_wait(&r->finisher_wake, &r->lock);
            continue;
        }
        if (at > monotonic_us()) {
            (void)wait_until(&r->finisher_wake, &r->lock, at);
            continue;
        }
        pthread_mutex_unlock(&r->lock);
        enum err err = runner_round(r, ROUND_FINISH, NULL, &e);
        if (err != OK)
            log_error("ends of jobs not recorded", LOG_TEXT("error", e.text));
        pthread_mutex_lock(&r->lock);
        if (err != OK && r->finishing)
            break; /* their lease runs out; others do them again */
        if (err != OK)
            (void)wait_until(&r->finisher_wake, &r->lock, monotonic_us() + AFTER_ERROR_US);
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

static void *keeper_main(void *arg)
{
    struct runner *r = arg;
    int64_t alive_due = 0;
    pthread_mutex_lock(&r->lock);
    while (!r->finishing) {
        struct error e;
        pthread_mutex_unlock(&r->lock);
        if (monotonic_us() >= alive_due) {
            if (runner_keep_alive(r, &e) != OK)
                log_error("lease not renewed", LOG_TEXT("error", e.text));
            alive_due = monotonic_us() + r->opt.lease_us / 3;
        }
        bool looked = runner_look_around(r, &e) == OK;
        if (!looked)
            log_error("queue not looked after", LOG_TEXT("error", e.text));
        pthread_mutex_lock(&r->lock);
        int64_t until = monotonic_us() + (looked ? r->opt.poll_us : AFTER_ERROR_US);
        while (!r->finishing && !r->keeper_woken) {
            if (!wait_until(&r->keeper_wake, &r->lock, until))
                break;
        }
        r->keeper_woken = false;
    }
    pthread_mutex_unlock(&r->lock);
    return NULL;
}

/* -- lifecycle -------------------------------------------------------------------------------- */

static void cond_init(pthread_cond_t *cond)
{
    pthread_condattr_t attr;
    BUG_ON(pthread_condattr_init(&attr) || pthread_condattr_setclock(&attr, CLOCK_MONOTONIC) ||
           pthread_cond_init(cond, &attr));
    (void)pthread_condattr_destroy(&attr);
}

/*
 * On SQLite two commits would only wait for each other. On PostgreSQL they run beside each other,
 * which pays for large batches; a few jobs are quicker ended and claimed in one.
 */
static bool one_writer_does(const struct runner_options *o)
{
    size_t places = 0;
    for (size_t i = 0; i < o->queue_count; i++)
        places += o->queues[i].limit + o->queues[i].buffer;
    return db_engine_of(o->env->db) == DB_SQLITE || places <= FEW_PLACES;
}

struct runner *runner_new(const struct runner_options *options)
{
    BUG_ON(options->queue_count == 0);
    struct runner *r = calloc(1, sizeof(*r));
    BUG_ON(!r);
    r->opt = *options;
    r->one_writer = one_writer_does(options);
    BUG_ON(pthread_mutex_init(&r->lock, NULL));
    cond_init(&r->claimer_wake);
    cond_init(&r->executor_wake);
    cond_init(&r->finisher_wake);
    cond_init(&r->keeper_wake);
    task_list_init(&r->ended);
    task_list_init(&r->completing);
    task_list_init(&r->ending);
    r->queues = calloc(options->queue_count, sizeof(*r->queues));
    BUG_ON(!r->queues);
    for (size_t i = 0; i < options->queue_count; i++) {
        BUG_ON(options->queues[i].limit == 0);
        r->queues[i].limit = options->queues[i].limit;
        r->queues[i].cursor = JOB_CURSOR_START;
        task_list_init(&r->queues[i].waiting);
    }
    return r;
}

static void free_tasks(struct runner *r, struct task_list *list)
{
    for (struct task *t = task_list_take(list); t; t = task_list_take(list))
        task_free(r, t);
}

void runner_free(struct runner *r)
{
    if (!r)
        return;
    BUG_ON(r->running);
    free_tasks(r, &r->ended);
    free_tasks(r, &r->completing);
    free_tasks(r, &r->ending);
    for (size_t i = 0; i < r->opt.queue_count; i++)
        free_tasks(r, &r->queues[i].waiting);
    (void)pthread_cond_destroy(&r->claimer_wake);
    (void)pthread_cond_destroy(&r->executor_wake);
    (void)pthread_cond_destroy(&r->finisher_wake);
    (void)pthread_cond_destroy(&r->keeper_wake);
    (void)pthread_mutex_destroy(&r->lock);
    free(r->executors);
    free(r->queues);
    free(r);
}

static void wake_locked(struct runner *r)
{
    r->claimer_woken = r->keeper_woken = true;
    pthread_cond_signal(&r->claimer_wake);
    pthread_cond_signal(&r->keeper_wake);
}

void runner_wake(struct runner *r)
{
    pthread_mutex_lock(&r->lock);
    wake_locked(r);
    pthread_mutex_unlock(&r->lock);
}

static void heard(void *arg)
{
    runner_wake(arg);
}

static size_t executors_wanted(const struct runner *r)
{
    size_t count = 0;
    for (size_t i = 0; i < r->opt.queue_count; i++)
        count += r->queues[i].limit;
    return count;
}

/* Fewer threads than wanted are slower and not wrong; the next change tries again. */
static void grow_executors(struct runner *r)
{
    size_t wanted = executors_wanted(r);
    if (wanted <= r->executor_count)
        return;
    r->executors = realloc(r->executors, wanted * sizeof(*r->executors));
    BUG_ON(!r->executors);
    for (; r->executor_count < wanted; r->executor_count++) {
        if (pthread_create(&r->executors[r->executor_count], NULL, executor_main, r) != 0) {
            log_warn("cannot start all threads for jobs", LOG_INT("wanted", (int64_t)wanted),
                     LOG_INT("started", (int64_t)r->executor_count));
            return;
        }
    }
}

void runner_limits_changed(struct runner *r)
{
    if (r->stopping || !r->threaded)
        return;
    grow_executors(r);
    pthread_cond_broadcast(&r->executor_wake); /* what waits in a buffer may run now */
}

enum err runner_start(struct runner *r, struct error *e)
{
    BUG_ON(r->started || r->opt.lease_us < 3 || r->opt.poll_us < 1);
    TRY(runner_keep_alive(r, e));
    TRY(runner_look_around(r, e));
    pthread_mutex_lock(&r->lock);
    r->threaded = true;
    runner_limits_changed(r);
    bool any = r->executor_count > 0;
    pthread_mutex_unlock(&r->lock);
    if (!any)
        return error_set(e, ERR_IO, "cannot start a thread for jobs");
    BUG_ON(pthread_create(&r->claimer, NULL, claimer_main, r) ||
           pthread_create(&r->keeper, NULL, keeper_main, r));
    if (!r->one_writer)
        BUG_ON(pthread_create(&r->finisher, NULL, finisher_main, r));
    r->listener = db_listen(r->opt.env->db, JOB_CHANNEL, heard, r);
    r->started = true;
    return OK;
}

struct leave {
    struct runner *runner;
    int64_t node;
};

/* Nothing runs and nothing waits to be written: whatever the node still has was never begun. */
static enum err leave_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct leave *l = arg;
    int64_t put_back;
    TRY(job_disown(tx, l->node, NULL, 0, &put_back, e));
    if (put_back > 0)
        db_notify(tx, JOB_CHANNEL);
    return node_unregister(tx, l->node, e);
}

static void leave(struct runner *r)
{
    struct leave l = {r, r->node};
    struct error e;
    if (r->node != 0 && !has_ended(r) && db_write_relaxed(r->opt.env->db, leave_work, &l, &e) != OK)
        log_error("node not taken off the list", LOG_TEXT("error", e.text));
}

static bool wait_for_executors(struct runner *r)
{
    int64_t until = monotonic_us() + r->opt.drain_us;
    pthread_mutex_lock(&r->lock);
    while (r->executors_ended < r->executor_count) {
        if (!wait_until(&r->finisher_wake, &r->lock, until))
            break;
    }
    bool drained = r->executors_ended == r->executor_count;
    pthread_mutex_unlock(&r->lock);
    return drained;
}

bool runner_stop(struct runner *r)
{
    BUG_ON(!r->started);
    db_listener_stop(r->listener);
    r->listener = NULL;
    pthread_mutex_lock(&r->lock);
    r->stopping = true;
    pthread_cond_signal(&r->claimer_wake);
    pthread_cond_broadcast(&r->executor_wake);
    pthread_mutex_unlock(&r->lock);
    if (!wait_for_executors(r))
        return false;
    for (size_t i = 0; i < r->executor_count; i++)
        (void)pthread_join(r->executors[i], NULL);
    pthread_mutex_lock(&r->lock);
    r->finishing = true;
    pthread_cond_broadcast(&r->claimer_wake);
    pthread_cond_broadcast(&r->finisher_wake);
    pthread_cond_broadcast(&r->keeper_wake);
    pthread_mutex_unlock(&r->lock);
    (void)pthread_join(r->claimer, NULL);
    if (!r->one_writer)
        (void)pthread_join(r->finisher, NULL);
    (void)pthread_join(r->keeper, NULL);
    leave(r);
    return true;
}

enum err runner_step(struct runner *r, size_t *ret_ran, struct error *e)
{
    BUG_ON(r->started);
    size_t claimed, ran = 0;
    TRY(runner_keep_alive(r, e));
    TRY(runner_look_around(r, e));
    for (size_t i = 0; i < r->opt.queue_count; i++)
        r->queues[i].look_at_all_at = 0; /* real time must not decide what a round finds */
    TRY(runner_round(r, ROUND_FINISH | ROUND_CLAIM, &claimed, e));
    for (;;) {
        pthread_mutex_lock(&r->lock);
        struct task *task = runner_next_task(r);
        pthread_mutex_unlock(&r->lock);
        if (!task)
            break;
        runner_execute(r, task);
        ran++;
    }
    TRY(runner_round(r, ROUND_FINISH, NULL, e));
    *ret_ran = ran;
    return OK;
}

struct runner_counts runner_counts(struct runner *r, size_t queue)
{
    BUG_ON(queue >= r->opt.queue_count);
    pthread_mutex_lock(&r->lock);
    struct runner_counts counts = r->queues[queue].counts;
    pthread_mutex_unlock(&r->lock);
    return counts;
}
