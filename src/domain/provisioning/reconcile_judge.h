/* Whether one thing, or one row, is a difference: no I/O, so that it can be asked twice. */
#ifndef WEBHOST_DOMAIN_PROVISIONING_RECONCILE_JUDGE_H
#define WEBHOST_DOMAIN_PROVISIONING_RECONCILE_JUDGE_H

#include "domain/provisioning/drift.h"
#include "domain/provisioning/owners.h"

struct judge {
    const struct owners *owners;
    const struct things *things; /* what the cloud's list has, the thing itself among them */
    const char *install_id;
    int64_t settled_by; /* what is younger than that is not judged */
    struct arena *arena;
};

/* A thing that a cloud holds. True: it differs, as `ret` says. */
bool judge_thing(const struct judge *j, const struct thing *t, struct drift *ret);

/* A row whose thing the cloud does not hold. */
struct drift judge_missing(const struct owned *o);

#endif
