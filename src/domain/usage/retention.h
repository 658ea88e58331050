/*
 * How long usage is kept, and as what.
 *
 *     hours             35 days, then they are moved into their days
 *     days              400 days
 *     users by hour     two days, until the hours and days have their counts
 *     ids of events     35 days, as late as events may come
 *
 * UsageRetentionWorker moves hours in batches, each in one transaction: what is added to the days
 * is what is deleted from the hours, so every total stays equal, also when a late event brings back
 * an hour whose day was moved. The rest is deleted by PruneWorker (jobs/prune.h).
 *
 * Whole days are moved, those of which every hour is older than HOURS_KEPT.
 */
#ifndef WEBHOST_DOMAIN_USAGE_RETENTION_H
#define WEBHOST_DOMAIN_USAGE_RETENTION_H

#include "domain/jobs/prune.h"
#include "domain/usage/hours.h"

/* The first hour that is kept as an hour at `now`. */
int64_t usage_first_hour(int64_t now);

/*
 * The customer's days from `first` up to before `end`, by time: records of struct usage_hour whose
 * `hour` is the day's first. Of days whose hours are still kept there are the users only.
 */
enum err usage_days_list(struct db_tx *tx, const char *customer_id, int64_t first, int64_t end,
                         struct arena *arena, struct records *ret_days, struct error *e);

/* Moves all hours that are old enough. `ret_moved` is how many. */
enum err usage_move_to_days(const struct env *env, const _Atomic bool *cancelled,
                            int64_t *ret_moved, struct error *e);

struct job_worker usage_retention_worker(void);
struct cron usage_retention_cron(void);

#define USAGE_PRUNE_RULES 3

/* Days, users and ids of events. */
void usage_prune_rules(struct prune_rule out[USAGE_PRUNE_RULES]);

#endif
