/*
 * Deployments: where a customer lives, lived, or is about to live.
 *
 * One row for each place. At most one of a customer's deployments is current; the current one is
 * where its data is. A multi-tenant deployment holds a slot of a host from the moment it is
 * reserved until it is retired; a single-tenant one owns an app and the resources under it.
 *
 *     provisioning -> active -> retiring -> retired
 *                  -> failed -> provisioning (the job was retried by hand)
 *
 * Everything that a cloud is asked for on behalf of one deployment is a row in `resources`, written
 * as `intended` and committed before the call, so that a resource without a record cannot exist for
 * longer than the reply takes.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_DEPLOYMENT_H
#define WEBHOST_DOMAIN_PROVISIONING_DEPLOYMENT_H

#include "domain/core/env.h"
#include "domain/jobs/job.h"
#include "domain/placement/vocabulary.h"
#include "infra/json/json.h"

/* The workers that provision one (workers.h). */
#define HETZNER_WORKER "HetznerProvisioningWorker"
#define FLYIO_WORKER   "FlyioProvisioningWorker"

enum deployment_status {
    DEPLOYMENT_PROVISIONING,
    DEPLOYMENT_ACTIVE,
    DEPLOYMENT_FAILED,
    DEPLOYMENT_RETIRING,
    DEPLOYMENT_RETIRED,
};

extern const char *const deployment_status_names[]; /* ends with NULL */

struct deployment {
    const char *id;
    const char *customer_id;
    const char *customer_slug, *customer_name; /* of the customer, for names and databases */
    int mode;                                  /* enum mode */
    int plan;                                  /* enum plan */
    int status;                                /* enum deployment_status */
    bool is_current;
    struct texts regions; /* Fly regions, or the one Hetzner location */
    const char *host_id;  /* multi-tenant, once reserved */
    const char *app;      /* single-tenant */
    const char *database_url;
    const char *error;
    int64_t created_at, active_at, retired_at;
};

extern const struct field deployment_fields[];

#define APP_NAME_PREFIX "wh-" /* of every app of ours */

enum resource_kind {
    RESOURCE_APP,
    RESOURCE_VOLUME,
    RESOURCE_MACHINE,
    RESOURCE_DATABASE_VOLUME,
    RESOURCE_DATABASE_MACHINE,
    RESOURCE_DATABASE_CLUSTER, /* managed Postgres */
    RESOURCE_SECRETS,          /* the app's, as one; provider_id is their version */
    RESOURCE_IP,
    RESOURCE_CERTIFICATE,
};

extern const char *const resource_kind_names[];

/* Leaving: given up by us, perhaps still there. */
enum resource_status { RESOURCE_INTENDED, RESOURCE_CREATED, RESOURCE_DELETED, RESOURCE_LEAVING };

struct resource {
    const char *id;
    int kind;           /* enum resource_kind */
    const char *region; /* "" for an app */
    const char *name;
    const char *provider_id; /* NULL while intended */
    int status;              /* enum resource_status */
    const char *slot;        /* what it is for; one row of a slot lives at a time: "app-1" */
    const char *size;        /* what was ordered, in words; a volume's is its GB */
    const char *state;       /* what the cloud called it when it was looked at last */
    const char *health;      /* then: passing, critical, stopped, missing, ... (fly/health.h) */
    const char *error;       /* why it was given up */
    int64_t asked_at;        /* when the cloud was asked to make it; absent: it refused */
    int64_t started_at;      /* since when it has been in use */
    int64_t checked_at;      /* when it was looked at last */
    int64_t restarts, restarted_at;
};

extern const struct field resource_fields[];

/*
 * Records a new deployment in status provisioning, in the placement's mode, plan and
 * regions. `current` says whether it is where the customer lives at once (a signup) or only the
 * target of a move.
 */
enum err deployment_create(struct db_tx *tx, const struct env *env, const char *customer_id,
                           const char *customer_slug, const struct placement *placement,
                           const char *decision_id, bool current, struct arena *arena,
                           const char **ret_id, struct error *e);

/* The same for a place like `like`: its customer, mode, plan and regions. Not current. */
enum err deployment_create_like(struct db_tx *tx, const struct env *env,
                                const struct deployment *like, struct arena *arena,
                                const char **ret_id, struct error *e);

/* Enqueues the provisioning worker of the deployment's mode. */
enum err deployment_enqueue(struct db_tx *tx, const struct env *env, const struct deployment *d,
                            struct arena *arena, struct job *ret_job, struct error *e);

enum err deployment_find(struct db_tx *tx, const char *id, struct arena *arena,
                         struct deployment *ret, struct error *e);

/* The customer's current deployment. */
enum err deployment_current(struct db_tx *tx, const char *customer_id, struct arena *arena,
                            struct deployment *ret, struct error *e);

/* Single-tenant deployments that are not retired, newest first. */
enum err deployment_list_instances(struct db_tx *tx, struct page page, struct arena *arena,
                                   struct records *ret, const char **ret_next, struct error *e);

/* failed -> provisioning: it is tried again. Nothing happens in another status. */
enum err deployment_try_again(struct db_tx *tx, const char *id, struct error *e);

/* The same for every customer's that has a job to run in the queue. */
enum err deployment_try_all_again(struct db_tx *tx, const char *queue, struct error *e);

/* provisioning (or failed, when its last run gets there after all) -> active, with the database it
 * got. Audited. */
enum err deployment_activate(struct db_tx *tx, const struct env *env, const char *actor,
                             const struct deployment *d, const char *database_url,
                             struct arena *arena, struct error *e);

/* Records where the database of one that is not active yet is. */
enum err deployment_set_database(struct db_tx *tx, const char *id, const char *database_url,
                                 struct error *e);

/* Records why it cannot be provisioned. Audited. */
enum err deployment_fail(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                         const char *why, struct arena *arena, struct error *e);

/*
 * Makes `to` the customer's current deployment instead of `from`: the commit point of a move.
 * ERR_NOT_FOUND names the one that does not exist; a customer is never left without a place.
 */
enum err deployment_switch(struct db_tx *tx, const char *from, const char *to, struct error *e);

/* Sets the status of one that is on its way out: retiring or retired. */
enum err deployment_set_leaving(struct db_tx *tx, const struct env *env, const char *id,
                                enum deployment_status status, struct error *e);

/* All resources of a deployment, in the order in which they were intended. */
enum err resource_list(struct db_tx *tx, const char *deployment_id, struct arena *arena,
                       struct records *ret, struct error *e);

/* Records the intention once; a second call for the same kind, region and name gives it again. */
enum err resource_intend(struct db_tx *tx, const struct env *env, const char *deployment_id,
                         enum resource_kind kind, const char *region, const char *name,
                         struct arena *arena, struct resource *ret, struct error *e);

enum err resource_created(struct db_tx *tx, const char *id, const char *provider_id,
                          struct error *e);
enum err resource_deleted(struct db_tx *tx, const char *id, struct error *e);

/*
 * The deployment as the API shows it: those of its own fields that are in deployment_shown,
 * `infrastructure`, `host` and `resources`.
 */
extern const char *const deployment_shown[]; /* ends with NULL */
enum err deployment_json(struct db_tx *tx, const struct deployment *d, struct arena *arena,
                         json_t **ret, struct error *e);

#endif
