/*
 * Deciding again about a customer that lives somewhere already.
 *
 * What the request does not say is taken from what is recorded about the customer, and what is not
 * recorded from the defaults (SPEC, contradiction 4). An evaluation changes nothing.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_EVALUATION_H
#define WEBHOST_DOMAIN_ACCOUNTS_EVALUATION_H

#include "domain/accounts/customer.h"
#include "domain/placement/decide.h"
#include "domain/provisioning/deployment.h"

struct evaluation {
    struct customer customer;
    struct deployment current;
    struct profile profile;
    struct decide_context context;
    struct decision decision;
    bool migration_due; /* another mode, and confidence enough to move (SPEC "Scoring") */
};

/* `overrides` may be NULL. ERR_INVALID with the fields in `problems`. */
enum err evaluate_customer(struct db_tx *tx, const struct policy *policy, const char *id_or_slug,
                           const struct profile_form *overrides, struct arena *arena,
                           struct problems *problems, struct evaluation *ret, struct error *e);

#endif
