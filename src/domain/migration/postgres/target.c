#include "domain/migration/postgres/target.h"

#include <inttypes.h>

#define BUILDS_MAX 100000

/* -- whose it is ------------------------------------------------------------------------------ */

static enum err has_list(const struct pg_move *m, bool *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *const params[] = {arena_printf(&arena, "%s.builds", m->schema)};
    const char *found;
    TRY(pg_get(m->at[SIDE_TARGET], "SELECT to_regclass($1)", params, 1, &arena, &found, e));
    *ret = found != NULL;
    return OK;
}

static enum err has_tenants_table(const struct pg_move *m, bool *ret, struct error *e)
{
    int64_t count;
    TRY(pg_get_int(m->at[SIDE_TARGET],
                   "SELECT count(*) FROM pg_class WHERE oid = to_regclass('public.tenants')", NULL,
                   0, &count, e));
    *ret = count > 0;
    return OK;
}

static enum err others_have_places(const struct pg_move *m, bool *ret, struct error *e)
{
    int64_t others = 0;
    bool known;
    TRY(has_tenants_table(m, &known, e));
    const char *const params[] = {m->run->customer_id};
    if (known)
        TRY(pg_get_int(m->at[SIDE_TARGET],
                       "SELECT count(*) FROM public.tenants WHERE customer_id <> $1", params, 1,
                       &others, e));
    *ret = others > 0;
    return OK;
}

/* Whether others have rows in those of the tables that are there. */
static enum err others_have_rows(const struct pg_move *m, const struct pg_catalog *source,
                                 bool *ret, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_catalog target;
    TRY(pg_catalog_read(m->at[SIDE_TARGET], m->run->settings->tenant_column, &arena, &target, e));
    const struct pg_table *tables = source->tables.items;
    const char *found = NULL;
    for (size_t i = 0; i < source->tables.count && !found; i++) {
        const struct pg_table *t = pg_catalog_table(&target, tables[i].label);
        if (t && pg_is_tenants(t))
            TRY(pg_get(m->at[SIDE_TARGET],
                       arena_printf(&arena, "SELECT 'yes' FROM %s WHERE %s <> %s LIMIT 1", t->from,
                                    m->column, m->tenant),
                       NULL, 0, &arena, &found, e));
    }
    *ret = found != NULL;
    return OK;
}

enum err pg_target_is_exclusive(const struct pg_move *m, const struct pg_catalog *source, bool *ret,
                                struct error *e)
{
    bool yes, others;
    TRY(has_list(m, &yes, e));
    if (!yes) {
        TRY(others_have_places(m, &others, e));
        if (!others)
            TRY(others_have_rows(m, source, &others, e));
        yes = !others;
    }
    *ret = yes;
    return OK;
}

/* -- what is taken away ----------------------------------------------------------------------- */

static const char list_sql[] =
    "CREATE TABLE IF NOT EXISTS %s.builds (place int GENERATED ALWAYS AS IDENTITY PRIMARY KEY,"
    " kind int NOT NULL, label text NOT NULL, table_sql text NOT NULL, name text NOT NULL,"
    " refers_to text, create_sql text NOT NULL, attach_sql text, drop_sql text NOT NULL,"
    " UNIQUE (label, kind, name));";

/* Until the indexes are there, nobody else gets a place in the database. */
static const char alone_sql[] =
    "CREATE OR REPLACE FUNCTION %1$s.alone() RETURNS trigger LANGUAGE plpgsql AS $alone$ BEGIN"
    " IF NEW.customer_id = %3$s THEN RETURN NEW; END IF;"
    " RAISE EXCEPTION 'a move is filling this database' USING ERRCODE = 'lock_not_available';"
    " END $alone$;"
    "CREATE OR REPLACE TRIGGER zz_webhost_%2$s_alone BEFORE INSERT ON public.tenants"
    " FOR EACH ROW EXECUTE FUNCTION %1$s.alone();";

static const char *or_null(struct arena *arena, const char *text)
{
    return text ? pg_literal(arena, text) : "NULL";
}

