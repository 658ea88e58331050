/*
 * The emulated Hetzner Cloud (https://docs.hetzner.cloud). hetzner_catalog.c: what can be bought;
 * hetzner_servers.c, hetzner_server_create.c, hetzner_actions.c, hetzner_ssh_keys.c: what exists;
 * hetzner_labels.c and hetzner_page.c: what all lists share. The
 * smaller resources are in hetzner_things.h.
 */
#ifndef WEBHOST_SANDBOX_HETZNER_H
#define WEBHOST_SANDBOX_HETZNER_H

#include "sandbox/call.h"
#include "sandbox/phases.h"

#define HETZNER_ROWS_MAX 20000 /* of any kind; a bound, not a quota */

/* -- catalog ---------------------------------------------------------------------------------- */

struct hetzner_location;
struct hetzner_type;

/* By name or by number in text; NULL when there is none. */
const struct hetzner_location *hetzner_location_find(const char *name_or_id);
const struct hetzner_type *hetzner_type_find(const char *name_or_id);

const char *hetzner_location_name(const struct hetzner_location *location);
const char *hetzner_type_name(const struct hetzner_type *type);
const char *hetzner_type_architecture(const struct hetzner_type *type);
int64_t hetzner_type_disk_gb(const struct hetzner_type *type);
bool hetzner_type_is_sold_in(const struct hetzner_type *type,
                             const struct hetzner_location *location);

json_t *hetzner_location_json(const struct hetzner_location *location);
json_t *hetzner_type_json(const struct call *c, const struct hetzner_type *type);

/* The image of the catalog or a server's; NULL when it has been deleted. */
enum err hetzner_image_by_id(struct call *c, int64_t id, json_t **ret_image, struct error *e);

/* The number of the image that a request names for a server of that type; 422 when it cannot be. */
enum err hetzner_image_choose(struct call *c, const char *name_or_id,
                              const struct hetzner_type *type, int64_t *ret_id, struct error *e);

/* 412 resource_unavailable where a test has set the type to be sold out. */
enum err hetzner_check_availability(struct call *c, const struct hetzner_type *type,
                                    const struct hetzner_location *location);

/* Of the same architecture. */
bool hetzner_types_are_alike(const struct hetzner_type *a, const struct hetzner_type *b);

/* Included traffic of a server in bytes. */
int64_t hetzner_included_traffic(const struct hetzner_location *location);

operation hetzner_location_list, hetzner_location_get, hetzner_type_list, hetzner_type_get,
    hetzner_image_list, hetzner_image_get, hetzner_image_delete, hetzner_pricing;

/* -- servers and actions ---------------------------------------------------------------------- */

struct server_row {
    int64_t id;
    const char *name, *server_type, *location, *labels, *user_data, *ipv4, *ipv6;
    const char *ssh_keys;      /* JSON: the names it was created with */
    const char *backup_window; /* NULL: no backups */
    const char *dns_ptr;       /* of the IPv4 address; NULL: the default one */
    int64_t image_id, created_at;
    int64_t
        disk_gb; /* may be less than its type's: a disk never shrinks, so it may be kept small */
    bool is_protected;
    struct phases phases;
    int64_t locked_until; /* the end of the action that is running */
    int64_t gone_at;      /* INT_ABSENT: not being deleted */
    int64_t listed_at;    /* until then lists by name and label miss it (read_lag_us) */
};

extern const struct field hetzner_server_row_fields[];

/* What an action is about: a "server", a "volume", ..., and sometimes a second resource. */
struct action_about {
    const char *kind;
    int64_t id;
    const char *other_kind; /* NULL: none */
    int64_t other_id;
};

struct action_row {
    int64_t id;
    const char *command;
    struct action_about about;
    int64_t started_at, finished_at;
    bool failed; /* ends in "error": a fault wanted it so */
};

enum err hetzner_server_json(struct call *c, const struct server_row *row, json_t **ret_json,
                             struct error *e);
json_t *hetzner_action_json(const struct call *c, const struct action_row *row);

/* The server named by {id} in the path, or 404. */
enum err hetzner_server_of(struct call *c, struct server_row *ret_row, struct error *e);

/* ERR_NOT_FOUND, without a refusal, when there is none. */
enum err hetzner_server_find(struct call *c, int64_t id, struct server_row *ret_row,
                             struct error *e);

