/*
 * Jobs: everything that takes time or touches the outside is a row in `jobs` first.
 *
 * A job is enqueued in the transaction that causes it, so there is never one without its cause or a
 * cause without its job. It is claimed by a node under a lease, run, and finished; the finish is
 * fenced by (node, attempt), so a node that lost its lease cannot finish what another now runs.
 *
 *     available, scheduled -> executing -> completed
 *                                       -> retryable -> executing ...   after an error, with
 * backoff
 *                                       -> discarded                    out of attempts, or
 * hopeless any unfinished state -> cancelled
 *
 * An attempt is counted when it ends in an error. A job that only has to wait (for a cloud's
 * action, for another job) snoozes: it goes back to scheduled and the attempt does not count.
 *
 * Semantics follow Oban's. The states and the claim are in job.sql; the threads are in runner.h.
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
    const char *id;
    const char *queue;
    const char *worker;
    int state;               /* enum job_state */
    int64_t priority;        /* smaller first */
    const char *customer_id; /* NULL for work about nobody in particular */
    const char *args;        /* one JSON object */
    int64_t attempt;         /* the attempt that runs, or ran last; from 1 */
    int64_t max_attempts;
    int64_t snoozes; /* since the last error; lets a worker bound its waiting */
    const char *node;
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
};

/*
 * Does the work. It must be safe to run again from the start at any point (the process may die),
 * so it records its intention before it creates anything outside, and adopts what it finds.
 * On JOB_RETRY and JOB_FAIL it fills the error.
 */
typedef enum job_result job_perform(struct job_run *run, struct error *e);

/* Called in the transaction that discards the job, so that what waited for it learns of it. */
typedef enum err job_discarded(struct db_tx *tx, struct job_run *run, const char *why,
                               struct error *e);

struct job_worker {
    const char *name;  /* "HetznerProvisioningWorker" */
    const char *queue; /* "provisioning" */
    job_perform *perform;
    job_discarded *discarded; /* may be NULL */
    void *ctx;
};

struct job_spec {
    const char *worker;
    const char *queue;
    int64_t max_attempts; /* 0: JOB_MAX_ATTEMPTS */
    const char *args;     /* one JSON object */
    const char *customer_id;
    int64_t priority;
    int64_t delay_us; /* 0: as soon as possible */
};

#define JOB_MAX_ATTEMPTS 3

enum err job_enqueue(struct db_tx *tx, const struct env *env, const struct job_spec *spec,
                     struct arena *arena, struct job *ret_job, struct error *e);

enum err job_find(struct db_tx *tx, const char *id, struct arena *arena, struct job *ret_job,
                  struct error *e);
enum err job_error_list(struct db_tx *tx, const char *id, struct arena *arena,
                        struct records *ret_errors, struct error *e);

struct job_filter {
    const char *state, *queue, *customer_id; /* NULL: any */
};

/* Newest first: records of struct job. */
enum err job_list(struct db_tx *tx, const struct job_filter *filter, struct page page,
                  struct arena *arena, struct records *ret_jobs, const char **ret_next,
                  struct error *e);

/* The customer's jobs that are not finished, newest first, at most a page's maximum. */
enum err job_list_unfinished(struct db_tx *tx, const char *customer_id, struct arena *arena,
                             struct records *ret_jobs, struct error *e);

/* By hand: makes a discarded, cancelled or waiting job available now, with one more attempt. */
enum err job_retry(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                   struct arena *arena, struct error *e);

/*
 * By hand: an unfinished job will not run (again). One that is executing runs to its end, but its
 * finish is fenced off: nothing it says counts any more.
 */
enum err job_cancel(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                    struct arena *arena, struct error *e);

/* -- for the runner ---------------------------------------------------------------------------- */

/* Claims up to `max` ready jobs of one queue for `node` until now + lease_us. */
enum err job_claim(struct db_tx *tx, const struct env *env, const char *queue, const char *node,
                   int64_t max, int64_t lease_us, struct arena *arena, struct records *ret_jobs,
                   struct error *e);

/*
 * Records how a run ended. ERR_CONFLICT when the fence says that this (node, attempt) no longer
 * owns the job; nothing changes then. `ret_state` gets the state it went to.
 */
enum err job_finish(struct db_tx *tx, struct job_run *run, const struct job_worker *worker,
                    enum job_result result, const char *why, enum job_state *ret_state,
                    struct error *e);

/* Extends the lease of a job that still runs here; no effect when the fence says otherwise. */
enum err job_heartbeat(struct db_tx *tx, const struct env *env, const struct job *job,
                       int64_t lease_us, struct error *e);

/*
 * Jobs whose lease ran out: their node died or hangs. At most `max`; records of struct job. The
 * runner finishes each with JOB_RETRY in the same transaction, under the dead node's own fence.
 */
enum err job_list_expired(struct db_tx *tx, const struct env *env, int64_t max, struct arena *arena,
                          struct records *ret_jobs, struct error *e);

/* Microseconds until attempt + 1: 2^attempt seconds (at most an hour) with +-25 % jitter. */
int64_t job_backoff_us(struct rng *rng, int64_t attempt);

#endif
