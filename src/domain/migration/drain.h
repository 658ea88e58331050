/*
 * Draining a host: it takes no new customers, and those it has are moved to other hosts, one by
 * one, as any move goes (move.h). An empty drained host is given up by the reaper.
 *
 * HostDrainWorker looks at all draining hosts: it keeps `drain_moves` moves running over all of
 * them and frees the slots of deployments that failed. A move that failed is tried again after a
 * while. Customers who are being provisioned leave by themselves: their jobs take a slot elsewhere.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_DRAIN_H
#define WEBHOST_DOMAIN_MIGRATION_DRAIN_H

#include "domain/jobs/cron.h"
#include "domain/migration/workers.h"
#include "domain/provisioning/host.h"

/* active -> draining. ERR_CONFLICT in another status. */
enum err drain_start(struct db_tx *tx, const struct env *env, const char *actor,
                     const char *id_or_name, struct arena *arena, struct host *ret_host,
                     struct error *e);

/*
 * draining -> active. Moves that have not switched yet are cancelled; whoever has left, has left.
 */
enum err drain_stop(struct db_tx *tx, const struct env *env, const char *actor,
                    const char *id_or_name, struct arena *arena, struct host *ret_host,
                    struct error *e);

struct drain_progress {
    int64_t left;   /* customers who still hold a slot */
    int64_t moving; /* of those, how many are on their way */
    int64_t failed; /* moves off the host that failed, so far */
};

extern const struct field drain_progress_fields[];

enum err drain_progress(struct db_tx *tx, const char *host_id, struct arena *arena,
                        struct drain_progress *ret, struct error *e);

/* `with` must outlive the worker. */
struct job_worker drain_worker(struct move_context *with);
struct cron drain_cron(void);

#endif