/* Records an action that ends at `finished_at`. */
enum err hetzner_action_new(struct call *c, const char *command, struct action_about about,
                            int64_t finished_at, struct action_row *ret_row, struct error *e);

/* Locks the server for one delay and answers 201 {"action": ...}; saves what is in the row. */
enum err hetzner_server_answer_action(struct call *c, const char *command, struct server_row *row,
                                      struct error *e);

/* A page of the actions about a resource. */
enum err hetzner_actions_answer(struct call *c, const char *kind, int64_t id, struct error *e);

enum err hetzner_server_save_options(struct call *c, const struct server_row *row, struct error *e);

/* The server of the path, or 423 while an action of it is running. */
enum err hetzner_server_to_change(struct call *c, struct server_row *ret_row, struct error *e);

/* NULL takes the address away. */
enum err hetzner_server_set_address(struct call *c, int64_t server_id, bool is_v4, const char *ip,
                                    struct error *e);

enum err hetzner_server_save_phases(struct call *c, const struct server_row *row, struct error *e);

/* 423 while an action of the server is running. */
enum err hetzner_refuse_if_locked(struct call *c, const struct server_row *row);

operation hetzner_server_create, hetzner_server_list, hetzner_server_get, hetzner_server_update,
    hetzner_server_delete, hetzner_server_poweron, hetzner_server_poweroff, hetzner_server_shutdown,
    hetzner_server_reboot, hetzner_server_reset, hetzner_server_actions, hetzner_action_list,
    hetzner_action_get;

/* hetzner_server_change.c */
operation hetzner_server_rebuild, hetzner_server_change_type, hetzner_server_change_protection,
    hetzner_server_enable_backup, hetzner_server_disable_backup, hetzner_server_create_image,
    hetzner_server_attach_to_network, hetzner_server_detach_from_network,
    hetzner_server_add_to_placement_group, hetzner_server_remove_from_placement_group,
    hetzner_server_change_dns_ptr, hetzner_server_metrics;

operation hetzner_ssh_key_create, hetzner_ssh_key_list, hetzner_ssh_key_get, hetzner_ssh_key_update,
    hetzner_ssh_key_delete;

/* The key with that name or number exists? */
enum err hetzner_ssh_key_exists(struct call *c, const char *name_or_id, bool *ret_exists,
                                struct error *e);

/* -- what all share ------------------------------------------------------------------------- */

/* Names and numbers are both welcome where the API says "ID or name"; we go on with texts. */
json_t *hetzner_number_as_text(json_t *value);

/* The field_check of server names. */
const char *hetzner_check_hostname(const char *text);

/* 409 uniqueness_error for the field `name`. */
enum err hetzner_refuse_used_name(struct call *c, const char *sentence);

/* Refuses `labels` (an object's JSON text) with 422 when a key or value breaks the rules. */
enum err hetzner_labels_check(struct call *c, const char *labels);

/*
 * The label_selector of the query: KEY, !KEY, KEY=VALUE, KEY==VALUE, KEY!=VALUE, joined by commas.
 * 422 for anything else. An absent selector matches all.
 */
enum err hetzner_selector_check(struct call *c);
bool hetzner_selector_matches(const struct call *c, const char *labels);

/*
 * False while a list that is asked for by name or label does not show yet what was written:
 * sandbox_options.read_lag_us.
 */
bool hetzner_is_listed(const struct call *c, int64_t listed_at);

/* Answers with the page of `list` (objects with id, name, created) that the query asks for. */
enum err hetzner_list_answer(struct call *c, const char *key, json_t *list);

/* Checks ?sort=COLUMN[:asc|:desc]; the column is id, name or created. */
enum err hetzner_sort_read(struct call *c, const char **ret_column, bool *ret_is_down);

/* True when the query has no such parameter, or one of them is `value`. */
bool hetzner_query_allows(const struct call *c, const char *name, const char *value);

struct page {
    int64_t number, size; /* ?page= and ?per_page= */
    size_t from, to;      /* the rows to show, set by hetzner_page_cut() */
    size_t total;
};

enum err hetzner_page_read(struct call *c, struct page *ret_page);
void hetzner_page_cut(struct page *p, size_t total);

/* 200 {key: items, meta: {pagination}} and the Link header; takes `items`, the page's rows. */
enum err hetzner_page_answer(struct call *c, const struct page *p, const char *key, json_t *items);

#endif
