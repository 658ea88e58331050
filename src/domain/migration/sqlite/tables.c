#include "domain/migration/sqlite/tables.h"

#include "sqlite_tables.sql.h"

const struct moved_table moved_tables[MOVED_TABLES] = {
    {
        .name = "tenants",
        .key = 0,
        .own_columns = 3, /* deployment_id, fenced, mover */
        .page = &moved_tenants_page,
        .changed = &moved_tenants_changed,
        .put = &moved_tenants_put,
        .count = &moved_tenants_count,
    },
    {
        .name = "vehicles",
        .key = 1,
        .page = &moved_vehicles_page,
        .changed = &moved_vehicles_changed,
        .gone = &moved_vehicles_gone,
        .put = &moved_vehicles_put,
        .remove = &moved_vehicles_remove,
        .release = &moved_vehicles_release,
        .clear = &moved_vehicles_clear,
        .count = &moved_vehicles_count,
    },
    {
        .name = "gps_points",
        .key = 1,
        .page = &moved_points_page,
        .needed = &moved_vehicles_needed,
        .changed = &moved_points_changed,
        .gone = &moved_points_gone,
        .put = &moved_points_put,
        .remove = &moved_points_remove,
        .clear = &moved_points_clear,
        .count = &moved_points_count,
    },
};

static void grow(struct row_set *rows)
{
    enum { FIRST_CAPACITY = 64 };
    size_t capacity = rows->capacity ? 2 * rows->capacity : FIRST_CAPACITY;
    struct db_value *values = arena_new_array(rows->arena, capacity * rows->width, struct db_value);
    if (rows->count > 0)
        memcpy(values, rows->values, rows->count * rows->width * sizeof(*values));
    rows->values = values;
    rows->capacity = capacity;
}

enum err row_set_add(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    (void)e;
    struct row_set *rows = arg;
    BUG_ON(rows->count > 0 && rows->width != count);
    rows->width = count;
    if (rows->count == rows->capacity)
        grow(rows);
    struct db_value *row = rows->values + rows->count++ * count;
    for (size_t i = 0; i < count; i++) {
        row[i] = columns[i];
        row[i].text = arena_text(rows->arena, columns[i].text);
        rows->bytes += columns[i].type == DB_TEXT ? (int64_t)strlen(columns[i].text) : 8;
    }
    return OK;
}

const char *row_set_key(const struct row_set *rows, size_t row, size_t key)
{
    return rows->values[row * rows->width + key].text;
}