static void record(struct buf *sql, const struct pg_move *m, const struct pg_build *b,
                   struct arena *arena)
{
    (void)buf_printf(sql,
                     "INSERT INTO %s.builds (kind, label, table_sql, name, refers_to, create_sql,"
                     " attach_sql, drop_sql) VALUES (%d, %s, %s, %s, %s, %s, %s, %s)"
                     " ON CONFLICT DO NOTHING;",
                     m->schema, (int)b->kind, pg_literal(arena, b->table),
                     pg_literal(arena, b->table_sql), pg_literal(arena, b->name),
                     or_null(arena, b->refers_to), pg_literal(arena, b->create_sql),
                     or_null(arena, b->attach_sql), pg_literal(arena, b->drop_sql));
}

static const char *add_constraint(const char *table_sql, const char *name, const char *definition,
                                  struct arena *arena)
{
    return arena_printf(arena, "ALTER TABLE %s ADD CONSTRAINT %s %s", table_sql,
                        pg_name(arena, name), definition);
}

/* What a key's definition says behind its columns: " DEFERRABLE INITIALLY DEFERRED". */
static const char *behind_columns(const char *definition)
{
    const char *end = strrchr(definition, ')');
    return end ? end + 1 : "";
}

static struct pg_build build_of_index(const struct pg_table *t, const struct pg_index *x,
                                      struct arena *arena)
{
    struct pg_build b = {.table = t->label, .table_sql = t->sql, .name = x->name};
    const char *name = pg_name(arena, x->name);
    b.create_sql = x->definition;
    if (!x->constraint) {
        b.kind = PG_BUILD_INDEX;
        b.drop_sql =
            arena_printf(arena, "DROP INDEX IF EXISTS %s.%s", pg_name(arena, x->schema), name);
        return b;
    }
    b.kind = PG_BUILD_KEY;
    b.drop_sql = arena_printf(arena,
                              "ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s;"
                              "DROP INDEX IF EXISTS %s.%s",
                              t->sql, name, pg_name(arena, x->schema), name);
    if (str_starts_with(str_from(x->constraint), STR("EXCLUDE")) || t->partitioned) {
        b.kind = PG_BUILD_CONSTRAINT;
        b.create_sql = add_constraint(t->sql, x->name, x->constraint, arena);
    } else {
        b.attach_sql = add_constraint(t->sql, x->name,
                                      arena_printf(arena, "%s USING INDEX %s%s",
                                                   x->primary ? "PRIMARY KEY" : "UNIQUE", name,
                                                   behind_columns(x->constraint)),
                                      arena);
    }
    return b;
}

/* A partitioned table's index: pg_get_indexdef() tells how to make it without its partitions. */
static void widen(struct pg_build *b, const struct pg_table *t, struct arena *arena)
{
    const char *only =
        t->partitioned && b->kind == PG_BUILD_INDEX ? strstr(b->create_sql, " ON ONLY ") : NULL;
    if (only)
        b->create_sql = arena_printf(arena, "%.*s ON %s", (int)(only - b->create_sql),
                                     b->create_sql, only + strlen(" ON ONLY "));
}

/*
 * What the target has is what it gets back. An index of a partitioned table belongs to those of its
 * partitions, and one that tells rows apart for replication is named by the table: they stay.
 */
static bool stays(const struct pg_table *t, const struct pg_index *x, const struct texts *kept)
{
    if (t->partitioned || t->replica_identity == 'i')
        return true;
    if (x->constraint && str_starts_with(str_from(x->constraint), STR("EXCLUDE")))
        return true;
    for (size_t i = 0; i < kept->count; i++) {
        if (text_eq(kept->items[i], x->name))
            return true;
    }
    return false;
}

struct stripping {
    const struct pg_move *m;
    struct buf records, keys, indexes; /* keys are dropped before what they refer to */
    struct texts kept;                 /* names of keys that something else depends on */
    struct arena *arena;
};

