/*
 * The emulated Hetzner Cloud (https://docs.hetzner.cloud). hetzner_catalog.c: what can be bought;
 * hetzner_servers.c, hetzner_server_create.c, hetzner_actions.c, hetzner_ssh_keys.c: what exists;
 * hetzner_labels.c and hetzner_page.c: what all lists share.
 */
#ifndef WEBHOST_SANDBOX_HETZNER_H
#define WEBHOST_SANDBOX_HETZNER_H

#include "sandbox/call.h"
#include "sandbox/phases.h"

#define HETZNER_ROWS_MAX 20000 /* of any kind; a bound, not a quota */

/* -- catalog ---------------------------------------------------------------------------------- */

struct hetzner_location;
struct hetzner_type;
struct hetzner_image;

/* By name or by number in text; NULL when there is none. */
const struct hetzner_location *hetzner_location_find(const char *name_or_id);
const struct hetzner_type *hetzner_type_find(const char *name_or_id);

/* A name means the image for the type's architecture. */
const struct hetzner_image *hetzner_image_find(const char *name_or_id,
                                               const struct hetzner_type *type);

const char *hetzner_location_name(const struct hetzner_location *location);
const char *hetzner_type_name(const struct hetzner_type *type);
int64_t hetzner_type_disk_gb(const struct hetzner_type *type);
int64_t hetzner_image_id(const struct hetzner_image *image);
bool hetzner_image_fits(const struct hetzner_image *image, const struct hetzner_type *type);
bool hetzner_type_is_sold_in(const struct hetzner_type *type,
                             const struct hetzner_location *location);

json_t *hetzner_location_json(const struct hetzner_location *location);
json_t *hetzner_type_json(const struct hetzner_type *type);
json_t *hetzner_image_json(const struct hetzner_image *image);

/* Included traffic of a server in bytes. */
int64_t hetzner_included_traffic(const struct hetzner_location *location);

operation hetzner_location_list, hetzner_location_get, hetzner_type_list, hetzner_type_get,
    hetzner_image_list, hetzner_image_get, hetzner_pricing;

/* -- servers and actions ---------------------------------------------------------------------- */

struct server_row {
    int64_t id;
    const char *name, *server_type, *location, *labels, *user_data, *ipv4, *ipv6;
    int64_t image_id, created_at;
    struct phases phases;
    int64_t locked_until; /* the end of the action that is running */
    int64_t gone_at;      /* INT_ABSENT: not being deleted */
};

extern const struct field hetzner_server_row_fields[];

struct action_row {
    int64_t id;
    const char *command;
    int64_t server_id, started_at, finished_at;
};

json_t *hetzner_server_json(const struct call *c, const struct server_row *row);
json_t *hetzner_action_json(const struct call *c, const struct action_row *row);

/* The server named by {id} in the path, or 404. */
enum err hetzner_server_of(struct call *c, struct server_row *ret_row, struct error *e);

/* Records an action that ends at `finished_at`. */
enum err hetzner_action_new(struct call *c, const char *command, int64_t server_id,
                            int64_t finished_at, struct action_row *ret_row, struct error *e);

enum err hetzner_server_save_phases(struct call *c, const struct server_row *row, struct error *e);

/* 423 while an action of the server is running. */
enum err hetzner_refuse_if_locked(struct call *c, const struct server_row *row);

operation hetzner_server_create, hetzner_server_list, hetzner_server_get, hetzner_server_update,
    hetzner_server_delete, hetzner_server_poweron, hetzner_server_poweroff, hetzner_server_shutdown,
    hetzner_server_reboot, hetzner_server_reset, hetzner_server_actions, hetzner_action_list,
    hetzner_action_get;

operation hetzner_ssh_key_create, hetzner_ssh_key_list, hetzner_ssh_key_get, hetzner_ssh_key_update,
    hetzner_ssh_key_delete;

/* The key with that name or number exists? */
enum err hetzner_ssh_key_exists(struct call *c, const char *name_or_id, bool *ret_exists,
                                struct error *e);

/* -- what all share ------------------------------------------------------------------------- */

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
