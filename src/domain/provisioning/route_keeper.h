/*
 * The thread that keeps PgBouncer's file what the routes say: it looks at the fleet's version twice
 * a second, and once a minute at the file itself. Every node has one, for its own file. What fails
 * is told once and tried again.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_ROUTE_KEEPER_H
#define WEBHOST_DOMAIN_PROVISIONING_ROUTE_KEEPER_H

#include "domain/provisioning/pgbouncer.h"

struct route_keeper;

/* Starts it. Both are borrowed. */
struct route_keeper *route_keeper_start(const struct env *env, struct pgbouncer *pgbouncer);
void route_keeper_stop(struct route_keeper *k); /* ends and frees it; NULL is fine */

#endif
