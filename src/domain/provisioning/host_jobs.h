/*
 * The jobs of hosts by name, for those who enqueue them. host_workers.h runs them.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HOST_JOBS_H
#define WEBHOST_DOMAIN_PROVISIONING_HOST_JOBS_H

#include "domain/jobs/job.h"

#define HOST_ORDER_WORKER   "HetznerHostWorker"
#define HOST_RETIRE_WORKER  "HostRetireWorker"
#define HOST_RESERVE_WORKER "HostReserveWorker"
#define HOST_LOAD_WORKER    "HostLoadWorker"
#define HOST_REAP_WORKER    "HostReapWorker"

/* HOST_ORDER_WORKER or HOST_RETIRE_WORKER for one host, unless it has an unfinished one. */
enum err host_enqueue(struct db_tx *tx, const struct env *env, const char *worker,
                      const char *host_id, struct arena *arena, struct error *e);

/* Has HOST_RESERVE_WORKER look at every location as soon as this transaction is committed. */
enum err host_enqueue_reserve(struct db_tx *tx, const struct env *env, struct arena *arena,
                              struct error *e);

extern const struct job_spec host_reserve_spec;

/* The host that a job of host_enqueue() is about, in the arena. */
enum err host_job_id(const struct job *job, struct arena *arena, const char **ret_id,
                     struct error *e);

#endif
