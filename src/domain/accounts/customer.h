/*
 * Customers and what they told us about themselves.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_CUSTOMER_H
#define WEBHOST_DOMAIN_ACCOUNTS_CUSTOMER_H

#include "domain/accounts/plan.h"
#include "domain/placement/profile.h"

#define SLUG_MAX 63

/* active -> leaving -> cancelled, or back to active: offboarding.h. */
enum customer_status { CUSTOMER_ACTIVE, CUSTOMER_LEAVING, CUSTOMER_CANCELLED };

extern const char *const customer_status_names[];

struct customer {
    const char *id;
    const char *slug;
    const char *name;
    const char *email;
    const char *company_name;
    const char *billing_email;
    int status;          /* enum customer_status */
    int plan;            /* enum plan, subscribed to now or last */
    int mode;            /* enum mode of the current deployment */
    const char *profile; /* what it told us, as JSON */
    int64_t created_at;
};

extern const struct field customer_fields[];

/* By id or slug. */
enum err customer_find(struct db_tx *tx, const char *id_or_slug, struct arena *arena,
                       struct customer *ret_customer, struct error *e);

/* ERR_CONFLICT while the customer is moved. */
enum err customer_check_settled(struct db_tx *tx, const struct customer *customer,
                                struct arena *arena, struct error *e);

struct customer_filter {
    const char *mode, *status; /* NULL: any */
    const char *search;        /* what slug or name begin with, whatever its case; NULL: anything */
};

/* Newest first: records of struct customer. A search goes through the first 2000 that fit. */
enum err customer_list(struct db_tx *tx, const struct customer_filter *filter, struct page page,
                       struct arena *arena, struct records *ret_customers, const char **ret_next,
                       struct error *e);

/*
 * What is recorded about the customer (facts/facts.h): what was measured, else what it told, else
 * the defaults (SPEC, contradiction 4): budget from the plan's price, latency 100 ms, the US.
 */
enum err customer_profile(struct db_tx *tx, const struct customer *customer, struct arena *arena,
                          struct profile *ret_profile, struct error *e);

/* "lower-case letters, digits and -" or NULL: the plan's ^[a-z0-9-]+$. A field_check. */
const char *slug_check(const char *text);

/* An address with one @, something before it and a dotted name behind it. A field_check. */
const char *email_check(const char *text);

/* Text that can be shown: UTF-8 without control characters, not blank. A field_check. */
const char *name_check(const char *text);

#endif
