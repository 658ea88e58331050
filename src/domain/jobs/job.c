#include "domain/jobs/job.h"

#include "domain/audit/audit.h"
#include "job.sql.h"

#include <inttypes.h>

enum { ERRORS_SHOWN_MAX = 1000 };

const char *const job_state_names[] = {
    "available", "scheduled", "executing", "retryable", "completed", "cancelled", "discarded", NULL,
};

const struct field job_fields[] = {
    {"id", FIELD_INT, offsetof(struct job, id), .required = true,
     .help = "a number; larger is newer"},
    {"queue", FIELD_TEXT, offsetof(struct job, queue), .required = true,
     .help = "which queue it waits in"},
    {"worker", FIELD_TEXT, offsetof(struct job, worker), .required = true, .help = "what runs it"},
    {"state", FIELD_ENUM, offsetof(struct job, state), .names = job_state_names, .required = true,
     .help = "how far it is"},
    {"priority", FIELD_INT, offsetof(struct job, priority), .required = true,
     .help = "smaller runs first"},
    {"customer_id", FIELD_TEXT, offsetof(struct job, customer_id), .help = "whom it is for"},
    {"unique_key", FIELD_TEXT, offsetof(struct job, unique_key),
     .help = "at most one unfinished job has it"},
    {"args", FIELD_JSON, offsetof(struct job, args), .help = "what the worker was told"},
    {"attempt", FIELD_INT, offsetof(struct job, attempt), .required = true,
     .help = "attempts so far"},
    {"max_attempts", FIELD_INT, offsetof(struct job, max_attempts), .required = true,
     .help = "attempts before it is given up"},
    {"snoozes", FIELD_INT, offsetof(struct job, snoozes), .required = true,
     .help = "times that it put itself off"},
    {"node", FIELD_INT, offsetof(struct job, node), .help = "the node that runs it or ran it last"},
    {"inserted_at", FIELD_TIME, offsetof(struct job, inserted_at), .required = true,
     .help = "when it was added"},
    {"scheduled_at", FIELD_TIME, offsetof(struct job, scheduled_at), .required = true,
     .help = "when it may run"},
    {"attempted_at", FIELD_TIME, offsetof(struct job, attempted_at), .help = "when it last began"},
    {"finished_at", FIELD_TIME, offsetof(struct job, finished_at), .help = "when it ended"},
    {"last_error", FIELD_TEXT, offsetof(struct job, last_error), .help = "of its last attempt"},
    FIELD_END,
};

const struct field job_error_fields[] = {
    {"attempt", FIELD_INT, offsetof(struct job_error, attempt), .required = true,
     .help = "which attempt"},
    {"at", FIELD_TIME, offsetof(struct job_error, at), .required = true, .help = "when it failed"},
    {"error", FIELD_TEXT, offsetof(struct job_error, error), .required = true, .help = "why"},
    FIELD_END,
};

/* -- enqueueing ------------------------------------------------------------------------------- */

static struct job job_of(const struct job_spec *spec, int64_t now)
{
    return (struct job){
        .queue = spec->queue,
        .worker = spec->worker,
        .state = spec->delay_us > 0 ? JOB_SCHEDULED : JOB_AVAILABLE,
        .priority = spec->priority,
        .customer_id = spec->customer_id,
        .unique_key = spec->unique_key,
        .args = spec->args,
        .max_attempts = spec->max_attempts ? spec->max_attempts : JOB_MAX_ATTEMPTS,
        .node = INT_ABSENT,
        .inserted_at = now,
        .scheduled_at = now + spec->delay_us,
        .attempted_at = INT_ABSENT,
        .finished_at = INT_ABSENT,
    };
}

static struct db_value due_at(const struct job *job)
{
    return db_int(job->state == JOB_SCHEDULED ? job->scheduled_at : INT_ABSENT);
}

static struct db_value aside(const struct job *job)
{
    return db_text(job->state == JOB_SCHEDULED ? job_state_names[JOB_SCHEDULED] : NULL);
}

enum err job_enqueue(struct db_tx *tx, const struct env *env, const struct job_spec *spec,
                     struct arena *arena, struct job *ret_job, bool *ret_added, struct error *e)
{
    struct job job = job_of(spec, env_now(env));
    struct db_args plain =
        DB_ARGS(db_text(job.queue), db_text(job.worker), db_text(job_state_names[job.state]),
                db_int(job.priority), db_text(job.customer_id), db_text(job.args),
                db_int(job.max_attempts), db_int(job.inserted_at), db_int(job.scheduled_at),
                due_at(&job), aside(&job), db_text(job.unique_key));
    if (!job.unique_key)
        plain.count--;
    const struct db_query *insert = job.unique_key ? &job_insert_unique : &job_insert;
    if (!ret_job && !ret_added) {
        db_post(tx, insert, plain, NULL);
        db_notify(tx, JOB_CHANNEL);
        return OK;
    }
    TRY(db_get_int(tx, insert, plain, &job.id, e));
    bool added = job.id != INT_ABSENT;
    if (added)
        db_notify(tx, JOB_CHANNEL);
    else
        TRY(db_get(tx, &job_by_unique_key, DB_ARGS(db_text(job.unique_key)), job_fields, arena,
                   &job, e));
    if (ret_job)
        *ret_job = job;
    if (ret_added)
        *ret_added = added;
    return OK;
}

