/*
 * Finishing: from tasks that ended to rows.
 *
 * Plain completions go together: one commit and one statement for each (node, attempt) that occurs.
 * Everything else (an error, a snooze) is rarer and gets a transaction of its own, because a
 * worker's `discarded` may fail and must not take others' completions with it.
 */
#include "domain/jobs/runner_parts.h"

#define COMPLETE_MAX 1000 /* ids in one statement */

static bool is_plain(const struct task *task)
{
    return task->result == JOB_DONE;
}

static void count_end(struct queue_state *q, const struct task *task, enum job_state to)
{
    struct runner_counts *n = &q->counts;
    n->completed += to == JOB_COMPLETED;
    n->retried += to == JOB_RETRYABLE;
    n->discarded += to == JOB_DISCARDED;
    n->snoozed += to == JOB_SCHEDULED;
    histogram_add(&n->wait, task->job->attempted_at - task->job->scheduled_at);
    histogram_add(&n->run, task->took_us);
}

/* The end of the list's first task is on record, or will never be. */
static void settle(struct runner *r, struct task_list *list, enum job_state to, bool fenced)
{
    struct task *task = list->first;
    if (!fenced && r->opt.observe)
        r->opt.observe(task->job, to, task->why, task->took_us);
    pthread_mutex_lock(&r->lock);
    (void)task_list_take(list);
    struct queue_state *q = &r->queues[task->queue];
    if (fenced)
        q->counts.fenced++;
    else
        count_end(q, task, to);
    task_free(r, task);
    pthread_mutex_unlock(&r->lock);
}

/* -- completions ------------------------------------------------------------------------------ */

struct group {
    struct group *next;
    int64_t node, attempt;
    int64_t ids[COMPLETE_MAX];
    size_t count;
    int64_t completed;
};

struct completions {
    const struct env *env;
    struct group *first;
};

static struct group *group_for(struct completions *g, const struct job *job, struct arena *arena)
{
    for (struct group *group = g->first; group; group = group->next) {
        if (group->node == job->node && group->attempt == job->attempt &&
            group->count < COMPLETE_MAX)
            return group;
    }
    struct group *group = arena_new(arena, struct group);
    group->node = job->node;
    group->attempt = job->attempt;
    group->next = g->first;
    g->first = group;
    return group;
}

struct completions *completions_prepare(struct runner *r, struct arena *arena)
{
    pthread_mutex_lock(&r->lock);
    for (struct task *t = task_list_take(&r->ended); t; t = task_list_take(&r->ended))
        task_list_append(is_plain(t) ? &r->completing : &r->ending, t);
    pthread_mutex_unlock(&r->lock);

    struct completions *g = arena_new(arena, struct completions);
    g->env = r->opt.env;
    for (const struct task *t = r->completing.first; t; t = t->next) {
        struct group *group = group_for(g, t->job, arena);
        group->ids[group->count++] = t->job->id;
    }
    return g;
}

bool completions_any(const struct completions *g)
{
    return g->first != NULL;
}

void completions_work(struct db_tx *tx, struct completions *g)
{
    for (struct group *group = g->first; group; group = group->next)
        job_complete_many(tx, g->env, group->node, group->attempt, group->ids, group->count,
                          &group->completed);
}

void completions_done(struct runner *r, const struct completions *g)
{
    int64_t refused = 0;
    for (const struct group *group = g->first; group; group = group->next)
        refused += (int64_t)group->count - group->completed;
    /* Which ones were refused does not matter any more, only how many. */
    while (r->completing.first)
        settle(r, &r->completing, JOB_COMPLETED, refused-- > 0);
}

/* -- everything else ----------------------------------------------------------------------------
 */

struct end {
    struct job_run run;
    const struct task *task;
    enum job_state to;
};

static enum err end_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct end *end = arg;
    const struct task *t = end->task;
    return job_finish(tx, &end->run, t->worker, t->result, t->why, &end->to, e);
}

static enum err end_one(struct runner *r, struct task *task, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct end end = {
        .task = task,
        .run = {.env = r->opt.env,
                .job = task->job,
                .arena = &arena,
                .snooze_us = task->snooze_us,
                .ctx = task->worker ? task->worker->ctx : NULL},
    };
    enum err err = db_write(r->opt.env->db, end_work, &end, e);
    if (err != OK && err != ERR_CONFLICT)
        return err;
    settle(r, &r->ending, end.to, err == ERR_CONFLICT);
    return OK;
}

bool err_is_for_all(enum err err)
{
    return err == ERR_BUSY || err == ERR_TIMEOUT || err == ERR_UNAVAILABLE || err == ERR_IO;
}

/* One that cannot be written down (its worker's `discarded` fails) holds up no other. */
enum err ends_record(struct runner *r, struct error *e)
{
    enum err result = OK;
    for (size_t left = r->ending.count; left > 0; left--) {
        struct error failure;
        enum err err = end_one(r, r->ending.first, &failure);
        if (err == OK)
            continue;
        result = error_set(e, err, "%s", failure.text);
        if (err_is_for_all(err))
            break;
        pthread_mutex_lock(&r->lock);
        task_list_append(&r->ending, task_list_take(&r->ending));
        pthread_mutex_unlock(&r->lock);
    }
    return result;
}
