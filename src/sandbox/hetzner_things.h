/*
 * Firewalls, networks, volumes, placement groups and primary IPs. They are rows of one table and
 * share listing, reading, renaming, deletion and protection (hetzner_things.c); one file for each
 * kind holds what only it can do. The route of an operation says which kind it is about.
 */
#ifndef WEBHOST_SANDBOX_HETZNER_THINGS_H
#define WEBHOST_SANDBOX_HETZNER_THINGS_H

#include "sandbox/hetzner.h"

struct thing_row {
    int64_t id;
    const char *kind, *name, *labels, *location;
    const char *detail; /* a JSON object: what only this kind has */
    bool is_protected;
    int64_t created_at;
    int64_t ready_at;  /* until then a volume is being made */
    int64_t listed_at; /* until then lists by name and label miss it (read_lag_us) */
};

struct thing_kind {
    const char *name, *plural; /* as in the JSON: "firewall", "firewalls" */
    const char *called;        /* in sentences */

    /* Adds what only this kind has to its JSON, from the detail and the servers that use it. */
    void (*show)(const struct call *c, const struct thing_row *row, const json_t *detail,
                 json_t *servers, json_t *shown);
    int status_while_used;       /* what deletion answers while a server uses it; */
    const char *code_while_used; /* NULL: it may be deleted, and the servers lose it */
    const char *changeable;      /* the member of detail that PUT may set; NULL: none */
};

extern const struct thing_kind hetzner_firewall, hetzner_network, hetzner_volume,
    hetzner_placement_group, hetzner_primary_ip;

/* -- rows ------------------------------------------------------------------------------------- */

/* The thing named by {id} in the path, or 404. */
enum err thing_of(struct call *c, struct thing_row *ret_row, struct error *e);

/* By number; 422 invalid_input for `field` when there is none, as in a body's references. */
enum err thing_find(struct call *c, const struct thing_kind *kind, int64_t id, const char *field,
                    struct thing_row *ret_row, struct error *e);

/* Takes `detail` over. 409 for a used name. `labels` may be NULL. */
enum err thing_insert(struct call *c, const struct thing_kind *kind, const char *name,
                      const char *labels, const char *location, json_t *detail,
                      struct thing_row *ret_row, struct error *e);

/* Replaces the row's detail; takes it over. */
enum err thing_set_detail(struct call *c, struct thing_row *row, json_t *detail, struct error *e);

json_t *thing_detail(const struct thing_row *row);

enum err thing_json(struct call *c, const struct thing_row *row, json_t **ret_json,
                    struct error *e);

/* {kind: thing}. */
enum err thing_answer(struct call *c, int status, const struct thing_row *row, struct error *e);

/* Records an action that begins now and is over after the delay; 201 {"action": ...}. */
enum err thing_answer_action(struct call *c, const char *command, const struct thing_row *row,
                             struct error *e);

/* The same with a server as the second resource (0: none); the action as JSON. */
enum err thing_action(struct call *c, const char *command, const struct thing_row *row,
                      int64_t server_id, json_t **ret_action, struct error *e);

/* -- links ------------------------------------------------------------------------------------ */

struct link_row {
    int64_t thing_id, server_id;
    const char *kind; /* of the thing */
    const char *name, *detail;
};

enum err thing_link(struct call *c, int64_t thing_id, int64_t server_id, const char *detail,
                    struct error *e);
enum err thing_unlink(struct call *c, int64_t thing_id, int64_t server_id, bool *ret_was_there,
                      struct error *e);
enum err thing_links(struct call *c, int64_t thing_id, struct records *ret_links, struct error *e);
enum err server_links(struct call *c, int64_t server_id, struct records *ret_links,
                      struct error *e);

/* The server of that number that is not being deleted; 422 for `field` otherwise. */
enum err thing_server(struct call *c, int64_t id, const char *field, struct server_row *ret_row,
                      struct error *e);

/* -- what a server's creation and deletion do with them --------------------------------------- */

/* An address in the network for the server; `wanted` NULL: the next free one. */
enum err network_join(struct call *c, const struct thing_row *network, int64_t server_id,
                      const char *wanted, struct error *e);

/* Makes and links the primary IP of a new server, which goes when the server goes. */
enum err primary_ip_for(struct call *c, const struct server_row *server, const char *type,
                        const char *ip, struct error *e);

/* Everything lets go of the server; its own primary IPs are deleted. */
enum err server_unlink_all(struct call *c, int64_t server_id, struct error *e);

/* -- operations ------------------------------------------------------------------------------- */

operation thing_list, thing_get, thing_update, thing_delete, thing_actions, thing_change_protection;
operation firewall_create, firewall_set_rules, firewall_apply, firewall_remove;
operation network_create, network_add_subnet, network_delete_subnet, network_add_route,
    network_delete_route, network_change_ip_range;
operation volume_create, volume_attach, volume_detach, volume_resize;
operation placement_group_create;
operation primary_ip_create, primary_ip_assign, primary_ip_unassign, primary_ip_change_dns_ptr;

#endif
