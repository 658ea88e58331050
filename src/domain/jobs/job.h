/*
 * Jobs: everything that takes time or touches the outside is a row in `jobs` first.
 *
 * A job is enqueued in the transaction that causes it, so there is never one without its cause or a
 * cause without its job. It is claimed by a node, run, and finished; the finish is fenced by (node,
 * attempt), so a node that was given up for dead cannot finish what another now runs.
 *
 *     available -> executing -> completed
 *     scheduled -> available               when its time has come
 *     executing -> retryable -> available  after an error, with backoff
 *     executing -> discarded               out of attempts, or hopeless
 *     executing -> scheduled               it only has to wait; the attempt does not count
 *     any unfinished state -> cancelled
 *
 * Every job is run at least once. Its effect happens once when perform() is safe to repeat, which
 * is its contract. Semantics follow Oban's (https://hexdocs.pm/oban).
 *
 * This header is what the product calls; claim.h is what the runner does with the rows.
 */
#ifndef WEBHOST_DOMAIN_JOBS_JOB_H
#define WEBHOST_DOMAIN_JOBS_JOB_H

#include "domain/core/env.h"

enum job_state {
    JOB_AVAILABLE,
    JOB_SCHEDULED,
    JOB_EXECUTING,
    JOB_RETRYABLE,
    JOB_COMPLETED,
    JOB_CANCELLED,
    JOB_DISCARDED,
};

extern const char *const job_state_names[]; /* ends with NULL */

struct job {
    int64_t id;
    const char *queue;
    const char *worker;
    int state;               /* enum job_state */
    int64_t priority;        /* smaller first */
    const char *customer_id; /* NULL for work about nobody in particular */
    const char *unique_key;  /* until it is finished */
    const char *args;        /* one JSON object */
    int64_t attempt;         /* the attempt that runs, or ran last; from 1 */
    int64_t max_attempts;
    int64_t snoozes; /* since the last error; lets a worker bound its waiting */
    int64_t node;
    int64_t inserted_at, scheduled_at, attempted_at, finished_at;
    const char *last_error;
};

extern const struct field job_fields[];

struct job_error {
    int64_t attempt;
    int64_t at;
    const char *error;
};

extern const struct field job_error_fields[];

/* -- workers ---------------------------------------------------------------------------------- */

/* What one perform() came to. */
enum job_result {
    JOB_DONE,
    JOB_RETRY,  /* the error passes: try again after a backoff, while attempts are left */
    JOB_SNOOZE, /* nothing is wrong: run again in job_run.snooze_us */
    JOB_FAIL,   /* the error will not pass: discard now */
};

struct job_run {
    const struct env *env;
    const struct job *job;
    struct arena *arena; /* released when the run ends */
    int64_t snooze_us;
    void *ctx; /* the worker's own, from job_worker.ctx */
    /* Becomes true when the job was cancelled by hand; a long perform() looks at it. */
    const _Atomic bool *cancelled;
};

/*
 * Does the work. It must be safe to run again from the start at any point (the process may die),
 * so it records its intention before it creates anything outside, and adopts what it finds.
 * On JOB_RETRY and JOB_FAIL it fills the error.
 */
typedef enum job_result job_perform(struct job_run *run, struct error *e);

/*
 * Called in the transaction that discards the job, so that what waited for it learns of it. `run`
 * has env, job, arena and ctx only.
 */
typedef enum err job_discarded(struct db_tx *tx, struct job_run *run, const char *why,
                               struct error *e);

struct job_worker {
    const char *name;  /* "HetznerProvisioningWorker" */
    const char *queue; /* "provisioning" */
    job_perform *perform;
    job_discarded *discarded; /* may be NULL */
    void *ctx;
};

/* -- enqueueing ------------------------------------------------------------------------------- */

#define JOB_MAX_ATTEMPTS 3
/* Of what a cloud has to do: a quarter of an hour in all, so that an outage takes nobody down. */
#define JOB_CLOUD_ATTEMPTS 20

