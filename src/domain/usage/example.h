/*
 * Recorded usage for demonstrations: what a small fleet would have done in the last weeks, by its
 * size, with days and nights, weekends, growth, a few errors. The same customer gets the same
 * numbers; nothing here is measured.
 */
#ifndef WEBHOST_DOMAIN_USAGE_EXAMPLE_H
#define WEBHOST_DOMAIN_USAGE_EXAMPLE_H

#include "domain/usage/hours.h"

#define EXAMPLE_DAYS 65 /* enough for a growth (measure.h) */

struct usage_example {
    const char *customer_id;
    uint64_t seed;
    int64_t vehicles, users; /* users at the peak */
    int64_t cpu;             /* 1/10000 of its machine now, on a working day's average */
    uint8_t region;          /* enum geography, of most calls and of its days */
    bool many_regions;
    int64_t response_us; /* typical */
};

/*
 * Adds the hours before that of `now`; nothing when the customer has any api calls recorded, so
 * that a repeated run adds nothing.
 */
enum err usage_add_example(struct db_tx *tx, int64_t now, const struct usage_example *example,
                           struct arena *arena, struct error *e);

#endif
