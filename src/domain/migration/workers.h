/*
 * The workers that move: MigrateToMultiTenantWorker, MigrateToSingleTenantWorker, which take a move
 * from its request to its end, and MoveCleanupWorker, which ends one whose job could not.
 *
 * All three run the same course: look at the recorded state, do what it asks for, record the next,
 * until the move is over. A run that dies is started again by the queue and goes on from what is
 * recorded; copying starts over, because only a comparison of a finished copy counts.
 *
 * When something fails before the commit point, the run opens the fence before it gives the attempt
 * back. When the attempts are used up, the move is `failing` in the same transaction and
 * MoveCleanupWorker opens the fence and removes the target; it is enqueued again for as long as
 * that does not succeed. So a tenant can be written again as soon as its database can be reached.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_WORKERS_H
#define WEBHOST_DOMAIN_MIGRATION_WORKERS_H

#include "domain/migration/fenced.h"
#include "domain/provisioning/provider.h"

#define MOVE_WORKERS 4

/* What the workers share. Everything is borrowed. */
struct move_context {
    const struct provisioning *provisioning;
    const struct fenced_mover *mover; /* &fenced_copy */
};

/* Fills the workers, and that of drain.h; `with` must outlive them. */
void move_workers(struct move_context *with, struct job_worker out[MOVE_WORKERS]);

#endif
