#include "domain/usage/table.h"

#include "base/err.h"

void table_init(struct table *t, size_t size)
{
    *t = (struct table){calloc(size, sizeof(struct table_slot)), size, 0, 1};
    BUG_ON(!t->slots || (size & (size - 1)) != 0);
}

void table_release(struct table *t)
{
    free(t->slots);
    *t = (struct table){0};
}

void table_clear(struct table *t, size_t keep)
{
    if (t->size > keep || t->epoch == UINT32_MAX) {
        size_t size = t->size > keep ? keep : t->size;
        table_release(t);
        table_init(t, size);
        return;
    }
    t->epoch++;
    t->used = 0;
}

static void put(struct table *t, uint64_t hash, uint32_t item)
{
    size_t at = (size_t)hash & (t->size - 1);
    while (t->slots[at].epoch == t->epoch)
        at = (at + 1) & (t->size - 1);
    t->slots[at] = (struct table_slot){hash, t->epoch, item};
    t->used++;
}

void table_add(struct table *t, uint64_t hash, uint32_t item)
{
    if ((t->used + 1) * 2 > t->size) {
        struct table old = *t;
        table_init(t, old.size * 2);
        for (size_t i = 0; i < old.size; i++) {
            if (old.slots[i].epoch == old.epoch)
                put(t, old.slots[i].hash, old.slots[i].item);
        }
        table_release(&old);
    }
    put(t, hash, item);
}