/* Whether the two differ only in what a row of a bulk insert holds. */
static bool alike(const struct job_spec *a, const struct job_spec *b)
{
    return text_eq(a->worker, b->worker) && text_eq(a->queue, b->queue) &&
           a->max_attempts == b->max_attempts && a->priority == b->priority &&
           a->delay_us == b->delay_us && !a->unique_key == !b->unique_key;
}

/* One statement for `count` specs that are alike; posted where nobody asks for `ret_added`. */
static enum err insert_alike(struct db_tx *tx, int64_t now, const struct job_spec *specs,
                             size_t count, int64_t *ret_added, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct job job = job_of(specs, now);
    bool unique = job.unique_key != NULL;
    size_t width = unique ? 3 : 2;
    struct db_value *rows = arena_new_array(&arena, count * width, struct db_value);
    for (size_t i = 0; i < count; i++) {
        struct db_value *row = &rows[i * width];
        row[0] = db_text(specs[i].customer_id);
        row[1] = db_text(specs[i].args);
        if (unique)
            row[2] = db_text(specs[i].unique_key);
    }
    const struct db_query *insert = unique ? &job_insert_many_unique : &job_insert_many;
    struct db_args shared =
        DB_ARGS(db_text(job.queue), db_text(job.worker), db_text(job_state_names[job.state]),
                db_int(job.priority), db_int(job.max_attempts), db_int(now),
                db_int(job.scheduled_at), due_at(&job), aside(&job));
    if (ret_added)
        return db_exec_rows(tx, insert, shared, rows, width, count, ret_added, e);
    db_post_rows(tx, insert, shared, rows, width, count, NULL);
    return OK;
}

enum err job_enqueue_many(struct db_tx *tx, const struct env *env, const struct job_spec *specs,
                          size_t count, int64_t *ret_added, struct error *e)
{
    int64_t now = env_now(env), added = 0;
    for (size_t done = 0, next; done < count; done = next) {
        int64_t some = 0;
        for (next = done + 1; next < count && alike(&specs[done], &specs[next]);)
            next++;
        TRY(insert_alike(tx, now, &specs[done], next - done, ret_added ? &some : NULL, e));
        added += some;
    }
    if (added > 0 || !ret_added)
        db_notify(tx, JOB_CHANNEL);
    if (ret_added)
        *ret_added = added;
    return OK;
}

/* -- looking ---------------------------------------------------------------------------------- */

enum err job_find(struct db_tx *tx, int64_t id, struct arena *arena, struct job *ret_job,
                  struct error *e)
{
    enum err err = db_get(tx, &job_by_id, DB_ARGS(db_int(id)), job_fields, arena, ret_job, e);
    return err == ERR_NOT_FOUND ? error_set(e, err, "there is no job %" PRId64, id) : err;
}

enum err job_error_list(struct db_tx *tx, int64_t id, struct arena *arena,
                        struct records *ret_errors, struct error *e)
{
    return db_list(tx, &job_errors_of, DB_ARGS(db_int(id), db_int(ERRORS_SHOWN_MAX)),
                   job_error_fields, sizeof(struct job_error), ERRORS_SHOWN_MAX, arena, ret_errors,
                   e);
}

static bool is_aside(int state)
{
    return state == JOB_SCHEDULED || state == JOB_RETRYABLE || state == JOB_CANCELLED ||
           state == JOB_DISCARDED;
}

/* Reads one row more than the page, through the index that fits the filter. */
static enum err read_page(struct db_tx *tx, const struct job_filter *f, int64_t below,
                          int64_t limit, struct arena *arena, struct records *ret, struct error *e)
{
    struct db_value from = db_int(below == INT_ABSENT ? INT64_MAX : below);
    struct db_value rows = db_int(limit + 1);
    struct db_value state = db_text(f->state < 0 ? NULL : job_state_names[f->state]);
    struct db_value queue = db_text(f->queue), worker = db_text(f->worker);
    const struct db_query *query = &job_page;
    struct db_args args = DB_ARGS(from, rows, state, queue, worker);
    struct db_args of_customer = DB_ARGS(from, rows, state, queue, worker, db_text(f->customer_id));
    struct db_args executing = DB_ARGS(from, rows, queue, worker);
    if (f->customer_id) {
        query = &job_page_of_customer;
        args = of_customer;
    } else if (f->state == JOB_EXECUTING) {
        query = &job_page_executing;
        args = executing;
    } else if (is_aside(f->state)) {
        query = &job_page_aside;
    }
    return db_list(tx, query, args, job_fields, sizeof(struct job), (size_t)limit + 1, arena, ret,
                   e);
}

