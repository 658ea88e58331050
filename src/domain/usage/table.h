/*
 * An index over somebody else's array: finds an item's number by a hash of 64 bits.
 *
 * The owner compares what the hash finds, since two keys may share one. Emptying is one addition,
 * whatever it held, because it is done for every batch.
 *
 *     TABLE_EACH(&table, hash, at)
 *         if (is_it(&items[table_item(&table, at)]))
 *             return ...;
 *     table_add(&table, hash, item);
 */
#ifndef WEBHOST_DOMAIN_USAGE_TABLE_H
#define WEBHOST_DOMAIN_USAGE_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct table_slot {
    uint64_t hash;
    uint32_t epoch; /* the slot is in use when it is the table's */
    uint32_t item;
};

struct table {
    struct table_slot *slots;
    size_t size; /* of slots, a power of two */
    size_t used;
    uint32_t epoch;
};

void table_init(struct table *t, size_t size);
void table_release(struct table *t);

/* Without any item; a table that grew beyond `keep` slots becomes that small again. */
void table_clear(struct table *t, size_t keep);

void table_add(struct table *t, uint64_t hash, uint32_t item);

/* The next slot with this hash, from `at` on; `size` when there is none. */
static inline size_t table_next(const struct table *t, uint64_t hash, size_t at)
{
    for (at &= t->size - 1; t->slots[at].epoch == t->epoch; at = (at + 1) & (t->size - 1)) {
        if (t->slots[at].hash == hash)
            return at;
    }
    return t->size;
}

static inline uint32_t table_item(const struct table *t, size_t at)
{
    return t->slots[at].item;
}

#define TABLE_EACH(t, hash, at)                                                                    \
    for (size_t at = table_next((t), (hash), (size_t)(hash)); at != (t)->size;                     \
         at = table_next((t), (hash), at + 1))

/* Spreads a number over all bits, for hashes of numbers (the finalizer of MurmurHash3). */
static inline uint64_t table_mix(uint64_t x)
{
    x ^= x >> 33;
    x *= UINT64_C(0xff51afd7ed558ccd);
    x ^= x >> 33;
    x *= UINT64_C(0xc4ceb9fe1a85ec53);
    return x ^ x >> 33;
}

#endif
