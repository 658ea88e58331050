#include "rig.h"

#include "domain/audit/audit.h"

#include <stdlib.h>

#define DISCARD_NOTE "{\"discarded\":true}"

/* -- the worker ------------------------------------------------------------------------------- */

static enum job_result perform(struct job_run *run, struct error *e)
{
    struct rig *rig = run->ctx;
    BUG_ON(rig->ran_count == RAN_MAX);
    rig->ran[rig->ran_count++] = run->job->id;
    if (rig->meanwhile)
        rig->meanwhile(rig, run);
    run->snooze_us = rig->snooze_us;
    if (rig->result == JOB_RETRY || rig->result == JOB_FAIL)
        (void)error_set(e, ERR_UNAVAILABLE, "%s", rig->why);
    return rig->result;
}

/* Leaves a trace in the audit, which must vanish when the transaction is undone. */
static enum err discarded(struct db_tx *tx, struct job_run *run, const char *why, struct error *e)
{
    struct rig *rig = run->ctx;
    rig->discards++;
    rig->discard_why = arena_text(&rig->p.arena, why);
    TRY(audit_write(tx, run->env, run->arena, "job:Worker", "test.discarded", "job", DISCARD_NOTE,
                    e));
    return rig->discard_fails == OK ? OK : error_set(e, rig->discard_fails, "discarded() fails");
}

static enum job_result succeed(struct job_run *run, struct error *e)
{
    (void)run;
    (void)e;
    return JOB_DONE;
}

/* -- lifecycle -------------------------------------------------------------------------------- */

int rig_setup(void **state)
{
    struct rig *rig = calloc(1, sizeof(*rig));
    assert_non_null(rig);
    product_init(&rig->p);
    rig->queues[FAST] = (struct job_queue){.name = "fast", .limit = 4};
    rig->queues[SLOW] = (struct job_queue){.name = "slow", .limit = 1};
    rig->workers[0] = (struct job_worker){
        .name = "Worker", .queue = "fast", .perform = perform, .discarded = discarded, .ctx = rig};
    rig->workers[1] = (struct job_worker){.name = "Other", .queue = "slow", .perform = succeed};
    rig->why = "the rack burns";
    rig->options = (struct runner_options){
        .env = &rig->p.env,
        .workers = rig->workers,
        .worker_count = ARRAY_LEN(rig->workers),
        .queues = rig->queues,
        .queue_count = ARRAY_LEN(rig->queues),
        .crons = rig->crons,
        .lease_us = LEASE_US,
        .poll_us = 5 * USEC_PER_MS,
        .drain_us = 60 * USEC_PER_SEC,
    };
    *state = rig;
    return 0;
}

int rig_teardown(void **state)
{
    struct rig *rig = *state;
    testtx_release(&rig->p.session);
    for (size_t i = 0; i < rig->runner_count; i++)
        runner_free(rig->runners[i]);
    product_release(&rig->p);
    free(rig);
    return 0;
}

struct runner *rig_runner(struct rig *rig, const char *name)
{
    BUG_ON(rig->runner_count == RUNNERS_MAX);
    rig->options.node_name = name;
    struct runner *runner = runner_new(&rig->options);
    rig->runners[rig->runner_count++] = runner;
    return runner;
}

size_t rig_step(struct rig *rig, struct runner *runner)
{
    size_t ran = 0;
    ASSERT_OK(&rig->p, runner_step(runner, &ran, &rig->p.e));
    return ran;
}

void rig_pass(struct rig *rig, int64_t us)
{
    clock_virtual_advance(&rig->p.clock, us);
}

/* -- transactions of their own ---------------------------------------------------------------- */

struct job_spec rig_spec(const char *args)
{
    return (struct job_spec){.worker = "Worker", .queue = "fast", .args = args};
}

struct records rig_claim(struct rig *rig, struct db_tx *tx, int64_t node, int64_t max)
{
    struct product *p = &rig->p;
    struct job_claim claim = {"fast", node, max, JOB_CURSOR_START, .now = 0};
    ASSERT_OK(p, job_claim_post(tx, &p->env, &claim, &p->arena, &p->e));
    ASSERT_OK(p, db_settle(tx, &p->e));
    job_claimed(&claim);
    return claim.jobs;
}

int64_t rig_add(struct rig *rig, struct job_spec spec)
{
    struct product *p = &rig->p;
    struct job job;
    ASSERT_OK(p, job_enqueue(product_begin(p), &p->env, &spec, &p->arena, &job, NULL, &p->e));
    product_commit(p);
    return job.id;
}

int64_t rig_add_plain(struct rig *rig)
{
    return rig_add(rig, rig_spec("{}"));
}

struct job rig_job(struct rig *rig, int64_t id)
{
    struct product *p = &rig->p;
    struct job job;
    ASSERT_OK(p, job_find(product_begin(p), id, &p->arena, &job, &p->e));
    product_rollback(p);
    return job;
}

struct records rig_errors(struct rig *rig, int64_t id)
{
    struct product *p = &rig->p;
    struct records errors;
    ASSERT_OK(p, job_error_list(product_begin(p), id, &p->arena, &errors, &p->e));
    product_rollback(p);
    return errors;
}

struct records rig_list(struct rig *rig, struct job_filter filter)
{
    struct product *p = &rig->p;
    struct records jobs;
    int64_t next;
    ASSERT_OK(p, job_list(product_begin(p), &filter, INT_ABSENT, PAGE_LIMIT_MAX, &p->arena, &jobs,
                          &next, &p->e));
    product_rollback(p);
    assert_true(next == INT_ABSENT);
    return jobs;
}

typedef enum err by_hand(struct db_tx *tx, const struct env *env, const char *actor, int64_t id,
                         struct arena *arena, struct error *e);

static enum err change(struct rig *rig, by_hand *fn, int64_t id)
{
    struct product *p = &rig->p;
    enum err err = fn(product_begin(p), &p->env, "token:test", id, &p->arena, &p->e);
    if (err == OK)
        product_commit(p);
    else
        product_rollback(p);
    return err;
}

enum err rig_retry(struct rig *rig, int64_t id)
{
    return change(rig, job_retry, id);
}

enum err rig_cancel(struct rig *rig, int64_t id)
{
    return change(rig, job_cancel, id);
}

void rig_pause(struct rig *rig, const char *queue, bool paused)
{
    struct product *p = &rig->p;
    ASSERT_OK(
        p, queue_pause(product_begin(p), &p->env, "token:test", queue, paused, &p->arena, &p->e));
    product_commit(p);
}

void rig_scale(struct rig *rig, const char *queue, int64_t limit)
{
    struct product *p = &rig->p;
    ASSERT_OK(p,
              queue_scale(product_begin(p), &p->env, "token:test", queue, limit, &p->arena, &p->e));
    product_commit(p);
}

int64_t rig_exec(struct rig *rig, const struct db_query *query, struct db_args args)
{
    struct product *p = &rig->p;
    int64_t changes;
    ASSERT_OK(p, db_exec(product_begin(p), query, args, &changes, &p->e));
    product_commit(p);
    return changes;
}
