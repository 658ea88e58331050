/*
 * How much room a location has, how much it should have, and ordering what is missing.
 *
 * A location counts the hosts that were ordered for it. Its reserve is the number of free slots
 * that are kept ahead of demand, because a server takes minutes; slots of hosts that are being
 * created count, slots of hosts that are too busy do not. Nothing is kept where nobody lives,
 * unless the configuration names the location.
 *
 * Two things stop an order: hosts_max, and orders that failed. After the second failure in a row
 * the next order waits a minute, then two, four and so on up to an hour, so that a mistake in the
 * configuration or a suspended account cannot order hosts without end.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_CAPACITY_H
#define WEBHOST_DOMAIN_PROVISIONING_CAPACITY_H

#include "domain/provisioning/host.h"

struct capacity {
    const char *location, *region;
    int64_t hosts, hosts_max; /* that exist or are ordered, and how many may */
    int64_t slots, slots_used,
        free;                   /* of hosts that take customers; free: below the load ceiling */
    int64_t reserve, shortfall; /* slots that should be free, and that are missing for it */
    bool at_hosts_max;          /* hosts_max keeps the reserve from being filled */
    int64_t failures;           /* orders that failed since the last that went through */
    int64_t order_after;        /* no order before this; INT_ABSENT: any time */
};

extern const struct field capacity_fields[];

enum err capacity_of(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                     const char *location, struct arena *arena, struct capacity *ret,
                     struct error *e);

/* Every location that the configuration can order in: records of struct capacity. */
enum err capacity_list(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                       struct arena *arena, struct records *ret, struct error *e);

/* Why no host may be ordered now, as the end of a sentence in the arena; NULL: one may. */
const char *capacity_forbids_order(const struct capacity *c, int64_t now, struct arena *arena);

/*
 * Orders as many hosts as the location's reserve is short of, and no more than hosts_max allows.
 * `ret` is how it looked before.
 */
enum err capacity_fill(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                       const char *actor, const char *location, struct arena *arena,
                       struct capacity *ret, int64_t *ret_ordered, struct error *e);

#endif
