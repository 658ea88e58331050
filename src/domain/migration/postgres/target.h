/*
 * The target's tables before and after the copy.
 *
 * A target is exclusive when nobody else is in it: a tenant's own database that is filled. What
 * makes loading slow is then taken away before, and built after, by definitions that are kept in
 * the target itself (table `builds` of the move's schema), so that a later run finds them whatever
 * became of an earlier one. While they are away no other tenant can get a place there: a trigger on
 * tenants refuses it. At a shared target nothing of the tables is changed.
 *
 * Tables that are missing at an exclusive target are made as pg_dump describes them, with the types
 * and functions they need.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_TARGET_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_TARGET_H

#include "domain/migration/postgres/parts.h"

/* Whether it is, or can be made, exclusive. */
enum err pg_target_is_exclusive(const struct pg_move *m, const struct pg_catalog *source, bool *ret,
                                struct error *e);

/* Makes the tables that are missing. No effect when all are there. */
enum err pg_target_make(const struct pg_move *m, const struct pg_catalog *source, struct error *e);

/* What belongs to tables and views that pg_target_make() made, and needs their keys. */
enum err pg_target_make_rest(const struct pg_move *m, struct error *e);

/* Takes away what is built later, once the move's schema is there; what was taken away before stays
 * recorded. ERR_CONFLICT when others are in it. */
enum err pg_target_strip(const struct pg_move *m, const struct pg_catalog *source, struct error *e);

enum pg_build_kind {
    PG_BUILD_INDEX,
    PG_BUILD_KEY,        /* primary or unique: an index that becomes a constraint */
    PG_BUILD_CONSTRAINT, /* an exclusion */
    PG_BUILD_FOREIGN_KEY,
    PG_BUILD_REST, /* what pg_dump makes behind indexes: rules, policies, views that group by a key
                    */
};

struct pg_build {
    enum pg_build_kind kind;
    const char *table; /* label */
    const char *table_sql;
    const char *name;       /* as people write it */
    const char *refers_to;  /* a foreign key's other table, label */
    const char *create_sql; /* of the index, or of the whole */
    const char *attach_sql; /* makes a key of the index; NULL: nothing more to do */
    const char *drop_sql;
    bool built, there; /* the index; all of it: as the catalogs say now */
};

/* In the order in which they were recorded. `ret_exclusive` false: there is no list. */
enum err pg_target_builds(const struct pg_move *m, struct arena *arena, bool *ret_exclusive,
                          struct records *ret, struct error *e);

/* When all is built: others may come. */
enum err pg_target_open(const struct pg_move *m, struct error *e);

#endif
