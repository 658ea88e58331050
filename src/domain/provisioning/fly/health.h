/*
 * How instances are: what Fly says of each of our machines, recorded with the time.
 *
 * A machine that stopped and should run is started again, three times in an hour at most; one that
 * failed or is gone is made again by a repair. What needs a person is logged as an error, once for
 * each change.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_HEALTH_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_HEALTH_H

#include "domain/provisioning/provider.h"

/* From the best to the worst. */
enum fly_health {
    FLY_PASSING,  /* started; its checks pass, when it has any */
    FLY_CHANGING, /* on its way to somewhere */
    FLY_CRITICAL, /* started; a check does not pass */
    FLY_STOPPED,
    FLY_FAILED,
    FLY_MISSING, /* destroyed by somebody else */
};

extern const char *const fly_health_names[]; /* "passing", ..., ends with NULL */

/* Looks at one active instance. */
enum err fly_check_health(struct provision_run *run, struct error *e);

#endif