enum err job_list(struct db_tx *tx, const struct job_filter *filter, int64_t below, int64_t limit,
                  struct arena *arena, struct records *ret_jobs, int64_t *ret_next, struct error *e)
{
    BUG_ON(limit < 1 || limit > PAGE_LIMIT_MAX);
    struct records jobs;
    TRY(read_page(tx, filter, below, limit, arena, &jobs, e));
    bool more = jobs.count > (size_t)limit;
    if (more)
        jobs.count = (size_t)limit;
    *ret_next = more ? ((const struct job *)jobs.items)[jobs.count - 1].id : INT_ABSENT;
    *ret_jobs = jobs;
    return OK;
}

enum err job_list_unfinished(struct db_tx *tx, const char *customer_id, struct arena *arena,
                             struct records *ret_jobs, struct error *e)
{
    return db_list(tx, &job_unfinished_of, DB_ARGS(db_text(customer_id), db_int(PAGE_LIMIT_MAX)),
                   job_fields, sizeof(struct job), PAGE_LIMIT_MAX, arena, ret_jobs, e);
}

/* -- by hand ---------------------------------------------------------------------------------- */

/* Applies a change; when it matched no row, says why by the job's state. */
static enum err change_by_hand(struct db_tx *tx, const struct env *env, const char *actor,
                               const struct db_query *change, const char *done, int64_t id,
                               struct arena *arena, struct error *e)
{
    struct job job;
    TRY(job_find(tx, id, arena, &job, e));
    int64_t changes;
    enum err err = db_exec(tx, change, DB_ARGS(db_int(id), db_int(env_now(env))), &changes, e);
    if (err == ERR_CONFLICT)
        return error_set(e, err, "job %" PRId64 " cannot be %s: an unfinished job has its key %s",
                         id, done, job.unique_key);
    TRY(err);
    if (changes == 0)
        return error_set(e, ERR_CONFLICT, "job %" PRId64 " is %s: it cannot be %s", id,
                         job_state_names[job.state], done);
    db_notify(tx, JOB_CHANNEL);
    return audit_write(tx, env, arena, actor, arena_printf(arena, "job.%s", done),
                       arena_printf(arena, "%" PRId64, id), NULL, e);
}

enum err job_retry(struct db_tx *tx, const struct env *env, const char *actor, int64_t id,
                   struct arena *arena, struct error *e)
{
    return change_by_hand(tx, env, actor, &job_make_available, "retried", id, arena, e);
}

enum err job_cancel(struct db_tx *tx, const struct env *env, const char *actor, int64_t id,
                    struct arena *arena, struct error *e)
{
    return change_by_hand(tx, env, actor, &job_mark_cancelled, "cancelled", id, arena, e);
}

struct retried {
    int64_t count, oldest;
};

static enum err note_retried(const struct db_value *columns, size_t count, void *arg,
                             struct error *e)
{
    struct retried *r = arg;
    (void)e;
    BUG_ON(count != 1);
    r->count++;
    if (columns[0].number < r->oldest)
        r->oldest = columns[0].number;
    return OK;
}

enum err job_retry_many(struct db_tx *tx, const struct env *env, const char *actor,
                        const struct job_filter *f, int64_t below, struct arena *arena,
                        int64_t *ret_retried, int64_t *ret_next, struct error *e)
{
    if (f->state != JOB_DISCARDED && f->state != JOB_CANCELLED && f->state != JOB_RETRYABLE)
        return error_set(e, ERR_INVALID,
                         "say which jobs to retry: discarded, cancelled or retryable");
    struct retried retried = {.oldest = INT64_MAX};
    TRY(db_each(tx, &job_make_many_available,
                DB_ARGS(db_int(env_now(env)), db_text(job_state_names[f->state]), db_text(f->queue),
                        db_text(f->worker), db_text(f->customer_id), db_int(JOB_RETRY_MANY_MAX),
                        db_int(below == INT_ABSENT ? INT64_MAX : below)),
                note_retried, &retried, e));
    if (retried.count > 0) {
        const char *details = arena_printf(arena, "{\"state\":\"%s\",\"count\":%" PRId64 "}",
                                           job_state_names[f->state], retried.count);
        db_notify(tx, JOB_CHANNEL);
        TRY(audit_write(tx, env, arena, actor, "jobs.retried", "jobs", details, e));
    }
    *ret_retried = retried.count;
    *ret_next = retried.count == JOB_RETRY_MANY_MAX ? retried.oldest : INT_ABSENT;
    return OK;
}

enum err job_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                   struct error *e)
{
    return db_exec(tx, &job_delete_old, DB_ARGS(db_int(before), db_int(max)), ret_deleted, e);
}
