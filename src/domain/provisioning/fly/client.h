/*
 * The Fly Machines API ("flaps", https://docs.machines.dev, v1): apps and what belongs to them.
 * Machines are in machine.h, managed Postgres in postgres.h.
 *
 * App names are global; volume names are not unique even in one app. Nothing has an idempotency
 * key: whoever repeats a creating call looks first (run.h).
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_CLIENT_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_CLIENT_H

#include "domain/provisioning/cloud.h"

extern const struct cloud_dialect fly_dialect;

/*
 * How the token is sent (struct http_call): macaroons are "FlyV1 fm2_...", others bearer tokens. A
 * token that was saved with its scheme is sent as it is.
 */
const char *fly_token_scheme(const struct secret *token);

/* -- apps ------------------------------------------------------------------------------------- */

struct fly_app {
    const char *name, *org;
};

/* ERR_NOT_FOUND when the name is free, ERR_CONFLICT when it is somebody else's. */
enum err flaps_app_get(struct cloud *cloud, const char *name, struct arena *arena,
                       struct fly_app *ret, struct error *e);

/* ERR_CONFLICT when the name is taken. */
enum err flaps_app_create(struct cloud *cloud, const char *name, const char *org,
                          struct arena *arena, struct error *e);

/* Deletes the app with its machines; an app that is gone is OK. */
enum err flaps_app_delete(struct cloud *cloud, const char *name, struct arena *arena,
                          struct error *e);

/* -- volumes ---------------------------------------------------------------------------------- */

struct fly_volume {
    const char *id, *name, *region, *state;
    const char *machine_id; /* attached to; NULL: none */
    int64_t size_gb;
};

/* Those that are not being destroyed: a deleted volume stays listed for a day. */
enum err flaps_volume_list(struct cloud *cloud, const char *app, struct arena *arena,
                           struct records *ret, struct error *e);
enum err flaps_volume_create(struct cloud *cloud, const char *app, const char *name,
                             const char *region, int64_t size_gb, struct arena *arena,
                             struct fly_volume *ret, struct error *e);

/* Makes it larger; its machine sees that after a restart when `ret_needs_restart` says so. */
enum err flaps_volume_extend(struct cloud *cloud, const char *app, const char *id, int64_t size_gb,
                             struct arena *arena, bool *ret_needs_restart, struct error *e);

/* A volume that is gone is OK; ERR_BUSY while a machine has it. */
enum err flaps_volume_delete(struct cloud *cloud, const char *app, const char *id,
                             struct arena *arena, struct error *e);

/* -- secrets ---------------------------------------------------------------------------------- */

/* Sets them all; `values` (an object of texts) is stolen. Machines need `ret_version` at least. */
enum err flaps_secrets_set(struct cloud *cloud, const char *app, json_t *values,
                           struct arena *arena, int64_t *ret_version, struct error *e);

/* -- addresses and certificates --------------------------------------------------------------- */

/* The app's address of that type of fly_ip_types (settings.h); ERR_NOT_FOUND if none. */
enum err flaps_ip_find(struct cloud *cloud, const char *app, const char *type, struct arena *arena,
                       const char **ret_ip, struct error *e);
enum err flaps_ip_assign(struct cloud *cloud, const char *app, const char *type,
                         struct arena *arena, const char **ret_ip, struct error *e);
enum err flaps_ip_release(struct cloud *cloud, const char *app, const char *ip, struct arena *arena,
                          struct error *e);

struct fly_certificate {
    const char *hostname, *status; /* "active", "pending_validation", ... */
};

enum err flaps_certificate_get(struct cloud *cloud, const char *app, const char *hostname,
                               struct arena *arena, struct fly_certificate *ret, struct error *e);
enum err flaps_certificate_request(struct cloud *cloud, const char *app, const char *hostname,
                                   struct arena *arena, struct fly_certificate *ret,
                                   struct error *e);

/* Has Fly look at the DNS records again. */
enum err flaps_certificate_check(struct cloud *cloud, const char *app, const char *hostname,
                                 struct arena *arena, struct fly_certificate *ret, struct error *e);
enum err flaps_certificate_delete(struct cloud *cloud, const char *app, const char *hostname,
                                  struct arena *arena, struct error *e);

#endif
