/* The keeper: this node's lease, dead nodes' jobs, due jobs, settings, cancellations, the cron. */
#include "base/log.h"
#include "domain/jobs/queue.h"
#include "domain/jobs/runner_parts.h"

#include <stdatomic.h>

#define RESCUE_BATCH 100
#define STAGE_BATCH  1000

/* -- staying alive ---------------------------------------------------------------------------- */

struct keep {
    struct runner *runner;
    int64_t node;
    bool alive;
    int64_t count;
    struct arena *arena;
};

static enum err renew_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct keep *k = arg;
    const struct runner_options *o = &k->runner->opt;
    k->alive = false;
    if (k->node != 0)
        TRY(node_renew(tx, k->node, o->lease_us, &k->alive, e));
    if (!k->alive)
        TRY(node_register(tx, o->node_name, o->lease_us, &k->node, e));
    return node_expire(tx, &k->count, e);
}

typedef bool task_test(const struct task *task, const void *arg);

/* What has not begun is dropped; what runs is asked to stop, and its end will be refused. Locked.
 */
static void give_up_tasks(struct runner *r, task_test *test, const void *arg)
{
    for (struct task *t = r->running; t; t = t->next) {
        if (test(t, arg))
            atomic_store(&t->cancelled, true);
    }
    for (size_t i = 0; i < r->opt.queue_count; i++) {
        struct task_list kept;
        task_list_init(&kept);
        struct task_list *waiting = &r->queues[i].waiting;
        for (struct task *t = task_list_take(waiting); t; t = task_list_take(waiting)) {
            if (test(t, arg))
                task_free(r, t);
            else
                task_list_append(&kept, t);
        }
        task_list_append_all(waiting, &kept);
    }
}

static bool is_of_node(const struct task *task, const void *arg)
{
    const int64_t *node = arg;
    return task->job->node == *node;
}

struct rescue {
    struct runner *runner;
    int64_t above, max;
    int64_t last; /* the id that was looked at last */
    int64_t count;
    uint64_t *by_queue; /* of the count, those of each queue that this node has */
};

/* Counts where the job's queue is one of ours; others' jobs are rescued all the same. */
static void count_rescued(struct rescue *k, const struct job *job)
{
    const struct runner_options *o = &k->runner->opt;
    k->count++;
    for (size_t i = 0; i < o->queue_count; i++)
        k->by_queue[i] += text_eq(o->queues[i].name, job->queue);
}

static enum err rescue_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct rescue *k = arg;
    struct runner *r = k->runner;
    _cleanup_arena_ struct arena arena = {0};
    struct records orphans;
    TRY(job_list_orphans(tx, k->above, k->max, &arena, &orphans, e));
    const struct job *jobs = orphans.items;
    k->count = 0;
    memset(k->by_queue, 0, r->opt.queue_count * sizeof(*k->by_queue));
    for (size_t i = 0; i < orphans.count; i++) {
        k->last = jobs[i].id;
        const struct job_worker *worker = runner_worker(r, jobs[i].worker);
        struct job_run run = {.env = r->opt.env,
                              .job = &jobs[i],
                              .arena = &arena,
                              .ctx = worker ? worker->ctx : NULL};
        const char *why =
            arena_printf(&arena, "node %lld stopped answering", (long long)jobs[i].node);
        enum job_state to;
        TRY(job_finish(tx, &run, worker, JOB_RETRY, why, &to, e));
        count_rescued(k, &jobs[i]);
    }
    return OK;
}

/*
 * Rescues up to `max` jobs with ids above `*above`, which moves behind the last; `ret_last` says
 * whether there are no more.
 */
static enum err rescue_some(struct runner *r, int64_t *above, int64_t max, bool *ret_last,
                            struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct rescue k = {.runner = r, .above = *above, .last = *above, .max = max};
    k.by_queue = arena_new_array(&arena, r->opt.queue_count, uint64_t);
    enum err err = db_write(r->opt.env->db, rescue_work, &k, e);
    if (err != OK) {
        if (max == 1)
            *above = k.last; /* past the one that fails */
        return err;
    }
    if (k.count > 0)
        log_warn("rescued jobs of nodes that stopped answering", LOG_INT("jobs", k.count));
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->opt.queue_count; i++)
        r->queues[i].counts.rescued += k.by_queue[i];
    pthread_mutex_unlock(&r->lock);
    *above = k.last;
    *ret_last = k.count < max;
    return OK;
}

/*
 * Many in one commit. When one of them fails (its worker's `discarded` may), each by itself, so
 * that it holds up no other.
 */
