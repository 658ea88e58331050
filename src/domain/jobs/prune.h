/*
 * PruneWorker: deletes finished jobs, and other records of the past, once they are old, in small
 * transactions, so that the history has a bound and nobody waits for its keeping. The cron enqueues
 * it every hour.
 */
#ifndef WEBHOST_DOMAIN_JOBS_PRUNE_H
#define WEBHOST_DOMAIN_JOBS_PRUNE_H

#include "domain/jobs/cron.h"

/* Deletes what is older than `before`, at most `max`. job_prune() is one. */
typedef enum err prune_fn(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                          struct error *e);

struct prune_rule {
    prune_fn *prune; /* NULL ends the list */
    int64_t keep_us; /* how long a record is kept */
};

struct prune {
    const struct prune_rule *rules;
};

/* `prune` must outlive the worker. */
struct job_worker prune_worker(struct prune *prune);

struct cron prune_cron(void);

#endif
