/*
 * The reconciler: compares what the clouds hold with what the database says, both ways, and records
 * each difference (drift.h). docs/reconcile.md is for operators.
 *
 * It concludes nothing about a provider whose listing broke off. It reports nothing that is younger
 * than the settings' reconcile_settle_ms: a cloud's lists lag. What is missing is looked for by its
 * id before it is reported, and is never made again here.
 *
 * It deletes only orphans: with this installation's mark or in an app that it recorded, seen twice,
 * older than reconcile_grace_ms, older than every unfinished intention that could own them, and
 * still so when both sides are looked at again right before.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_RECONCILE_H
#define WEBHOST_DOMAIN_PROVISIONING_RECONCILE_H

#include "domain/jobs/cron.h"
#include "domain/provisioning/drift.h"
#include "domain/provisioning/provider.h"

/* What one look at a provider found; nothing is written. Opens its own transactions. */
enum err reconcile_look(const struct provisioning *with, enum infrastructure provider,
                        bool interactive, struct arena *arena, struct records *ret_drift,
                        struct error *e);

/*
 * Looks, records, and cleans what may be cleaned. `ret_cleaned` is how many; it is set as well when
 * one of several could not be deleted.
 */
enum err reconcile(const struct provisioning *with, enum infrastructure provider, const char *actor,
                   struct arena *arena, int64_t *ret_cleaned, struct error *e);

/* ReconcileWorker does so for both providers; `with` must outlive it. */
struct job_worker reconcile_worker(struct provisioning *with);

struct cron reconcile_cron(void);

/* Enqueues the worker's job now, unless one waits or runs already. */
enum err reconcile_enqueue(struct db_tx *tx, const struct env *env, struct arena *arena,
                           struct job *ret_job, struct error *e);

#endif
