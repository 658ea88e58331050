/*
 * Giving up hosts that nobody needs.
 *
 * A host goes when it has been empty for `empty_grace_ms` and its location keeps its reserve
 * without it; when it was drained and has been empty that long; or when its order failed that long
 * ago, since an order that nobody answered may still come.
 *
 * A plan removes nothing: it enqueues a job for each host that is to go. Right before the deletion
 * the job makes the plan again, in the transaction that takes the host away from reservations
 * (host.h, retiring); a host that has found a customer meanwhile, or a use, stays.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_REAP_H
#define WEBHOST_DOMAIN_PROVISIONING_REAP_H

#include "domain/provisioning/host.h"

struct reap_verdict {
    const char *id, *name, *location, *serves;
    int status; /* enum host_status */
    bool remove;
    const char *reason; /* why it goes, or why it stays */
};

extern const struct field reap_fields[];

/* What would happen to every host now: records of struct reap_verdict. */
enum err reap_plan(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                   struct arena *arena, struct records *ret_plan, struct error *e);

/* The plan, and a job for each host that is to go. Audited as host.reap_planned. */
enum err reap_begin(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                    const char *actor, struct arena *arena, struct records *ret_plan,
                    struct error *e);

/*
 * For the job: takes a planned host out of service (retiring), if the plan says the same still. One
 * that is retiring already stays so. Otherwise `ret_kept` says why the host stays, which is audited
 * as host.kept; NULL when it goes.
 */
enum err reap_confirm(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                      const char *actor, const char *host_id, struct arena *arena,
                      struct host *ret_host, const char **ret_kept, struct error *e);

#endif
