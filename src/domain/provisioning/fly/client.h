/*
 * The part of the Fly Machines API ("flaps") that instances need (https://docs.machines.dev, v1).
 *
 * App names are global and unique; volume names are not; machines carry our metadata. A retry looks
 * first: for the app by name, for volumes by name and region, for machines by metadata and region.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_CLIENT_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_CLIENT_H

#include "domain/provisioning/cloud.h"

extern const struct cloud_dialect fly_dialect;

/* ERR_NOT_FOUND when the name is free, ERR_DENIED when it is somebody else's. */
enum err flaps_app_find(struct cloud *cloud, const char *name, struct arena *arena,
                        struct error *e);
enum err flaps_app_create(struct cloud *cloud, const char *name, const char *org,
                          struct arena *arena, struct error *e);

/* Deletes the app with its machines; an app that is gone is OK. */
enum err flaps_app_delete(struct cloud *cloud, const char *name, struct arena *arena,
                          struct error *e);

struct fly_volume {
    const char *id, *name, *region, *state;
};

/* The volume of that name in that region that is not being destroyed; ERR_NOT_FOUND if none. */
enum err flaps_volume_find(struct cloud *cloud, const char *app, const char *name,
                           const char *region, struct arena *arena, struct fly_volume *ret,
                           struct error *e);
enum err flaps_volume_create(struct cloud *cloud, const char *app, const char *name,
                             const char *region, int64_t size_gb, struct arena *arena,
                             struct fly_volume *ret, struct error *e);

struct fly_machine {
    const char *id, *name, *region, *state;
};

struct fly_machine_order {
    const char *name, *region, *image;
    const char *cpu_kind; /* "shared" or "performance" */
    int64_t cpus, memory_mb;
    const char *volume_id, *volume_path;
    const char *deployment_id, *role; /* kept in metadata */
};

/* The machine with this role of this deployment in this region; ERR_NOT_FOUND if none. */
enum err flaps_machine_find(struct cloud *cloud, const char *app,
                            const struct fly_machine_order *order, struct arena *arena,
                            struct fly_machine *ret, struct error *e);
enum err flaps_machine_create(struct cloud *cloud, const char *app,
                              const struct fly_machine_order *order, struct arena *arena,
                              struct fly_machine *ret, struct error *e);
enum err flaps_machine_get(struct cloud *cloud, const char *app, const char *id,
                           struct arena *arena, struct fly_machine *ret, struct error *e);

#endif
