/*
 * The provisioning workers: HetznerProvisioningWorker and FlyioProvisioningWorker.
 *
 * Both run the same course through the provider of their mode: bring the deployment one step
 * nearer, and activate it when everything exists. A job out of attempts marks its deployment failed
 * with the reason; retrying the job by hand takes it up where it stopped.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_WORKERS_H
#define WEBHOST_DOMAIN_PROVISIONING_WORKERS_H

#include "domain/provisioning/host_workers.h"
#include "domain/provisioning/provider.h"

#define PROVISIONING_WORKERS (2 + HOST_WORKERS)

/*
 * Brings a deployment one step nearer to existing, as provider.h says; JOB_SNOOZE is set up with
 * provisioning_snooze(). A move prepares its target with it.
 */
enum job_result provisioning_advance(struct job_run *run, const struct provisioning *with,
                                     const struct deployment *d, const char *actor,
                                     const char **ret_database_url, struct error *e);

/*
 * Waits, but not for ever: a cloud that never gets there costs an attempt. `e` is the error that
 * made the job wait, if any: its retry_at says until when.
 */
enum job_result provisioning_snooze(struct job_run *run,
                                    const struct provisioning_settings *settings, struct error *e);

/*
 * A job of these workers was cancelled by hand, in this transaction: its deployment has failed,
 * with that as the reason. No effect for a job of another queue.
 */
enum err provisioning_cancelled(struct db_tx *tx, const struct env *env, const char *actor,
                                const struct job *job, struct arena *arena, struct error *e);

/* The same for one that was retried by hand: a failed deployment is being provisioned again. */
enum err provisioning_retried(struct db_tx *tx, const struct job *job, struct arena *arena,
                              struct error *e);

/* The same after many were. */
enum err provisioning_retried_many(struct db_tx *tx, struct error *e);

/* Fills these two workers and those of host_workers.h; `with` must outlive them. */
void provisioning_workers(struct provisioning *with, struct job_worker out[PROVISIONING_WORKERS]);

#endif
