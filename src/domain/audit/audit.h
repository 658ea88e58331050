/*
 * The record of what was done, by whom, to what: written in the same transaction as the deed.
 *
 * Actors are "token:NAME", "job:WORKER" or "system". Actions are dotted names of what happened:
 * customer.signed_up, deployment.activated, token.created. The subject is an id; details are one
 * JSON object. Entries are never changed, and deleted from the oldest on only when the settings say
 * how long they are kept.
 *
 * An entry gets its place in the chain (chain.h) a moment after its commit: seal.h says why.
 */
#ifndef WEBHOST_DOMAIN_AUDIT_AUDIT_H
#define WEBHOST_DOMAIN_AUDIT_AUDIT_H

#include "domain/core/env.h"

struct audit_entry {
    const char *id;
    int64_t at;
    const char *actor;
    const char *action;
    const char *subject;
    const char *details; /* JSON or NULL */
    int64_t seq;         /* its place in the chain, from 1; INT_ABSENT: not sealed yet */
    const char *hash;    /* NULL: not sealed yet */
};

extern const struct field audit_fields[];

/* id and at are filled here. */
enum err audit_write(struct db_tx *tx, const struct env *env, struct arena *arena,
                     const char *actor, const char *action, const char *subject,
                     const char *details, struct error *e);

/* Everything that is given must hold. */
struct audit_filter {
    const char *actor, *action, *subject; /* NULL: any */
    int64_t from, to;                     /* from <= time < to; INT_ABSENT: no bound */
};

/* Newest first: records of struct audit_entry. `filter` may be NULL. */
enum err audit_list(struct db_tx *tx, const struct audit_filter *filter, struct page page,
                    struct arena *arena, struct records *ret_rows, const char **ret_next,
                    struct error *e);

/* The details of the newest entry with that action, in the arena; NULL when there is none. */
enum err audit_latest(struct db_tx *tx, const char *action, struct arena *arena,
                      const char **ret_details, struct error *e);

#endif
