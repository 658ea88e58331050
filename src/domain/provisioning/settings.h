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

enum fly_check_type { FLY_CHECK_NONE, FLY_CHECK_TCP, FLY_CHECK_HTTP };

extern const char *const fly_check_types[]; /* end with NULL, as the next */

/* How Fly finds out whether a machine does its work. */
struct fly_check {
    int type;         /* enum fly_check_type; a database's is TCP unless there is none */
    const char *path; /* HTTP */
    int64_t interval_ms, timeout_ms;
    int64_t grace_ms; /* after a start */
};

enum fly_postgres { FLY_POSTGRES_MACHINE, FLY_POSTGRES_MANAGED };

extern const char *const fly_postgres_names[];
extern const char *const fly_ip_types[]; /* "shared_v4", "v4", "v6", "private_v6" */

struct fly_settings {
    const char *endpoint;      /* "https://api.machines.dev/v1" */
    const char *uiex_endpoint; /* "https://api.fly.io": lists and deletes managed Postgres */
    const char *token_file;    /* NULL: the FLY_API_TOKEN environment variable */
    const char *org;
    const char *image;    /* the application */
    int64_t port;         /* where the application listens for HTTP */
    struct texts ips;     /* of an app: of fly_ip_types */
    const char *hostname; /* of an app, {slug} is replaced; NULL: none of its own */
    struct fly_check check;
    int postgres;               /* enum fly_postgres */
    const char *database_image; /* for one on a machine */
    /* Where a dedicated database is; {app} is replaced, {password} when it is used. */
    const char *database_url;
    /* The same for a managed one: {host}, {port}, {user} and {password} are Fly's. */
    const char *managed_database_url;
    /* How long something created may be missing in Fly's lists; only then it is made again. */
    int64_t settle_ms;
};

struct provisioning_settings {
    struct hetzner_settings hetzner;
    struct fly_settings fly;
    int64_t call_timeout_ms;     /* each call to a provider */
    int64_t call_wait_ms;        /* a run's waiting between calls and their repetitions, in all */
    int64_t interactive_percent; /* of a cloud's rate limit is left to calls that people wait for */
    int64_t keep_calls_days;     /* how long the record of calls is kept */
    int64_t reconcile_grace_ms;  /* how old an orphan is before it is deleted */
    int64_t reconcile_settle_ms; /* how long a cloud's lists may lag */
    int64_t wait_ms;             /* between two looks at something that a cloud is still doing */
    int64_t ready_ms;            /* how long an attempt waits for it in all */
};

extern const struct field provisioning_fields[];

/* The defaults; texts are literals. */
struct provisioning_settings provisioning_settings_default(void);

#endif
