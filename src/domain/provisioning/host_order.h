/*
 * Ordering a host, and what to order next when the cloud has none of what was ordered.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HOST_ORDER_H
#define WEBHOST_DOMAIN_PROVISIONING_HOST_ORDER_H

#include "domain/provisioning/host.h"

struct host_wish {
    const char *location;
    const char *server_type; /* NULL: the location's first choice */
};

/*
 * Records a host and its job. ERR_INVALID when the configuration has nothing for the location, or
 * not that type.
 */
enum err host_order(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                    const char *actor, const struct host_wish *wish, struct arena *arena,
                    struct host *ret_host, struct error *e);

/* host_order() on behalf of a person: also ERR_CONFLICT when capacity.h forbids an order now. */
enum err host_add(struct db_tx *tx, const struct env *env, const struct hetzner_settings *s,
                  const char *actor, const struct host_wish *wish, struct arena *arena,
                  struct host *ret_host, struct error *e);

/*
 * The cloud had no server of any type in `host->location`: the host becomes an order for the
 * region's next location, under a new name, since the name tells the location. After the last it
 * starts over and `ret_exhausted` is true. `why` is kept as the host's error meanwhile. Only for a
 * host whose server does not exist.
 */
enum err host_order_next(struct db_tx *tx, const struct hetzner_settings *s, struct host *host,
                         const char *why, struct arena *arena, bool *ret_exhausted,
                         struct error *e);

#endif
