/*
 * The one server of a host: ordered, watched, measured and removed, each by functions that are safe
 * to call again after anything.
 *
 * A server is known by its name, which is the host's, and is ours when its labels say
 * managed-by=webhost and webhost-host=<the host's id>. Before an order the name is looked up, and
 * what is there is adopted, so a lost reply, a kill or a second worker makes nothing twice.
 *
 * Errors are classed for the caller's decision:
 *
 *     ERR_CAPACITY     no room in the location, or the project's limit: elsewhere, or later
 *     ERR_INVALID      the order is wrong and will not get better
 *     ERR_CONFLICT     a server of that name is not ours
 *     ERR_BUSY         refused for now: rate limit, lock, not ready
 *     ERR_TIMEOUT      no answer: the effect is unknown; call again, which finds out
 *     ERR_NOT_FOUND    what was remembered is gone: forget the server's id and actions
 *     ERR_DENIED, ERR_UNAVAILABLE, ERR_CORRUPT   as everywhere
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HETZNER_SERVER_H
#define WEBHOST_DOMAIN_PROVISIONING_HETZNER_SERVER_H

#include "domain/provisioning/cloud.h"
#include "domain/provisioning/settings.h"

struct hetzner_order {
    const struct hetzner_settings *settings; /* image, keys, firewall, network */
    const struct secret *key;                /* what the database's password is derived from */
    const char *name;                        /* the host's, and the server's */
    const char *host_id;
    const char *location;
    struct texts server_types; /* the first that can be ordered is */
    const char *actions;       /* as the last progress told; NULL: not known */
};

struct hetzner_progress {
    int64_t server_id;
    const char *server_type; /* perhaps not the first choice */
    const char *actions;     /* ids to remember for the next call, "12,13" */
    bool running;            /* every action has ended well, and the server has its address */
    const char *ipv4;        /* NULL while it has none */
    const char *private_ip;  /* in the configured network; NULL without one */
    const char *failed;      /* Hetzner's words about an action that failed; NULL: none did */
    enum err failure;        /* then: ERR_CAPACITY or ERR_UNAVAILABLE */
};

/*
 * Brings the host's server one step nearer to running: adopts or orders it, and looks at its
 * actions. `known_id` is the server's id from an earlier progress, or INT_ABSENT.
 *
 * A server with `failed` set will not get better: remove it, then order again.
 */
enum err hetzner_server_advance(struct cloud *cloud, const struct hetzner_order *order,
                                int64_t known_id, struct arena *arena, struct hetzner_progress *ret,
                                struct error *e);

/*
 * Deletes the host's server if it is ours: OK when it is gone, ERR_BUSY while it goes (call again),
 * ERR_CONFLICT when it is not ours. An order that nobody answered may still come: the caller that
 * has one outstanding calls again later.
 */
enum err hetzner_server_remove(struct cloud *cloud, int64_t known_id, const char *name,
                               const char *host_id, struct arena *arena, struct error *e);

/*
 * The mean share of all cores that the server used in the `window_us` before `now`: 0..10000 for
 * nothing..everything. ERR_NOT_FOUND when there is no server or no measurement.
 */
enum err hetzner_server_load(struct cloud *cloud, int64_t id, int64_t now, int64_t window_us,
                             struct arena *arena, int64_t *ret_load, struct error *e);

/*
 * Those of `types` that can be ordered in the location now, in their order; none is OK with count
 * 0. ERR_INVALID names a type that does not exist.
 */
enum err hetzner_available(struct cloud *cloud, const char *location, struct texts types,
                           struct arena *arena, struct texts *ret_types, struct error *e);

#endif
