/*
 * The collector: vehicles, points and storage, read from the customers' own databases.
 *
 * UsageCollectWorker goes from place to place: each shared host and each dedicated deployment is
 * one. All customers of a place are looked at with a few queries (tenant_survey()) and written down
 * in one transaction. A place that does not answer is logged and passed by; the next run tries it
 * again. A run looks at about `collect_max` customers and the next one goes on behind it; at the
 * end the following run begins at the first place again.
 *
 * What is found is absolute, so looking again changes nothing: an hour's points are as many as lie
 * in the database with a time in that hour, from COLLECT_HOURS before the current one on. They
 * stand beside the points that came as events, and the larger of both counts (hours.h). Points that
 * are older when they arrive are not seen. Vehicles and storage belong to the hour of the look; of
 * several looks the largest number stays.
 *
 * Only the customer's current place counts: a move's copy at its target does not.
 */
#ifndef WEBHOST_DOMAIN_USAGE_COLLECT_H
#define WEBHOST_DOMAIN_USAGE_COLLECT_H

#include "domain/jobs/cron.h"
#include "domain/provisioning/provider.h"
#include "domain/usage/settings.h"

#define COLLECT_HOURS 24 /* before the current one */

struct collector {
    const struct provisioning *provisioning;
    const struct usage_settings *settings;
};

/* What a run came to. */
struct collected {
    int64_t places, failed; /* looked at, and those of them that gave no answer */
    int64_t customers;
};

enum err collect_run(const struct collector *collector, const struct env *env,
                     const _Atomic bool *cancelled, struct collected *ret, struct error *e);

/* `collector` must outlive the worker. */
struct job_worker collect_worker(struct collector *collector);

/* `arena` holds its text and must outlive it. */
struct cron collect_cron(const struct usage_settings *settings, struct arena *arena);

#endif
