/*
 * Comparing both sides: digests of key ranges, and rows where those differ.
 *
 * A digest is the count, the xor and the sum of one 64-bit hash per row, so that it needs no order
 * and both servers compute it by themselves. Ranges come from the primary key, some ten thousand
 * rows each; both sides are asked about a range at the same moment. A column whose type hashes by
 * what only one database knows (enums by their oids) or not at all (json) is hashed as text.
 *
 * While the tenant writes, a range that differs is read row by row, again and again with a marker
 * in between: a row that was once equal is done, one that differs in the same way three times is
 * ERR_CORRUPT.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_DIGEST_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_DIGEST_H

#include "domain/migration/postgres/parts.h"

/* Of a table or a range. */
struct pg_digest {
    int64_t rows;
    uint64_t xor, sum;
};

struct pg_compared {
    const char *label;
    struct pg_digest digest;
};

struct pg_comparison {
    const struct pg_move *m;
    const struct pg_catalog *catalog; /* of the source; both have the same */
    struct pg_session *at[2];         /* by side; in a snapshot when frozen */
    enum mover_side from;             /* whose changes flow to the other side */
    bool frozen;                      /* nothing moves: what differs is wrong at once */
    bool with_reference;              /* reference data too */
    int64_t range_rows;               /* 0: as usual */
};

/* `ret` (may be NULL) gets struct pg_compared, in the arena. ERR_CORRUPT names the table and a row;
 * ERR_BUSY when rows move too quickly to be compared. */
enum err pg_compare(const struct pg_comparison *c, struct arena *arena, struct records *ret,
                    struct error *e);

/* SQL: a row's hash, the same on both sides; its key as one text for people, `row` is "" or "x.".
 */
const char *pg_hash_sql(const struct pg_table *t, struct arena *arena);
const char *pg_key_text(const struct pg_table *t, const char *row, struct arena *arena);

/* SQL: which rows of a table are the tenant's; all of reference data. */
const char *pg_whose(const struct pg_move *m, const struct pg_table *t, struct arena *arena);

/* The rows of `whose` in the order of the key, cut into ranges of about so many rows: each an SQL
 * condition, `whose` included. At least one, without an end; one when there is no key. */
enum err pg_ranges(struct pg_session *s, const struct pg_table *table, const char *whose,
                   int64_t range_rows, struct arena *arena, struct texts *ret, struct error *e);

#endif
