#include "domain/jobs/claim.h"

#include "claim.sql.h"

#include <inttypes.h>

#define BACKOFF_DOUBLINGS 6 /* beyond a minute, who waits would pay for every single fault */

/* -- nodes ------------------------------------------------------------------------------------ */

enum err node_register(struct db_tx *tx, const char *name, int64_t lease_us, int64_t *ret_node,
                       struct error *e)
{
    int64_t now;
    TRY(db_now(tx, &now, e));
    return db_get_int(tx, &node_insert, DB_ARGS(db_text(name), db_int(now), db_int(now + lease_us)),
                      ret_node, e);
}

enum err node_renew(struct db_tx *tx, int64_t node, int64_t lease_us, bool *ret_alive,
                    struct error *e)
{
    int64_t now, changes;
    TRY(db_now(tx, &now, e));
    TRY(db_exec(tx, &node_extend, DB_ARGS(db_int(node), db_int(now + lease_us)), &changes, e));
    *ret_alive = changes > 0;
    return OK;
}

enum err node_unregister(struct db_tx *tx, int64_t node, struct error *e)
{
    return db_exec(tx, &node_delete, DB_ARGS(db_int(node)), NULL, e);
}

enum err node_expire(struct db_tx *tx, int64_t *ret_expired, struct error *e)
{
    int64_t now;
    TRY(db_now(tx, &now, e));
    return db_exec(tx, &node_delete_expired, DB_ARGS(db_int(now)), ret_expired, e);
}

/* -- claiming --------------------------------------------------------------------------------- */

enum err job_stage_due(struct db_tx *tx, const struct env *env, int64_t max, int64_t *ret_staged,
                       struct error *e)
{
    return db_exec(tx, &job_make_due_available, DB_ARGS(db_int(env_now(env)), db_int(max)),
                   ret_staged, e);
}

static int compare_jobs(const void *a, const void *b)
{
    const struct job *x = a, *y = b;
    if (x->priority != y->priority)
        return x->priority < y->priority ? -1 : 1;
    return x->id < y->id ? -1 : x->id > y->id;
}

/* SQLite: nobody else writes meanwhile. */
static enum err claim_alone(struct db_tx *tx, struct job_claim *c, struct arena *arena,
                            struct error *e)
{
    TRY(db_list(tx, &job_claim_look,
                DB_ARGS(db_text(c->queue), db_int(c->cursor.priority), db_int(c->cursor.id),
                        db_int(c->max)),
                job_fields, sizeof(struct job), (size_t)c->max, arena, &c->jobs, e));
    const struct job *jobs = c->jobs.items;
    struct db_value *ids = arena_new_array(arena, c->jobs.count, struct db_value);
    for (size_t i = 0; i < c->jobs.count; i++)
        ids[i] = db_int(jobs[i].id);
    return db_exec_rows(tx, &job_claim_mark, DB_ARGS(db_int(c->node), db_int(c->now)), ids, 1,
                        c->jobs.count, NULL, e);
}

enum err job_claim_post(struct db_tx *tx, const struct env *env, struct job_claim *c,
                        struct arena *arena, struct error *e)
{
    c->now = env_now(env);
    if (db_engine_of(env->db) == DB_SQLITE)
        return claim_alone(tx, c, arena, e);
    /* PostgreSQL: other nodes claim at the same time. */
    db_post_list(tx, &job_claim_locking,
                 DB_ARGS(db_text(c->queue), db_int(c->node), db_int(c->now),
                         db_int(c->cursor.priority), db_int(c->cursor.id), db_int(c->max)),
                 job_fields, sizeof(struct job), (size_t)c->max, arena, &c->jobs);
    return OK;
}

void job_claimed(struct job_claim *c)
{
    struct job *jobs = c->jobs.items;
    size_t count = c->jobs.count;
    for (size_t i = 0; i < count; i++) {
        jobs[i].queue = c->queue;
        jobs[i].state = JOB_EXECUTING;
        jobs[i].node = c->node;
        jobs[i].attempted_at = c->now;
    }
    if (count == 0)
        return;
    qsort(jobs, count, sizeof(*jobs), compare_jobs); /* UPDATE returns its rows in any order */
    c->cursor = (struct job_cursor){jobs[count - 1].priority, jobs[count - 1].id};
}

/* -- finishing -------------------------------------------------------------------------------- */

