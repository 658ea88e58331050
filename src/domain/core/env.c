#include "domain/core/env.h"

#include "core-schema.h"

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
