/*
 * The first members of the PostgreSQL mover; contracts in mover.h.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_PREPARE_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_PREPARE_H

#include "domain/migration/postgres/parts.h"

enum err pg_survey(const struct mover_run *run, struct mover_survey *ret, struct error *e);
enum err pg_make_ready(const struct mover_run *run, struct error *e);
enum err pg_copy_all(const struct mover_run *run, int64_t *ret_rows, int64_t *ret_bytes,
                     struct error *e);
enum err pg_build_indexes(const struct mover_run *run, struct error *e);

#endif
