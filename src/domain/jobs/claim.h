/*
 * What a node does with the rows of `jobs`: claim, finish, stay alive, take over from the dead.
 *
 * A node is registered under a number of its own and renews one lease for all that it runs. Who
 * finds a lease run out deletes that node's row, and jobs that execute on a node without a row are
 * rescued. A node whose row is gone registers again under a new number: what it still runs under
 * the old one can no longer be finished, because the rescue counted the attempt.
 *
 * Leases go by the database's clock (db_now()), so the clocks of nodes need not agree. It is read
 * before the lease is written and before leases are compared: a slow statement shortens the own
 * lease and never another's.
 */
#ifndef WEBHOST_DOMAIN_JOBS_CLAIM_H
#define WEBHOST_DOMAIN_JOBS_CLAIM_H

#include "domain/jobs/job.h"

/* -- nodes ------------------------------------------------------------------------------------ */

enum err node_register(struct db_tx *tx, const char *name, int64_t lease_us, int64_t *ret_node,
                       struct error *e);

/* Renews the lease; `ret_alive` is false when the row is gone and the node was given up. */
enum err node_renew(struct db_tx *tx, int64_t node, int64_t lease_us, bool *ret_alive,
                    struct error *e);

enum err node_unregister(struct db_tx *tx, int64_t node, struct error *e);

/* Removes nodes whose lease ran out. */
enum err node_expire(struct db_tx *tx, int64_t *ret_expired, struct error *e);

/* -- claiming --------------------------------------------------------------------------------- */

/* Moves scheduled and retryable jobs whose time has come to available; at most `max`. */
enum err job_stage_due(struct db_tx *tx, const struct env *env, int64_t max, int64_t *ret_staged,
                       struct error *e);

/*
 * Where a claim starts to look: behind this (priority, id). From the very beginning it has to step
 * over every entry that finished jobs left in the index and that an old snapshot keeps alive; from
 * where the last claim ended it does not. JOB_CURSOR_START looks at all.
 */
struct job_cursor {
    int64_t priority, id;
};

#define JOB_CURSOR_START ((struct job_cursor){INT64_MIN + 1, 0})

/* A claim of up to `max` available jobs of one queue, in order of (priority, id). */
struct job_claim {
    const char *queue;
    int64_t node, max;
    struct job_cursor cursor; /* moved behind the last that was claimed */
    /* Only what a run needs: id, worker, args, customer_id, attempt, max_attempts, snoozes, the
     * times, node and queue. */
    struct records jobs;
    int64_t now;
};

/*
 * The jobs are there after job_claimed(), which comes behind the db_write() that returned OK, or
 * behind a db_settle().
 */
enum err job_claim_post(struct db_tx *tx, const struct env *env, struct job_claim *claim,
                        struct arena *arena, struct error *e);
void job_claimed(struct job_claim *claim);

/* -- finishing -------------------------------------------------------------------------------- */

/*
 * Completes jobs that `node` ran, all in their attempt number `attempt`. `ret_completed` is less
 * than `count` when the fence refused some; it is there when db_write() has returned OK.
 */
void job_complete_many(struct db_tx *tx, const struct env *env, int64_t node, int64_t attempt,
                       const int64_t *ids, size_t count, int64_t *ret_completed);

/*
 * Records how a run ended. ERR_CONFLICT when the fence says that this (node, attempt) no longer
 * owns the job; nothing changes then. `ret_state` gets the state it went to.
 */
enum err job_finish(struct db_tx *tx, struct job_run *run, const struct job_worker *worker,
                    enum job_result result, const char *why, enum job_state *ret_state,
                    struct error *e);

/*
 * Jobs that execute on nodes without a row, at most `max` with ids above `above`, in their order:
 * records of struct job. The caller finishes each with JOB_RETRY in the same transaction, under the
 * dead node's own fence.
 */
enum err job_list_orphans(struct db_tx *tx, int64_t above, int64_t max, struct arena *arena,
                          struct records *ret_jobs, struct error *e);

/* Puts back what `node` claimed without knowing it (a commit whose answer was lost): all but ids.
 */
enum err job_disown(struct db_tx *tx, int64_t node, const int64_t *ids, size_t count,
                    int64_t *ret_disowned, struct error *e);

/* Those of these jobs that were cancelled by hand: records of struct job, of which only the id. */
enum err job_list_cancelled(struct db_tx *tx, const int64_t *ids, size_t count, struct arena *arena,
                            struct records *ret_jobs, struct error *e);

/* Microseconds until the next attempt: 2^attempt seconds, at most 64, +-25 % jitter. */
int64_t job_backoff_us(struct rng *rng, int64_t attempt);

#endif
