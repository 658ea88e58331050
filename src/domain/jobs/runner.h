/*
 * The runner: threads that claim jobs, run them, and keep their leases.
 *
 * One dispatcher thread claims for every queue as much as it has free places, renews this node's
 * leases, and rescues jobs whose node stopped renewing. A pool of executor threads runs what was
 * claimed; the hand-over is bounded by the queues' limits. runner_wake() makes the dispatcher look
 * at once; without it, it looks every poll_us (another node's enqueue, a schedule that came due).
 *
 * Lifecycle: runner_start() -> runner_stop(), which claims nothing more, waits for running jobs up
 * to drain_us, and joins. A job still running then is left to its lease: another node, or the next
 * start, rescues it.
 *
 * runner_step() does one round of claim, run and finish on the caller's thread and needs no
 * threads: tests and the simulation drive the queue with it under a virtual clock.
 */
#ifndef WEBHOST_DOMAIN_JOBS_RUNNER_H
#define WEBHOST_DOMAIN_JOBS_RUNNER_H

#include "domain/jobs/job.h"

struct job_queue {
    const char *name;
    unsigned limit; /* jobs of this queue that one node runs at a time; at least 1 */
};

struct runner_options {
    const struct env *env;
    const struct job_worker *workers;
    size_t worker_count;
    const struct job_queue *queues;
    size_t queue_count;
    int64_t lease_us; /* how long a silent node keeps its jobs */
    int64_t poll_us;
    int64_t drain_us;
    /* Called after each run, for logs; `why` is NULL when nothing went wrong. */
    void (*observe)(const struct job *job, enum job_state to, const char *why, int64_t took_us);
};

struct runner;

/* The options are copied; what they point to must outlive the runner. */
struct runner *runner_new(const struct runner_options *options);
void runner_free(struct runner *runner); /* NULL is fine; stop it first */

enum err runner_start(struct runner *runner, struct error *e);
void runner_wake(struct runner *runner);

/* Tells whether everything that ran has finished in time. */
bool runner_stop(struct runner *runner);

/* One round; `ret_ran` is how many jobs were run. */
enum err runner_step(struct runner *runner, size_t *ret_ran, struct error *e);

/* This process's name in leases: unique for every start. */
const char *runner_node(const struct runner *runner);

#endif
