/*
 * The cutover: the tenant's owner changes while its clients wait.
 *
 * Everything that can be made or found out beforehand is: sessions, the slot for the way back, the
 * watchdog, whether markers are quick. Then, under one deadline:
 *
 *     PAUSE | close the owner's fence, drain, last marker | marker seen at the other side, its
 *     position in the log kept on disk | snapshots on both sides | open the other fence | RESUME
 *
 * with clients pointed to the other side while the servers work: they wait, so it is as good before
 * the commit point as after it. Whatever fails is undone by settle.h, which goes by the fences.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_CUTOVER_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_CUTOVER_H

#include "domain/migration/postgres/parts.h"

/* Snapshots of both sides, by side, frozen at the cut. */
struct mover_cut {
    struct pg_session *at[2];
};

/* Contracts in mover.h. */
enum err pg_cut_over(const struct mover_run *run, enum mover_side to, struct mover_cut **ret_cut,
                     int64_t *ret_stall_us, struct error *e);
void pg_cut_free(struct mover_cut *cut);

#endif
