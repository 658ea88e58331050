/*
 * Cron: jobs that the clock causes.
 *
 * The times are the five fields of crontab(5) in UTC: minute, hour, day of month, month, day of
 * week; each a list of numbers, ranges and steps ("5", "1-5", "0,30", "0-59/15" or a star). As
 * there, when both day fields are restricted, one of them matching is enough.
 *
 * Whatever the number of nodes, a slot's job is enqueued once: only the holder of the leader's
 * lease looks, and the slot is taken by a conditional update in the transaction that enqueues.
 * Slots that passed while nobody ran are not made up for, except the newest.
 */
#ifndef WEBHOST_DOMAIN_JOBS_CRON_H
#define WEBHOST_DOMAIN_JOBS_CRON_H

#include "domain/jobs/job.h"

struct cron {
    const char *name; /* unique */
    const char *when; /* "0 3 * * *" */
    struct job_spec spec;
};

/* NULL, or what is wrong with the text ("the hour must be 0 to 23"). */
const char *cron_check(const char *when);

/* The newest slot at or before `now`, INT_ABSENT when there was none in four years. */
int64_t cron_last_slot(const char *when, int64_t now);

/*
 * Takes or renews the leader's lease for `node`; when it is ours, enqueues what became due.
 * `ret_enqueued` is how many.
 */
enum err cron_tick(struct db_tx *tx, const struct env *env, int64_t node, int64_t lease_us,
                   const struct cron *crons, size_t count, struct arena *arena,
                   int64_t *ret_enqueued, struct error *e);

#endif
