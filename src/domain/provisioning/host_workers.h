/*
 * The workers of hosts.
 *
 *     HetznerHostWorker   brings a host to life: orders the server, waits until it runs. One job
 *                         for each host. Out of attempts, the host has failed.
 *     HostRetireWorker    ends one that the reaper chose (reap.h), after looking again
 *     HostReserveWorker   orders what the locations' reserves are short of (capacity.h)
 *     HostLoadWorker      measures how busy the hosts are, and keeps their firewall's rules right
 *     HostReapWorker      plans which hosts are given up
 *
 * The last three look at everything; the cron enqueues them.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HOST_WORKERS_H
#define WEBHOST_DOMAIN_PROVISIONING_HOST_WORKERS_H

#include "domain/jobs/cron.h"
#include "domain/provisioning/host.h"
#include "domain/provisioning/host_jobs.h"
#include "domain/provisioning/provider.h"

#define HOST_WORKERS 5
#define HOST_CRONS   3

/* One step of a host's job. */
struct host_run {
    const struct provisioning *with;
    const char *host_id, *actor;
    struct arena *arena;
    /* For JOB_SNOOZE: how long to wait where nothing can be had; 0: as for any cloud's work. */
    int64_t wait_us;
};

/*
 * Brings a host that is being created one step nearer to active, and may be called any number of
 * times. Where its location has no server to sell, the region's others are asked at once; when none
 * has one it waits, a minute first and up to half an hour.
 */
enum job_result host_advance(struct host_run *run, struct error *e);

/* Fills the workers; `with` must outlive them. */
void host_workers(struct provisioning *with, struct job_worker out[HOST_WORKERS]);

void host_crons(struct cron out[HOST_CRONS]);

#endif