static void take_indexes(struct stripping *s, const struct pg_table *t, bool missing)
{
    const struct pg_index *indexes = t->indexes.items;
    for (size_t i = 0; i < t->indexes.count; i++) {
        struct pg_build b = build_of_index(t, &indexes[i], s->arena);
        widen(&b, t, s->arena);
        if (!missing && stays(t, &indexes[i], &s->kept))
            continue;
        record(&s->records, s->m, &b, s->arena);
        if (!missing)
            (void)buf_printf(&s->indexes, "%s;", b.drop_sql);
    }
}

static void take_foreign_keys(struct stripping *s, const struct pg_table *t, bool missing)
{
    const struct pg_foreign_key *keys = t->foreign_keys.items;
    for (size_t i = 0; i < t->foreign_keys.count; i++) {
        struct pg_build b = {.kind = PG_BUILD_FOREIGN_KEY,
                             .table = t->label,
                             .table_sql = t->sql,
                             .name = keys[i].name,
                             .refers_to = keys[i].refers_to};
        b.create_sql = add_constraint(t->sql, keys[i].name, keys[i].definition, s->arena);
        b.drop_sql = arena_printf(s->arena, "ALTER TABLE %s DROP CONSTRAINT IF EXISTS %s", t->sql,
                                  pg_name(s->arena, keys[i].name));
        record(&s->records, s->m, &b, s->arena);
        if (!missing)
            (void)buf_printf(&s->keys, "%s;", b.drop_sql);
    }
}

/* A view that groups by a key depends on it, and so may tables that are not ours. */
static const char kept_sql[] =
    "SELECT DISTINCT k.conname FROM pg_constraint k JOIN pg_depend d"
    " ON d.refclassid = 'pg_constraint'::regclass AND d.refobjid = k.oid AND d.deptype = 'n'"
    " AND d.classid = 'pg_rewrite'::regclass WHERE k.contype IN ('p', 'u')";

static enum err read_kept(struct stripping *s, struct error *e)
{
    struct pg_rows rows;
    TRY(pg_query(s->m->at[SIDE_TARGET], kept_sql, NULL, 0, BUILDS_MAX, s->arena, &rows, e));
    s->kept = (struct texts){rows.cells, rows.count};
    return OK;
}

/* A table without any index at the target, while the source's has some, was made without them. */
static bool was_made_bare(const struct pg_table *there, const struct pg_table *here)
{
    return there->indexes.count == 0 && there->foreign_keys.count == 0 &&
           here->indexes.count + here->foreign_keys.count > 0;
}

static void record_rest(struct stripping *s)
{
    const struct pg_build b = {.kind = PG_BUILD_REST,
                               .table = "",
                               .table_sql = "",
                               .name = "rules and policies",
                               .create_sql = "",
                               .drop_sql = ""};
    record(&s->records, s->m, &b, s->arena);
}

static enum err strip(struct stripping *s, const struct pg_catalog *source,
                      const struct pg_catalog *target, struct error *e)
{
    bool known;
    TRY(has_tenants_table(s->m, &known, e));
    (void)buf_printf(&s->records, list_sql, s->m->schema);
    if (known)
        (void)buf_printf(&s->records, alone_sql, s->m->schema, s->m->tag, s->m->tenant);
    TRY(read_kept(s, e));
    const struct pg_table *tables = source->tables.items;
    for (size_t i = 0; i < source->tables.count; i++) {
        const struct pg_table *there = pg_catalog_table(target, tables[i].label);
        if (!there)
            return error_set(e, ERR_CORRUPT, "table %s is missing at the target", tables[i].label);
        bool bare = was_made_bare(there, &tables[i]);
        if (bare)
            record_rest(s);
        take_indexes(s, bare ? &tables[i] : there, bare);
        take_foreign_keys(s, bare ? &tables[i] : there, bare);
    }
    const char *sql = arena_printf(s->arena, "%s%s%s SELECT 1", buf_text(&s->records),
                                   buf_text(&s->keys), buf_text(&s->indexes));
    return pg_move_ddl(s->m, s->m->at[SIDE_TARGET], "the target's indexes", sql, e);
}

