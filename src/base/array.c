#include "base/array.h"

#include "base/err.h"

#include <stdlib.h>

void *array_with_room(void *items, size_t count, size_t *room, size_t first, size_t item_size)
{
    if (count < *room)
        return items;
    *room = *room ? *room * 2 : first;
    items = reallocarray(items, *room, item_size);
    BUG_ON(!items);
    return items;
}
