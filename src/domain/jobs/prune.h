/*
 * PruneWorker: deletes finished jobs once they are old, in small transactions, so that the history
 * has a bound and nobody waits for its keeping. The cron enqueues it every hour.
 */
#ifndef WEBHOST_DOMAIN_JOBS_PRUNE_H
#define WEBHOST_DOMAIN_JOBS_PRUNE_H

#include "domain/jobs/cron.h"

struct prune {
    int64_t keep_us; /* how long a finished job is kept */
};

/* `prune` must outlive the worker. */
struct job_worker prune_worker(struct prune *prune);

struct cron prune_cron(void);

#endif
