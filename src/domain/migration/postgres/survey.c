/*
 * What stands in the way of a move, each by its name and with its fix. survey_rows.c looks at rows,
 * survey_partitions.c at partitions, this at the rest of the catalogs and at settings.
 */
#include "domain/migration/postgres/survey.h"

#include "domain/migration/postgres/prepare.h"
#include "domain/migration/postgres/rights.h"
#include "domain/migration/postgres/rows.h"
#include "domain/migration/postgres/target.h"

#include <inttypes.h>

#define LISTED_MAX    1000
#define OBSTACLES_MAX 200

void pg_obstacle(struct pg_surveying *s, const char *thing, const char *why, const char *fix)
{
    struct mover_obstacle *o = s->obstacles.items;
    if (s->obstacles.count == OBSTACLES_MAX)
        return;
    o[s->obstacles.count++] = (struct mover_obstacle){
        arena_text(s->arena, thing), arena_text(s->arena, why), arena_text(s->arena, fix)};
}

static const char *table_named(const struct pg_surveying *s, const struct pg_table *t)
{
    return arena_printf(s->arena, "table %s", t->label);
}

/* -- servers ---------------------------------------------------------------------------------- */

static enum err text_at(const struct pg_surveying *s, enum mover_side side, const char *sql,
                        const char **ret, struct error *e)
{
    return pg_get(s->m->at[side], sql, NULL, 0, s->arena, ret, e);
}

/* Both sides send changes: the source during the move, the target during the soak. */
static enum err check_server(struct pg_surveying *s, enum mover_side side, struct error *e)
{
    const char *level, *slots, *senders;
    const char *thing = arena_printf(s->arena, "the %s's server", pg_side_name(side));
    TRY(text_at(s, side, "SHOW wal_level", &level, e));
    TRY(text_at(s, side,
                arena_printf(s->arena,
                             "SELECT 'none' WHERE (SELECT count(*) FROM pg_replication_slots"
                             " WHERE slot_name NOT LIKE 'webhost\\_%s\\_%%')"
                             " >= current_setting('max_replication_slots')::int",
                             s->m->tag),
                &slots, e));
    TRY(text_at(s, side,
                arena_printf(s->arena,
                             "SELECT 'none' WHERE (SELECT count(*) FROM pg_stat_replication"
                             " WHERE application_name NOT LIKE 'webhost\\_%s\\_%%')"
                             " >= current_setting('max_wal_senders')::int",
                             s->m->tag),
                &senders, e));
    if (!text_eq(level, "logical"))
        pg_obstacle(s, thing, arena_printf(s->arena, "has wal_level = %s", level),
                    "ALTER SYSTEM SET wal_level = 'logical', then restart it");
    if (slots)
        pg_obstacle(s, thing, "has no free replication slot",
                    "drop one that nobody uses (pg_replication_slots), or raise "
                    "max_replication_slots and restart it");
    if (senders)
        pg_obstacle(s, thing, "has no free WAL sender", "raise max_wal_senders and restart it");
    return OK;
}

static enum err check_rights(struct pg_surveying *s, enum mover_side side, struct error *e)
{
    struct records missing;
    struct pg_session *session = s->m->at[side];
    TRY(pg_rights_missing(session, pg_server_version(session), s->arena, &missing, e));
    const struct mover_obstacle *all = missing.items;
    for (size_t i = 0; i < missing.count; i++)
        pg_obstacle(
            s, arena_printf(s->arena, "%s at the %s's server", all[i].thing, pg_side_name(side)),
            all[i].why, all[i].fix);
    return OK;
}