struct job_spec {
    const char *worker;
    const char *queue;
    int64_t max_attempts;    /* 0: JOB_MAX_ATTEMPTS */
    const char *args;        /* one JSON object */
    const char *customer_id; /* may be NULL */
    int64_t priority;        /* smaller first */
    int64_t delay_us;        /* 0: as soon as possible */
    /* NULL: none. Otherwise there is at most one unfinished job with this key at a time. */
    const char *unique_key;
};

/*
 * Adds a job. When its unique_key is taken, nothing is added and the job that has it is given
 * instead; `ret_added` tells. Who wants to know neither passes NULL for both, and the work does not
 * wait for the database (db_post()).
 */
enum err job_enqueue(struct db_tx *tx, const struct env *env, const struct job_spec *spec,
                     struct arena *arena, struct job *ret_job, bool *ret_added, struct error *e);

/*
 * Adds many at once, one statement for each run of specs that differ in customer, args and key
 * only; those whose unique_key is taken are left out. Without a `ret_added` the work does not wait.
 */
enum err job_enqueue_many(struct db_tx *tx, const struct env *env, const struct job_spec *specs,
                          size_t count, int64_t *ret_added, struct error *e);

/* -- looking ---------------------------------------------------------------------------------- */

enum err job_find(struct db_tx *tx, int64_t id, struct arena *arena, struct job *ret_job,
                  struct error *e);

/* The error of each attempt that had one, oldest first: records of struct job_error. */
enum err job_error_list(struct db_tx *tx, int64_t id, struct arena *arena,
                        struct records *ret_errors, struct error *e);

struct job_filter {
    int state;                                /* enum job_state; -1: any */
    const char *queue, *worker, *customer_id; /* NULL: any */
};

/*
 * Newest first: records of struct job with ids below `below` (INT_ABSENT: from the newest), at most
 * `limit`. `ret_next` gets the `below` of the next page, INT_ABSENT at the end.
 */
enum err job_list(struct db_tx *tx, const struct job_filter *filter, int64_t below, int64_t limit,
                  struct arena *arena, struct records *ret_jobs, int64_t *ret_next,
                  struct error *e);

/* The customer's jobs that are not finished, newest first, at most PAGE_LIMIT_MAX. */
enum err job_list_unfinished(struct db_tx *tx, const char *customer_id, struct arena *arena,
                             struct records *ret_jobs, struct error *e);

/* -- by hand ---------------------------------------------------------------------------------- */

/* Makes a job that stopped or waits available now, with one more attempt if it has none left. */
enum err job_retry(struct db_tx *tx, const struct env *env, const char *actor, int64_t id,
                   struct arena *arena, struct error *e);

#define JOB_RETRY_MANY_MAX 10000

/*
 * The same for all that the filter finds, which must name discarded, cancelled or retryable jobs;
 * with ids below `below` (INT_ABSENT: from the newest), newest first, at most JOB_RETRY_MANY_MAX.
 * `ret_next` gets the `below` to go on with, INT_ABSENT at the end. It only falls, so whoever goes
 * on ends, also when jobs fail again meanwhile.
 */
enum err job_retry_many(struct db_tx *tx, const struct env *env, const char *actor,
                        const struct job_filter *filter, int64_t below, struct arena *arena,
                        int64_t *ret_retried, int64_t *ret_next, struct error *e);

/*
 * An unfinished job will not run (again). One that is executing is told through job_run.cancelled;
 * whatever it returns no longer counts.
 */
enum err job_cancel(struct db_tx *tx, const struct env *env, const char *actor, int64_t id,
                    struct arena *arena, struct error *e);

/*
 * Deletes finished jobs that were enqueued and finished before `before`, at most `max`, oldest
 * first.
 */
enum err job_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                   struct error *e);

/* What the listener of every node hears after an enqueue, a retry, a cancel, a changed queue. */
#define JOB_CHANNEL "webhost_jobs"

#endif
