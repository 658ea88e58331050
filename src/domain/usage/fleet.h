/*
 * The fleet over time: how many customers live in each mode, what they pay and cost a month, and
 * who stands out.
 *
 * FleetWorker looks at all customers' facts every ten minutes, a page in each snapshot as the sweep
 * does, and keeps one row for each day and mode: the day's newest look. Costs are list prices
 * (judge_cost()). A day on which nobody looked has no row.
 */
#ifndef WEBHOST_DOMAIN_USAGE_FLEET_H
#define WEBHOST_DOMAIN_USAGE_FLEET_H

#include "domain/usage/sweep.h"

#define FLEET_DAYS_MAX  400
#define FLEET_TOP_COUNT 20

struct fleet_day {
    int64_t day; /* days since 1970 */
    int mode;    /* enum mode */
    int64_t customers;
    decimal revenue, cost; /* USD a month */
};

extern const struct field fleet_day_fields[];

enum fleet_top_kind {
    FLEET_TOP_BUSY,   /* on shared servers, by CPU */
    FLEET_TOP_COSTLY, /* by cost */
    FLEET_TOP_LOSS,   /* cost more than they pay, by how much */
    FLEET_TOP_KINDS,
};

extern const char *const fleet_top_names[]; /* "busy", "costly", "loss"; ends with NULL */

struct fleet_top {
    int kind; /* enum fleet_top_kind */
    const char *customer_id, *slug, *name;
    int mode, plan; /* enum mode, enum plan */
    decimal price, cost, margin;
    decimal cpu;
    int64_t api_calls, response_us; /* of a day; average */
};

extern const struct field fleet_top_fields[];

/* Looks now. */
enum err fleet_look(const struct tracker *tracker, struct error *e);

/* The last `days` days that have rows, oldest first: records of struct fleet_day. */
enum err fleet_days_list(struct db_tx *tx, int64_t now, int64_t days, struct arena *arena,
                         struct records *ret, struct error *e);

/* By kind, the first of each first: records of struct fleet_top. */
enum err fleet_tops_list(struct db_tx *tx, struct arena *arena, struct records *ret,
                         struct error *e);

/*
 * Days before today for demonstrations: a fleet that grew into `customers`. Nothing when there are
 * any already.
 */
enum err fleet_add_example(struct db_tx *tx, int64_t now, const int64_t customers[MODE_COUNT],
                           struct error *e);

/* Has a worker look soon, unless one will already. */
enum err fleet_enqueue(struct db_tx *tx, const struct env *env, struct arena *arena,
                       struct error *e);

/* FleetWorker; `tracker` must outlive it. */
struct job_worker fleet_worker(const struct tracker *tracker);
struct cron fleet_cron(void);

/* A prune_fn. */
enum err fleet_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                     struct error *e);

#endif
