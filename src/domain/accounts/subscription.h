/*
 * Subscriptions: the plan that a customer pays for. One at a time; a change ends the present one
 * and begins the next, so that it can be said what was paid for when.
 *
 * The plan is a floor for the size of a dedicated instance (placement/decide.h). So a change asks
 * for the shape that a decision in the customer's present mode has under the new plan, in the same
 * transaction, and FlyioScaleWorker brings the instance there. A shared place has one size. No
 * change of a plan moves anybody to the other mode: that takes an evaluation and a move.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_SUBSCRIPTION_H
#define WEBHOST_DOMAIN_ACCOUNTS_SUBSCRIPTION_H

#include "domain/accounts/customer.h"
#include "domain/placement/policy.h"
#include "domain/provisioning/deployment.h"

/* A customer's first. */
enum err subscription_begin(struct db_tx *tx, const struct env *env, const char *customer_id,
                            enum plan plan, struct arena *arena, struct error *e);

/* The present one. */
enum err subscription_end(struct db_tx *tx, const struct env *env, const char *customer_id,
                          struct error *e);

struct resubscribed {
    struct customer customer;
    struct deployment deployment; /* plan and regions are what it is to have */
    bool scales;
    struct job job; /* when it does */
};

/*
 * Audited as subscription.changed. The plan that the customer has already changes nothing.
 * ERR_CONFLICT while the customer leaves, is moved, or has an instance that is not active.
 */
enum err subscription_change(struct db_tx *tx, const struct env *env, const struct policy *policy,
                             const char *actor, const char *id_or_slug, enum plan plan,
                             struct arena *arena, struct resubscribed *ret, struct error *e);

#endif
