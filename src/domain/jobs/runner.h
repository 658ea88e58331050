/*
 * The runner: what one process does with the queue.
 *
 *     claimer    takes available jobs, as many as the queues have places for
 *     executors  run them
 *     finisher   writes down how they ended, all that ended meanwhile in one commit
 *     keeper     renews the node's lease, rescues dead nodes' jobs, moves due ones to available,
 *                learns of cancelled jobs and changed queues, and lets the leader run the cron
 *
 * A queue runs at most `limit` jobs at a time here and holds at most `buffer` more that are claimed
 * and wait; a buffer makes sense for many short jobs only, because what waits in it waits here even
 * when another node is idle.
 *
 * runner_wake() makes the claimer look at once. On PostgreSQL it listens for other nodes' enqueues
 * too; polling every poll_us stands behind both.
 *
 * Lifecycle: runner_new() -> runner_start() -> runner_stop() -> runner_free(). Stopping claims
 * nothing more, waits for what runs up to drain_us, puts back what was claimed and not begun, and
 * takes the node off the list. What still runs then is rescued by others when the lease ends.
 *
 * runner_step() does one round of everything on the caller's thread and needs no threads: tests and
 * the simulation drive the queue with it under a virtual clock.
 */
#ifndef WEBHOST_DOMAIN_JOBS_RUNNER_H
#define WEBHOST_DOMAIN_JOBS_RUNNER_H

#include "domain/jobs/cron.h"
#include "domain/jobs/job.h"
#include "infra/metrics/histogram.h"

struct job_queue {
    const char *name;
    unsigned limit;  /* jobs of this queue that this node runs at a time; at least 1 */
    unsigned buffer; /* claimed beyond that; 0 for jobs that take long */
};

struct runner_options {
    const struct env *env;
    const char *node_name; /* for people: the host's name */
    const struct job_worker *workers;
    size_t worker_count;
    const struct job_queue *queues;
    size_t queue_count;
    const struct cron *crons;
    size_t cron_count;
    int64_t lease_us; /* how long a silent node keeps its jobs */
    int64_t poll_us;
    int64_t drain_us;
    /* Called after each finish is committed, for logs; `why` is NULL when nothing went wrong. */
    void (*observe)(const struct job *job, enum job_state to, const char *why, int64_t took_us);
};

struct runner;

/* The options are copied; what they point to must outlive the runner. */
struct runner *runner_new(const struct runner_options *options);
void runner_free(struct runner *runner); /* NULL is fine; stop it first */

enum err runner_start(struct runner *runner, struct error *e);
void runner_wake(struct runner *runner);

/*
 * Tells whether everything that ran has finished in time; when not, threads still use the runner,
 * and it may be stopped once more to wait again.
 */
bool runner_stop(struct runner *runner);

/* One round; `ret_ran` is how many jobs were run. */
enum err runner_step(struct runner *runner, size_t *ret_ran, struct error *e);

/* What happened here since the start. */
struct runner_counts {
    uint64_t completed, retried, discarded, snoozed;
    uint64_t fenced;       /* runs whose end no longer counted */
    uint64_t rescued;      /* jobs taken over from dead nodes */
    struct histogram wait; /* from its time until it ran */
    struct histogram run;
};

/* For queue number `queue` of the options. */
struct runner_counts runner_counts(struct runner *runner, size_t queue);

#endif