static enum err rescue(struct runner *r, struct error *e)
{
    int64_t above = 0, max = RESCUE_BATCH;
    for (bool last = false; !last;) {
        struct error failure;
        int64_t from = above;
        enum err err = rescue_some(r, &above, max, &last, &failure);
        if (err == OK)
            continue;
        if (err_is_for_all(err) || (max == 1 && above == from))
            return error_set(e, err, "%s", failure.text);
        if (max == 1)
            log_error("a job of a dead node cannot be rescued", LOG_TEXT("error", failure.text));
        max = 1;
    }
    return OK;
}

static enum err cron_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct keep *k = arg;
    const struct runner_options *o = &k->runner->opt;
    return cron_tick(tx, o->env, k->node, o->lease_us, o->crons, o->cron_count, k->arena, &k->count,
                     e);
}

/* The holder of the lease lets the cron run; taking it is a write, so it comes with the renewals.
 */
static enum err run_cron(struct runner *r, int64_t node, struct error *e)
{
    if (r->opt.cron_count == 0)
        return OK;
    _cleanup_arena_ struct arena arena = {0};
    struct keep k = {.runner = r, .node = node, .arena = &arena};
    TRY(db_write(r->opt.env->db, cron_work, &k, e));
    if (k.count > 0)
        runner_wake(r);
    return OK;
}

enum err runner_keep_alive(struct runner *r, struct error *e)
{
    struct keep k = {.runner = r};
    pthread_mutex_lock(&r->lock);
    int64_t old = r->node;
    pthread_mutex_unlock(&r->lock);
    k.node = old;
    TRY(db_write_relaxed(r->opt.env->db, renew_work, &k, e));
    if (k.node != old) {
        if (old != 0)
            log_warn("this node was given up for dead and starts again", LOG_INT("was", old),
                     LOG_INT("is", k.node));
        pthread_mutex_lock(&r->lock);
        r->node = k.node;
        give_up_tasks(r, is_of_node, &old); /* others have them now */
        pthread_mutex_unlock(&r->lock);
    }
    TRY(rescue(r, e));
    return run_cron(r, k.node, e);
}

/* -- looking around --------------------------------------------------------------------------- */

static enum err stage_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct keep *k = arg;
    return job_stage_due(tx, k->runner->opt.env, STAGE_BATCH, &k->count, e);
}

static enum err stage(struct runner *r, struct error *e)
{
    struct keep k = {.runner = r};
    do {
        TRY(db_write_relaxed(r->opt.env->db, stage_work, &k, e));
        if (k.count > 0)
            runner_wake(r);
    } while (k.count == STAGE_BATCH);
    return OK;
}

struct look {
    struct arena *arena;
    const int64_t *ids;
    size_t id_count;
    struct records settings, cancelled;
};

static enum err look_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct look *l = arg;
    TRY(queue_settings_list(tx, l->arena, &l->settings, e));
    if (l->id_count == 0)
        return OK;
    return job_list_cancelled(tx, l->ids, l->id_count, l->arena, &l->cancelled, e);
}

/* Locked. */
static void apply_settings(struct runner *r, const struct records *settings)
{
    const struct queue_settings *items = settings->items;
    for (size_t i = 0; i < r->opt.queue_count; i++) {
        struct queue_state *q = &r->queues[i];
        q->paused = false;
        q->limit = r->opt.queues[i].limit;
        for (size_t n = 0; n < settings->count; n++) {
            if (!text_eq(items[n].name, r->opt.queues[i].name))
                continue;
            q->paused = items[n].paused;
            if (items[n].node_limit != INT_ABSENT)
                q->limit = (unsigned)items[n].node_limit;
        }
    }
    runner_limits_changed(r);
}

static bool is_among(const struct task *task, const void *arg)
{
    const struct records *cancelled = arg;
    const struct job *jobs = cancelled->items;
    for (size_t i = 0; i < cancelled->count; i++) {
        if (task->job->id == jobs[i].id)
            return true;
    }
    return false;
}

static enum err hear(struct runner *r, struct arena *arena, struct error *e)
{
    struct look l = {.arena = arena};
    pthread_mutex_lock(&r->lock);
    l.ids = ids_in_hand(r, r->node, arena, &l.id_count);
    pthread_mutex_unlock(&r->lock);
    TRY(db_read(r->opt.env->db, look_work, &l, e));
    pthread_mutex_lock(&r->lock);
    apply_settings(r, &l.settings);
    if (l.cancelled.count > 0)
        give_up_tasks(r, is_among, &l.cancelled);
    pthread_mutex_unlock(&r->lock);
    return OK;
}

enum err runner_look_around(struct runner *r, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    TRY(stage(r, e));
    return hear(r, &arena, e);
}
