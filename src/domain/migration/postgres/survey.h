/*
 * Inside of pg_survey(): what its files share.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_SURVEY_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_SURVEY_H

#include "domain/migration/postgres/parts.h"

struct pg_surveying {
    const struct pg_move *m;
    struct arena *arena; /* of what is returned */
    struct pg_catalog source, target;
    bool exclusive; /* the target is this tenant's alone, or not there yet */
    bool stripped;  /* the move has taken its indexes away */
    struct records obstacles;
};

void pg_obstacle(struct pg_surveying *s, const char *thing, const char *why, const char *fix);

/* Of a partitioned table: what is one partition's alone. */
enum err pg_survey_partitions(struct pg_surveying *s, const struct pg_table *t, struct error *e);

/* Roles that are missing at the target, which is there. */
enum err pg_survey_roles(struct pg_surveying *s, struct error *e);

/* Rows that refer to rows which do not move, that would meet another tenant's at the target, and
 * reference data that differs. */
enum err pg_survey_rows(struct pg_surveying *s, struct error *e);

#endif
