/*
 * The product without its edges: a fresh database with the whole schema, a clock that stands still,
 * randomness from a seed, the default policy and prices. Works on both engines (testdb.h).
 */
#ifndef WEBHOST_TESTS_SUPPORT_PRODUCT_H
#define WEBHOST_TESTS_SUPPORT_PRODUCT_H

#include "check.h"
#include "domain/accounts/signup.h"
#include "domain/provisioning/prices.h"
#include "testdb.h"
#include "testtx.h"

#define PRODUCT_START_US (INT64_C(1790000000) * USEC_PER_SEC) /* 2026-09-21 */

struct product {
    struct testdb t;
    struct testtx session;
    struct db_tx *tx; /* between product_begin() and its end */
    struct clock_virtual clock;
    struct rng_seeded rng;
    struct env env;
    struct policy *policy;
    struct prices *prices;
    struct provisioning_settings provisioning; /* the defaults: no cloud */
    struct price_book price_book;
    struct arena arena;
    struct problems problems;
    struct error e;
};

/* For cmocka_unit_test_setup_teardown(); the state is a struct product. */
int product_setup(void **state);
int product_teardown(void **state);

void product_init(struct product *p);
void product_release(struct product *p);

/* A writing transaction in p->tx. A commit that fails, fails the test. */
struct db_tx *product_begin(struct product *p);
void product_commit(struct product *p);
void product_rollback(struct product *p);

/* A number that a query gives outside of a transaction. */
int64_t product_number(struct product *p, const struct db_query *query);

/*
 * Signs a customer up as the API does, from a request body, in p->tx. Mistakes are in p->problems.
 */
enum err product_try_signup(struct product *p, const char *body, struct signed_up *ret);

/* The same with these values in a transaction of its own, committed. `profile` is JSON. */
struct signed_up product_signup(struct product *p, const char *slug, const char *plan,
                                const char *profile);

/* The deployment as it is now, read in a transaction of its own. */
struct deployment product_deployment(struct product *p, const char *id);

#define PRODUCT_TEST(name) cmocka_unit_test_setup_teardown(name, product_setup, product_teardown)

#endif
