/*
 * Dedicated instances as operators see them: found by name, scaled, shown.
 *
 * What an instance should be is its deployment's plan and regions. Scaling changes these and leaves
 * the rest to FlyioScaleWorker (workers.h), which brings the cloud there and may be killed anywhere
 * on the way.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_INSTANCE_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_INSTANCE_H

#include "domain/provisioning/provider.h"

/* By the deployment's id, the app's name, or the customer's id or slug. */
enum err instance_find(struct db_tx *tx, const char *name, struct arena *arena,
                       struct deployment *ret, struct error *e);

struct instance_shape {
    int plan;             /* enum plan; -1: as it is */
    struct texts regions; /* absent: as many as the plan has, the present ones first */
};

/*
 * Asks for another shape and enqueues the job; `d` gets it. ERR_CONFLICT when the instance is not
 * active, ERR_INVALID for a plan without instances, for what is no region, and for regions without
 * the one in which the database is: data moves by a migration only. Called with the shape that it
 * has it has the instance looked through and repaired.
 *
 * For whoever changes a subscription too: in the same transaction.
 */
enum err instance_scale(struct db_tx *tx, const struct env *env, const char *actor,
                        struct deployment *d, const struct instance_shape *shape,
                        struct arena *arena, struct job *ret_job, struct error *e);

/* Has what is missing made again, unless that has failed before or is under way. */
enum err instance_repair(struct db_tx *tx, const struct env *env, const struct deployment *d,
                         struct arena *arena, bool *ret_asked, struct error *e);

/*
 * The deployment as the API shows it, with `customer`, `scaling`, `scale_error`, `health` (of its
 * machines, the worst; null before the first look) and `certificates` with the DNS record to set.
 */
enum err instance_json(struct db_tx *tx, const struct deployment *d, struct arena *arena,
                       json_t **ret, struct error *e);

struct instance_health_count {
    const char *health;
    int64_t machines;
};

/* How many machines there are of each health: records of struct instance_health_count. */
enum err instance_health_counts(struct db_tx *tx, struct arena *arena, struct records *ret,
                                struct error *e);

/* -- for the worker --------------------------------------------------------------------------- */

/* False when another shape than d's was asked for meanwhile. */
enum err instance_scaled(struct db_tx *tx, const struct env *env, const char *actor,
                         const struct deployment *d, struct arena *arena, bool *ret_done,
                         struct error *e);
enum err instance_scale_failed(struct db_tx *tx, const struct env *env, const char *actor,
                               const char *id, const char *why, struct arena *arena,
                               struct error *e);

#endif
