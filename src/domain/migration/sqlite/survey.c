#include "domain/migration/sqlite/survey.h"

#include "domain/migration/sqlite/tables.h"
#include "infra/db/db.h"
#include "infra/json/json.h"
#include "infra/secrets/secret.h"
#include "sqlite_side.sql.h"

#define OBSTACLES_MAX 100

/* Tables that are not the tenants'. */
static const char *const own_tables[] = {"tenant_moves", "tenant_changes", "schema_migrations"};

struct surveying {
    const struct mover_run *run;
    int64_t file_bytes, all_rows;
    struct mover_table tables[MOVED_TABLES];
    struct mover_obstacle obstacles[OBSTACLES_MAX];
    size_t obstacle_count;
    struct sha256 hash;
    char schema[HASH_TEXT_MAX];
};

static void obstruct(struct surveying *s, const char *thing, const char *why, const char *fix)
{
    if (s->obstacle_count < OBSTACLES_MAX)
        s->obstacles[s->obstacle_count++] = (struct mover_obstacle){thing, why, fix};
}

static enum err unknown_table(const struct db_value *columns, size_t count, void *arg,
                              struct error *e)
{
    (void)e;
    BUG_ON(count != 1);
    struct surveying *s = arg;
    obstruct(s, arena_printf(s->run->arena, "table %s", columns[0].text),
             "is not of the fleet's schema, so that nothing would carry its rows",
             "keep it in a database of its own, or the tenants on PostgreSQL");
    return OK;
}

static enum err look_for_unknown(struct db_tx *tx, struct surveying *s, struct error *e)
{
    struct arena *arena = s->run->arena;
    const char *names[MOVED_TABLES + ARRAY_LEN(own_tables)];
    struct texts list = {names, 0};
    for (size_t i = 0; i < MOVED_TABLES; i++)
        names[list.count++] = moved_tables[i].name;
    for (size_t i = 0; i < ARRAY_LEN(own_tables); i++)
        names[list.count++] = own_tables[i];
    return db_each(tx, &side_unknown_tables, DB_ARGS(db_text(db_texts_json(arena, list))),
                   unknown_table, s, e);
}

static enum err look_at_table(struct db_tx *tx, struct surveying *s, size_t i, struct error *e)
{
    const struct moved_table *table = &moved_tables[i];
    struct mover_table *out = &s->tables[i];
    int64_t columns;
    *out = (struct mover_table){.name = table->name};
    TRY(db_get_int(tx, table->count, DB_ARGS(db_text(s->run->customer_id)), &out->rows, e));
    if (s->all_rows > 0)
        out->bytes = (int64_t)((__int128)s->file_bytes * out->rows / s->all_rows);
    TRY(db_get_int(tx, &side_column_count, DB_ARGS(db_text(table->name)), &columns, e));
    if (columns != (int64_t)(table->put->params + table->own_columns))
        obstruct(s, arena_printf(s->run->arena, "table %s", table->name),
                 "has other columns than the fleet's schema, which would stay behind",
                 "remove those that were added by hand");
    return OK;
}

static enum err hash_object(const struct db_value *columns, size_t count, void *arg,
                            struct error *e)
{
    (void)e;
    struct surveying *s = arg;
    for (size_t i = 0; i < count; i++) {
        if (columns[i].text)
            sha256_add(&s->hash, str_from(columns[i].text));
        sha256_add(&s->hash, str_from("\n"));
    }
    return OK;
}

static enum err survey_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct surveying *s = arg;
    TRY(db_get_int(tx, &side_file_bytes, DB_NO_ARGS, &s->file_bytes, e));
    TRY(db_get_int(tx, &side_all_rows, DB_NO_ARGS, &s->all_rows, e));
    for (size_t i = 0; i < MOVED_TABLES; i++)
        TRY(look_at_table(tx, s, i, e));
    if (s->tables[0].rows == 0)
        return error_set(e, ERR_NOT_FOUND, "customer %s is not in its database", s->run->slug);
    TRY(look_for_unknown(tx, s, e));
    sha256_begin(&s->hash);
    TRY(db_each(tx, &side_schema, DB_NO_ARGS, hash_object, s, e));
    (void)sha256_end(&s->hash, s->schema);
    return OK;
}

static int by_size(const void *a, const void *b)
{
    const struct mover_table *x = a, *y = b;
    return x->bytes != y->bytes ? (x->bytes < y->bytes ? 1 : -1) : strcmp(x->name, y->name);
}

static struct records keep(struct arena *arena, const void *items, size_t count, size_t size)
{
    struct records kept = {arena_alloc_array(arena, count + 1, size), count};
    memcpy(kept.items, items, count * size);
    return kept;
}

enum err survey_source(const struct mover_run *run, struct mover_survey *ret, struct error *e)
{
    struct surveying *s = arena_new(run->arena, struct surveying);
    struct db *db;
    s->run = run;
    TRY(tenant_store_get(run->stores, run->source_url, &db, e));
    enum err err = db_read(db, survey_work, s, e);
    tenant_store_put(run->stores, db);
    TRY(err);
    if (run->target_url && text_eq(run->source_url, run->target_url))
        obstruct(s, "the target", "is the database that the customer is in already",
                 "give each deployment its own database url");
    qsort(s->tables, MOVED_TABLES, sizeof(s->tables[0]), by_size);
    ret->tables = keep(run->arena, s->tables, MOVED_TABLES, sizeof(s->tables[0]));
    ret->obstacles = keep(run->arena, s->obstacles, s->obstacle_count, sizeof(s->obstacles[0]));
    ret->schema_sha256 = s->schema;
    return OK;
}
