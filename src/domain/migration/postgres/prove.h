/* That both sides hold the same: while they change, and frozen at a cut. */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_PROVE_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_PROVE_H

#include "domain/migration/postgres/parts.h"

/* Contracts in mover.h. */
enum err pg_verify(const struct mover_run *run, struct error *e);
enum err pg_prove(const struct mover_run *run, struct mover_cut *cut, const char **ret_proof,
                  struct error *e);

#endif
