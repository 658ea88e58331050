/*
 * The part of the Hetzner Cloud API that hosts need (https://docs.hetzner.cloud, API v1): one
 * function for each call, and what its reply means.
 *
 * Names are unique in a project, and there is no idempotency key: a thing is looked up by its name
 * before it is created, and a create that says "uniqueness_error" (ERR_CONFLICT) or is not answered
 * is looked up again, never repeated blindly. server.h does so for servers, parts.h for the rest.
 *
 * What we make carries the labels managed-by=webhost and, where they apply, webhost-host (the
 * host's id) and webhost-install (the installation's).
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HETZNER_CLIENT_H
#define WEBHOST_DOMAIN_PROVISIONING_HETZNER_CLIENT_H

#include "domain/provisioning/cloud.h"

extern const struct cloud_dialect hcloud_dialect;

struct hcloud_server {
    int64_t id;
    const char *name;
    const char *status;      /* "running", "initializing", ... */
    const char *server_type; /* its name */
    int64_t cores;
    const char *ipv4;       /* NULL while it has none */
    const char *private_ip; /* in the first private network; NULL without one */
    const char *managed_by; /* our labels; NULL when it is not ours */
    const char *host_id;
};

struct hcloud_order {
    const char *name, *server_type, *image, *location;
    const char *host_id;                        /* kept in a label */
    const char *user_data;                      /* NULL: none */
    struct texts ssh_keys;                      /* names; count 0: none */
    int64_t firewall, network, placement_group; /* ids; INT_ABSENT: none */
};

/* What says that a thing is ours; `host_id` may be NULL. */
json_t *hcloud_labels(const struct cloud *cloud, const char *host_id);

/* The server with this name; ERR_NOT_FOUND when there is none. */
enum err hcloud_server_find(struct cloud *cloud, const char *name, struct arena *arena,
                            struct hcloud_server *ret, struct error *e);

enum err hcloud_server_get(struct cloud *cloud, int64_t id, struct arena *arena,
                           struct hcloud_server *ret, struct error *e);

/* `ret_actions` (may be NULL) gets the ids of everything that the order set going, "12,13". */
enum err hcloud_server_create(struct cloud *cloud, const struct hcloud_order *order,
                              struct arena *arena, struct hcloud_server *ret,
                              const char **ret_actions, struct error *e);

enum err hcloud_server_delete(struct cloud *cloud, int64_t id, struct arena *arena,
                              struct error *e);

/* The ids of the actions that the server has had, "12,13"; "" when there are none. */
enum err hcloud_server_actions(struct cloud *cloud, int64_t id, struct arena *arena,
                               const char **ret_actions, struct error *e);

struct hcloud_actions {
    bool done;          /* none is running */
    const char *failed; /* the first that failed: "create_server: words (code)"; NULL: none did */
    enum err failure;   /* its class: ERR_CAPACITY or ERR_UNAVAILABLE */
};

/*
 * The state of many actions ("12,13"), asked for together. An id that is not known any more is
 * ERR_NOT_FOUND.
 */
enum err hcloud_actions_get(struct cloud *cloud, const char *actions, struct arena *arena,
                            struct hcloud_actions *ret, struct error *e);

/*
 * Whether every action on the server has ended. An action that failed is ERR_UNAVAILABLE with the
 * provider's words.
 */
enum err hcloud_actions_done(struct cloud *cloud, int64_t server_id, struct arena *arena,
                             bool *ret_done, struct error *e);

/* Whether the type can be ordered in the location now. A type of another name is ERR_INVALID. */
enum err hcloud_type_available(struct cloud *cloud, const char *server_type, const char *location,
                               struct arena *arena, bool *ret_available, struct error *e);

/*
 * The mean of the server's CPU use between two times, in 1/100 percent of one core (up to 10000 for
 * each). ERR_NOT_FOUND when there is no measurement in that time.
 */
enum err hcloud_server_cpu(struct cloud *cloud, int64_t id, int64_t from, int64_t to,
                           struct arena *arena, int64_t *ret_share, struct error *e);

#endif
