/* The cutover between two SQLite files, and what puts things right when it was not finished. */
#ifndef WEBHOST_DOMAIN_MIGRATION_SQLITE_CUTOVER_H
#define WEBHOST_DOMAIN_MIGRATION_SQLITE_CUTOVER_H

#include "domain/migration/sqlite/sides.h"
#include "infra/db/snapshot.h"

/* Both sides frozen while no fence was open. Keeps the databases open. */
struct mover_cut {
    struct sides sides;
    struct db_snapshot *snapshots[2];
    struct side_end end;
};

/* As in mover.h. */
enum err cutover(const struct mover_run *run, enum mover_side to, struct mover_cut **ret_cut,
                 int64_t *ret_stall_us, struct error *e);
void cutover_cut_free(struct mover_cut *cut);

/* Whoever owns the tenant can be written and is who clients reach; the other side lists nothing. */
enum err cutover_restore(struct sides *s, struct error *e);

#endif
