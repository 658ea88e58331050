/*
 * Rows that would have nothing to refer to at the target, rows that would meet another tenant's
 * there, and reference data that differs. What the survey does not find, references.h does before
 * the cutover.
 */
#include "domain/migration/postgres/survey.h"

#include "domain/migration/postgres/digest.h"
#include "domain/migration/postgres/references.h"

#define KEYS_MAX 100000

/* -- what rows refer to ----------------------------------------------------------------------- */

static enum err check_rows(struct pg_surveying *s, const struct pg_reference *r, struct error *e)
{
    const char *key;
    bool others;
    TRY(pg_reference_dangles(s->m->at[SIDE_SOURCE], s->m, r, s->arena, &key, &others, e));
    if (!key)
        return OK;
    pg_obstacle(s, arena_printf(s->arena, "foreign key %s of table %s", r->name, r->from->label),
                arena_printf(s->arena,
                             "leads from rows of this customer to %s in %s, first that with the"
                             " key %s",
                             others ? "another's" : "nothing", r->to->label, key),
                others ? "make those rows refer to the customer's own"
                       : arena_printf(s->arena,
                                      "correct or delete those rows, then ALTER TABLE %s VALIDATE"
                                      " CONSTRAINT %s",
                                      r->from->sql, pg_name(s->arena, r->name)));
    return OK;
}

