/*
 * How the two clouds are reached and what is ordered there: the `hetzner:` and `fly:` parts of the
 * configuration file.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_SETTINGS_H
#define WEBHOST_DOMAIN_PROVISIONING_SETTINGS_H

#include "base/decimal.h"
#include "base/record.h"

struct hetzner_settings {
    const char *endpoint;   /* "https://api.hetzner.cloud/v1" */
    const char *token_file; /* NULL: the HCLOUD_TOKEN environment variable */
    const char *image;
    struct records server_types; /* struct hetzner_server_type, first choice first */
    int64_t slots_per_host;
    decimal load_max;         /* a host this busy takes no more customers */
    int64_t reserve_slots;    /* free slots kept in a location that has customers */
    int64_t hosts_max;        /* in one location */
    int64_t empty_grace_ms;   /* how long a host stays empty before it is given up */
    int64_t drain_moves;      /* customers moved off draining hosts at a time, over all hosts */
    struct records locations; /* struct hetzner_location: where the two above are others */
    struct texts allow_from;  /* networks that hosts can be reached from; none: from nowhere */
    struct texts ssh_keys;    /* names of keys that Hetzner has */
    const char *ssh_public_key_file; /* a further one, which is uploaded; NULL: none */
    const char *network;             /* name of one that Hetzner has; NULL: none */
    bool spread;                     /* no two hosts of a location on the same machine */
    /* Where a host's shared database is; {host}, {address} and {password:NAME} are replaced. */
    const char *database_url;
};

/* What to order where: not every type is sold in every location, nor at every moment. */
struct hetzner_server_type {
    const char *location;
    const char *type;
};

struct hetzner_location {
    const char *location;
    int64_t reserve_slots, hosts_max; /* INT_ABSENT: as everywhere */
};

struct fly_settings {
    const char *endpoint;   /* "https://api.machines.dev/v1" */
    const char *token_file; /* NULL: the FLY_API_TOKEN environment variable */
    const char *org;
    const char *image;          /* the application */
    const char *database_image; /* its PostgreSQL */
    /* Where a dedicated database is; {app} is replaced. */
    const char *database_url;
};

struct provisioning_settings {
    struct hetzner_settings hetzner;
    struct fly_settings fly;
    int64_t call_timeout_ms;     /* each call to a provider */
    int64_t call_wait_ms;        /* a run's waiting between calls and their repetitions, in all */
    int64_t interactive_percent; /* of a cloud's rate limit is left to calls that people wait for */
    int64_t keep_calls_days;     /* how long the record of calls is kept */
    int64_t wait_ms;             /* between two looks at something that a cloud is still doing */
    int64_t ready_ms;            /* how long an attempt waits for it in all */
};

extern const struct field provisioning_fields[];

/* The defaults; texts are literals. */
struct provisioning_settings provisioning_settings_default(void);

#endif
