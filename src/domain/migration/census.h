/*
 * The census: how many there are of what, over the whole installation, for whoever watches it.
 *
 * Counts come from indexes; nothing here grows with the number of customers but what their current
 * deployments' index holds. Every list has a bound that follows from fixed words, so that what is
 * made from it (labels of metrics) has one too.
 */
#ifndef WEBHOST_DOMAIN_MIGRATION_CENSUS_H
#define WEBHOST_DOMAIN_MIGRATION_CENSUS_H

#include "base/decimal.h"
#include "domain/core/env.h"
#include "domain/migration/overview.h"
#include "infra/metrics/histogram.h"

/* How many there are of two words: a mode and a status, a state and a mode. */
struct census_count {
    const char *kind, *status;
    int64_t count;
};

struct census_slots {
    const char *location;
    int64_t capacity, used;
};

/* What the customers of a mode pay and cost, of the newest look (usage/fleet.h). */
struct census_money {
    const char *mode;
    decimal revenue, cost; /* USD a month */
};

struct census {
    struct records deployments;  /* struct overview_place */
    struct records money;        /* struct census_money; none before the first look */
    struct records hosts;        /* struct census_count: "host", status; without retired ones */
    struct records slots;        /* struct census_slots of hosts that take customers */
    struct records moves;        /* struct census_count: the mode it goes to, state */
    struct histogram stalls;     /* of completed moves: how long the customer could not write */
    struct histogram moves_took; /* of completed moves: from the request until they were over */
    int64_t proposals;           /* that wait for a person */
    int64_t proposal_oldest_at;  /* INT_ABSENT: none */
    int64_t swept_at, sweep_took_us, swept, due; /* of the last whole sweep; INT_ABSENT: none */
    const char *outcomes; /* of it: how many of each, as a JSON object; NULL: none */
};

enum err census_take(struct db_tx *tx, struct arena *arena, struct census *ret, struct error *e);

#endif
