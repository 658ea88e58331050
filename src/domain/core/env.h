/*
 * What every domain function works with: the database and the seams for time and chance.
 *
 * One for a process, made by the daemon (or a test, with a virtual clock and a seeded source) and
 * shared by all threads; nothing in the domain asks the operating system instead.
 */
#ifndef WEBHOST_DOMAIN_CORE_ENV_H
#define WEBHOST_DOMAIN_CORE_ENV_H

#include "base/clock.h"
#include "base/rng.h"
#include "infra/db/db.h"

struct env {
    struct db *db;
    const struct clock *clock;
    struct rng *rng;
};

static inline int64_t env_now(const struct env *env)
{
    return clock_now(env->clock);
}

/* A new UUIDv7 in the arena. */
const char *env_id(const struct env *env, struct arena *arena);

/* The product's schema, for db_open(). */
extern const struct db_migration *const core_migrations;
extern const size_t core_migration_count;

/* -- pages of a list -------------------------------------------------------------------------- */

#define PAGE_LIMIT_DEFAULT 50
#define PAGE_LIMIT_MAX     200

/*
 * Lists are in id order, newest first, which is time order for UUIDv7. A page starts below the id
 * `cursor` (NULL: at the newest).
 */
struct page {
    int64_t limit;
    const char *cursor;
};

/* Parameter values of a page: the cursor (a text above every id when NULL), then limit + 1. */
struct db_value page_cursor(struct page page);
struct db_value page_rows(struct page page);

/*
 * Reads a page with a query whose first two parameters are page_cursor() and page_rows(), followed
 * by `filters`. The rows' table must have an "id". `ret_next` is the id to go on from, or NULL.
 */
enum err page_list(struct db_tx *tx, const struct db_query *query, struct page page,
                   struct db_args filters, const struct field *fields, size_t row_size,
                   struct arena *arena, struct records *ret_rows, const char **ret_next,
                   struct error *e);

/*
 * Drops the extra row, that a query with page_rows() reads to see whether there are more, and gives
 * the id to go on from. `id_offset` is where the rows' id member is.
 */
const char *page_next(struct page page, struct records *rows, size_t row_size, size_t id_offset);

#endif
