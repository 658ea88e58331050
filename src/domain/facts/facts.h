/*
 * What is known of each customer for deciding about its place: one row of numbers each.
 *
 * Everything the sweep needs stands in `customer_facts`, so that it reads one table in the order of
 * its key. Each part has one writer, who keeps it true in the transaction that changes the
 * original:
 *
 *     contract and own words   accounts: signup, change of plan or profile, offboarding
 *     where it lives           provisioning and migration, through facts_set_place()
 *     measured                 usage/measure.h
 *
 * The row is made with the customer. What is absent is INT_ABSENT. What the sweep makes of the
 * facts stands in a table of its own (usage/sweep.h), so that its writes do not meet these.
 */
#ifndef WEBHOST_DOMAIN_FACTS_FACTS_H
#define WEBHOST_DOMAIN_FACTS_FACTS_H

#include "domain/core/env.h"
#include "domain/placement/decide.h"

struct facts {
    const char *customer_id;

    int64_t active; /* 0: the sweep passes it by */
    int64_t plan;   /* enum plan */
    decimal price;
    decimal budget, latency;
    int64_t vehicles_told, users_told;
    int64_t compliance; /* bits */
    int64_t regions;    /* regions_pack() */

    int64_t mode; /* enum mode */
    int64_t mode_since, moved_at;

    int64_t measured_at;
    int64_t vehicles, gps_points, api_calls, storage_bytes, users, peak_users;
    int64_t response_us, p95_us, p99_us;
    decimal error_rate, cpu, growth;
    int64_t regions_used; /* regions_pack() */
};

extern const struct field facts_fields[];

/* Geographies in order, four bits each, lowest first, value + 1; 0 is an empty list. */
int64_t regions_pack(const uint8_t *regions, size_t count);
size_t regions_unpack(int64_t packed, uint8_t ret_regions[GEOGRAPHY_COUNT]);

/*
 * What decide() gets: what was measured before what the customer told before the defaults. A
 * customer that outgrew its words is decided by what it does (SPEC, contradiction 4).
 */
void facts_profile(const struct facts *facts, struct profile *ret_profile,
                   struct decide_context *ret_context);

/* What the customer's contract and words are now; makes the row, active, when there is none. */
enum err facts_set_told(struct db_tx *tx, const char *customer_id, enum plan plan, decimal price,
                        const struct profile *told, struct error *e);

/* Whether it is a customer to be looked after: not while it leaves, and not after that. */
enum err facts_set_active(struct db_tx *tx, const char *customer_id, bool active, struct error *e);

/* It lives in `mode` since `since`; `moved` when it came there by a move between modes. */
enum err facts_set_place(struct db_tx *tx, const char *customer_id, enum mode mode, int64_t since,
                         bool moved, struct error *e);

/* ERR_NOT_FOUND for an unknown customer. */
enum err facts_find(struct db_tx *tx, const char *customer_id, struct arena *arena,
                    struct facts *ret_facts, struct error *e);

#endif
