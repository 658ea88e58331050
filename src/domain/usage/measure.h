/*
 * Measuring: what stands in the hours becomes the measured part of the customers' facts.
 *
 * UsageMeasureWorker goes through the customers in pages. It looks at those of whom an hour has
 * changed since they were measured, from whose last 24 hours one has gone, and, once a day, at
 * those who have a growth. For each page it
 *
 *     - counts the users of the hours that changed, distinct and at their peak, from usage_users,
 *       and those of today and yesterday, which no sum of hours can tell
 *     - measures the last 24 hours: the current one and the 23 before
 *     - measures the growth once a day: the 30 days up to yesterday against the 30 before
 *
 * and writes it down in one transaction. Running again measures again and comes to the same.
 *
 * A transaction may commit after the measurement although it marked its hours as changed before:
 * MEASURE_SLACK_US is looked at twice. Users who were active longer ago than USERS_KEPT hours when
 * that became known are not counted.
 */
#ifndef WEBHOST_DOMAIN_USAGE_MEASURE_H
#define WEBHOST_DOMAIN_USAGE_MEASURE_H

#include "domain/facts/facts.h"
#include "domain/jobs/cron.h"
#include "domain/usage/hours.h"
#include "domain/usage/settings.h"

#define MEASURE_HOURS    24
#define MEASURE_SLACK_US (60 * USEC_PER_SEC)
#define USERS_KEPT       (2 * HOURS_A_DAY) /* hours that usage_users is kept for */
#define GROWTH_DAYS      30
#define REGION_PERCENT   5 /* of the calls; from fewer the customer does not live there */

/*
 * Fills the measured part of the facts, but the growth, from the customer's last 24 hours, settled
 * and by time. What nobody measured is absent: without calls there is no average, without a look
 * into its database or points no number of points.
 */
void measure_facts(const struct usage_hour *hours, size_t count, struct facts *ret_facts);

/*
 * `now` by `before`, in 1/10000: 5000 is half as much again. INT_ABSENT where nothing was before.
 */
decimal measure_growth(int64_t now, int64_t before);

/* Measures everyone of whom there is news. `ret_count` is how many. */
enum err measure_all(const struct env *env, const _Atomic bool *cancelled, int64_t *ret_count,
                     struct error *e);

struct job_worker measure_worker(void);

/* `arena` holds its text and must outlive it. */
struct cron measure_cron(const struct usage_settings *settings, struct arena *arena);

#endif
