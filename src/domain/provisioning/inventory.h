/*
 * What the clouds hold: every kind of thing that WebHost makes, listed page by page, whoever it
 * belongs to. A list that broke off is no list: the caller concludes nothing from it.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_INVENTORY_H
#define WEBHOST_DOMAIN_PROVISIONING_INVENTORY_H

#include "domain/provisioning/cloud.h"

enum thing_kind {
    THING_SERVER,
    THING_VOLUME, /* of either cloud */
    THING_FIREWALL,
    THING_NETWORK,
    THING_PRIMARY_IP,
    THING_SSH_KEY,
    THING_APP,
    THING_MACHINE,
    THING_IP,      /* an app's address */
    THING_CLUSTER, /* managed Postgres; belongs to the organisation */
};

extern const char *const thing_kind_names[]; /* ends with NULL */

struct thing {
    int provider, kind; /* enum infrastructure, enum thing_kind */
    const char *id, *name;
    const char *app; /* the Fly app that it is in; "" for others */
    const char *region, *size, *state;
    const char *address; /* a server's, at which it is connected to */
    bool managed;        /* has a label or metadata of WebHost's */
    const char *install; /* the installation in it; NULL: none */
    const char *owner;   /* the host or deployment in it; NULL: none */
    bool in_use;         /* attached to something */
    int64_t created_at;  /* INT_ABSENT: not told */
};

struct things {
    struct arena *arena;
    struct thing *items;
    size_t count, room;
};

void things_add(struct things *things, const struct thing *thing);

/* Fly's two hosts. */
struct fly_account {
    struct cloud *machines;
    struct cloud *lists; /* lists and deletes managed Postgres (fly/postgres.h) */
    const char *org;
};

/*
 * All of the project or organisation. Fly: apps named as ours are, and what is in them; `clusters`
 * of managed Postgres only when asked for, because not every token may list them.
 */
enum err hetzner_inventory(struct cloud *cloud, struct things *things, struct error *e);
enum err fly_inventory(const struct fly_account *account, bool clusters, struct things *things,
                       struct error *e);

/* One thing as it is now, by kind, app and id; ERR_NOT_FOUND when it is gone. */
enum err hetzner_thing(struct cloud *cloud, int kind, const char *id, struct arena *arena,
                       struct thing *ret, struct error *e);
enum err fly_thing(const struct fly_account *account, int kind, const char *app, const char *id,
                   struct arena *arena, struct thing *ret, struct error *e);

/* Deletes it. One that is gone is OK. */
enum err hetzner_thing_delete(struct cloud *cloud, const struct thing *thing, struct arena *arena,
                              struct error *e);
enum err fly_thing_delete(const struct fly_account *account, const struct thing *thing,
                          struct arena *arena, struct error *e);

#endif
