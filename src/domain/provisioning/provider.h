/*
 * The provider interface: what a cloud does for a deployment, one step at a time.
 *
 * advance() looks at what is recorded and at what the cloud says, does what comes next, and
 * returns:
 *
 *     JOB_DONE    everything exists; *ret_database_url says where the tenant's database is
 *     JOB_SNOOZE  something is still being made; look again after the settings' wait_ms
 *     JOB_RETRY, JOB_FAIL   with the error
 *
 * It may be called any number of times and may die anywhere: intentions are committed before calls,
 * and what exists under an intended name is adopted instead of made again.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_PROVIDER_H
#define WEBHOST_DOMAIN_PROVISIONING_PROVIDER_H

#include "domain/jobs/job.h"
#include "domain/provisioning/deployment.h"
#include "domain/provisioning/settings.h"
#include "domain/provisioning/tenant.h"
#include "infra/secrets/secret.h"

struct traffic;

/* What the workers of one process share. Everything is borrowed. */
struct provisioning {
    const struct env *env;
    const struct provisioning_settings *settings;
    const struct secret *hetzner_token;
    const struct secret *fly_token;
    const struct secret *key; /* what databases' passwords are derived from, see secret_derive() */
    struct tenant_stores *stores;
    struct traffic *traffic; /* what all calls to the clouds share, see traffic.h */
    const char *install_id;  /* of install_id(): marks what is ours in the clouds */
};

/* One run of a worker. */
struct provision_run {
    const struct provisioning *with;
    const struct deployment *deployment;
    const char *actor; /* for the audit record */
    struct arena *arena;
    /* Set with JOB_SNOOZE where the wait is for another job, which will wake this one. */
    bool waits_for_job;
};

struct provider {
    enum infrastructure infrastructure;
    enum job_result (*advance)(struct provision_run *run, const char **ret_database_url,
                               struct error *e);
    /* Removes everything that exists for this deployment alone. OK when all is gone. */
    enum err (*remove)(struct provision_run *run, struct error *e);
    /*
     * After remove(): OK when the cloud says that nothing is left, ERR_BUSY while something still
     * is. `run` has the deployment as it is recorded now.
     */
    enum err (*check_gone)(struct provision_run *run, struct error *e);
};

extern const struct provider hetzner_provider;
extern const struct provider fly_provider;

const struct provider *provider_of(enum mode mode);

/*
 * What a failed call means for the job: a provider that is busy is asked again without using up an
 * attempt, wrong input will not get better, anything else is worth another attempt.
 */
enum job_result provider_result(enum err err);

#endif
