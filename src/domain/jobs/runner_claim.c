/* Claiming: from rows to tasks. */
#include "domain/jobs/runner_parts.h"

#include <stdatomic.h>

/*
 * A claim from the very beginning steps over what finished jobs left in the index. While an old
 * snapshot is open somewhere that grows without end, so such looks may take a tenth of the time at
 * most; in between, claims go on from where the last one ended.
 */
#define LOOK_AT_ALL_SHARE  10
#define LOOK_AT_ALL_MIN_US (10 * USEC_PER_MS)

/* One queue's part of a round. */
struct claim {
    size_t queue;
    bool all; /* from the very beginning */
    struct job_cursor from;
    struct batch *batch;
    struct job_claim claim;
};

struct claims {
    struct runner *runner;
    int64_t began; /* monotonic */
    struct claim *items;
    size_t count;
};

static struct batch *batch_new(void)
{
    struct arena arena = {0};
    struct batch *batch = arena_new(&arena, struct batch);
    batch->arena = arena;
    return batch;
}

static void batch_free(struct batch *batch)
{
    if (!batch)
        return;
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

/* How many more jobs of the queue to claim. Locked. */
static int64_t places(const struct runner *r, size_t queue)
{
    const struct queue_state *q = &r->queues[queue];
    size_t buffer = r->opt.queues[queue].buffer, room = q->limit + buffer;
    size_t held = q->running + q->waiting.count;
    bool low = q->waiting.count <= buffer / 2; /* no nibbling */
    if (r->stopping || q->paused || !low || held >= room || r->ended.count > 4 * room)
        return 0;
    size_t most = buffer / 2 > q->limit ? buffer / 2 : q->limit;
    return (int64_t)(room - held < most ? room - held : most);
}

/* Hands the claimed jobs to the executors. */
static void put_before_executors(struct runner *r, const struct claim *c)
{
    const struct job *jobs = c->claim.jobs.items;
    size_t count = c->claim.jobs.count;
    struct task *tasks = arena_new_array(&c->batch->arena, count, struct task);
    for (size_t i = 0; i < count; i++) {
        tasks[i].batch = c->batch;
        tasks[i].job = &jobs[i];
        tasks[i].worker = runner_worker(r, jobs[i].worker);
        tasks[i].queue = c->queue;
    }
    c->batch->left = count;
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < count; i++)
        task_list_append(&r->queues[c->queue].waiting, &tasks[i]);
    size_t wake = r->idle_executors < count ? r->idle_executors : count;
    for (size_t i = 0; i < wake; i++)
        pthread_cond_signal(&r->executor_wake);
    pthread_mutex_unlock(&r->lock);
}

struct claims *claims_prepare(struct runner *r, struct arena *arena)
{
    struct claims *claims = arena_new(arena, struct claims);
    claims->runner = r;
    claims->began = monotonic_us();
    claims->items = arena_new_array(arena, r->opt.queue_count, struct claim);
    pthread_mutex_lock(&r->lock);
    for (size_t i = 0; i < r->opt.queue_count && r->node != 0; i++) {
        const struct queue_state *q = &r->queues[i];
        struct claim c = {
            .queue = i,
            .claim = {.queue = r->opt.queues[i].name, .node = r->node, .max = places(r, i)},
        };
        c.all = claims->began >= q->look_at_all_at;
        c.from = c.all ? JOB_CURSOR_START : q->cursor;
        if (c.claim.max > 0)
            claims->items[claims->count++] = c;
    }
    pthread_mutex_unlock(&r->lock);
    return claims;
}

bool claims_any(const struct claims *claims)
{
    return claims->count > 0;
}

enum err claims_work(struct db_tx *tx, struct claims *claims, struct error *e)
{
    const struct runner *r = claims->runner;
    for (size_t i = 0; i < claims->count; i++) {
        struct claim *c = &claims->items[i];
        batch_free(c->batch); /* of an earlier run of this work */
        c->batch = batch_new();
        c->claim.cursor = c->from;
        TRY(job_claim_post(tx, r->opt.env, &c->claim, &c->batch->arena, e));
    }
    return OK;
}

static void note_look(struct queue_state *q, const struct claim *c, int64_t took_us)
{
    q->looked_behind = !c->all;
    if (!c->all)
        return;
    int64_t rest = took_us * LOOK_AT_ALL_SHARE;
    q->look_at_all_at = monotonic_us() + (rest > LOOK_AT_ALL_MIN_US ? rest : LOOK_AT_ALL_MIN_US);
}

size_t claims_done(struct runner *r, struct claims *claims, bool committed)
{
    size_t claimed = 0;
    int64_t took_us = monotonic_us() - claims->began;
    for (size_t i = 0; i < claims->count; i++) {
        struct claim *c = &claims->items[i];
        struct queue_state *q = &r->queues[c->queue];
        note_look(q, c, took_us);
        if (committed)
            job_claimed(&c->claim);
        if (!committed || c->claim.jobs.count == 0) {
            batch_free(c->batch);
            continue;
        }
        q->cursor = c->claim.cursor;
        claimed += c->claim.jobs.count;
        put_before_executors(r, c);
    }
    if (!committed && claims->count > 0) {
        pthread_mutex_lock(&r->lock);
        r->doubtful = true;
        pthread_mutex_unlock(&r->lock);
    }
    return claimed;
}

/* -- after a claim that may or may not have happened ------------------------------------------ */

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
enum err claims_resolve_doubt(struct runner *r, struct error *e)
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
