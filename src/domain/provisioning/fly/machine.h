/*
 * Machines of the Fly Machines API.
 *
 * A machine of ours says so in its metadata: whose it is, what part of the deployment it plays and
 * which recorded intention it came from. The last is what an ambiguous creation is found by.
 *
 * Whoever changes a machine holds its lease, so that neither a person with flyctl nor another run
 * works on it at the same time. The listing lags behind what was created.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_MACHINE_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_MACHINE_H

#include "domain/provisioning/cloud.h"
#include "domain/provisioning/fly/size.h"
#include "domain/provisioning/settings.h"

struct fly_machine {
    const char *id, *name, *region, *state;
    const char *version; /* the instance; an update makes a new one */
    const char *deployment_id, *role, *intention;
    const char *config; /* JSON */
    struct fly_machine_size size;
    /* Of the configured checks; `trouble` is what the first that does not pass says. */
    int64_t checks, checks_passing;
    const char *trouble;
};

struct fly_machine_order {
    const char *name, *region, *image;
    struct fly_machine_size size;
    const char *volume_id, *volume_path;
    const char *deployment_id, *role, *intention; /* kept in metadata */
    int64_t secrets_version;                      /* INT_ABSENT: any */
    int64_t service_port;                         /* served to the world; 0: nothing */
    const struct fly_check *check;                /* NULL: none */
    int64_t check_port;
};

bool fly_machine_size_eq(const struct fly_machine_size *a, const struct fly_machine_size *b);

/* "shared-2 512 MB". */
const char *fly_machine_size_text(const struct fly_machine_size *size, struct arena *arena);

/* Does what it should: it runs, and its checks pass, when it has any. */
bool fly_machine_is_ready(const struct fly_machine *m);

/* Failed for good: it will not start by itself any more. */
bool fly_machine_is_broken(const struct fly_machine *m);
bool fly_machine_is_gone(const struct fly_machine *m);

/* All of the app, ours or not, that are not destroyed: records of struct fly_machine. */
enum err flaps_machine_list(struct cloud *cloud, const char *app, struct arena *arena,
                            struct records *ret, struct error *e);
enum err flaps_machine_get(struct cloud *cloud, const char *app, const char *id,
                           struct arena *arena, struct fly_machine *ret, struct error *e);
enum err flaps_machine_create(struct cloud *cloud, const char *app,
                              const struct fly_machine_order *order, struct arena *arena,
                              struct fly_machine *ret, struct error *e);

/* -- changes, under a lease ------------------------------------------------------------------- */

#define FLY_LEASE_S 60

/*
 * Takes the machine's lease for FLY_LEASE_S: `cloud` sends its nonce from then on, until the
 * release. ERR_BUSY when somebody else holds it. A lease with our `owner` as its description was
 * left by a run that died: it is taken over.
 */
enum err flaps_lease_take(struct cloud *cloud, const char *app, const char *id, const char *owner,
                          struct arena *arena, struct error *e);

/* Gives it back, as far as that is possible; a lease runs out by itself. */
void flaps_lease_release(struct cloud *cloud, const char *app, const char *id, struct arena *arena);

/* Replaces what `m` runs on; ERR_BUSY when it is not at the version that `m` says. */
enum err flaps_machine_resize(struct cloud *cloud, const char *app, const struct fly_machine *m,
                              const struct fly_machine_size *size, int64_t secrets_version,
                              struct arena *arena, struct error *e);
enum err flaps_machine_start(struct cloud *cloud, const char *app, const char *id,
                             struct arena *arena, struct error *e);
enum err flaps_machine_restart(struct cloud *cloud, const char *app, const char *id,
                               struct arena *arena, struct error *e);

/* One that is gone is OK. */
enum err flaps_machine_destroy(struct cloud *cloud, const char *app, const char *id,
                               struct arena *arena, struct error *e);

/* Lets Fly hold the call until the machine has started, for a few seconds at most. */
enum err flaps_machine_wait(struct cloud *cloud, const char *app, const char *id, int64_t seconds,
                            struct arena *arena, struct error *e);

#endif
