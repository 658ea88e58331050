/*
 * What the parts of the sandbox's PostgreSQL share: cluster.c is its life and its databases,
 * cluster_programs.c finds, runs and stops the programs, cluster_files.c writes what they read.
 */
#ifndef WEBHOST_SANDBOX_CLUSTER_PARTS_H
#define WEBHOST_SANDBOX_CLUSTER_PARTS_H

#include "infra/process/process.h"
#include "sandbox/cluster.h"

#include <sys/types.h>

struct cluster {
    struct arena arena; /* of the texts */
    const char *folder; /* absolute */
    const char *data, *log, *routes, *databases_file, *password_file;
    const struct secret *password;

    const char *account; /* whom the programs run as; NULL: as ourselves */
    uid_t uid;
    gid_t gid;
    const char *initdb, *postgres, *pgbouncer;

    int64_t port, pooler_port;
    struct process server, pooler; /* pid 0: not started */
};

/* -- cluster.c -------------------------------------------------------------------------------- */

/* With the password. */
const char *cluster_url(const struct cluster *c, int64_t port, const char *database,
                        struct arena *arena);

/* -- cluster_programs.c ----------------------------------------------------------------------- */

enum err cluster_find_programs(struct cluster *c, struct error *e);

/* Runs initdb once; no effect when the server's data is there. */
enum err cluster_init_data(struct cluster *c, struct error *e);

/* Stops what an earlier process left, and waits for it. */
enum err cluster_stop_left_over(const struct cluster *c, struct error *e);

enum err cluster_start_server(struct cluster *c, struct error *e);
enum err cluster_start_pooler(struct cluster *c, struct error *e);
void cluster_end_programs(struct cluster *c);

/* -- cluster_files.c -------------------------------------------------------------------------- */

/* The folder and those in it, so that the account and we can use them. */
enum err cluster_make_folders(struct cluster *c, struct error *e);

/* Those of the first start, or free ones. ERR_CONFLICT when somebody else has one of them. */
enum err cluster_choose_ports(struct cluster *c, struct error *e);

/* What PgBouncer and psql read. */
enum err cluster_write_files(struct cluster *c, struct error *e);

/* Replaces a file of the folder (mode 0600, the account's when `theirs`). */
enum err cluster_write_file(const struct cluster *c, const char *path, const char *text,
                            bool theirs, struct error *e);

#endif
