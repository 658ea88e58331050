/*
 * The provisioning workers: HetznerProvisioningWorker and FlyioProvisioningWorker.
 *
 * Both run the same course through the provider of their mode: bring the deployment one step
 * nearer, and activate it when everything exists. A job out of attempts marks its deployment failed
 * with the reason; retrying the job by hand takes it up where it stopped.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_WORKERS_H
#define WEBHOST_DOMAIN_PROVISIONING_WORKERS_H

#include "domain/provisioning/provider.h"

#define PROVISIONING_WORKERS 2

/* Fills the two workers; `with` must outlive them. */
void provisioning_workers(struct provisioning *with, struct job_worker out[PROVISIONING_WORKERS]);

#endif
