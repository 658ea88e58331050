/*
 * Partitions. Their table stands for them everywhere else: it is what is published (as its rows,
 * whatever partition they are in), copied and compared, so the two sides may be cut differently.
 * What is one partition's alone its table does not tell, and is looked at here.
 */
#include "domain/migration/postgres/survey.h"

#include <inttypes.h>

#define LISTED_MAX 100000

static const char *oid_of(const struct pg_surveying *s, const struct pg_table *t)
{
    return arena_printf(s->arena, "%" PRId64, t->oid);
}

static const char *partition_of(const struct pg_surveying *s, const struct pg_table *t,
                                const char *name)
{
    return arena_printf(s->arena, "partition %s of table %s", name, t->label);
}

/* -- what cannot be sent ---------------------------------------------------------------------- */

static enum err check_kinds(struct pg_surveying *s, const struct pg_table *t, struct error *e)
{
    struct pg_rows rows;
    const char *params[] = {oid_of(s, t)};
    TRY(pg_query(s->m->at[SIDE_SOURCE],
                 "SELECT relid::regclass, c.relkind, c.relpersistence, c.relreplident"
                 " FROM pg_partition_tree($1::oid) JOIN pg_class c ON c.oid = relid"
                 " WHERE isleaf ORDER BY 1",
                 params, 1, LISTED_MAX, s->arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++) {
        const char *name = pg_cell(&rows, i, 0), *thing = partition_of(s, t, name);
        if (!text_eq(pg_cell(&rows, i, 1), "r"))
            pg_obstacle(s, thing, "is a foreign table",
                        arena_printf(s->arena, "ALTER TABLE %s DETACH PARTITION %s", t->sql, name));
        if (text_eq(pg_cell(&rows, i, 2), "u"))
            pg_obstacle(s, thing, "is unlogged, so its changes are not replicated",
                        arena_printf(s->arena, "ALTER TABLE %s SET LOGGED", name));
        if (text_eq(pg_cell(&rows, i, 3), "n"))
            pg_obstacle(s, thing, "has REPLICA IDENTITY NOTHING",
                        arena_printf(s->arena, "ALTER TABLE %s REPLICA IDENTITY DEFAULT", name));
    }
    return OK;
}

/* -- what is a partition's alone -------------------------------------------------------------- */

/* With a word for its kind. What belongs to the table's own has a parent. */
static const char own_sql[] =
    "WITH parts AS (SELECT relid FROM pg_partition_tree($1::oid) WHERE level > 0)"
    " SELECT relid::regclass, 'the index ' || x.relname FROM parts"
    " JOIN pg_index i ON i.indrelid = relid JOIN pg_class x ON x.oid = i.indexrelid"
    " WHERE NOT x.relispartition"
    " UNION ALL SELECT relid::regclass, 'the foreign key ' || k.conname FROM parts"
    " JOIN pg_constraint k ON k.conrelid = relid AND k.contype = 'f' AND k.conparentid = 0"
    " UNION ALL SELECT relid::regclass, 'the trigger ' || g.tgname FROM parts"
    " JOIN pg_trigger g ON g.tgrelid = relid AND NOT g.tgisinternal AND g.tgparentid = 0"
    " UNION ALL SELECT relid::regclass, 'a replica identity' FROM parts"
    " JOIN pg_class c ON c.oid = relid AND c.relreplident = 'i'"
    " ORDER BY 1, 2";

/* A table that is made at the target is made with what it has itself. */
static enum err check_own(struct pg_surveying *s, const struct pg_table *t, struct error *e)
{
    struct pg_rows rows;
    const char *params[] = {oid_of(s, t)};
    TRY(pg_query(s->m->at[SIDE_SOURCE], own_sql, params, 1, LISTED_MAX, s->arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++)
        pg_obstacle(s, partition_of(s, t, pg_cell(&rows, i, 0)),
                    arena_printf(s->arena,
                                 "has %s, which its table does not have, and the table is missing "
                                 "at the target",
                                 pg_cell(&rows, i, 1)),
                    "give it to the table, or make the table at the target with all that belongs "
                    "to it");
    return OK;
}

/* -- where rows go ---------------------------------------------------------------------------- */

/* Each with its bounds, from the table down, its parent's, and what makes it. */
static const char tree_sql[] =
    "WITH RECURSIVE tree (relid, up, bounds, parent) AS ("
    " SELECT $1::oid, NULL::text COLLATE \"C\", ''::text COLLATE \"C\", NULL::oid UNION ALL"
    " SELECT c.oid, tree.bounds, tree.bounds || '/' || pg_get_expr(c.relpartbound, c.oid)"
    "  COLLATE \"C\","
    "  tree.relid FROM tree JOIN pg_inherits i ON i.inhparent = tree.relid"
    "  JOIN pg_class c ON c.oid = i.inhrelid)"
    " SELECT t.bounds, t.up, t.relid::regclass, c.relkind, format('CREATE TABLE %s PARTITION OF %s"
    " %s%s', t.relid::regclass, t.parent::regclass, pg_get_expr(c.relpartbound, c.oid),"
    " coalesce(' PARTITION BY ' || pg_get_partkeydef(t.relid), ''))"
    " FROM tree t JOIN pg_class c ON c.oid = t.relid WHERE t.up IS NOT NULL ORDER BY 1";

enum { TREE_BOUNDS, TREE_UP, TREE_NAME, TREE_KIND, TREE_CREATE };

static enum err read_tree(const struct pg_surveying *s, enum mover_side side,
                          const struct pg_table *t, struct pg_rows *ret, struct error *e)
{
    const char *params[] = {oid_of(s, t)};
    return pg_query(s->m->at[side], tree_sql, params, 1, LISTED_MAX, s->arena, ret, e);
}

/* NULL when there is none with these bounds. */
static const char *kind_of(const struct pg_rows *tree, const char *bounds)
{
    for (size_t i = 0; i < tree->count; i++) {
        if (text_eq(pg_cell(tree, i, TREE_BOUNDS), bounds))
            return pg_cell(tree, i, TREE_KIND);
    }
    return NULL;
}

/* Whether the other side cuts further here, and has no place for all else. */
static bool is_homeless(const struct pg_surveying *s, const struct pg_rows *there,
                        const char *bounds, const char *up)
{
    const char *kind = *up ? kind_of(there, up) : "p";
    return !kind_of(there, bounds) && text_eq(kind, "p") &&
           !kind_of(there, arena_printf(s->arena, "%s/DEFAULT", up));
}

/* A row for which there is no partition can neither be copied nor arrive. */
static enum err check_homes(struct pg_surveying *s, const struct pg_table *t,
                            const struct pg_table *other, struct error *e)
{
    struct pg_rows here, there;
    TRY(read_tree(s, SIDE_SOURCE, t, &here, e));
    TRY(read_tree(s, SIDE_TARGET, other, &there, e));
    for (size_t i = 0; i < here.count; i++) {
        if (is_homeless(s, &there, pg_cell(&here, i, TREE_BOUNDS), pg_cell(&here, i, TREE_UP)))
            pg_obstacle(
                s, partition_of(s, t, pg_cell(&here, i, TREE_NAME)),
                "has no counterpart at the target, and its table no default partition "
                "there",
                arena_printf(s->arena, "%s, at the target", pg_cell(&here, i, TREE_CREATE)));
    }
    return OK;
}

enum err pg_survey_partitions(struct pg_surveying *s, const struct pg_table *t, struct error *e)
{
    const struct pg_table *there = pg_catalog_table(&s->target, t->label);
    TRY(check_kinds(s, t, e));
    if (there && there->partitioned)
        return check_homes(s, t, there, e);
    return there ? OK : check_own(s, t, e);
}
