#include "domain/jobs/job.h"

#include "domain/audit/audit.h"
#include "job.sql.h"

#define JOB_ERRORS_SHOWN_MAX 1000

const char *const job_state_names[] = {
    "available", "scheduled", "executing", "retryable", "completed", "cancelled", "discarded", NULL,
};

const struct field job_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct job, id)},
    {"queue", FIELD_TEXT, offsetof(struct job, queue)},
    {"worker", FIELD_TEXT, offsetof(struct job, worker)},
    {"state", FIELD_ENUM, offsetof(struct job, state), .names = job_state_names},
    {"priority", FIELD_INT, offsetof(struct job, priority)},
    {"customer_id", FIELD_TEXT, offsetof(struct job, customer_id)},
    {"args", FIELD_JSON, offsetof(struct job, args)},
    {"attempt", FIELD_INT, offsetof(struct job, attempt)},
    {"max_attempts", FIELD_INT, offsetof(struct job, max_attempts)},
    {"snoozes", FIELD_INT, offsetof(struct job, snoozes)},
    {"node", FIELD_TEXT, offsetof(struct job, node)},
    {"inserted_at", FIELD_TIME, offsetof(struct job, inserted_at)},
    {"scheduled_at", FIELD_TIME, offsetof(struct job, scheduled_at)},
    {"attempted_at", FIELD_TIME, offsetof(struct job, attempted_at)},
    {"finished_at", FIELD_TIME, offsetof(struct job, finished_at)},
    {"last_error", FIELD_TEXT, offsetof(struct job, last_error)},
    FIELD_END,
};

const struct field job_error_fields[] = {
    {"attempt", FIELD_INT, offsetof(struct job_error, attempt)},
    {"at", FIELD_TIME, offsetof(struct job_error, at)},
    {"error", FIELD_TEXT, offsetof(struct job_error, error)},
    FIELD_END,
};

enum err job_enqueue(struct db_tx *tx, const struct env *env, const struct job_spec *spec,
                     struct arena *arena, struct job *ret_job, struct error *e)
{
    int64_t now = env_now(env);
    struct job job = {
        .id = env_id(env, arena),
        .queue = spec->queue,
        .worker = spec->worker,
        .state = spec->delay_us > 0 ? JOB_SCHEDULED : JOB_AVAILABLE,
        .priority = spec->priority,
        .customer_id = spec->customer_id,
        .args = spec->args,
        .max_attempts = spec->max_attempts ? spec->max_attempts : JOB_MAX_ATTEMPTS,
        .inserted_at = now,
        .scheduled_at = now + spec->delay_us,
        .attempted_at = INT_ABSENT,
        .finished_at = INT_ABSENT,
    };
    TRY(db_exec(tx, &job_insert,
                DB_ARGS(db_text(job.id), db_text(job.queue), db_text(job.worker),
                        db_text(job_state_names[job.state]), db_int(job.priority),
                        db_text(job.customer_id), db_text(job.args), db_int(job.max_attempts),
                        db_int(job.inserted_at), db_int(job.scheduled_at)),
                NULL, e));
    *ret_job = job;
    return OK;
}

