/*
 * Routes: where a customer's clients go, told from one place.
 *
 * Each customer that has had an active deployment has one. It follows the current deployment in the
 * transaction that changes it: route_refresh() stands in everything that activates, switches or
 * retires one, so nobody ever reads a route that is between two places. `version` grows by one with
 * each change of the route, `fleet_version` numbers the changes of all in the order of their
 * commits, for caches: what is above the highest one has seen is all that one has to ask for.
 *
 * A route holds no password: what it tells is public inside the operator's network.
 *
 *     applications poll GET /api/routes/{slug};  PgBouncer has an alias for each (pgbouncer.h);
 *     HAProxy has a map of the applications (docs/routing.md)
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_ROUTING_H
#define WEBHOST_DOMAIN_PROVISIONING_ROUTING_H

#include "domain/core/env.h"
#include "infra/json/json.h"

enum route_engine { ROUTE_POSTGRES, ROUTE_SQLITE };

extern const char *const route_engine_names[];

struct route {
    const char *id; /* the customer's */
    const char *slug;
    int64_t version, fleet_version;
    bool active; /* false: the customer left, or is being removed */
    const char *deployment_id;
    int mode; /* enum mode */
    struct texts regions;
    const char *application; /* the host's address, or APP.fly.dev; NULL: not known */
    int engine;              /* enum route_engine */
    const char *host;        /* of the database; NULL for SQLite */
    int64_t port;
    const char *dbname; /* for SQLite the file's path */
    const char *login;  /* the user that the database's url has; NULL: none */
    int64_t changed_at;
};

extern const struct field route_fields[];

/* Makes the customer's route what its current deployment says. */
enum err route_refresh(struct db_tx *tx, const char *customer_id, struct error *e);

/* The same for the customer whose deployment this is. */
enum err route_refresh_for(struct db_tx *tx, const char *deployment_id, struct error *e);

/* Gives a route to those who lived somewhere before there were routes. At the start of a process.
 */
enum err routes_complete(struct db *db, struct error *e);

/* ERR_NOT_FOUND for one that is not active, too. */
enum err route_find(struct db_tx *tx, const char *slug, struct arena *arena, struct route *ret,
                    struct error *e);

/* Active ones, the newest customer first. */
enum err route_list(struct db_tx *tx, struct page page, struct arena *arena, struct records *ret,
                    const char **ret_next, struct error *e);

/*
 * The first `limit` that changed after fleet version `since`, in the order of their changes; those
 * that are not active any more, too. `ret_seen` is what to ask for next: the last one's version, or
 * the fleet's when these are all.
 */
enum err route_list_changes(struct db_tx *tx, int64_t since, int64_t limit, struct arena *arena,
                            struct records *ret, int64_t *ret_seen, struct error *e);

enum err route_version_of_fleet(struct db_tx *tx, int64_t *ret, struct error *e);

/*
 * A map file for HAProxy: "SLUG APPLICATION" lines by slug. ERR_TOO_LARGE when it is larger than
 * the buffer's bound.
 */
enum err route_write_haproxy(struct db_tx *tx, struct buf *out, struct error *e);

/* Calls `fn` with each active route's slug and database url, with the places of passwords in it. */
enum err route_each_database(struct db_tx *tx, db_row_fn *fn, void *arg, struct error *e);

/*
 * "tenant_SLUG", what PgBouncer calls the customer's database. A slug that is too long for it is
 * cut and ends with a hash.
 */
const char *route_alias(const char *slug, struct arena *arena);

/* {slug, version, ..., "database": {engine, host, port, dbname, user, alias}} */
json_t *route_json(const struct route *route, struct arena *arena);

#endif
