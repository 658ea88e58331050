/*
 * The product (product.h) with both clouds: a sandbox on a free port that shares its clock, and the
 * providers driven by hand, one step at a time, without threads and without waiting.
 */
#ifndef WEBHOST_TESTS_SUPPORT_CLOUDS_H
#define WEBHOST_TESTS_SUPPORT_CLOUDS_H

#include "domain/provisioning/host_workers.h"
#include "domain/provisioning/provider.h"
#include "infra/http/client.h"
#include "product.h"
#include "sandbox/sandbox.h"

#define CLOUD_DELAY_US USEC_PER_SEC /* each step of something asynchronous */

struct clouds {
    struct product p;    /* first, so that a test's state serves both */
    struct testdb fleet; /* every tenant's database */
    char folder[64];
    struct sandbox_options options; /* change before clouds_restart() */
    char db_url[128];
    struct sandbox *sandbox;
    struct http_client *client;
    struct secret *token;
    struct provisioning_settings settings;
    struct provisioning provisioning;
    int64_t wait_us;
};

int clouds_setup(void **state);
int clouds_teardown(void **state);

/* Stops the sandbox and starts it with the same state and c->options. */
void clouds_restart(struct clouds *c);

/* Moves the clock past everything that is under way. */
void clouds_settle(struct clouds *c);

/* The sandbox makes what matches go wrong: a list as src/sandbox/faults.h describes it. */
void clouds_fault(struct clouds *c, const char *faults);
void clouds_no_faults(struct clouds *c);

/* A request of somebody else; fails the test unless the reply is a success. */
void clouds_post(struct clouds *c, const char *path, const char *body);
void clouds_put(struct clouds *c, const char *path, const char *body);
void clouds_delete(struct clouds *c, const char *path);

/* What a request finds, owned by the caller. */
json_t *clouds_get(struct clouds *c, const char *path);

/* What the clouds look like from now on: src/sandbox/settings.h. */
void clouds_set(struct clouds *c, const char *settings);

/* How many "servers", "apps", "machines", "volumes" there are. */
int64_t clouds_count(struct clouds *c, const char *what);

/* One step of a host's own job; the error is in c->p.e, what it wants to wait in c->wait_us. */
enum job_result clouds_host_advance(struct clouds *c, const char *host_id);

/*
 * One step of the deployment's provider, or of the host that it waits for; the error is in c->p.e.
 */
enum job_result clouds_advance(struct clouds *c, const char *deployment_id,
                               const char **ret_database_url);

/* Steps and settles until the provider is done, then activates, as the worker does. */
void clouds_provision(struct clouds *c, const char *deployment_id);

enum err clouds_remove(struct clouds *c, const char *deployment_id);

#define CLOUDS_TEST(name) cmocka_unit_test_setup_teardown(name, clouds_setup, clouds_teardown)

#endif
