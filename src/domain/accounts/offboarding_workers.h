/*
 * The workers of offboarding: OffboardingWorker, which takes one from where it stands to its end or
 * to its retention, and OffboardingSweepWorker, which the cron runs.
 *
 * A run looks at the recorded state, does what it asks for, records the next. What it does outside
 * may be repeated: closing the fence, writing the export, removing a deployment. A run that dies is
 * started again by the queue and goes on from what is recorded. A job out of attempts leaves a new
 * one behind, and the sweep finds whatever has none, so an offboarding never stands still for good;
 * what is in its way is in its `error`.
 *
 * `done` is recorded after every deployment was removed, the cloud was asked and said that it is
 * gone, and no slot or resource is on record any more.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_OFFBOARDING_WORKERS_H
#define WEBHOST_DOMAIN_ACCOUNTS_OFFBOARDING_WORKERS_H

#include "domain/accounts/exports.h"
#include "domain/accounts/offboarding.h"
#include "domain/jobs/cron.h"

#define OFFBOARDING_WORKERS 3

/* Fills them, with ExportWorker; `with` must outlive them. */
void offboarding_workers(struct exports *with, struct job_worker out[OFFBOARDING_WORKERS]);

/* Every five minutes: retentions that are over, offboardings without a job, expired exports. */
struct cron offboarding_cron(void);

#endif
