/*
 * PgBouncer: each customer's database under a name that stays, tenant_SLUG.
 *
 * WebHost owns a file of databases (alias_file.h) that every PgBouncer of the list includes, and
 * speaks with their admin consoles. Two things write the file:
 *
 *     the router      for a cutover: PAUSE the alias, point it, RELOAD, RESUME (router.h)
 *     pgbouncer_sync  makes it what the routes say (routing.h): at the start, after every change of
 *                     a route, and when somebody else changed the file
 *
 * A paused alias is one whose clients wait. Closing a console does not undo a PAUSE, so a pause
 * that failed is followed by a RESUME, here at once and by the caller again. RESUME of an alias
 * that is not paused, or not known, is fine: nobody waits there. With several PgBouncers all are
 * asked before any is paused, all are paused, pointed and resumed; one that is down fails a pause
 * or a point, and a resume that failed somewhere has resumed the others.
 *
 * Threads: shared by all. After a fork the child makes one of its own (pgbouncer_router_make).
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_PGBOUNCER_H
#define WEBHOST_DOMAIN_PROVISIONING_PGBOUNCER_H

#include "domain/core/env.h"
#include "domain/provisioning/router.h"
#include "infra/secrets/secret.h"

#define POOLERS_MAX 16

/* Whom PgBouncer connects to databases as. */
enum pgbouncer_login {
    LOGIN_DATABASE, /* the user in the database's url, whoever the client is */
    LOGIN_CLIENT,   /* the client's own name */
};

/* The part `routing.pgbouncer:` of the configuration. */
struct pgbouncer_settings {
    const char *databases_file; /* NULL: there is no PgBouncer */
    struct texts admin_urls;    /* postgres://USER@HOST:PORT/pgbouncer, one for each PgBouncer */
    int login;                  /* enum pgbouncer_login */
    bool passwords;             /* write the databases' passwords into the file */
};

extern const struct field pgbouncer_settings_fields[];
extern const char *const pgbouncer_login_names[];

/* ERR_INVALID with a sentence for settings that contradict each other. */
enum err pgbouncer_settings_check(const struct pgbouncer_settings *s, struct error *e);

struct pgbouncer;

/* Both borrowed; `key` as for tenant_stores_new(). */
struct pgbouncer *pgbouncer_new(const struct pgbouncer_settings *settings,
                                const struct secret *key);
void pgbouncer_free(struct pgbouncer *p); /* NULL is fine */

/* What movers are given; lives as long as `p`. NULL for NULL: there is no PgBouncer. */
const struct mover_router *pgbouncer_router(const struct pgbouncer *p);

/*
 * Makes a router from another process' spec (router.h), for one that has nothing else to do and
 * ends with it: only the settings live in the arena, and nobody has to free the rest.
 */
mover_router_make pgbouncer_router_make;

/*
 * Makes the file what the routes say and reloads the PgBouncers when that changed it; they are also
 * reloaded when an earlier reload failed. `ret_changed` may be NULL. ERR_UNAVAILABLE when the file
 * is right and a PgBouncer could not be told: it reads it when it starts.
 */
enum err pgbouncer_sync(struct pgbouncer *p, struct db *db, bool *ret_changed, struct error *e);

#endif
