/* Whether the two sides of a move hold the same rows, by two frozen snapshots of them. */
#ifndef WEBHOST_DOMAIN_MIGRATION_SQLITE_COMPARE_H
#define WEBHOST_DOMAIN_MIGRATION_SQLITE_COMPARE_H

#include "domain/migration/mover.h"
#include "domain/migration/sqlite/tables.h"
#include "infra/db/snapshot.h"
#include "infra/secrets/secret.h"

/* Of one table: each digest covers the one before it and a row, in order of id. */
struct table_digest {
    int64_t rows;
    char sha256[HASH_TEXT_MAX];
};

/*
 * Reads both in pages, in order of id, and compares every column of every row. ERR_CORRUPT names
 * the table and the first row that differ.
 */
enum err compare_sides(const struct mover_run *run, struct db_snapshot *source,
                       struct db_snapshot *target, struct table_digest ret[MOVED_TABLES],
                       struct error *e);

/* The digests as mover.h wants a proof. `later`: compared after the cut, over the way back. */
const char *compare_proof(const struct table_digest digests[MOVED_TABLES], int64_t at, bool later,
                          struct arena *arena);

#endif
