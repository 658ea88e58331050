/*
 * FlyioScaleWorker brings an instance to the shape that its deployment asks for, by the same walk
 * that creates one (provider.c). InstanceHealthWorker looks at all instances; the cron enqueues it
 * every minute.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_WORKERS_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_WORKERS_H

#include "domain/jobs/cron.h"
#include "domain/provisioning/provider.h"

#define SCALE_WORKER     "FlyioScaleWorker"
#define HEALTH_WORKER    "InstanceHealthWorker"
#define INSTANCE_WORKERS 2

/* Fills the two workers; `with` must outlive them. */
void instance_workers(struct provisioning *with, struct job_worker out[INSTANCE_WORKERS]);

struct cron instance_cron(void);

#endif