void job_complete_many(struct db_tx *tx, const struct env *env, int64_t node, int64_t attempt,
                       const int64_t *ids, size_t count, int64_t *ret_completed)
{
    _cleanup_arena_ struct arena arena = {0};
    struct db_value *rows = arena_new_array(&arena, count, struct db_value);
    for (size_t i = 0; i < count; i++)
        rows[i] = db_int(ids[i]);
    db_post_rows(tx, &job_complete, DB_ARGS(db_int(node), db_int(attempt), db_int(env_now(env))),
                 rows, 1, count, ret_completed);
}

/* Ends the job for good, or puts it back; zero changes means that the fence refused. */
static enum err write_finish(struct db_tx *tx, const struct env *env, const struct job *job,
                             enum job_state to, int64_t again_in_us, const char *why,
                             struct error *e)
{
    int64_t now = env_now(env), changes;
    struct db_value id = db_int(job->id), node = db_int(job->node);
    struct db_value attempt = db_int(job->attempt), state = db_text(job_state_names[to]);
    struct db_value snoozes = db_int(job->snoozes);
    if (to == JOB_RETRYABLE || to == JOB_SCHEDULED)
        TRY(db_exec(tx, &job_put_back,
                    DB_ARGS(id, node, attempt, state, db_int(now + again_in_us), db_text(why),
                            db_int(to == JOB_SCHEDULED), snoozes),
                    &changes, e));
    else
        TRY(db_exec(tx, &job_end,
                    DB_ARGS(id, node, attempt, state, db_int(now), db_text(why), snoozes), &changes,
                    e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT,
                         "job %" PRId64 " is no longer held by node %" PRId64 ", attempt %" PRId64,
                         job->id, job->node, job->attempt);
    if (why)
        db_post(tx, &job_error_insert, DB_ARGS(id, attempt, db_int(now), db_text(why)), NULL);
    return OK;
}

/* Its ERR_CONFLICT must not read as the fence's, which would make the run's end forgotten. */
static enum err tell_discarded(struct db_tx *tx, struct job_run *run,
                               const struct job_worker *worker, const char *why, struct error *e)
{
    struct error cause;
    TRY(db_settle(tx, e));
    enum err err = worker->discarded(tx, run, why, &cause);
    if (err == OK)
        err = db_settle(tx, &cause); /* what it posted is its own too */
    if (err == OK)
        return OK;
    return error_set(e, err == ERR_CONFLICT ? ERR_INVALID : err,
                     "job %" PRId64 " cannot be discarded: %s", run->job->id, cause.text);
}

enum err job_finish(struct db_tx *tx, struct job_run *run, const struct job_worker *worker,
                    enum job_result result, const char *why, enum job_state *ret_state,
                    struct error *e)
{
    const struct job *job = run->job;
    bool again = result == JOB_RETRY && job->attempt < job->max_attempts;
    enum job_state to = result == JOB_DONE     ? JOB_COMPLETED
                        : result == JOB_SNOOZE ? JOB_SCHEDULED
                        : again                ? JOB_RETRYABLE
                                               : JOB_DISCARDED;
    int64_t again_in_us =
        result == JOB_SNOOZE ? run->snooze_us : job_backoff_us(run->env->rng, job->attempt);
    TRY(write_finish(tx, run->env, job, to, again_in_us, why, e));
    if (to == JOB_DISCARDED && worker && worker->discarded)
        TRY(tell_discarded(tx, run, worker, why, e));
    *ret_state = to;
    return OK;
}

enum err job_list_orphans(struct db_tx *tx, int64_t above, int64_t max, struct arena *arena,
                          struct records *ret_jobs, struct error *e)
{
    return db_list(tx, &job_orphans, DB_ARGS(db_int(above), db_int(max)), job_fields,
                   sizeof(struct job), (size_t)max, arena, ret_jobs, e);
}

enum err job_disown(struct db_tx *tx, int64_t node, const int64_t *ids, size_t count,
                    int64_t *ret_disowned, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    return db_exec(tx, &job_put_back_unknown,
                   DB_ARGS(db_int(node), db_int_list(tx, &arena, ids, count)), ret_disowned, e);
}

enum err job_list_cancelled(struct db_tx *tx, const int64_t *ids, size_t count, struct arena *arena,
                            struct records *ret_jobs, struct error *e)
{
    return db_list(tx, &job_cancelled_among, DB_ARGS(db_int_list(tx, arena, ids, count)),
                   job_fields, sizeof(struct job), count, arena, ret_jobs, e);
}

int64_t job_backoff_us(struct rng *rng, int64_t attempt)
{
    int64_t base = USEC_PER_SEC << (attempt < BACKOFF_DOUBLINGS ? attempt : BACKOFF_DOUBLINGS);
    return base * 3 / 4 + rng_below(rng, base / 2);
}
