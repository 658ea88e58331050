#include "infra/db/list.h"

#include "infra/db/driver.h"
#include "infra/json/json.h"

#include <inttypes.h>

bool db_texts_parse(struct str text, struct arena *arena, struct texts *ret_list)
{
    _cleanup_json_ json_t *array = NULL;
    if (json_parse(text, &array, NULL) != OK || !json_is_array(array))
        return false;
    struct texts list = {.count = json_array_size(array)};
    /* One more than needed: an empty list is not an absent one. */
    list.items = arena_new_array(arena, list.count + 1, const char *);
    for (size_t i = 0; i < list.count; i++) {
        const json_t *item = json_array_get(array, i);
        if (!json_is_string(item))
            return false;
        list.items[i] = arena_text(arena, json_string_value(item));
    }
    *ret_list = list;
    return true;
}

const char *db_texts_json(struct arena *arena, struct texts list)
{
    if (!list.items)
        return NULL;
    _cleanup_json_ json_t *array = json_array();
    BUG_ON(!array);
    for (size_t i = 0; i < list.count; i++)
        BUG_ON(json_array_append_new(array, json_string(list.items[i])) != 0);
    return json_text(array, arena);
}

enum { NUMBER_BYTES = 21 }; /* the longest, and a comma */

struct db_value db_int_list(const struct db_tx *tx, struct arena *arena, const int64_t *numbers,
                            size_t count)
{
    bool pg = tx->db->driver->engine == DB_POSTGRES;
    size_t size = count * NUMBER_BYTES + 3;
    char *text = arena_alloc(arena, size), *at = text;
    *at++ = pg ? '{' : '[';
    for (size_t i = 0; i < count; i++)
        at += snprintf(at, size - (size_t)(at - text), "%s%" PRId64, i ? "," : "", numbers[i]);
    *at++ = pg ? '}' : ']';
    return db_text(text);
}
