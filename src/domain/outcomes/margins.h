/*
 * What customers cost and what is left of their plans' prices, by customer and by mode.
 *
 * The cost is the estimate that decisions and the tracker use (usage/tracker.h, judge_cost()): list
 * prices, the plan and the regions the customer needs, the vehicles it has. The price is that of
 * its plan. Customers that leave or live nowhere yet are left out.
 *
 * Totals go through all customers in snapshots of a page, without keeping any.
 */
#ifndef WEBHOST_DOMAIN_OUTCOMES_MARGINS_H
#define WEBHOST_DOMAIN_OUTCOMES_MARGINS_H

#include "domain/usage/sweep.h"

struct customer_margin {
    const char *customer_id, *slug;
    int mode;                    /* enum mode */
    int plan;                    /* enum plan, subscribed to */
    decimal price, cost, margin; /* USD a month; margin = price - cost */
};

extern const struct field customer_margin_fields[];

#define MARGINS_WORST 10

struct margin_totals {
    int64_t customers, losing; /* losing: cost more than they pay */
    decimal price, cost;
};

struct margins {
    struct records list; /* of struct customer_margin, in the order of ids */
    const char *next;    /* to go on from; NULL at the end */
    bool whole;          /* the rest is filled */
    struct margin_totals totals[MODE_COUNT];
    struct customer_margin worst[MARGINS_WORST]; /* the smallest margins first */
    size_t worst_count;
};

/* Totals with the first page only. `mode` is an enum mode, or -1: both; it limits the list. */
enum err margins_read(const struct tracker *tracker, int mode, struct page page,
                      struct arena *arena, struct margins *ret, struct error *e);

json_t *margins_json(const struct margins *margins);

#endif
