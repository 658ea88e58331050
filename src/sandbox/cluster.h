/*
 * The databases of the sandbox's servers and apps, for those who want to see live data move: a
 * PostgreSQL server and a PgBouncer of the sandbox's own on loopback. Each server and each app that
 * exists has one database there, under its name.
 *
 * All of it is in one folder, and nothing of the machine's own PostgreSQL is touched. One user,
 * CLUSTER_USER, owns everything; his password is the same at every start. The ports are chosen once
 * and kept, because the urls of databases name them.
 *
 * Both programs end with this process, however it ends: the kernel signals them. What an earlier
 * process left running, or still ending, is found by its pid file and its working directory, and
 * stopped before the new one starts. PostgreSQL refuses to run as root; then both run as the user
 * postgres, who must be able to reach the folder.
 *
 * It is for demonstrations: what was committed survives a kill of any process, not a power cut.
 *
 * Lifecycle: cluster_start() -> cluster_stop(), in the thread that lives as long as the process:
 * when it ends, the programs do. One thread at a time calls cluster_have().
 */
#ifndef WEBHOST_SANDBOX_CLUSTER_H
#define WEBHOST_SANDBOX_CLUSTER_H

#include "base/record.h"
#include "infra/secrets/secret.h"

#define CLUSTER_USER "webhost"

struct cluster;

struct cluster_options {
    const char *folder;            /* made when it is not there; the one above it exists */
    const struct secret *password; /* of CLUSTER_USER: letters, digits, '-' and '_' */
};

/*
 * Returns when both can be connected to. ERR_NOT_FOUND names the packages when a program is not
 * installed, ERR_CONFLICT the port or the process that is in the way.
 */
enum err cluster_start(const struct cluster_options *options, struct cluster **ret,
                       struct error *e);
void cluster_stop(struct cluster *c); /* NULL is fine */

/* Of 127.0.0.1. */
uint16_t cluster_port(const struct cluster *c);
uint16_t cluster_pooler_port(const struct cluster *c);

/* Of a database as PgBouncer's clients reach it; the password is in it. */
const char *cluster_pooler_url(const struct cluster *c, const char *database, struct arena *arena);

/* PgBouncer's admin console; the password is in it. */
const char *cluster_console_url(const struct cluster *c, struct arena *arena);

/* The file of databases that PgBouncer includes, for whoever routes; empty at the first start. */
const char *cluster_databases_file(const struct cluster *c);

/* For people's own psql: what PGPASSFILE is set to. */
const char *cluster_password_file(const struct cluster *c);

/*
 * Makes the databases what `names` says: makes those that are missing and drops all others, with
 * whoever is connected to them. A database that replication still needs is not dropped before the
 * next call that finds it free.
 */
enum err cluster_have(struct cluster *c, struct texts names, struct error *e);

#endif
