/*
 * The record of what was done, by whom, to what: written in the same transaction as the deed.
 *
 * Actors are "token:NAME", "job:WORKER" or "system". Actions are dotted names of what happened:
 * customer.signed_up, deployment.activated, token.created. The subject is an id; details are one
 * JSON object. Entries are never changed or deleted.
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
};

extern const struct field audit_fields[];

/* id and at are filled here. */
enum err audit_write(struct db_tx *tx, const struct env *env, struct arena *arena,
                     const char *actor, const char *action, const char *subject,
                     const char *details, struct error *e);

/* Newest first: records of struct audit_entry. */
enum err audit_list(struct db_tx *tx, struct page page, struct arena *arena,
                    struct records *ret_rows, const char **ret_next, struct error *e);

#endif