enum err pg_target_strip(const struct pg_move *m, const struct pg_catalog *source, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_catalog target;
    bool listed, others;
    TRY(has_list(m, &listed, e));
    if (listed)
        return OK;
    TRY(pg_catalog_read(m->at[SIDE_TARGET], m->run->settings->tenant_column, &arena, &target, e));
    struct stripping s = {.m = m, .arena = &arena};
    s.records = s.keys = s.indexes = BUF_INIT((size_t)64 << 20);
    enum err err = strip(&s, source, &target, e);
    buf_release(&s.records);
    buf_release(&s.keys);
    buf_release(&s.indexes);
    TRY(err);
    /* Who came between the first look and the trigger is there now, and nobody comes after. */
    TRY(others_have_places(m, &others, e));
    if (!others)
        TRY(others_have_rows(m, source, &others, e));
    if (others)
        return error_set(e, ERR_CONFLICT,
                         "database %s is not this customer's alone any more: undo the move",
                         pg_database(m->at[SIDE_TARGET]));
    return OK;
}

/* -- the list --------------------------------------------------------------------------------- */

static void look(struct pg_build *b, const struct pg_catalog *target)
{
    const struct pg_table *t = pg_catalog_table(target, b->table);
    if (!t)
        return;
    const struct pg_index *indexes = t->indexes.items;
    const struct pg_foreign_key *keys = t->foreign_keys.items;
    for (size_t i = 0; i < t->indexes.count && b->kind != PG_BUILD_FOREIGN_KEY; i++) {
        if (text_eq(indexes[i].name, b->name)) {
            b->built = true;
            b->there = b->kind == PG_BUILD_INDEX || indexes[i].constraint;
        }
    }
    for (size_t i = 0; i < t->foreign_keys.count && b->kind == PG_BUILD_FOREIGN_KEY; i++) {
        if (text_eq(keys[i].name, b->name))
            b->built = b->there = true;
    }
}

static void read_build(struct pg_build *b, const struct pg_rows *rows, size_t i)
{
    int64_t kind = 0;
    BUG_ON(!str_to_i64(str_from(pg_cell(rows, i, 0)), &kind));
    *b = (struct pg_build){
        .kind = (enum pg_build_kind)kind,
        .table = pg_cell(rows, i, 1),
        .table_sql = pg_cell(rows, i, 2),
        .name = pg_cell(rows, i, 3),
        .refers_to = pg_cell(rows, i, 4),
        .create_sql = pg_cell(rows, i, 5),
        .attach_sql = pg_cell(rows, i, 6),
        .drop_sql = pg_cell(rows, i, 7),
    };
}

enum err pg_target_builds(const struct pg_move *m, struct arena *arena, bool *ret_exclusive,
                          struct records *ret, struct error *e)
{
    struct pg_rows rows;
    struct pg_catalog target;
    *ret = (struct records){0};
    TRY(has_list(m, ret_exclusive, e));
    if (!*ret_exclusive)
        return OK;
    TRY(pg_catalog_read(m->at[SIDE_TARGET], m->run->settings->tenant_column, arena, &target, e));
    const char *sql = arena_printf(arena,
                                   "SELECT kind, label, table_sql, name, refers_to, create_sql,"
                                   " attach_sql, drop_sql FROM %s.builds ORDER BY place",
                                   m->schema);
    TRY(pg_query(m->at[SIDE_TARGET], sql, NULL, 0, BUILDS_MAX, arena, &rows, e));
    struct pg_build *builds = arena_new_array(arena, rows.count + 1, struct pg_build);
    for (size_t i = 0; i < rows.count; i++) {
        read_build(&builds[i], &rows, i);
        look(&builds[i], &target);
    }
    *ret = (struct records){builds, rows.count};
    return OK;
}

enum err pg_target_open(const struct pg_move *m, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    bool known;
    TRY(has_tenants_table(m, &known, e));
    if (!known)
        return OK;
    return pg_move_ddl(m, m->at[SIDE_TARGET], "the trigger on tenants",
                       arena_printf(&arena,
                                    "DROP TRIGGER IF EXISTS zz_webhost_%s_alone ON public.tenants",
                                    m->tag),
                       e);
}
