/*
 * Fly's managed Postgres. Creating and reading is part of the Machines API's host; listing and
 * deleting are known from the host that flyctl asks for them (FLY_UIEX_BASE_URL).
 *
 * A cluster belongs to the organisation and not to an app: deleting the app leaves it. Names are
 * not unique by themselves; ours are, because they hold the app's.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_POSTGRES_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_POSTGRES_H

#include "domain/provisioning/cloud.h"

#define FLY_POSTGRES_USER "fly-user" /* the owner that every cluster is made with */

struct fly_cluster {
    const char *id, *name, *status, *region, *plan;
    const char *host; /* NULL while it is being made; not the pooler: sessions keep their state */
    int64_t port;
    int64_t created_at; /* INT_ABSENT: not told */
};

struct fly_cluster_order {
    const char *org, *name, *region, *plan;
    int64_t disk_gb;
};

bool fly_cluster_is_ready(const struct fly_cluster *c);
bool fly_cluster_is_broken(const struct fly_cluster *c);

/*
 * `account` reaches the host for lists and deletions. All of the organisation, whoever made them:
 * records of struct fly_cluster. ERR_NOT_FOUND if the name is not there.
 */
enum err fly_cluster_list(struct cloud *account, const char *org, struct arena *arena,
                          struct records *ret, struct error *e);
enum err fly_cluster_find(struct cloud *account, const char *org, const char *name,
                          struct arena *arena, struct fly_cluster *ret, struct error *e);
enum err fly_cluster_create(struct cloud *cloud, const struct fly_cluster_order *order,
                            struct arena *arena, struct fly_cluster *ret, struct error *e);
enum err fly_cluster_get(struct cloud *cloud, const char *id, struct arena *arena,
                         struct fly_cluster *ret, struct error *e);

/* The caller frees the secret. */
enum err fly_cluster_password(struct cloud *cloud, const char *id, struct arena *arena,
                              struct secret **ret, struct error *e);

/* One that is gone is OK. */
enum err fly_cluster_delete(struct cloud *account, const char *org, const char *id,
                            struct arena *arena, struct error *e);

#endif
