/*
 * The part of the Hetzner Cloud API that hosts need (https://docs.hetzner.cloud, API v1).
 *
 * Server names are unique in a project, and there is no idempotency key: hcloud_server_find()
 * before hcloud_server_create(), and a create that says "uniqueness_error" (ERR_CONFLICT) or times
 * out is looked up by name, never repeated blindly.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HETZNER_CLIENT_H
#define WEBHOST_DOMAIN_PROVISIONING_HETZNER_CLIENT_H

#include "domain/provisioning/cloud.h"

extern const struct cloud_dialect hcloud_dialect;

struct hcloud_server {
    int64_t id;
    const char *name;
    const char *status;     /* "running", "initializing", ... */
    const char *ipv4;       /* NULL while it has none */
    const char *managed_by; /* our label; NULL when it is not ours */
};

struct hcloud_order {
    const char *name, *server_type, *image, *location;
    const char *host_id; /* kept in a label */
};

/* The server with this name; ERR_NOT_FOUND when there is none. */
enum err hcloud_server_find(struct cloud *cloud, const char *name, struct arena *arena,
                            struct hcloud_server *ret, struct error *e);

enum err hcloud_server_get(struct cloud *cloud, int64_t id, struct arena *arena,
                           struct hcloud_server *ret, struct error *e);

enum err hcloud_server_create(struct cloud *cloud, const struct hcloud_order *order,
                              struct arena *arena, struct hcloud_server *ret, struct error *e);

/*
 * Whether every action on the server has ended. An action that failed is ERR_UNAVAILABLE with the
 * provider's words.
 */
enum err hcloud_actions_done(struct cloud *cloud, int64_t server_id, struct arena *arena,
                             bool *ret_done, struct error *e);

#endif
