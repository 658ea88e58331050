/*
 * Rows that would have nothing to refer to at the target. Their foreign keys are not checked by the
 * copy (rows.h), so they are looked for before.
 */
#include "domain/migration/postgres/survey.h"

#include <inttypes.h>

#define KEYS_MAX 100000

/* One foreign key, with the condition that joins its rows x to those that they refer to, y. */
static const char joins_sql[] =
    "SELECT k.conrelid, k.conname, k.confrelid,"
    " string_agg(format('x.%I = y.%I', a.attname, b.attname), ' AND ' ORDER BY u.place),"
    " bool_or(a.attname = $1 AND b.attname = $1)"
    " FROM pg_constraint k"
    " CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY u (x, y, place)"
    " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.x"
    " JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.y"
    " WHERE k.contype = 'f' AND k.conparentid = 0 GROUP BY k.oid ORDER BY k.conname";

static const struct pg_table *by_oid(const struct pg_catalog *c, const char *text)
{
    const struct pg_table *tables = c->tables.items;
    int64_t oid = 0;
    BUG_ON(!str_to_i64(str_from(text), &oid));
    for (size_t i = 0; i < c->tables.count; i++) {
        if (tables[i].oid == oid)
            return &tables[i];
    }
    return NULL;
}

/* A tenant's row that refers to another tenant's. */
static enum err check_others(struct pg_surveying *s, const struct pg_table *x,
                             const struct pg_table *y, const char *key, const char *join,
                             struct error *e)
{
    const char *found;
    const char *sql = arena_printf(s->arena,
                                   "SELECT 'yes' FROM %s x JOIN %s y ON %s"
                                   " WHERE x.%s = %s AND y.%s <> %s LIMIT 1",
                                   x->from, y->from, join, s->m->column, s->m->tenant, s->m->column,
                                   s->m->tenant);
    TRY(pg_get(s->m->at[SIDE_SOURCE], sql, NULL, 0, s->arena, &found, e));
    if (found)
        pg_obstacle(
            s, arena_printf(s->arena, "foreign key %s of table %s", key, x->label),
            arena_printf(s->arena, "leads from rows of this customer to another's in %s", y->label),
            "make those rows refer to the customer's own");
    return OK;
}

/* Counts and a digest that does not depend on the order. */
static enum err digest(const struct pg_surveying *s, enum mover_side side, const struct pg_table *t,
                       const char **ret, struct error *e)
{
    return pg_get(s->m->at[side],
                  arena_printf(s->arena,
                               "SELECT format('%%s %%s', count(*),"
                               " sum(hash_record_extended(ROW(%s), 0)::numeric)) FROM %s",
                               t->column_list, t->from),
                  NULL, 0, s->arena, ret, e);
}

/* A shared target has reference data of its own; the tenant's rows must find there what they had.
 */
static enum err check_reference(struct pg_surveying *s, const struct pg_table *t, struct error *e)
{
    const struct pg_table *there = pg_catalog_table(&s->target, t->label);
    const char *ours, *theirs;
    if (!there || !text_eq(there->column_list, t->column_list))
        return OK; /* named already */
    TRY(digest(s, SIDE_SOURCE, t, &ours, e));
    TRY(digest(s, SIDE_TARGET, there, &theirs, e));
    if (!text_eq(ours, theirs))
        pg_obstacle(s, arena_printf(s->arena, "reference table %s", t->label),
                    "has other rows at the target, which others share, and the customer's rows "
                    "refer to it",
                    "bring its rows into line at both sides");
    return OK;
}

static enum err check_key(struct pg_surveying *s, const struct pg_rows *rows, size_t i,
                          struct error *e)
{
    const struct pg_table *x = by_oid(&s->source, pg_cell(rows, i, 0));
    const struct pg_table *y = by_oid(&s->source, pg_cell(rows, i, 2));
    const char *key = pg_cell(rows, i, 1);
    if (!x || !y)
        return OK;
    if (pg_is_tenants(x) && pg_is_tenants(y))
        return pg_cell(rows, i, 4)[0] == 't' ? OK
                                             : check_others(s, x, y, key, pg_cell(rows, i, 3), e);
    if (pg_is_tenants(x) && s->m->at[SIDE_TARGET] && !s->exclusive)
        return check_reference(s, y, e);
    if (!pg_is_tenants(x) && pg_is_tenants(y) && s->exclusive)
        pg_obstacle(s, arena_printf(s->arena, "reference table %s", x->label),
                    arena_printf(s->arena,
                                 "refers to %s, of which only the customer's rows are moved",
                                 y->label),
                    arena_printf(s->arena, "give it a column %s", s->m->column));
    return OK;
}

enum err pg_survey_rows(struct pg_surveying *s, struct error *e)
{
    struct pg_rows rows;
    const char *params[] = {s->m->run->settings->tenant_column};
    TRY(pg_query(s->m->at[SIDE_SOURCE], joins_sql, params, 1, KEYS_MAX, s->arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++)
        TRY(check_key(s, &rows, i, e));
    return OK;
}
