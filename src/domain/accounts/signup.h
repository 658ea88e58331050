/*
 * Signing up: a customer, its subscription, the decision where it lives, the deployment, the job
 * that provisions it, and the audit record, all in one transaction (SPEC, contradiction 7). There
 * is never a customer whom nobody provisions.
 */
#ifndef WEBHOST_DOMAIN_ACCOUNTS_SIGNUP_H
#define WEBHOST_DOMAIN_ACCOUNTS_SIGNUP_H

#include "domain/accounts/customer.h"
#include "domain/accounts/decisions.h"
#include "domain/provisioning/deployment.h"

struct signup {
    const char *name, *slug, *email, *company_name, *billing_email, *plan_slug;
    struct profile_form profile_overrides;
};

/* The request body. */
extern const struct field signup_fields[];

struct signed_up {
    struct customer customer;
    struct decision_record decision;
    struct deployment deployment;
    struct job job;
};

/*
 * ERR_INVALID with every wrong field in `problems`; ERR_CONFLICT when the slug is taken. Nothing is
 * changed then.
 */
enum err signup(struct db_tx *tx, const struct env *env, const struct policy *policy,
                const struct prices *prices, const char *actor, const struct signup *request,
                struct arena *arena, struct problems *problems, struct signed_up *ret,
                struct error *e);

#endif
