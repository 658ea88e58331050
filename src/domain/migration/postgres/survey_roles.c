/*
 * Roles: the applications' own, which own tables or are granted rights on them. A server's roles
 * are not a database's, so that a move does not make them: nobody but the operator says who may log
 * in at a server.
 */
#include "domain/migration/postgres/survey.h"

#define ROLES_MAX 10000

/* The role of the url and superusers are the operator's: theirs becomes the target's (schema.c). */
static const char roles_sql[] =
    "WITH ours AS (SELECT n.oid FROM pg_namespace n WHERE n.nspname NOT LIKE 'pg\\_%'"
    "  AND n.nspname <> 'information_schema' AND n.nspname NOT LIKE 'webhost\\_move\\_%'),"
    " used (role, how) AS ("
    " SELECT c.relowner, format('owns %s', c.oid::regclass) FROM pg_class c"
    "  JOIN ours ON ours.oid = c.relnamespace"
    " UNION ALL SELECT a.grantee, format('has rights on %s', c.oid::regclass) FROM pg_class c"
    "  JOIN ours ON ours.oid = c.relnamespace CROSS JOIN aclexplode(c.relacl) a"
    " UNION ALL SELECT a.grantee, format('has rights on %s', c.oid::regclass) FROM pg_class c"
    "  JOIN ours ON ours.oid = c.relnamespace JOIN pg_attribute t ON t.attrelid = c.oid"
    "  CROSS JOIN aclexplode(t.attacl) a"
    " UNION ALL SELECT p.proowner, format('owns %s', p.oid::regprocedure) FROM pg_proc p"
    "  JOIN ours ON ours.oid = p.pronamespace"
    " UNION ALL SELECT a.grantee, format('has rights on %s', p.oid::regprocedure) FROM pg_proc p"
    "  JOIN ours ON ours.oid = p.pronamespace CROSS JOIN aclexplode(p.proacl) a"
    " UNION ALL SELECT n.nspowner, format('owns schema %I', n.nspname) FROM pg_namespace n"
    "  JOIN ours USING (oid)"
    " UNION ALL SELECT a.grantee, format('has rights on schema %I', n.nspname) FROM pg_namespace n"
    "  JOIN ours USING (oid) CROSS JOIN aclexplode(n.nspacl) a"
    " UNION ALL SELECT r, 'has default privileges' FROM pg_default_acl d"
    "  CROSS JOIN LATERAL (SELECT d.defaclrole UNION ALL"
    "   SELECT a.grantee FROM aclexplode(d.defaclacl) a) found (r)"
    " UNION ALL SELECT r, format('has a policy on %s', p.polrelid::regclass) FROM pg_policy p"
    "  CROSS JOIN unnest(p.polroles) r)"
    " SELECT r.rolname, min(used.how), r.rolcanlogin FROM used JOIN pg_roles r ON r.oid = used.role"
    " WHERE NOT r.rolsuper AND r.rolname <> current_user AND r.rolname NOT LIKE 'pg\\_%'"
    " GROUP BY r.rolname, r.rolcanlogin ORDER BY r.rolname";

static void name_missing(struct pg_surveying *s, const char *role, const char *how, bool logs_in)
{
    const char *name = pg_name(s->arena, role);
    pg_obstacle(
        s, arena_printf(s->arena, "role %s", role),
        arena_printf(s->arena, "is missing at the target's server, and %s at the source", how),
        logs_in ? arena_printf(s->arena,
                               "CREATE ROLE %s LOGIN PASSWORD '...', at the target, with what"
                               " pg_authid.rolpassword of the source's server says: then its"
                               " clients' password is the same",
                               name)
                : arena_printf(s->arena, "CREATE ROLE %s, at the target", name));
}

enum err pg_survey_roles(struct pg_surveying *s, struct error *e)
{
    struct pg_rows rows;
    TRY(pg_query(s->m->at[SIDE_SOURCE], roles_sql, NULL, 0, ROLES_MAX, s->arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++) {
        const char *params[] = {pg_cell(&rows, i, 0)};
        int64_t found;
        TRY(pg_get_int(s->m->at[SIDE_TARGET], "SELECT count(*) FROM pg_roles WHERE rolname = $1",
                       params, 1, &found, e));
        if (found == 0)
            name_missing(s, params[0], pg_cell(&rows, i, 1), text_eq(pg_cell(&rows, i, 2), "t"));
    }
    return OK;
}
