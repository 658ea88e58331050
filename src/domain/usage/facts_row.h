/*
 * The part of a customer's facts that decides, as sweep_page and simulate_page read it. Both look
 * at every customer there is, so the columns have their places and are not looked up by name.
 */
#ifndef WEBHOST_DOMAIN_USAGE_FACTS_ROW_H
#define WEBHOST_DOMAIN_USAGE_FACTS_ROW_H

#include "domain/facts/facts.h"

#define FACTS_ROW_WIDTH 15

static inline int64_t facts_number(const struct db_value *v)
{
    return v->type == DB_INT ? v->number : INT_ABSENT;
}

/* What is not in the row is 0. The id is borrowed from it. */
static inline void facts_from_row(const struct db_value c[FACTS_ROW_WIDTH], struct facts *ret_facts)
{
    *ret_facts = (struct facts){
        .customer_id = c[0].text,
        .active = facts_number(&c[1]),
        .plan = facts_number(&c[2]),
        .price = facts_number(&c[3]),
        .budget = facts_number(&c[4]),
        .latency = facts_number(&c[5]),
        .vehicles_told = facts_number(&c[6]),
        .users_told = facts_number(&c[7]),
        .compliance = facts_number(&c[8]),
        .regions = facts_number(&c[9]),
        .mode = facts_number(&c[10]),
        .moved_at = facts_number(&c[11]),
        .vehicles = facts_number(&c[12]),
        .peak_users = facts_number(&c[13]),
        .regions_used = facts_number(&c[14]),
    };
}

#endif
