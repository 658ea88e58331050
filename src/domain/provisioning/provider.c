#include "domain/provisioning/provider.h"

const struct provider *provider_of(enum mode mode)
{
    return mode == MULTI_TENANT ? &hetzner_provider : &fly_provider;
}

enum job_result provider_result(enum err err)
{
    switch (err) {
    case OK:
        return JOB_DONE;
    case ERR_BUSY:
        return JOB_SNOOZE;
    case ERR_INVALID:
        return JOB_FAIL;
    default:
        return JOB_RETRY;
    }
}
