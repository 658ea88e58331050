/*
 * Plans: what customers subscribe to, and its price.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_PLAN_H
#define WEBHOST_DOMAIN_ACCOUNTS_PLAN_H

#include "base/decimal.h"
#include "domain/core/env.h"
#include "domain/placement/vocabulary.h"

struct plan_offer {
    int slug; /* enum plan */
    const char *name;
    int mode;      /* enum mode */
    decimal price; /* USD a month */
};

extern const struct field plan_offer_fields[];

/* Cheapest first: records of struct plan_offer. */
enum err plan_list(struct db_tx *tx, struct arena *arena, struct records *ret_plans,
                   struct error *e);

/* ERR_NOT_FOUND names the plans there are. */
enum err plan_find(struct db_tx *tx, const char *slug, struct arena *arena,
                   struct plan_offer *ret_plan, struct error *e);

/* NULL for the slug of a plan. A field_check: a wrong plan is told with the other mistakes. */
const char *plan_check(const char *text);

#endif
