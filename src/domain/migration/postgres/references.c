#include "domain/migration/postgres/references.h"

#include "domain/migration/postgres/digest.h"

#define KEYS_MAX 100000

/* One foreign key, with the conditions on its rows x and those that they refer to, y. */
static const char keys_sql[] =
    "SELECT xn.nspname, x.relname, yn.nspname, y.relname, k.conname, k.convalidated,"
    " string_agg(format('x.%I IS NOT NULL', a.attname), ' AND ' ORDER BY u.place),"
    " string_agg(format('x.%I = y.%I', a.attname, b.attname), ' AND ' ORDER BY u.place),"
    " bool_or(a.attname = $1 AND b.attname = $1)"
    " FROM pg_constraint k"
    " JOIN pg_class x ON x.oid = k.conrelid JOIN pg_namespace xn ON xn.oid = x.relnamespace"
    " JOIN pg_class y ON y.oid = k.confrelid JOIN pg_namespace yn ON yn.oid = y.relnamespace"
    " CROSS JOIN LATERAL unnest(k.conkey, k.confkey) WITH ORDINALITY u (x, y, place)"
    " JOIN pg_attribute a ON a.attrelid = k.conrelid AND a.attnum = u.x"
    " JOIN pg_attribute b ON b.attrelid = k.confrelid AND b.attnum = u.y"
    " WHERE k.contype = 'f' AND k.conparentid = 0"
    " GROUP BY k.oid, xn.nspname, x.relname, yn.nspname, y.relname"
    " ORDER BY xn.nspname, x.relname, k.conname";

static const struct pg_table *table_of(const struct pg_catalog *c, const char *schema,
                                       const char *name)
{
    const struct pg_table *tables = c->tables.items;
    for (size_t i = 0; i < c->tables.count; i++) {
        if (text_eq(tables[i].schema, schema) && text_eq(tables[i].name, name))
            return &tables[i];
    }
    return NULL;
}

enum err pg_references_read(struct pg_session *s, const char *tenant_column,
                            const struct pg_catalog *catalog, struct arena *arena,
                            struct records *ret, struct error *e)
{
    struct pg_rows rows;
    const char *const params[] = {tenant_column};
    TRY(pg_query(s, keys_sql, params, 1, KEYS_MAX, arena, &rows, e));
    struct pg_reference *all = arena_new_array(arena, rows.count + 1, struct pg_reference);
    size_t count = 0;
    for (size_t i = 0; i < rows.count; i++) {
        const struct pg_reference r = {
            .from = table_of(catalog, pg_cell(&rows, i, 0), pg_cell(&rows, i, 1)),
            .to = table_of(catalog, pg_cell(&rows, i, 2), pg_cell(&rows, i, 3)),
            .name = pg_cell(&rows, i, 4),
            .validated = text_eq(pg_cell(&rows, i, 5), "t"),
            .refers = pg_cell(&rows, i, 6),
            .join = pg_cell(&rows, i, 7),
            .by_tenant = text_eq(pg_cell(&rows, i, 8), "t"),
        };
        if (r.from && r.to && pg_is_tenants(r.from))
            all[count++] = r;
    }
    *ret = (struct records){all, count};
    return OK;
}

/* Keys lead to rows of any tenant, but only one tenant's come along. */
enum err pg_reference_dangles(struct pg_session *s, const struct pg_move *m,
                              const struct pg_reference *r, struct arena *arena,
                              const char **ret_key, bool *ret_others, struct error *e)
{
    struct pg_rows rows;
    const char *whose =
        pg_is_tenants(r->to) ? arena_printf(arena, " AND y.%s = %s", m->column, m->tenant) : "";
    const char *sql = arena_printf(
        arena,
        "SELECT %s, EXISTS (SELECT FROM %s y WHERE %s) FROM %s x WHERE x.%s = %s AND %s"
        " AND NOT EXISTS (SELECT FROM %s y WHERE %s%s) LIMIT 1",
        pg_key_text(r->from, "x.", arena), r->to->from, r->join, r->from->from, m->column,
        m->tenant, r->refers, r->to->from, r->join, whose);
    TRY(pg_query(s, sql, NULL, 0, 1, arena, &rows, e));
    *ret_key = rows.count > 0 ? pg_cell(&rows, 0, 0) : NULL;
    *ret_others = rows.count > 0 && text_eq(pg_cell(&rows, 0, 1), "t");
    return OK;
}

enum err pg_references_check(const struct pg_move *m, enum mover_side side, struct pg_session *s,
                             const struct pg_catalog *catalog, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct records list;
    TRY(pg_references_read(s, m->run->settings->tenant_column, catalog, &arena, &list, e));
    const struct pg_reference *all = list.items;
    for (size_t i = 0; i < list.count; i++) {
        const char *key;
        bool others;
        TRY(m->run->go_on(m->run->ctx, e));
        TRY(pg_reference_dangles(s, m, &all[i], &arena, &key, &others, e));
        if (key)
            return error_set(e, ERR_CORRUPT,
                             "foreign key %s of table %s does not hold at the %s: the row with the"
                             " key %s refers to a row of %s that is not there%s; correct that row",
                             all[i].name, all[i].from->label, pg_side_name(side), key,
                             all[i].to->label, others ? " for this tenant" : "");
    }
    return OK;
}
