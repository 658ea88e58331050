/* The claimer: from rows to tasks. */
#include "domain/jobs/runner_parts.h"

#include <stdatomic.h>

/*
 * A claim from the very beginning steps over what finished jobs left in the index. While an old
 * snapshot is open somewhere that grows without end, so such looks may take a tenth of the time at
 * most; in between, claims go on from where the last one ended.
 */
#define LOOK_AT_ALL_SHARE  10
#define LOOK_AT_ALL_MIN_US (10 * USEC_PER_MS)

struct claim {
    const struct runner *runner;
    int64_t node;
    size_t queue;
    int64_t max;
    struct job_cursor from, cursor;
    struct batch *batch;
    struct records jobs;
};

static enum err claim_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct claim *c = arg;
    c->cursor = c->from;
    return job_claim(tx, c->runner->opt.env, c->runner->opt.queues[c->queue].name, c->node, c->max,
                     &c->cursor, &c->batch->arena, &c->jobs, e);
}

static struct batch *batch_new(void)
{
    struct arena arena = {0};
    struct batch *batch = arena_new(&arena, struct batch);
    batch->arena = arena;
    return batch;
}

static void batch_free(struct batch *batch)
{
    struct arena arena = batch->arena; /* the batch lies in it */
    arena_release(&arena);
}

void task_free(struct runner *r, struct task *task)
{
    (void)r;
    struct batch *batch = task->batch;
    free(task->why);
    if (--batch->left == 0)
        batch_free(batch);
}

/* How many more jobs of the queue may be claimed. Locked. */
static int64_t places(const struct runner *r, size_t queue)
{
    const struct queue_state *q = &r->queues[queue];
    size_t room = q->limit + r->opt.queues[queue].buffer;
    size_t held = q->running + q->waiting.count;
    size_t buffer = r->opt.queues[queue].buffer;
    bool low = buffer == 0 || q->waiting.count <= buffer / 2; /* no nibbling */
    if (r->stopping || q->paused || !low || held >= room || r->ended.count > 4 * room)
        return 0;
    return (int64_t)(room - held);
}

/* Hands the claimed jobs to the executors. */
static void put_before_executors(struct runner *r, const struct claim *c)
{
    const struct job *jobs = c->jobs.items;
    struct task *tasks = arena_new_array(&c->batch->arena, c->jobs.count, struct task);
    for (size_t i = 0; i < c->jobs.count; i++) {
        tasks[i].batch = c->batch;
        tasks[i].job = &jobs[i];
        tasks[i].worker = runner_worker(r, jobs[i].worker);
        tasks[i].queue = c->queue;
    }
    c->batch->left = c->jobs.count;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < c->jobs.count; i++)
        task_list_append(&r->queues[c->queue].waiting, &tasks[i]);
    size_t wake = r->idle_executors < c->jobs.count ? r->idle_executors : c->jobs.count;
    for (size_t i = 0; i < wake; i++)
        pthread_cond_signal(&r->executor_wake);
    pthread_mutex_unlock(&r->lock);
}

static enum err claim_for(struct runner *r, size_t queue, size_t *claimed, struct error *e)
{
    struct queue_state *q = &r->queues[queue];
    struct claim c = {.runner = r, .queue = queue};
    pthread_mutex_lock(&r->lock);
    c.node = r->node;
    c.max = places(r, queue);
    pthread_mutex_unlock(&r->lock);
    if (c.max == 0 || c.node == 0)
        return OK;

    int64_t began = monotonic_us();
    bool all = began >= q->look_at_all_at;
    c.from = all ? JOB_CURSOR_START : q->cursor;
    c.batch = batch_new();
    enum err err = db_write_relaxed(r->opt.env->db, claim_work, &c, e);
    q->looked_behind = !all;
    if (all) {
        int64_t rest = (monotonic_us() - began) * LOOK_AT_ALL_SHARE;
        q->look_at_all_at =
            monotonic_us() + (rest > LOOK_AT_ALL_MIN_US ? rest : LOOK_AT_ALL_MIN_US);
    }
    if (err != OK || c.jobs.count == 0) {
        batch_free(c.batch);
        return err;
    }
    q->cursor = c.cursor;
    *claimed += c.jobs.count;
    put_before_executors(r, &c);
    return OK;
}

/* -- after a claim that may or may not have happened --------------------------------------------
 */

struct disown {
    int64_t node;
    const int64_t *ids;
    size_t count;
};

static enum err disown_work(struct db_tx *tx, void *arg, struct error *e)
{
    const struct disown *d = arg;
    int64_t disowned;
    return job_disown(tx, d->node, d->ids, d->count, &disowned, e);
}

/*
 * Only the claimer claims, so between a failed claim and the next one everything that executes on
 * this node and is not in hand was claimed without an answer.
 */
static enum err resolve_doubt(struct runner *r, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct disown d;
    pthread_mutex_lock(&r->lock);
    bool doubtful = r->doubtful;
    d.node = r->node;
    d.ids = ids_in_hand(r, r->node, &arena, &d.count);
    pthread_mutex_unlock(&r->lock);
    if (!doubtful)
        return OK;
    TRY(db_write_relaxed(r->opt.env->db, disown_work, &d, e));
    pthread_mutex_lock(&r->lock);
    r->doubtful = false;
    pthread_mutex_unlock(&r->lock);
    return OK;
}

enum err runner_claim(struct runner *r, size_t *ret_claimed, struct error *e)
{
    size_t claimed = 0;
    enum err err = resolve_doubt(r, e);
    for (size_t i = 0; err == OK && i < r->opt.queue_count; i++)
        err = claim_for(r, i, &claimed, e);
    if (err != OK) {
        pthread_mutex_lock(&r->lock);
        r->doubtful = true;
        pthread_mutex_unlock(&r->lock);
    }
    *ret_claimed = claimed;
    return err;
}