enum err job_find(struct db_tx *tx, const char *id, struct arena *arena, struct job *ret_job,
                  struct error *e)
{
    enum err err = db_get(tx, &job_by_id, DB_ARGS(db_text(id)), job_fields, arena, ret_job, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no job %s", id) : err;
}

enum err job_error_list(struct db_tx *tx, const char *id, struct arena *arena,
                        struct records *ret_errors, struct error *e)
{
    return db_list(tx, &job_errors_of, DB_ARGS(db_text(id), db_int(JOB_ERRORS_SHOWN_MAX)),
                   job_error_fields, sizeof(struct job_error), JOB_ERRORS_SHOWN_MAX, arena,
                   ret_errors, e);
}

enum err job_list(struct db_tx *tx, const struct job_filter *filter, struct page page,
                  struct arena *arena, struct records *ret_jobs, const char **ret_next,
                  struct error *e)
{
    TRY(db_list(tx, &job_page,
                DB_ARGS(page_cursor(page), page_rows(page), db_text(filter->state),
                        db_text(filter->queue), db_text(filter->customer_id)),
                job_fields, sizeof(struct job), PAGE_LIMIT_MAX + 1, arena, ret_jobs, e));
    *ret_next = page_next(page, ret_jobs, sizeof(struct job), offsetof(struct job, id));
    return OK;
}

enum err job_list_unfinished(struct db_tx *tx, const char *customer_id, struct arena *arena,
                             struct records *ret_jobs, struct error *e)
{
    return db_list(tx, &job_unfinished_of, DB_ARGS(db_text(customer_id), db_int(PAGE_LIMIT_MAX)),
                   job_fields, sizeof(struct job), PAGE_LIMIT_MAX, arena, ret_jobs, e);
}

/* Applies a by-hand change; when it matched no row, says why by the job's state. */
static enum err change_by_hand(struct db_tx *tx, const struct env *env, const char *actor,
                               const struct db_query *change, const char *action, const char *id,
                               struct arena *arena, struct error *e)
{
    struct job job;
    TRY(job_find(tx, id, arena, &job, e));
    int64_t changes;
    TRY(db_exec(tx, change, DB_ARGS(db_text(id), db_int(env_now(env))), &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "job %s is %s: it cannot be %s", id,
                         job_state_names[job.state],
                         change == &job_make_available ? "retried" : "cancelled");
    return audit_write(tx, env, arena, actor, action, id, NULL, e);
}

enum err job_retry(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                   struct arena *arena, struct error *e)
{
    return change_by_hand(tx, env, actor, &job_make_available, "job.retried", id, arena, e);
}

enum err job_cancel(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                    struct arena *arena, struct error *e)
{
    return change_by_hand(tx, env, actor, &job_mark_cancelled, "job.cancelled", id, arena, e);
}

enum err job_claim(struct db_tx *tx, const struct env *env, const char *queue, const char *node,
                   int64_t max, int64_t lease_us, struct arena *arena, struct records *ret_jobs,
                   struct error *e)
{
    int64_t now = env_now(env);
    return db_list(
        tx, &job_claim_ready,
        DB_ARGS(db_text(queue), db_text(node), db_int(now), db_int(now + lease_us), db_int(max)),
        job_fields, sizeof(struct job), (size_t)max, arena, ret_jobs, e);
}

/* Ends the job for good, or puts it back; zero changes means that the fence refused. */
static enum err write_finish(struct db_tx *tx, const struct env *env, const struct job *job,
                             enum job_state to, int64_t again_in_us, const char *why,
                             bool attempt_counts, struct error *e)
{
    int64_t now = env_now(env), changes;
    struct db_value id = db_text(job->id), node = db_text(job->node);
    struct db_value attempt = db_int(job->attempt), state = db_text(job_state_names[to]);
    if (to == JOB_RETRYABLE || to == JOB_SCHEDULED)
        TRY(db_exec(tx, &job_put_back,
                    DB_ARGS(id, node, attempt, state, db_int(now + again_in_us),
                            db_text(why ? why : job->last_error), db_int(attempt_counts ? 0 : 1)),
                    &changes, e));
    else
        TRY(db_exec(tx, &job_end, DB_ARGS(id, node, attempt, state, db_int(now), db_text(why)),
                    &changes, e));
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "job %s is no longer held by %s, attempt %lld", job->id,
                         job->node, (long long)job->attempt);
    if (why)
        TRY(db_exec(tx, &job_error_insert, DB_ARGS(id, attempt, db_int(now), db_text(why)), NULL,
                    e));
    return OK;
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
    TRY(write_finish(tx, run->env, job, to, again_in_us, why, result != JOB_SNOOZE, e));
    if (to == JOB_DISCARDED && worker && worker->discarded)
        TRY(worker->discarded(tx, run, why, e));
    *ret_state = to;
    return OK;
}

enum err job_heartbeat(struct db_tx *tx, const struct env *env, const struct job *job,
                       int64_t lease_us, struct error *e)
{
    return db_exec(tx, &job_extend_lease,
                   DB_ARGS(db_text(job->id), db_text(job->node), db_int(job->attempt),
                           db_int(env_now(env) + lease_us)),
                   NULL, e);
}

enum err job_list_expired(struct db_tx *tx, const struct env *env, int64_t max, struct arena *arena,
                          struct records *ret_jobs, struct error *e)
{
    return db_list(tx, &job_expired, DB_ARGS(db_int(env_now(env)), db_int(max)), job_fields,
                   sizeof(struct job), (size_t)max, arena, ret_jobs, e);
}

int64_t job_backoff_us(struct rng *rng, int64_t attempt)
{
    int64_t base = attempt < 12 ? USEC_PER_SEC << attempt : 3600 * USEC_PER_SEC;
    return base * 3 / 4 + rng_below(rng, base / 2);
}
