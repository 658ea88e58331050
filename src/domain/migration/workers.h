/*
 * The workers that move: MigrateToMultiTenantWorker, MigrateToSingleTenantWorker, which take a move
 * from its request to its end, and MoveCleanupWorker, which ends one whose job could not.
 *
 * All three run the same course: look at the recorded state, do what it asks for (mover.h), record
 * the next, until the move is over. A run that dies is started again by the queue and goes on from
 * what is recorded; every part of a mover may be repeated.
 *
 * Who owns the tenant is told by the tenant's databases. A run asks them before it cuts over and
 * before it undoes anything, and records the switch when it finds that the target owns: so a
 * process that dies between the cut and its record leaves nothing wrong, and neither does somebody
 * who cancels a moment too late.
 *
 * When something fails before the commit point, the run has the mover settle, so that the tenant
 * can be written, before it gives the attempt back. When the attempts are used up the move is
 * `failing` in the same transaction and MoveCleanupWorker undoes it; it is enqueued again for as
 * long as that does not succeed. A late cutover costs no attempt: it is tried again, less and less
 * often, and people are told.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_WORKERS_H
#define WEBHOST_DOMAIN_MIGRATION_WORKERS_H

#include "domain/migration/mover.h"
#include "domain/migration/settings.h"
#include "domain/notify/notify.h"
#include "domain/provisioning/provider.h"

#define MOVE_WORKERS 4

typedef enum err mover_choice(const char *source_url, const char *target_url,
                              const struct mover **ret, struct error *e);

/* What the workers share. Everything is borrowed. */
struct move_context {
    const struct provisioning *provisioning;
    const struct move_settings *settings;
    const struct notify_settings *notify;
    const struct mover_router *router; /* NULL: clients reach the databases by themselves */
    mover_choice *mover_for;
};

/* Fills the workers, and that of drain.h; `with` must outlive them. */
void move_workers(struct move_context *with, struct job_worker out[MOVE_WORKERS]);

#endif
