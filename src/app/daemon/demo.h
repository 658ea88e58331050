/*
 * `webhost serve --demo`: a small fleet of customers of every kind, so that a newcomer sees both
 * modes, every plan and what a constraint does, with vehicles and positions in their databases.
 */
#ifndef WEBHOST_APP_DAEMON_DEMO_H
#define WEBHOST_APP_DAEMON_DEMO_H

#include "domain/accounts/signup.h"
#include "domain/provisioning/prices.h"

struct demo {
    const struct env *env;
    const struct policy *policy;
    struct price_book *prices;
    const struct provisioning *provisioning;
};

/* Signs up those of the demonstration's customers that are not there yet. */
enum err demo_sign_up(const struct demo *demo, struct error *e);

/* The slug of each of them, NULL behind the last. */
const char *demo_slug(size_t i);

/* DemoDataWorker: waits until a customer is provisioned and fills its database. */
struct job_worker demo_worker(struct demo *demo);

#endif
