/*
 * MigrationEvaluationWorker: what becomes of a customer that the sweep found due.
 *
 * It judges again by the facts of now, by the same rules as the sweep (usage/tracker.h). What is
 * still due moves at once when the policy's rules approve it automatically; else it becomes a
 * proposal and people are told. A proposal that is out of date or out of time is closed first. All
 * of it is one transaction, so a run that is repeated finds its work done.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_EVALUATION_H
#define WEBHOST_DOMAIN_MIGRATION_EVALUATION_H

#include "domain/migration/proposal.h"
#include "domain/notify/notify.h"

/* Everything is borrowed. */
struct evaluations {
    const struct tracker *tracker;
    const struct notify_settings *notify;
};

/* What an evaluation came to; both NULL: nothing is to be done. */
struct evaluated {
    struct verdict verdict;
    const char *migration_id; /* approved automatically */
    const char *proposal_id;  /* made for a person */
};

enum err evaluate_move(struct db_tx *tx, const struct evaluations *with, const char *customer_id,
                       struct arena *arena, struct evaluated *ret, struct error *e);

/* `with` must outlive the worker. */
struct job_worker evaluation_worker(const struct evaluations *with);

#endif
