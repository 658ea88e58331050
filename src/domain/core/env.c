#include "domain/core/env.h"

#include "core-schema.h"

#define FILTERS_MAX 8

const struct db_migration *const core_migrations = core_schema;
const size_t core_migration_count = ARRAY_LEN(core_schema);

const char *env_id(const struct env *env, struct arena *arena)
{
    char id[UUID_TEXT_MAX];
    return arena_text(arena, uuid7(env->clock, env->rng, id));
}

struct db_value page_cursor(struct page page)
{
    return db_text(page.cursor ? page.cursor : "~");
}

struct db_value page_rows(struct page page)
{
    BUG_ON(page.limit < 1 || page.limit > PAGE_LIMIT_MAX);
    return db_int(page.limit + 1);
}

const char *page_next(struct page page, struct records *rows, size_t row_size, size_t id_offset)
{
    if (rows->count <= (size_t)page.limit)
        return NULL;
    rows->count = (size_t)page.limit;
    const char *last = (const char *)rows->items + (rows->count - 1) * row_size + id_offset;
    return *(const char *const *)last;
}

enum err page_list(struct db_tx *tx, const struct db_query *query, struct page page,
                   struct db_args filters, const struct field *fields, size_t row_size,
                   struct arena *arena, struct records *ret_rows, const char **ret_next,
                   struct error *e)
{
    struct db_value values[2 + FILTERS_MAX] = {page_cursor(page), page_rows(page)};
    BUG_ON(filters.count > FILTERS_MAX);
    for (size_t i = 0; i < filters.count; i++)
        values[2 + i] = filters.values[i];
    const struct field *id = record_field(fields, STR("id"));
    BUG_ON(!id);
    TRY(db_list(tx, query, (struct db_args){values, 2 + filters.count}, fields, row_size,
                PAGE_LIMIT_MAX + 1, arena, ret_rows, e));
    *ret_next = page_next(page, ret_rows, row_size, id->offset);
    return OK;
}
