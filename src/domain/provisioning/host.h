/*
 * Hosts: the shared Hetzner servers.
 *
 * A host has room for `capacity` customers (slot.h). Its row is its intention: it is committed
 * before the server is ordered, and the server's name is derived from it. A job of its own
 * (host_workers.h) brings it to life; another ends it.
 *
 *     creating -> active -> retiring -> retired
 *        |        |    ^       ^
 *        |        v    |       |
 *        |       draining -----+
 *        +-> failed -----------+
 *
 *     active    takes customers while it has a free slot and its load is below the ceiling
 *     draining  takes nobody; its customers are moved to other hosts (migration/drain.h)
 *     failed    the order failed for good; it never held anybody's data
 *     retiring  empty for good; the server is being deleted
 *
 * The table in host.c is the only place that knows the edges, host_set_status() the only function
 * that takes one. Retiring wants an empty host, and taking a slot wants one that is creating or
 * active, each in one conditional update: a customer and the reaper cannot both get it.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HOST_H
#define WEBHOST_DOMAIN_PROVISIONING_HOST_H

#include "domain/core/env.h"
#include "domain/provisioning/settings.h"
#include "infra/json/json.h"

#define HOSTS_MAX 10000 /* that one list or plan may hold */

enum host_status {
    HOST_CREATING,
    HOST_ACTIVE,
    HOST_DRAINING,
    HOST_FAILED,
    HOST_RETIRING,
    HOST_RETIRED,
    HOST_STATUSES,
};

extern const char *const host_status_names[]; /* ends with NULL */

/* Whether the table has that edge. */
bool host_may_become(enum host_status from, enum host_status to);

struct host {
    const char *id;
    const char *name;     /* the server's name too */
    const char *location; /* where it is, or is ordered now */
    const char *region;   /* that of the location */
    const char *serves;   /* the location whose demand it was ordered for */
    const char *server_type;
    int status; /* enum host_status */
    int64_t capacity, slots_used;
    int64_t provider_id; /* the server's id; INT_ABSENT until it is known */
    const char *address;
    const char *database_url; /* of the shared database; may hold {address} while creating */
    const char *error;
    decimal load;        /* share of its CPUs in use; INT_ABSENT: never measured */
    int64_t load_at;     /* when */
    int64_t choice;      /* which of the region's locations is asked (location.h) */
    int64_t rounds;      /* how often all of them were sold out */
    const char *actions; /* of the order, to be looked at; NULL: not known */
    int64_t empty_since; /* INT_ABSENT while it holds anybody */
    int64_t created_at, active_at, failed_at, retired_at;
};

extern const struct field host_fields[];

enum err host_find(struct db_tx *tx, const char *id, struct arena *arena, struct host *ret,
                   struct error *e);

/* Whether a server with this database is in use still: it goes with its server. */
enum err host_database_lives(struct db_tx *tx, const char *database_url, bool *ret_lives,
                             struct error *e);

/* By id or name. */
enum err host_find_named(struct db_tx *tx, const char *id_or_name, struct arena *arena,
                         struct host *ret, struct error *e);

/* Newest first: records of struct host. `status` NULL: all that are not retired. */
enum err host_list(struct db_tx *tx, const char *status, struct page page, struct arena *arena,
                   struct records *ret, const char **ret_next, struct error *e);

/* Every host that is not retired, oldest first, at most HOSTS_MAX. */
enum err host_list_standing(struct db_tx *tx, struct arena *arena, struct records *ret,
                            struct error *e);

/*
 * Takes the edge to `to` and keeps `host` in step. ERR_CONFLICT when there is no such edge, when
 * the recorded status is another by now, or when a host that is to retire holds customers. `why` is
 * kept as the host's error; NULL forgets it. Audited as host.STATUS, under `verb` where one is
 * given
 * ("host.undrained").
 */
enum err host_set_status(struct db_tx *tx, const struct env *env, const char *actor,
                         struct host *host, enum host_status to, const char *verb, const char *why,
                         struct arena *arena, struct error *e);

/* What is known of the server now: INT_ABSENT and NULL say that there is none. */
enum err host_note(struct db_tx *tx, const char *id, int64_t provider_id, const char *server_type,
                   const char *actions, const char *error, struct error *e);

/* creating -> active; {address} in the database url is replaced; who waits for it is woken. */
enum err host_activate(struct db_tx *tx, const struct env *env, const char *actor,
                       struct host *host, const char *address, struct arena *arena,
                       struct error *e);

/* creating -> failed; who waits for it is woken, to take a slot elsewhere. */
enum err host_fail(struct db_tx *tx, const struct env *env, const char *actor, const char *id,
                   const char *why, struct arena *arena, struct error *e);

/* Notes a measurement. */
enum err host_set_load(struct db_tx *tx, const char *id, decimal load, int64_t at, struct error *e);

struct host_tenant {
    const char *customer_id, *customer, *deployment_id;
    const char *status;    /* of the deployment */
    const char *migration; /* the state of the move that takes it away; NULL: none */
};

extern const struct field host_tenant_fields[];

/* Who holds its slots: records of struct host_tenant. */
enum err host_tenants(struct db_tx *tx, const char *id, struct arena *arena, struct records *ret,
                      struct error *e);

/* The host as the API shows it: its fields without those in host_hidden. */
extern const char *const host_hidden[]; /* ends with NULL */
json_t *host_json(const struct host *host);

#endif
