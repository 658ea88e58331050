#include "domain/migration/postgres/rights.h"

#define SINGLE_RIGHTS_FROM 160000
#define MISSING_MAX        1000

/* Each row is a reason and the statement that mends it; r is the role. */
static const char missing_sql[] =
    "WITH r AS (SELECT oid, rolname, quote_ident(rolname) AS name, rolreplication FROM pg_roles"
    "  WHERE rolname = current_user AND NOT rolsuper)"
    " SELECT 'may not make slots', format('ALTER ROLE %s REPLICATION', name) FROM r"
    "  WHERE NOT rolreplication"
    " UNION ALL SELECT 'may not make subscriptions',"
    "  format('GRANT pg_create_subscription TO %s', name) FROM r"
    "  WHERE NOT coalesce(pg_has_role(to_regrole('pg_create_subscription'), 'USAGE'), false)"
    " UNION ALL SELECT 'does not see how long transactions have been running',"
    "  format('GRANT pg_read_all_stats TO %s', name) FROM r"
    "  WHERE NOT pg_has_role('pg_read_all_stats', 'USAGE')"
    " UNION ALL SELECT 'may not make publications and the schema of a move',"
    "  format('GRANT CREATE ON DATABASE %I TO %s', current_database(), name) FROM r"
    "  WHERE NOT has_database_privilege(current_database(), 'CREATE')"
    /* Triggers, publications, and to apply changes as their owner. */
    " UNION ALL SELECT DISTINCT format('does not own table %s', min(c.oid::regclass::text)),"
    "  format('GRANT %I TO %s', pg_get_userbyid(c.relowner), name) FROM r CROSS JOIN pg_class c"
    "  JOIN pg_namespace n ON n.oid = c.relnamespace WHERE c.relkind IN ('r', 'p')"
    "  AND n.nspname NOT LIKE 'pg\\_%' AND n.nspname <> 'information_schema'"
    "  AND NOT pg_has_role(c.relowner, 'MEMBER') GROUP BY c.relowner, name"
    " UNION ALL SELECT format('may not set %s', p.name),"
    "  format('GRANT SET ON PARAMETER %s TO %s', p.name, r.name) FROM r CROSS JOIN pg_settings p"
    "  WHERE p.context = 'superuser' AND NOT has_parameter_privilege(p.name, 'SET')"
    "  AND p.name IN ('session_replication_role', 'log_statement', 'log_min_duration_statement',"
    "   'log_min_duration_sample', 'log_transaction_sample_rate', 'log_min_error_statement',"
    "   'track_activities', 'pg_stat_statements.track_utility')"
    " UNION ALL SELECT format('may not call %s', f), format('GRANT EXECUTE ON FUNCTION %s TO %s',"
    "  f, name) FROM r CROSS JOIN unnest(ARRAY["
    "   'pg_catalog.pg_replication_origin_advance(text, pg_catalog.pg_lsn)',"
    "   'pg_catalog.pg_replication_origin_progress(text, boolean)']) f"
    "  WHERE NOT has_function_privilege(f, 'EXECUTE')";

static enum err not_superuser(struct pg_session *s, struct arena *arena, struct records *ret,
                              const char *thing, struct error *e)
{
    struct pg_rows rows;
    TRY(pg_query(s, missing_sql, NULL, 0, MISSING_MAX, arena, &rows, e));
    struct mover_obstacle *all = arena_new_array(arena, rows.count + 1, struct mover_obstacle);
    for (size_t i = 0; i < rows.count; i++)
        all[i] = (struct mover_obstacle){thing, pg_cell(&rows, i, 0), pg_cell(&rows, i, 1)};
    *ret = (struct records){all, rows.count};
    return OK;
}

enum err pg_rights_missing(struct pg_session *s, int version, struct arena *arena,
                           struct records *ret, struct error *e)
{
    const char *role;
    *ret = (struct records){0};
    TRY(pg_get(s, "SELECT rolname FROM pg_roles WHERE rolname = current_user AND NOT rolsuper",
               NULL, 0, arena, &role, e));
    if (!role)
        return OK;
    const char *thing = arena_printf(arena, "role %s", role);
    if (version >= SINGLE_RIGHTS_FROM)
        return not_superuser(s, arena, ret, thing, e);
    struct mover_obstacle *one = arena_new(arena, struct mover_obstacle);
    *one = (struct mover_obstacle){
        thing, "is no superuser, which PostgreSQL before 16 wants for subscriptions",
        arena_printf(arena, "ALTER ROLE %s SUPERUSER", pg_name(arena, role))};
    *ret = (struct records){one, 1};
    return OK;
}
