/*
 * The emulated Fly.io: the Machines API (https://docs.machines.dev) and managed Postgres. One file
 * for each resource, named after it.
 */
#ifndef WEBHOST_SANDBOX_FLY_H
#define WEBHOST_SANDBOX_FLY_H

#include "sandbox/call.h"
#include "sandbox/phases.h"

#define FLY_ROWS_MAX 20000 /* of any kind; a bound, not a quota */
#define FLY_NAME_MAX 63

/* -- apps and regions ------------------------------------------------------------------------- */

/* The app named by {app} in the path exists, or 404. */
enum err fly_app_check(struct call *c, struct error *e);

/* The name in the path; fly_app_check() has seen it. */
const char *fly_app_name(const struct call *c);

bool fly_region_is_known(const char *code);
bool fly_region_has_postgres(const char *code);

operation fly_app_deploy_token, fly_placement_list, fly_app_create, fly_app_list, fly_app_get,
    fly_app_delete, fly_region_list;

/* -- machines --------------------------------------------------------------------------------- */

struct machine_row {
    const char *id, *app, *name, *region, *instance_id, *private_ip;
    const char *config; /* JSON */
    int64_t created_at, updated_at;
    struct phases phases;
    const char *lease_nonce, *lease_description;
    const char *before; /* JSON: how it looked before the write of changed_at; NULL: not there */
    int64_t changed_at; /* see fly_lag.c */
    int64_t memory_limit_mb; /* INT_ABSENT: all of it */
    bool cordoned;
    int64_t lease_expires_at; /* INT_ABSENT: never had one */
    int64_t destroyed_at;     /* INT_ABSENT: not destroyed, nor on its way */
};

extern const struct field fly_machine_row_fields[];

json_t *fly_machine_json(const struct call *c, const struct machine_row *row);
const char *fly_machine_state(const struct call *c, const struct machine_row *row);

/* The machine named by {app} and {machine} in the path, destroyed ones too, or 404. */
enum err fly_machine_of(struct call *c, struct machine_row *ret_row, struct error *e);

/*
 * The same for an operation that changes it: 404 when destroyed, 409 while a lease is held whose
 * nonce the request does not bring.
 */
enum err fly_machine_to_change(struct call *c, struct machine_row *ret_row, struct error *e);

enum err fly_machine_save_phases(struct call *c, const struct machine_row *row, struct error *e);

/* A version of a machine: 26 characters that sort by time, as ULIDs do. */
const char *fly_new_instance_id(struct call *c);

operation fly_machine_create, fly_machine_list, fly_machine_get, fly_machine_update,
    fly_machine_delete, fly_machine_start, fly_machine_stop, fly_machine_suspend,
    fly_machine_restart, fly_machine_wait;

/* By ?region=, ?state= (several with commas) and ?include_deleted=. */
bool fly_machine_is_asked_for(const struct call *c, const struct machine_row *row);

/* 412 when the app's secrets are older than min_secrets_version (INT_ABSENT: whatever). */
enum err fly_secrets_check(struct call *c, int64_t min_version, struct error *e);

/* All machines of an organisation's apps, a page at a time (fly_org.c). */
operation fly_org_machine_list;

/* -- reads that lag (fly_lag.c) ------------------------------------------------------------------
 */

/* The request brings the cookie that sends it to where the writes went. */
bool fly_is_sticky(const struct call *c);

/* What was created then is not seen yet by this read. */
bool fly_is_unseen(const struct call *c, int64_t created_at);

/* Called by every writer, before it changes the row. */
enum err fly_machine_keep_before(struct call *c, const struct machine_row *row, struct error *e);

/* What a reader sees of the row; false when that is nothing yet. */
bool fly_machine_seen(const struct call *c, const struct machine_row *row, bool is_sticky,
                      struct machine_row *ret_seen);

/* -- history and health (fly_machine_history.c) -------------------------------------------------
 */

enum err fly_event_add(struct call *c, const struct machine_row *row, const char *type,
                       struct error *e);
enum err fly_version_add(struct call *c, const struct machine_row *row, struct error *e);

/* The list of CheckStatus: passing while it is started, unless a test has set something else. */
json_t *fly_machine_checks(const struct call *c, const struct machine_row *row,
                           const json_t *config);

operation fly_event_list, fly_version_list, fly_machine_cordon, fly_machine_uncordon,
    fly_machine_memory, fly_machine_set_memory, fly_machine_exec;

/* -- machine configuration (fly_config.c) ----------------------------------------------------- */

struct mount_input {
    const char *volume, *path, *name, *size_gb, *encrypted;
    const char *add_size_gb, *size_gb_limit, *extend_threshold_percent;
};

struct guest_input {
    const char *cpu_kind;
    int64_t cpus, memory_mb;
    const char *others[6];
};

struct config_input {
    const char *image, *size;
    struct guest_input guest;
    struct records mounts; /* of struct mount_input */
    const char *env, *metadata;
    const char *others[24];
};

extern const struct field fly_config_fields[];

/*
 * Refuses what Fly would not run, and fills in the default guest. `ret_config` is the JSON text to
 * store.
 */
enum err fly_config_check(struct call *c, const struct config_input *in, const char **ret_config);

/* -- leases ----------------------------------------------------------------------------------- */

bool fly_lease_is_held(const struct call *c, const struct machine_row *row);

operation fly_lease_acquire, fly_lease_show, fly_lease_release;

/* -- what belongs to a machine or an app ------------------------------------------------------ */

operation fly_metadata_show, fly_metadata_replace, fly_metadata_merge, fly_metadata_get_key,
    fly_metadata_set_key, fly_metadata_delete_key;

/*
 * Attaches the machine to the volumes of its mounts, and detaches it from all others. Refuses
 * volumes that do not exist, are elsewhere or belong to another machine.
 */
enum err fly_volumes_attach(struct call *c, const char *machine_id, const char *region,
                            const struct records *mounts, struct error *e);

operation fly_volume_create, fly_volume_list, fly_volume_get, fly_volume_update, fly_volume_extend,
    fly_volume_delete, fly_snapshot_list, fly_snapshot_create;

operation fly_secret_list, fly_secret_get, fly_secret_set_many, fly_secret_set, fly_secret_delete;

operation fly_ip_assign, fly_ip_list, fly_ip_release;

operation fly_certificate_request, fly_certificate_list, fly_certificate_get,
    fly_certificate_delete;

operation fly_postgres_create, fly_postgres_list, fly_postgres_get, fly_postgres_credentials,
    fly_postgres_delete;

/* NULL, or why it cannot be an app's or machine's name. */
const char *fly_check_name(const char *text);

#endif
