/*
 * Indexes and keys after the copy, in parallel: all of a table's indexes at a time, its keys as
 * indexes that become constraints, since adding a constraint would keep everybody else from the
 * table. Then foreign keys, and statistics.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_BUILD_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_BUILD_H

#include "domain/migration/postgres/target.h"
#include "domain/migration/postgres/team.h"

/* What the list of an exclusive target still lacks, then opens it to others; statistics of either
 * kind of target. */
enum err pg_build_all(const struct pg_move *m, const struct pg_catalog *source, struct error *e);

/* Memory and helpers of a session that builds. */
enum err pg_build_begin(const struct pg_move *m, struct pg_session *to, struct error *e);

/* No effect for what is there. */
enum err pg_build_one(struct team *team, struct pg_session *to, struct pg_build *b,
                      struct error *e);

#endif
