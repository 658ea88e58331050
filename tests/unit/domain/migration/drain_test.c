/* A host is drained: its customers arrive elsewhere with all they have, and the host is given up.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "domain/migration/drain.h"
#include "domain/migration/postgres/watchdog.h"
#include "domain/provisioning/reap.h"
#include "world.h"
#include "world.sql.h"

#define SMALL     "{\"budget\":30,\"vehicle_count\":2}"
#define CUSTOMERS 3

static struct world w;
static const char *customers[CUSTOMERS], *rows[CUSTOMERS], *host_id;

struct hand {
    struct host host;
    struct drain_progress progress;
    struct records plan;
};

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct hand *h = arg;
    TRY(drain_progress(tx, host_id, &w.arena, &h->progress, e));
    return host_find(tx, host_id, &w.arena, &h->host, e);
}

static enum err start_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct hand *h = arg;
    return drain_start(tx, &w.env, "token:test", host_id, &w.arena, &h->host, e);
}

static enum err stop_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct hand *h = arg;
    return drain_stop(tx, &w.env, "token:test", host_id, &w.arena, &h->host, e);
}

static enum err reap_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct hand *h = arg;
    return reap_begin(tx, &w.env, &w.settings.hetzner, "token:test", &w.arena, &h->plan, e);
}

static struct hand by_hand(db_work *work)
{
    struct hand h = {0};
    struct error e;
    if (db_write(w.env.db, work, &h, &e) != OK)
        fail_msg("%s", e.text);
    return h;
}

/* Customers on one host, whose database is not the one that the next host will have. */
static int setup(void **state)
{
    (void)state;
    world_create(&w);
    w.settings.hetzner.reserve_slots = 0;
    w.settings.hetzner.drain_moves = 1;
    for (int i = 0; i < CUSTOMERS; i++) {
        customers[i] = world_customer(&w, arena_printf(&w.arena, "customer-%d", i), SMALL);
        rows[i] = world_fingerprint(&w, w.shared.url, customers[i]);
    }
    host_id = world_current(&w, customers[0]).host_id;
    w.settings.hetzner.database_url = w.dedicated.url;
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    world_remove(&w);
    return 0;
}

static int64_t moves_running(void)
{
    return by_hand(find_work).progress.moving;
}

static void all_customers_arrive_with_their_rows_and_the_host_goes_after_its_grace(void **state)
{
    (void)state;
    assert_int_equal(by_hand(start_work).host.status, HOST_DRAINING);
    for (int i = 0; i < 200 && by_hand(find_work).host.slots_used > 0; i++) {
        world_run(&w, 1);
        assert_true(moves_running() <= 1);
    }
    world_run(&w, 20);
    for (int i = 0; i < CUSTOMERS; i++) {
        struct deployment now = world_current(&w, customers[i]);
        assert_int_equal(now.mode, MULTI_TENANT);
        assert_string_not_equal(now.host_id, host_id);
        assert_string_equal(now.database_url, w.dedicated.url);
        assert_string_equal(world_fingerprint(&w, w.dedicated.url, customers[i]), rows[i]);
        assert_int_equal(world_tenant_count(&w, w.shared.url, &world_places, customers[i]), 0);
    }
    assert_int_equal(by_hand(find_work).host.status, HOST_DRAINING);

    (void)by_hand(reap_work); /* too early */
    world_run(&w, 20);
    assert_int_equal(by_hand(find_work).host.status, HOST_DRAINING);
    clock_virtual_advance(&w.clock, 3600 * USEC_PER_SEC);
    (void)by_hand(reap_work);
    world_run(&w, 20);
    assert_int_equal(by_hand(find_work).host.status, HOST_RETIRED);
}

static void undraining_stops_the_moves_and_the_host_takes_customers_again(void **state)
{
    (void)state;
    (void)by_hand(start_work);
    for (int i = 0; i < 50 && moves_running() == 0; i++)
        world_run(&w, 1);
    assert_int_equal(moves_running(), 1);
    assert_int_equal(by_hand(stop_work).host.status, HOST_ACTIVE);
    world_run(&w, 60);
    struct host host = by_hand(find_work).host;
    assert_int_equal(host.slots_used, CUSTOMERS);
    for (int i = 0; i < CUSTOMERS; i++) {
        assert_string_equal(world_current(&w, customers[i]).host_id, host_id);
        assert_string_equal(world_fingerprint(&w, w.shared.url, customers[i]), rows[i]);
    }
    w.settings.hetzner.database_url = w.shared.url;
    const char *late = world_customer(&w, "late", SMALL);
    assert_string_equal(world_current(&w, late).host_id, host_id);
}

static void nobody_new_comes_to_a_host_that_is_drained(void **state)
{
    (void)state;
    (void)by_hand(start_work);
    const char *late = world_customer(&w, "late", SMALL);
    assert_string_not_equal(world_current(&w, late).host_id, host_id);
    struct hand h = {0};
    struct error e;
    assert_int_equal(db_write(w.env.db, start_work, &h, &e), ERR_CONFLICT);
    assert_non_null(strstr(e.text, "is draining"));
}

int main(int argc, char **argv)
{
    pg_watchdog_hook(argc, argv, NULL);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(
            all_customers_arrive_with_their_rows_and_the_host_goes_after_its_grace, setup,
            teardown),
        cmocka_unit_test_setup_teardown(
            undraining_stops_the_moves_and_the_host_takes_customers_again, setup, teardown),
        cmocka_unit_test_setup_teardown(nobody_new_comes_to_a_host_that_is_drained, setup,
                                        teardown),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
