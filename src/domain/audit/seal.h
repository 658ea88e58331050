/*
 * Sealing: committed entries get their places in the chain.
 *
 * A deed's transaction writes its entry without a place. Were the chain continued there, all
 * transactions that audit anything would wait for, or undo, each other at its end. Instead whoever
 * seals takes the head (one row), gives what was committed and has no place the next numbers, in
 * the order of ids, and writes the new head, all in one transaction. An entry that is committed
 * late, with a smaller id than others that are sealed, gets a later number: what has none is what
 * counts, so nothing is passed by. Until then, half a second as a rule, an entry is not protected;
 * verify.h counts those.
 *
 * Any node seals at any time (sealer.h); the head's row lock lets one at a time. A process that is
 * killed leaves whole transactions.
 *
 * The head is authenticated with the installation's key, which is not in the database. Sealing
 * looks at that first: behind a head that was forged it goes on, because deeds must be recorded,
 * but marks for good where that was. What no key can show is a database that was put back whole to
 * an earlier state: for that a head is noted elsewhere.
 */
#ifndef WEBHOST_DOMAIN_AUDIT_SEAL_H
#define WEBHOST_DOMAIN_AUDIT_SEAL_H

#include "domain/audit/chain.h"

struct audit_head {
    struct audit_link last;  /* sealed last */
    struct audit_link first; /* pruned last: the oldest entry that is left follows on it */
    int64_t broken_seq;      /* INT_ABSENT: none */
    int64_t sealed_at;
    bool authentic;
};

enum err audit_head_read(struct db_tx *tx, const struct secret *key, struct audit_head *ret,
                         struct error *e);

/* Seals all there is, in transactions of a bounded size. `ret_sealed` may be NULL. */
enum err audit_seal(const struct env *env, const struct secret *key, int64_t *ret_sealed,
                    struct error *e);

/* Entries without a place, counted up to `max`. */
enum err audit_unsealed(struct db_tx *tx, int64_t max, int64_t *ret_count, struct error *e);

/*
 * Deletes sealed entries older than `before`, at most `max`, from the front, and records in the
 * head and as an entry how far. Begins when the oldest is a day older than that, so that it does
 * not keep itself busy. ERR_CORRUPT when the head is forged: then nothing may go.
 */
enum err audit_prune(struct db_tx *tx, const struct env *env, const struct secret *key,
                     int64_t before, int64_t max, struct arena *arena, int64_t *ret_deleted,
                     struct error *e);

#endif