static enum err check_prepared(struct pg_surveying *s, struct error *e)
{
    struct pg_rows rows;
    TRY(pg_query(s->m->at[SIDE_SOURCE],
                 "SELECT gid, database FROM pg_prepared_xacts ORDER BY prepared LIMIT 10", NULL, 0,
                 LISTED_MAX, s->arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++)
        pg_obstacle(s, arena_printf(s->arena, "prepared transaction %s", pg_cell(&rows, i, 0)),
                    "is open at the source's server: no slot can be made before it ends",
                    arena_printf(s->arena, "COMMIT PREPARED or ROLLBACK PREPARED %s in database %s",
                                 pg_literal(s->arena, pg_cell(&rows, i, 0)), pg_cell(&rows, i, 1)));
    return OK;
}

static enum err check_same_database(struct pg_surveying *s, struct error *e)
{
    static const char sql[] = "SELECT format('%s %s', system_identifier, d.oid)"
                              " FROM pg_control_system(), pg_database d"
                              " WHERE d.datname = current_database()";
    const char *here, *there;
    TRY(text_at(s, SIDE_SOURCE, sql, &here, e));
    TRY(text_at(s, SIDE_TARGET, sql, &there, e));
    if (text_eq(here, there))
        pg_obstacle(s, arena_printf(s->arena, "database %s", pg_database(s->m->at[SIDE_SOURCE])),
                    "is both the source and the target", "give the target a database of its own");
    return OK;
}

static enum err check_extensions(struct pg_surveying *s, struct error *e)
{
    struct pg_rows rows;
    TRY(pg_query(s->m->at[SIDE_SOURCE], "SELECT extname FROM pg_extension ORDER BY 1", NULL, 0,
                 LISTED_MAX, s->arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++) {
        int64_t found;
        const char *params[] = {pg_cell(&rows, i, 0)};
        TRY(pg_get_int(s->m->at[SIDE_TARGET],
                       "SELECT (SELECT count(*) FROM pg_extension WHERE extname = $1)"
                       " + (SELECT count(*) FROM pg_available_extensions WHERE name = $1)",
                       params, 1, &found, e));
        if (found == 0)
            pg_obstacle(s, arena_printf(s->arena, "extension %s", params[0]),
                        "is not available at the target",
                        "install its package at the target's server");
    }
    return OK;
}

/* -- tables ----------------------------------------------------------------------------------- */

static void check_table(struct pg_surveying *s, const struct pg_table *t)
{
    if (t->key.count == 0)
        pg_obstacle(s, table_named(s, t), "has no primary key",
                    arena_printf(s->arena, "ALTER TABLE %s ADD PRIMARY KEY (...)", t->sql));
    if (t->persistence == 'u')
        pg_obstacle(s, table_named(s, t), "is unlogged, so its changes are not replicated",
                    arena_printf(s->arena, "ALTER TABLE %s SET LOGGED", t->sql));
    if (t->sent_by == 'n' && !t->partitioned)
        pg_obstacle(s, table_named(s, t), "has REPLICA IDENTITY NOTHING",
                    arena_printf(s->arena, "ALTER TABLE %s REPLICA IDENTITY DEFAULT", t->sql));
}

/* A column that may name a large object, in a database that has some. */
static enum err check_large_objects(struct pg_surveying *s, const struct pg_table *t,
                                    struct error *e)
{
    const struct pg_column *columns = t->columns.items;
    for (size_t i = 0; i < t->columns.count; i++) {
        const char *dot = strrchr(columns[i].type, '.');
        bool names = text_eq(columns[i].type, "oid") || text_eq(dot ? dot + 1 : "", "lo");
        if (!names)
            continue;
        const char *found = NULL;
        const char *sql = arena_printf(
            s->arena,
            "SELECT 'yes' FROM %s t JOIN pg_largeobject_metadata l ON l.oid = t.%s LIMIT 1",
            t->from, pg_name(s->arena, columns[i].name));
        TRY(text_at(s, SIDE_SOURCE, sql, &found, e));
        if (found)
            pg_obstacle(s,
                        arena_printf(s->arena, "column %s of table %s", columns[i].name, t->label),
                        "refers to large objects, which are not replicated",
                        "keep them in a column of type bytea");
    }
    return OK;
}

/* Its index is not there yet when it is made. */
static void check_missing(struct pg_surveying *s, const struct pg_table *t)
{
    if (t->replica_identity == 'i')
        pg_obstacle(s, table_named(s, t),
                    "is missing at the target, and has an index as its replica identity",
                    "make the table at the target, with all that belongs to it");
}

static bool columns_equal(const struct pg_table *a, const struct pg_table *b)
{
    const struct pg_column *x = a->columns.items, *y = b->columns.items;
    if (a->columns.count != b->columns.count)
        return false;
    for (size_t i = 0; i < a->columns.count; i++) {
        if (!text_eq(x[i].name, y[i].name) || !text_eq(x[i].type, y[i].type) ||
            x[i].not_null != y[i].not_null || x[i].generated != y[i].generated ||
            x[i].identity != y[i].identity)
            return false;
    }
    return true;
}

static void check_counterpart(struct pg_surveying *s, const struct pg_table *t)
{
    const struct pg_table *there = pg_catalog_table(&s->target, t->label);
    const char *fix = "bring both sides to one version of the application's schema";
    if (!there && !s->exclusive)
        pg_obstacle(s, table_named(s, t), "is missing at the target, which others share", fix);
    else if (!there)
        check_missing(s, t);
    else if (!columns_equal(t, there))
        pg_obstacle(s, table_named(s, t), "has other columns at the target", fix);
    else if (!s->stripped && !pg_tables_equal(t, there) &&
             !(s->exclusive && there->indexes.count == 0))
        pg_obstacle(s, table_named(s, t),
                    "has other keys, indexes, checks or triggers at the target", fix);
}

static enum err check_tables(struct pg_surveying *s, struct error *e)
{
    const struct pg_table *tables = s->source.tables.items;
    size_t tenants = 0;
    for (size_t i = 0; i < s->source.tables.count; i++) {
        const struct pg_table *t = &tables[i];
        tenants += pg_is_tenants(t);
        if (s->m->at[SIDE_TARGET])
            check_counterpart(s, t);
        if (!pg_is_tenants(t) && !s->exclusive)
            continue;
        check_table(s, t);
        if (t->partitioned)
            TRY(pg_survey_partitions(s, t, e));
        TRY(check_large_objects(s, t, e));
    }
    if (tenants == 0)
        pg_obstacle(s, arena_printf(s->arena, "database %s", pg_database(s->m->at[SIDE_SOURCE])),
                    arena_printf(s->arena, "has no table with a column %s", s->m->column),
                    "name the column that tells tenants apart in moves.tenant_column");
    return OK;
}

/* -- the whole -------------------------------------------------------------------------------- */

static int by_bytes(const void *a, const void *b)
{
    const struct mover_table *x = a, *y = b;
    if (x->bytes != y->bytes)
        return x->bytes > y->bytes ? -1 : 1;
    return strcmp(x->name, y->name);
}

static enum err list_tables(struct pg_surveying *s, struct records *ret, struct error *e)
{
    const struct pg_table *tables = s->source.tables.items;
    struct mover_table *out =
        arena_new_array(s->arena, s->source.tables.count + 1, struct mover_table);
    size_t count = 0;
    for (size_t i = 0; i < s->source.tables.count; i++) {
        const struct pg_table *t = &tables[i];
        if (!pg_is_tenants(t) && !s->exclusive)
            continue;
        struct mover_table *o = &out[count++];
        o->name = t->label;
        o->reference = !pg_is_tenants(t);
        TRY(pg_estimate_rows(s->m, SIDE_SOURCE, t, &o->rows, e));
        o->bytes = t->rows > 0 && o->rows < t->rows
                       ? (int64_t)((__int128)t->bytes * o->rows / t->rows)
                       : t->bytes;
    }
    qsort(out, count, sizeof(*out), by_bytes);
    *ret = (struct records){out, count};
    return OK;
}

static enum err look_at_target(struct pg_surveying *s, struct error *e)
{
    const char *column = s->m->run->settings->tenant_column;
    const char *params[] = {arena_printf(s->arena, "%s.builds", s->m->schema)}, *list;
    TRY(check_same_database(s, e));
    TRY(check_server(s, SIDE_TARGET, e));
    TRY(check_rights(s, SIDE_TARGET, e));
    TRY(pg_catalog_read(s->m->at[SIDE_TARGET], column, s->arena, &s->target, e));
    TRY(pg_target_is_exclusive(s->m, &s->source, &s->exclusive, e));
    TRY(pg_get(s->m->at[SIDE_TARGET], "SELECT to_regclass($1)", params, 1, s->arena, &list, e));
    s->stripped = list != NULL;
    TRY(pg_survey_roles(s, e));
    return check_extensions(s, e);
}

static enum err look(struct pg_surveying *s, struct mover_survey *ret, struct error *e)
{
    const char *column = s->m->run->settings->tenant_column;
    s->obstacles.items = arena_new_array(s->arena, OBSTACLES_MAX, struct mover_obstacle);
    s->exclusive = true; /* what is not there yet is made for this tenant */
    TRY(pg_catalog_read(s->m->at[SIDE_SOURCE], column, s->arena, &s->source, e));
    TRY(check_server(s, SIDE_SOURCE, e));
    TRY(check_rights(s, SIDE_SOURCE, e));
    TRY(check_prepared(s, e));
    if (s->m->at[SIDE_TARGET])
        TRY(look_at_target(s, e));
    TRY(check_tables(s, e));
    TRY(pg_survey_rows(s, e));
    TRY(list_tables(s, &ret->tables, e));
    ret->obstacles = s->obstacles;
    ret->schema_sha256 = s->source.sha256;
    return OK;
}

enum err pg_survey(const struct mover_run *run, struct mover_survey *ret, struct error *e)
{
    struct pg_move m;
    struct mover_survey survey = {0};
    TRY(pg_move_open(&m, run, e));
    struct pg_surveying s = {.m = &m, .arena = run->arena};
    enum err err = look(&s, &survey, e);
    pg_move_close(&m);
    TRY(err);
    *ret = survey;
    return OK;
}
