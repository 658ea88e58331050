/*
 * What the database says about everything that may exist in the clouds: hosts, apps, and the
 * resources of deployments, with one word for each: must it exist, may it, or is it gone.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_OWNERS_H
#define WEBHOST_DOMAIN_PROVISIONING_OWNERS_H

#include "domain/core/env.h"
#include "domain/provisioning/inventory.h"

#define OWNERS_MAX 200000 /* of one kind; a bound, not a quota */

enum standing {
    STANDING_MUST, /* somebody relies on it */
    STANDING_MAY,  /* it is being made or removed, or its making failed */
    STANDING_GONE, /* retired, deleted */
};

struct owned {
    int provider, kind; /* enum infrastructure, enum thing_kind */
    const char *id;     /* the provider's; NULL: not known */
    const char *name, *app, *region, *size, *address;
    const char *owner; /* the host's or deployment's id */
    int standing;      /* enum standing */
    bool intended;     /* committed, and perhaps made: nobody knows yet */
    int64_t since;     /* when it got there: intended, or in use */
};

struct owners {
    struct owned *all;
    size_t count;
    const struct owned **by_id, **by_name; /* sorted; by_id has those with an id only */
    size_t id_count;
};

enum err owners_load(struct db_tx *tx, struct arena *arena, struct owners *ret, struct error *e);

/* NULL when there is none. Under a name a live one goes before one that is gone. */
const struct owned *owners_by_id(const struct owners *o, const struct thing *thing);
const struct owned *owners_by_name(const struct owners *o, const struct thing *thing);

/* The host or app whose own id (not the provider's) this is. */
const struct owned *owners_main(const struct owners *o, int provider, const char *owner);

/* Whether one of the kind has ever been recorded. */
bool owners_have(const struct owners *o, int kind);

/* Whether the owner (NULL: any) has an unfinished intention of this kind, begun by `at`. */
bool owners_intend(const struct owners *o, int provider, int kind, const char *owner, int64_t at);

#endif
