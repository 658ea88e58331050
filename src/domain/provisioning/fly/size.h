/*
 * What a plan buys at Fly: machine sizes and how many. policies/prices.yaml puts prices on the same
 * sizes; change both together.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_FLY_SIZE_H
#define WEBHOST_DOMAIN_PROVISIONING_FLY_SIZE_H

#include "domain/placement/vocabulary.h"

#include <stdint.h>

struct fly_machine_size {
    const char *cpu_kind; /* "shared" or "performance" */
    int64_t cpus, memory_mb, volume_gb;
};

struct fly_size {
    struct fly_machine_size app, database;
    const char *managed_database; /* the plan of managed Postgres; its disk is the database's */
    int apps_per_region;
    int regions;
};

/* For a single-tenant plan. */
const struct fly_size *fly_size_of(enum plan plan);

#endif
