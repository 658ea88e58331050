/*
 * The two sides of a move between SQLite files: what is there, who owns the tenant, and the ways to
 * change one.
 *
 * On each side the tenant has a place (its row in `tenants`, with the fence and the highest run
 * that worked there) and, while a move is about, a mark (its row in `tenant_moves`). The mark says
 * whether changes are listed here and how far the other side's list was applied. All that a mover
 * must know to go on after another one died stands in these rows.
 *
 * What holds:
 * - The mover changes rows of the tenant only where the fence is closed. It opens it to itself
 *   within the transaction (side_enter), so nobody ever finds it open.
 * - Every change begins with the claim, which refuses a run smaller than the highest.
 * - Changes are listed on the side that is written. Entries are applied in order of their number,
 *   in the transaction that notes the number at the other side; then they are deleted.
 * - Both fences closed, the owner is the side that lists.
 * - A closed source with this move's mark, beside an open target without: the tenant has left. The
 *   mark stays for as long as the place does, which provisioning removes.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_SQLITE_SIDES_H
#define WEBHOST_DOMAIN_MIGRATION_SQLITE_SIDES_H

#include "domain/migration/mover.h"
#include "infra/db/db.h"

/* What was read of a side. Texts live in the sides' arena. */
struct side_state {
    const char *deployment_id; /* NULL: no place of the tenant, or not this deployment's */
    int64_t mover;
    bool fenced;
    const char *move_id; /* of the mark; NULL: none */
    bool captures, complete;
    int64_t applied;
    int64_t copy_table, copy_rows, copy_bytes;
    const char *copy_after;
};

struct side {
    struct db *db; /* NULL: it has no url yet */
    const char *deployment_id, *url;
    struct side_state state;
    bool marked; /* by this move */
};

struct sides {
    const struct mover_run *run;
    struct tenant_stores *stores; /* the run's, which may be gone when they are closed */
    struct side side[2];          /* by enum mover_side */
    struct arena arena;
};

/* Opens both databases. Always close what was opened, also after a failure. */
enum err sides_open(struct sides *s, const struct mover_run *run, struct error *e);
void sides_close(struct sides *s);

#define _cleanup_sides_ __attribute__((cleanup(sides_close)))

/* Reads both states and changes nothing. ERR_NOT_FOUND: the tenant has a place on neither. */
enum err sides_look(struct sides *s, struct error *e);

/* The same, after both were claimed for this run: what is read stays true but for this run. */
enum err sides_take(struct sides *s, struct error *e);

/* By what was read last. */
enum mover_side sides_owner(const struct sides *s);

/* ERR_CONFLICT unless both sides have this move's mark and all rows. */
enum err sides_check_complete(const struct sides *s, struct error *e);

/* Whether other tenants have places there. */
enum err side_is_shared(struct sides *s, enum mover_side side, bool *ret, struct error *e);

/* -- changes: each is work inside of a transaction on that side ------------------------------- */

/* The claim alone, for changes that the fence does not hold up. */
enum err side_claim_in(struct db_tx *tx, const struct sides *s, enum mover_side side,
                       struct error *e);

/* The claim, and the closed fence opened to this transaction. ERR_CONFLICT when it is not closed.
 */
enum err side_enter(struct db_tx *tx, const struct sides *s, enum mover_side side, struct error *e);
enum err side_leave(struct db_tx *tx, const struct sides *s, struct error *e);

/* -- changes: each a transaction; the state that was read follows ------------------------------ */

/* Marks the side; `captures` also says that it has all rows. Another move's mark is kept. */
enum err side_put_mark(struct sides *s, enum mover_side side, bool captures, struct error *e);

/* The list's last entry at a time when the fence was closed, behind which none can come. */
struct side_end {
    int64_t last;
    int64_t at; /* the time */
};

enum err side_close_fence(struct sides *s, enum mover_side side, struct side_end *ret,
                          struct error *e);

/* Opens the fence and has changes listed from then on. */
enum err side_open_fence(struct sides *s, enum mover_side side, struct error *e);

/* Lists changes no longer. */
enum err side_stop_capture(struct sides *s, enum mover_side side, struct error *e);

/* Deletes the list up to that number, in pieces. */
enum err side_prune_list(struct sides *s, enum mover_side side, int64_t up_to, struct error *e);

/* Deletes the tenant's rows in pieces; its place stays. */
enum err side_clear_rows(struct sides *s, enum mover_side side, struct error *e);

/* Lists no more and deletes the list. */
enum err side_end_list(struct sides *s, enum mover_side side, struct error *e);

/* The same, and deletes this move's mark. */
enum err side_unmark(struct sides *s, enum mover_side side, struct error *e);

#endif
