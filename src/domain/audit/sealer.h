/*
 * The thread of a process that seals what was committed, twice a second (seal.h).
 *
 * Every node has one; they do not wait for each other. One that cannot reach the database tries
 * again, and says so once.
 */
#ifndef WEBHOST_DOMAIN_AUDIT_SEALER_H
#define WEBHOST_DOMAIN_AUDIT_SEALER_H

#include "domain/audit/seal.h"

struct audit_sealer;

/* Starts it. Both must outlive it. */
struct audit_sealer *audit_sealer_start(const struct env *env, const struct secret *key);

/* Seals what there is once more, stops and frees it. NULL is fine. */
void audit_sealer_stop(struct audit_sealer *sealer);

#endif
