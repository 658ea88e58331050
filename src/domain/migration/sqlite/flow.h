/*
 * Rows on their way from one side of a move to the other: the copy, and the changes after it.
 *
 * The copy reads pages in order of id, each at a moment of its own. Changes are listed from before
 * the first page on, so that what it missed or saw too early is put right by applying the list.
 * Applying an entry reads its row as it is now: it is put at the other side, or removed there when
 * it is no more. Entries may therefore be applied twice, but never out of order or not at all.
 *
 * Foreign keys hold at the other side at every moment. Rows are put with those that they need, read
 * at the same moment; what is removed goes in the opposite order of tables. What still refers to a
 * row that is removed here cannot do so any more where it came from: it has changed, its entry is
 * to come and brings it back, so that it may be removed too.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_SQLITE_FLOW_H
#define WEBHOST_DOMAIN_MIGRATION_SQLITE_FLOW_H

#include "domain/migration/sqlite/sides.h"
#include "infra/db/snapshot.h"

/* From the source to the target, going on where an earlier run stopped. */
enum err flow_copy(struct sides *s, struct error *e);

/*
 * Applies what the list of `from` has at the call, and deletes it there. `ret_us` (may be NULL) is
 * how long that took: how late changes arrive.
 */
enum err flow_drain(struct sides *s, enum mover_side from, int64_t *ret_us, struct error *e);

/*
 * The same with rows as they are in a frozen snapshot of `from`, which makes the other side equal
 * to that snapshot.
 */
enum err flow_drain_to_snapshot(struct sides *s, enum mover_side from, struct db_snapshot *snapshot,
                                struct error *e);

/* For the cutover: applies up to that entry and does nothing besides. */
enum err flow_finish(struct sides *s, enum mover_side from, int64_t last, struct error *e);

/* How many bytes of the list of `from` are not applied. */
enum err flow_lag(struct sides *s, enum mover_side from, int64_t *ret_bytes, struct error *e);

#endif
