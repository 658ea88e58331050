/*
 * What the mover's role may do in a database.
 *
 * PostgreSQL 15 lets nobody but a superuser make a subscription. From 16 on the role
 * pg_create_subscription may, and then each further right can be given by itself
 * (https://www.postgresql.org/docs/16/logical-replication-security.html).
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_POSTGRES_RIGHTS_H
#define WEBHOST_DOMAIN_MIGRATION_POSTGRES_RIGHTS_H

#include "domain/migration/mover.h"
#include "infra/pg/session.h"

/*
 * What the session's role lacks on a server of that version (pg_server_version()): struct
 * mover_obstacle in the arena, whose thing is the role and whose fix is a statement for a
 * superuser. None for a superuser.
 */
enum err pg_rights_missing(struct pg_session *s, int version, struct arena *arena,
                           struct records *ret, struct error *e);

#endif
