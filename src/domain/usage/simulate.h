/*
 * Simulation: another policy over the recorded facts of all customers. Changes nothing.
 *
 * Who would move is who its rules would want to move, without what holds the tracker back (repeats,
 * cool-down, margin, cap): that is the policy's answer, and the tracker's is when. Costs are list
 * prices for each customer in its mode: as it is under the active policy, and as it would be.
 */
#ifndef WEBHOST_DOMAIN_USAGE_SIMULATE_H
#define WEBHOST_DOMAIN_USAGE_SIMULATE_H

#include "domain/usage/sweep.h"

struct simulated_move {
    const char *customer_id, *slug;
    int from_mode, to_mode; /* enum mode */
    int plan;               /* enum plan it would get */
    decimal confidence;
    bool required;    /* by a constraint */
    bool recommended; /* the active policy wants it too */
    decimal cost_now, cost_then;
    const char *reason;
};

extern const struct field simulated_move_fields[];

struct simulation {
    bool whole;                /* everybody was looked at; else the totals are not known */
    int64_t customers;         /* active and living somewhere */
    int64_t moves[MODE_COUNT]; /* to each mode */
    int64_t required;
    int64_t now[MODE_COUNT], then[MODE_COUNT]; /* who lives in each mode */
    decimal cost_now, cost_then;               /* of all, USD a month */
    struct records list;                       /* struct simulated_move, by customer id */
    const char *next;                          /* the cursor to go on with, or NULL */
};

/*
 * Lists those who would move, from `page`'s cursor on in the order of ids. Without a cursor
 * everybody is looked at; with one it stops once the page is full, and there are no totals.
 */
enum err simulate_policy(const struct tracker *tracker, const struct policy *policy,
                         struct page page, struct arena *arena, struct simulation *ret,
                         struct error *e);

/* The reply; totals only where there are any. */
json_t *simulation_json(const struct simulation *s, const struct policy *policy);

#endif