/* Counts and a digest that does not depend on the order. */
static enum err digest(const struct pg_surveying *s, enum mover_side side, const struct pg_table *t,
                       const char **ret, struct error *e)
{
    return pg_get(s->m->at[side],
                  arena_printf(s->arena,
                               "SELECT format('%%s %%s', count(*), sum(%s::numeric)) FROM %s",
                               pg_hash_sql(t, s->arena), t->from),
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

static enum err check_key(struct pg_surveying *s, const struct pg_reference *r, struct error *e)
{
    bool moves_along = pg_is_tenants(r->to) && r->by_tenant;
    if (!r->validated || (pg_is_tenants(r->to) && !moves_along))
        TRY(check_rows(s, r, e));
    if (!pg_is_tenants(r->to) && s->m->at[SIDE_TARGET] && !s->exclusive)
        return check_reference(s, r->to, e);
    return OK;
}

/* Reference data moves whole, and what it refers to does not. */
static void check_from_reference(struct pg_surveying *s, const struct pg_table *t)
{
    const struct pg_foreign_key *keys = t->foreign_keys.items;
    for (size_t i = 0; i < t->foreign_keys.count; i++) {
        const struct pg_table *to = pg_catalog_table(&s->source, keys[i].refers_to);
        if (to && pg_is_tenants(to))
            pg_obstacle(s, arena_printf(s->arena, "reference table %s", t->label),
                        arena_printf(s->arena,
                                     "refers to %s, of which only the customer's rows are moved",
                                     to->label),
                        arena_printf(s->arena, "give it a column %s", s->m->column));
    }
}

/* -- rows that would meet another tenant's ---------------------------------------------------- */

/* A unique index of which the tenant column is no part, with its columns k and y of two rows. */
struct unique {
    const struct pg_table *table;
    const char *name, *columns, *join, *text;
    bool is_number; /* one column, of whole numbers */
};

static const char unique_sql[] =
    "SELECT i.indrelid, x.relname, string_agg(format('%I', a.attname), ', ' ORDER BY k.place),"
    " string_agg(format('k.%1$I = y.%1$I', a.attname), ' AND ' ORDER BY k.place),"
    " string_agg(format('k.%I::text', a.attname), ', ' ORDER BY k.place),"
    " count(*) = 1 AND bool_and(a.atttypid IN (20, 21, 23))"
    " FROM pg_index i JOIN pg_class x ON x.oid = i.indexrelid"
    " CROSS JOIN LATERAL unnest(i.indkey::int2[]) WITH ORDINALITY k (attnum, place)"
    " JOIN pg_attribute a ON a.attrelid = i.indrelid AND a.attnum = k.attnum"
    " WHERE i.indisunique AND i.indpred IS NULL AND i.indexprs IS NULL"
    "  AND k.place <= i.indnkeyatts AND NOT x.relispartition"
    " GROUP BY i.indrelid, x.relname HAVING NOT bool_or(a.attname = $1)"
    " ORDER BY i.indrelid, x.relname";

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

/* Ids of blocks (blocks.h) lie apart: then nothing needs to be compared one by one. */
static enum err lie_apart(const struct pg_surveying *s, const struct unique *u, bool *ret,
                          struct error *e)
{
    struct pg_rows ends;
    const char *found = NULL;
    *ret = false;
    if (!u->is_number)
        return OK;
    TRY(pg_query(s->m->at[SIDE_SOURCE],
                 arena_printf(s->arena, "SELECT min(%s), max(%s) FROM %s WHERE %s", u->columns,
                              u->columns, u->table->from, pg_whose(s->m, u->table, s->arena)),
                 NULL, 0, 1, s->arena, &ends, e));
    if (pg_cell(&ends, 0, 0))
        TRY(pg_get(s->m->at[SIDE_TARGET],
                   arena_printf(s->arena,
                                "SELECT 'yes' FROM %s WHERE %s BETWEEN %s AND %s AND %s <> %s"
                                " LIMIT 1",
                                u->table->from, u->columns, pg_cell(&ends, 0, 0),
                                pg_cell(&ends, 0, 1), s->m->column, s->m->tenant),
                   NULL, 0, s->arena, &found, e));
    *ret = !found;
    return OK;
}

/* The tenant's keys into a table of the session, and there beside those of the others. */
static enum err compare_keys(const struct pg_surveying *s, const struct unique *u,
                             const char **ret_key, struct error *e)
{
    struct pg_session *to = s->m->at[SIDE_TARGET];
    int64_t rows, bytes;
    TRY(pg_runf(to, e,
                "CREATE TEMP TABLE webhost_keys ON COMMIT DROP AS SELECT %s FROM %s WITH NO DATA",
                u->columns, u->table->from));
    TRY(pg_copy(s->m->at[SIDE_SOURCE],
                arena_printf(s->arena, "COPY (SELECT %s FROM %s WHERE %s) TO STDOUT", u->columns,
                             u->table->from, pg_whose(s->m, u->table, s->arena)),
                to, "COPY pg_temp.webhost_keys FROM STDIN", NULL, NULL, &rows, &bytes, e));
    return pg_get(to,
                  arena_printf(s->arena,
                               "SELECT concat_ws(', ', %s) FROM pg_temp.webhost_keys k JOIN %s y"
                               " ON %s WHERE y.%s <> %s LIMIT 1",
                               u->text, u->table->from, u->join, s->m->column, s->m->tenant),
                  NULL, 0, s->arena, ret_key, e);
}

static enum err check_unique(struct pg_surveying *s, const struct unique *u, struct error *e)
{
    bool apart;
    const char *key = NULL;
    TRY(lie_apart(s, u, &apart, e));
    if (apart)
        return OK;
    TRY(pg_run(s->m->at[SIDE_TARGET], "BEGIN", e));
    enum err err = compare_keys(s, u, &key, e);
    (void)pg_run(s->m->at[SIDE_TARGET], "ROLLBACK", NULL);
    if (err == OK && key)
        pg_obstacle(
            s, arena_printf(s->arena, "table %s", u->table->label),
            arena_printf(s->arena,
                         "has rows of this customer whose %s another customer's row has at the "
                         "target (%s), first %s",
                         u->columns, u->name, key),
            "give the customer's rows other values, with what refers to them");
    return err;
}

static enum err check_uniques(struct pg_surveying *s, struct error *e)
{
    struct pg_rows rows;
    const char *params[] = {s->m->run->settings->tenant_column};
    TRY(pg_query(s->m->at[SIDE_SOURCE], unique_sql, params, 1, KEYS_MAX, s->arena, &rows, e));
    for (size_t i = 0; i < rows.count; i++) {
        const struct unique u = {
            .table = by_oid(&s->source, pg_cell(&rows, i, 0)),
            .name = pg_cell(&rows, i, 1),
            .columns = pg_cell(&rows, i, 2),
            .join = pg_cell(&rows, i, 3),
            .text = pg_cell(&rows, i, 4),
            .is_number = text_eq(pg_cell(&rows, i, 5), "t"),
        };
        const struct pg_table *there =
            u.table ? pg_catalog_table(&s->target, u.table->label) : NULL;
        if (there && pg_is_tenants(u.table) && text_eq(there->column_list, u.table->column_list))
            TRY(check_unique(s, &u, e));
    }
    return OK;
}

/* -- the whole -------------------------------------------------------------------------------- */

enum err pg_survey_rows(struct pg_surveying *s, struct error *e)
{
    struct records list;
    TRY(pg_references_read(s->m->at[SIDE_SOURCE], s->m->run->settings->tenant_column, &s->source,
                           s->arena, &list, e));
    const struct pg_reference *all = list.items;
    for (size_t i = 0; i < list.count; i++)
        TRY(check_key(s, &all[i], e));
    const struct pg_table *tables = s->source.tables.items;
    for (size_t i = 0; i < s->source.tables.count && s->exclusive; i++) {
        if (!pg_is_tenants(&tables[i]))
            check_from_reference(s, &tables[i]);
    }
    return s->m->at[SIDE_TARGET] && !s->exclusive ? check_uniques(s, e) : OK;
}
