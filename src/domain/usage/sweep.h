/*
 * The sweep: all customers are judged from their facts in one go (tracker.h).
 *
 * Facts are read in the order of their key, a page in each snapshot, so that nobody waits for a
 * sweep and it needs no more memory for more customers. Verdicts that are others than before are
 * written, a page in each transaction, and each of those renews the sweep's lease: of two nodes
 * only one sweeps, and one that was given up for dead writes nothing more. At the end those who are
 * due become jobs of MigrationEvaluationWorker, as many as may move at once: whom a constraint
 * requires to move first, then the most confident.
 *
 * A sweep that dies is started again by its job. It finds the verdicts that were written, which
 * counts a sweep twice for those customers; their evaluation looks at current facts anyway.
 */
#ifndef WEBHOST_DOMAIN_USAGE_SWEEP_H
#define WEBHOST_DOMAIN_USAGE_SWEEP_H

#include "domain/jobs/cron.h"
#include "domain/usage/tracker.h"

#define EVALUATION_WORKER "MigrationEvaluationWorker"
#define EVALUATION_QUEUE  "migration_evaluation"

/* What sweeps and evaluations share. Everything is borrowed. */
struct tracker {
    const struct env *env;
    const struct policy *policy;
    const struct prices *prices;
    const struct tracker_settings *settings;
};

struct sweep {
    const char *id; /* NULL: a dry run, which is not recorded */
    const char *requested_by;
    const char *policy, *policy_sha256;
    int64_t started_at, finished_at, took_us;
    int64_t customers, decided, changed, due;
    const char *outcomes; /* JSON: how many of each */
    const char *error;
};

extern const struct field sweep_fields[];

/*
 * Sweeps. A dry run writes nothing and enqueues nothing. ERR_CONFLICT when another sweep runs, or
 * took over meanwhile.
 */
enum err sweep_run(const struct tracker *tracker, const char *requested_by, bool dry_run,
                   struct arena *arena, struct sweep *ret, struct error *e);

/* Newest first: records of struct sweep. */
enum err sweep_list(struct db_tx *tx, struct page page, struct arena *arena, struct records *ret,
                    const char **ret_next, struct error *e);

/* Has a worker sweep now, unless one will already; `ret_job` is the one that does. */
enum err sweep_enqueue(struct db_tx *tx, const struct env *env, const char *requested_by,
                       struct arena *arena, struct job *ret_job, struct error *e);

/* A prune_fn. */
enum err sweep_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                     struct error *e);

/* SweepWorker; `tracker` must outlive it. */
struct job_worker sweep_worker(const struct tracker *tracker);

/* As often as the settings say. The texts live in the arena. */
struct cron sweep_cron(const struct tracker_settings *settings, struct arena *arena);

/* -- one customer ------------------------------------------------------------------------------ */

/* What the last sweep made of a customer, and what stands in its way now. */
struct tracked {
    struct facts facts;
    bool swept;
    struct verdict verdict; /* when swept */
    int64_t since;
    struct standing standing;
};

/* Standings of the kind `besides` are not looked at: an evaluation is not in its own way. */
enum err tracked_find(struct db_tx *tx, const struct tracker *tracker, const char *customer_id,
                      enum standing_kind besides, struct arena *arena, struct tracked *ret,
                      struct error *e);

/* The API's words: outcome, why, and the figures behind it. */
json_t *tracked_json(const struct tracked *tracked, const struct tracker *tracker,
                     struct arena *arena);

#endif
