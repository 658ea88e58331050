/*
 * Hosts: the shared Hetzner servers, and their slots.
 *
 * A host has room for `capacity` customers. A slot is taken by a conditional update of slots_used
 * in the transaction that gives the deployment its host, so a host cannot be overfilled however
 * many ask at once (a CHECK in the schema says it again). A new host's row is its intention: it is
 * committed before the server is ordered, and the server's name is derived from it.
 *
 *     creating -> active
 *              -> failed      the order failed for good; the host takes no customers
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HOST_H
#define WEBHOST_DOMAIN_PROVISIONING_HOST_H

#include "domain/core/env.h"
#include "infra/json/json.h"

enum host_status { HOST_CREATING, HOST_ACTIVE, HOST_FAILED };

extern const char *const host_status_names[];

struct host {
    const char *id;
    const char *name; /* the server's name too */
    const char *location;
    const char *server_type;
    int status; /* enum host_status */
    int64_t capacity, slots_used;
    int64_t provider_id; /* the server's id; INT_ABSENT until it is known */
    const char *address;
    const char *database_url; /* of the shared database; may hold {address} while creating */
    const char *error;
    int64_t created_at, active_at;
};

extern const struct field host_fields[];

struct host_order {
    const char *location;
    const char *server_type;
    int64_t capacity;
    const char *database_url; /* {host} is replaced by the name */
};

/*
 * Takes a slot for a deployment that has none: of the fullest host in the location that still has
 * room (best fit, so that hosts empty out), else of a new host made to `order`. A deployment that
 * has a slot keeps it.
 */
enum err host_reserve_slot(struct db_tx *tx, const struct env *env, const char *deployment_id,
                           const struct host_order *order, struct arena *arena,
                           struct host *ret_host, struct error *e);

/* Gives the slot back. The caller sees to it that the tenant's data is gone from the host. */
enum err host_release_slot(struct db_tx *tx, const char *deployment_id, const char *host_id,
                           struct error *e);

enum err host_find(struct db_tx *tx, const char *id, struct arena *arena, struct host *ret,
                   struct error *e);

/* Newest first: records of struct host. */
enum err host_list(struct db_tx *tx, struct page page, struct arena *arena, struct records *ret,
                   const char **ret_next, struct error *e);

/* The server exists under this id. */
enum err host_ordered(struct db_tx *tx, const char *id, int64_t provider_id, struct error *e);

/* creating -> active; {address} in the database url is replaced. Audited. */
enum err host_activate(struct db_tx *tx, const struct env *env, const char *actor,
                       const struct host *host, const char *address, struct arena *arena,
                       struct error *e);

/* The host as the API shows it. */
json_t *host_json(const struct host *host);

#endif
