/*
 * Slots: a customer's place on a host.
 *
 * A slot is taken by a conditional update of slots_used in the transaction that gives the
 * deployment its host, so a host cannot be overfilled however many ask at once (a CHECK in the
 * schema says it again). Best fit: the fullest host of the region that has a free slot and is not
 * too busy, so that others empty out and can be given up.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_SLOT_H
#define WEBHOST_DOMAIN_PROVISIONING_SLOT_H

#include "domain/provisioning/host.h"

/* A load that was measured longer ago than this tells nothing and keeps nobody away. */
#define LOAD_FRESH_US (15 * 60 * USEC_PER_SEC)

/*
 * Takes a slot for a deployment that has none, of an active or creating host near `location`; when
 * there is none, orders a host. A deployment that has a slot keeps it, whatever its host's status.
 *
 * ERR_INVALID when nothing is configured for the location; ERR_BUSY, with the reason, when no host
 * may be ordered now (hosts_max, or orders that failed a moment ago).
 */
enum err slot_reserve(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                      const char *actor, const char *deployment_id, const char *location,
                      struct arena *arena, struct host *ret_host, struct error *e);

/* Gives the slot back. The caller sees to it that the tenant's data is gone from the host. */
enum err slot_release(struct db_tx *tx, const struct env *env, const char *deployment_id,
                      const char *host_id, struct error *e);

#endif
