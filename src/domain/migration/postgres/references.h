/*
 * Foreign keys, by their rows.
 *
 * Nothing that arrives at the other side is checked there: the copy and the stream come as replicas
 * do, and a key that is made while its table is empty has never looked at a row (rows.h). The rows
 * of a source in which its keys hold need no second look, but they may not hold: for another
 * tenant's row, which does not come along, for a row that was written while triggers were off, for
 * a key that is NOT VALID. Digests cannot tell, because both sides are alike.
 *
 * So the survey looks at the keys that a sound source may have and that would not hold (those that
 * may lead to another tenant's row, or are not validated), and all keys are looked at with all rows
 * at the target: once before the cutover, while changes flow (they arrive transaction by
 * transaction, so what is seen there at once was true at the source), and once in the proof, in the
 * snapshots of the cut.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_REFERENCES_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_REFERENCES_H

#include "domain/migration/postgres/parts.h"

struct pg_reference {
    const char *name;
    const struct pg_table *from, *to; /* of the catalog; from is a tenant's */
    const char *refers;               /* SQL: row x refers to something */
    const char *join;                 /* SQL: it refers to row y */
    bool by_tenant;                   /* the tenant column is part of it, at both ends */
    bool validated;
};

/* Those between tables of the catalog, from a tenant's: struct pg_reference, in the arena. */
enum err pg_references_read(struct pg_session *s, const char *tenant_column,
                            const struct pg_catalog *catalog, struct arena *arena,
                            struct records *ret, struct error *e);

/*
 * The first row of the tenant that refers to none that is the tenant's or reference data: `ret_key`
 * is its key for people, NULL when there is none; `ret_others` whether another tenant's is there.
 */
enum err pg_reference_dangles(struct pg_session *s, const struct pg_move *m,
                              const struct pg_reference *r, struct arena *arena,
                              const char **ret_key, bool *ret_others, struct error *e);

/* All of them, with `s` at that side. ERR_CORRUPT names the key and a row. */
enum err pg_references_check(const struct pg_move *m, enum mover_side side, struct pg_session *s,
                             const struct pg_catalog *catalog, struct error *e);

#endif
