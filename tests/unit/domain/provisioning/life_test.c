/* Hosts from their order to their end: sold out, failed, kept in reserve, too busy, given up. */
#include "clouds.h"
#include "domain/audit/audit.h"
#include "domain/jobs/runner.h"
#include "domain/provisioning/capacity.h"
#include "domain/provisioning/host_order.h"
#include "domain/provisioning/reap.h"
#include "domain/provisioning/slot.h"
#include "domain/provisioning/workers.h"
#include "product.sql.h"

static const char shared[] = "{\"budget\":30,\"vehicle_count\":2}"; /* in ash */
static const char sold_out[] =
    "\"status\":412,\"body\":{\"error\":{\"code\":\"resource_unavailable\",\"message\":\"none\"}}";
static const char refused[] =
    "\"status\":422,\"body\":{\"error\":{\"code\":\"invalid_input\",\"message\":\"bad image\"}}";

static const char *signup_shared(struct clouds *c, const char *slug)
{
    return product_signup(&c->p, slug, "hobby", shared).deployment.id;
}

static enum job_result advance(struct clouds *c, const char *id)
{
    const char *url = NULL;
    return clouds_advance(c, id, &url);
}

static struct host find_host(struct clouds *c, const char *id)
{
    struct host host;
    product_begin(&c->p);
    ASSERT_OK(&c->p, host_find(c->p.tx, id, &c->p.arena, &host, &c->p.e));
    product_rollback(&c->p);
    return host;
}

static struct host host_of(struct clouds *c, const char *deployment_id)
{
    struct deployment d = product_deployment(&c->p, deployment_id);
    assert_non_null(d.host_id);
    return find_host(c, d.host_id);
}

static void orders_answer(struct clouds *c, const char *effect, int count)
{
    clouds_fault(c,
                 arena_printf(&c->p.arena,
                              "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/servers\"},"
                              "\"count\":%d,\"effect\":{%s}}]",
                              count, effect));
}

static void wait_us(struct clouds *c, int64_t us)
{
    clock_virtual_advance(&c->p.clock, us);
}

/* -- sold out --------------------------------------------------------------------------------- */

static void a_type_that_is_sold_out_gives_way_to_the_next(void **state)
{
    struct clouds *c = *state;
    struct hetzner_server_type types[] = {{"ash", "cpx31"}, {"ash", "cpx41"}, {"hil", "cpx31"}};
    c->settings.hetzner.server_types = (struct records){types, ARRAY_LEN(types)};
    const char *id = signup_shared(c, "acme");
    orders_answer(c, sold_out, 1);
    clouds_provision(c, id);
    struct host host = host_of(c, id);
    assert_string_equal(host.server_type, "cpx41");
    assert_string_equal(host.location, "ash");
    assert_int_equal(clouds_count(c, "servers"), 1);
}

static void a_location_that_is_sold_out_gives_way_to_the_next_of_its_region(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    orders_answer(c, sold_out, 1); /* ash has one type in the default configuration */
    clouds_provision(c, id);
    struct host host = host_of(c, id);
    assert_string_equal(host.location, "hil");
    assert_string_equal(host.serves, "ash");
    assert_true(str_starts_with(str_from(host.name), STR("wh-hil-")));
    assert_null(host.error);
    const char *next = signup_shared(c, "next");
    assert_int_equal(advance(c, next), JOB_DONE); /* who belongs to ash finds it there */
    assert_string_equal(host_of(c, next).id, host.id);
}

static void a_region_that_is_sold_out_is_waited_for_longer_each_time_with_one_host(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    orders_answer(c, sold_out, 100);
    int64_t waits[8];
    for (size_t i = 0; i < ARRAY_LEN(waits); i++) {
        assert_int_equal(advance(c, id), JOB_SNOOZE);
        waits[i] = c->wait_us;
        wait_us(c, c->wait_us);
    }
    assert_int_equal(waits[0], 60 * USEC_PER_SEC);
    assert_int_equal(waits[1], 120 * USEC_PER_SEC);
    assert_int_equal(waits[7], 30 * 60 * USEC_PER_SEC);
    struct host host = host_of(c, id);
    assert_int_equal(host.status, HOST_CREATING);
    ASSERT_CONTAINS(host.error, "resource_unavailable");
    assert_int_equal(product_number(&c->p, &count_hosts), 1);
    clouds_no_faults(c);
    clouds_provision(c, id);
    assert_string_equal(host_of(c, id).location, "ash");
}

/* -- failed ----------------------------------------------------------------------------------- */

static void fail_host(struct clouds *c, const char *id)
{
    product_begin(&c->p);
    ASSERT_OK(&c->p,
              host_fail(c->p.tx, &c->p.env, "job:test", id, c->p.e.text, &c->p.arena, &c->p.e));
    product_commit(&c->p);
}

static void an_order_that_failed_frees_its_customers_to_take_another_host(void **state)
{
    struct clouds *c = *state;
    const char *one = signup_shared(c, "one"), *two = signup_shared(c, "two");
    orders_answer(c, refused, 1);
    assert_int_equal(advance(c, one), JOB_FAIL);
    assert_int_equal(clouds_advance(c, two, &(const char *){NULL}), JOB_SNOOZE);
    struct host failed = host_of(c, one);
    fail_host(c, failed.id);
    failed = find_host(c, failed.id);
    assert_int_equal(failed.status, HOST_FAILED);
    assert_int_not_equal(failed.failed_at, INT_ABSENT);

    clouds_provision(c, one);
    clouds_provision(c, two);
    assert_string_not_equal(host_of(c, one).id, failed.id);
    assert_string_equal(host_of(c, two).id, host_of(c, one).id);
    assert_int_equal(find_host(c, failed.id).slots_used, 0);
    assert_int_equal(product_number(&c->p, &sum_slots_used), 2);
}

static void orders_that_fail_again_and_again_wait_before_the_next(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    orders_answer(c, refused, 100);
    for (int i = 0; i < 2; i++) {
        assert_int_equal(advance(c, id), JOB_FAIL);
        fail_host(c, host_of(c, id).id);
    }
    assert_int_equal(advance(c, id), JOB_SNOOZE);
    ASSERT_CONTAINS(c->p.e.text, "the last 2 orders for location ash failed");
    assert_int_equal(product_number(&c->p, &count_hosts), 2);
    clouds_no_faults(c);
    wait_us(c, 61 * USEC_PER_SEC);
    clouds_provision(c, id);
    assert_int_equal(product_number(&c->p, &count_hosts), 3);
}

/* -- room ------------------------------------------------------------------------------------- */

static struct capacity fill(struct clouds *c, const char *location, int64_t *ret_ordered)
{
    struct capacity capacity;
    product_begin(&c->p);
    ASSERT_OK(&c->p, capacity_fill(c->p.tx, &c->p.env, &c->settings.hetzner, "job:test", location,
                                   &c->p.arena, &capacity, ret_ordered, &c->p.e));
    product_commit(&c->p);
    return capacity;
}

static void a_reserve_is_kept_where_customers_live_and_never_twice(void **state)
{
    struct clouds *c = *state;
    int64_t ordered;
    c->settings.hetzner.slots_per_host = 2;
    c->settings.hetzner.reserve_slots = 3;
    assert_int_equal(fill(c, "ash", &ordered).reserve, 0); /* nobody is there */
    assert_int_equal(ordered, 0);
    clouds_provision(c, signup_shared(c, "acme"));
    assert_int_equal(fill(c, "ash", &ordered).shortfall, 2);
    assert_int_equal(ordered, 1);
    assert_int_equal(fill(c, "ash", &ordered).shortfall, 0); /* what is being created counts */
    assert_int_equal(ordered, 0);
    assert_int_equal(product_number(&c->p, &count_hosts), 2);
}

static void hosts_max_bounds_the_reserve_and_the_demand(void **state)
{
    struct clouds *c = *state;
    int64_t ordered;
    struct hetzner_location own[] = {{"ash", 5, 2}};
    c->settings.hetzner.locations = (struct records){own, 1};
    c->settings.hetzner.slots_per_host = 1;
    struct capacity before = fill(c, "ash", &ordered);
    assert_int_equal(before.shortfall, 5);
    assert_true(before.at_hosts_max);
    assert_int_equal(ordered, 2);
    assert_true(fill(c, "ash", &ordered).at_hosts_max);
    assert_int_equal(ordered, 0);
    (void)advance(c, signup_shared(c, "one"));
    (void)advance(c, signup_shared(c, "two"));
    assert_int_equal(advance(c, signup_shared(c, "three")), JOB_SNOOZE);
    ASSERT_CONTAINS(c->p.e.text, "hosts_max 2");
    assert_int_equal(product_number(&c->p, &count_hosts), 2);
}

static void set_load(struct clouds *c, const char *id, decimal load)
{
    product_begin(&c->p);
    ASSERT_OK(&c->p, host_set_load(c->p.tx, id, load, env_now(&c->p.env), &c->p.e));
    product_commit(&c->p);
}

static void a_busy_host_takes_nobody_until_the_measurement_is_stale(void **state)
{
    struct clouds *c = *state;
    const char *one = signup_shared(c, "one");
    clouds_provision(c, one);
    const char *busy = host_of(c, one).id;
    set_load(c, busy, c->settings.hetzner.load_max);
    const char *two = signup_shared(c, "two");
    (void)advance(c, two);
    assert_string_not_equal(host_of(c, two).id, busy);
    set_load(c, busy, c->settings.hetzner.load_max - 1);
    const char *three = signup_shared(c, "three");
    (void)advance(c, three);
    assert_string_equal(host_of(c, three).id, busy);
    set_load(c, busy, DECIMAL_ONE);
    wait_us(c, LOAD_FRESH_US + 1);
    const char *four = signup_shared(c, "four");
    (void)advance(c, four);
    assert_string_equal(host_of(c, four).id, busy);
}

/* -- giving up -------------------------------------------------------------------------------- */

static struct reap_verdict verdict_of(struct clouds *c, const char *id)
{
    struct records plan;
    product_begin(&c->p);
    ASSERT_OK(&c->p,
              reap_plan(c->p.tx, &c->p.env, &c->settings.hetzner, &c->p.arena, &plan, &c->p.e));
    product_rollback(&c->p);
    const struct reap_verdict *items = plan.items;
    for (size_t i = 0; i < plan.count; i++) {
        if (text_eq(items[i].id, id))
            return items[i];
    }
    fail_msg("host %s is not in the plan", id);
    return (struct reap_verdict){0};
}

/* Runs every job that is due, with the workers that the daemon has. */
static void run_jobs(struct clouds *c, int rounds)
{
    struct job_worker workers[PROVISIONING_WORKERS];
    provisioning_workers(&c->provisioning, workers);
    struct job_queue queues[] = {{"provisioning", 4, 0}, {"maintenance", 2, 0}};
    struct runner *runner = runner_new(&(struct runner_options){
        .env = &c->p.env,
        .node_name = "test",
        .workers = workers,
        .worker_count = PROVISIONING_WORKERS,
        .queues = queues,
        .queue_count = ARRAY_LEN(queues),
        .lease_us = 30 * USEC_PER_SEC,
    });
    for (int i = 0; i < rounds; i++) {
        size_t ran;
        ASSERT_OK(&c->p, runner_step(runner, &ran, &c->p.e));
        clouds_settle(c);
    }
    runner_free(runner);
}

static void begin_reap(struct clouds *c)
{
    struct records plan;
    product_begin(&c->p);
    ASSERT_OK(&c->p, reap_begin(c->p.tx, &c->p.env, &c->settings.hetzner, "token:test", &c->p.arena,
                                &plan, &c->p.e));
    product_commit(&c->p);
}

/* As the cron does when its time has come. */
static void run_cron(struct clouds *c, const char *name)
{
    struct cron crons[HOST_CRONS];
    struct job job = {0};
    host_crons(crons);
    for (size_t i = 0; i < HOST_CRONS; i++) {
        if (!text_eq(crons[i].name, name))
            continue;
        product_begin(&c->p);
        ASSERT_OK(&c->p, job_enqueue(c->p.tx, &c->p.env, &crons[i].spec, &c->p.arena, &job, NULL,
                                     &c->p.e));
        product_commit(&c->p);
    }
    assert_non_null(job.worker);
    run_jobs(c, 3);
}

/* A host that a customer has left. */
static const char *emptied_host(struct clouds *c)
{
    const char *id = signup_shared(c, "acme");
    run_jobs(c, 12);
    assert_int_equal(product_deployment(&c->p, id).status, DEPLOYMENT_ACTIVE);
    const char *host = host_of(c, id).id;
    ASSERT_CONTAINS(verdict_of(c, host).reason, "holds 1 customer");
    ASSERT_OK(&c->p, clouds_remove(c, id));
    return host;
}

static void an_empty_host_goes_after_its_grace_with_its_server(void **state)
{
    struct clouds *c = *state;
    const char *host = emptied_host(c);
    assert_false(verdict_of(c, host).remove);
    ASSERT_CONTAINS(verdict_of(c, host).reason, "of 60m");
    wait_us(c, 3600 * USEC_PER_SEC);
    assert_true(verdict_of(c, host).remove);
    assert_int_equal(clouds_count(c, "servers"), 1); /* to plan changes nothing */
    begin_reap(c);
    run_jobs(c, 8);
    assert_int_equal(find_host(c, host).status, HOST_RETIRED);
    assert_int_equal(clouds_count(c, "servers"), 0);
}

static void an_empty_host_that_is_the_reserve_stays(void **state)
{
    struct clouds *c = *state;
    struct hetzner_location own[] = {{"ash", 4, INT_ABSENT}};
    const char *host = emptied_host(c);
    c->settings.hetzner.locations = (struct records){own, 1};
    wait_us(c, 3600 * USEC_PER_SEC);
    assert_false(verdict_of(c, host).remove);
    ASSERT_CONTAINS(verdict_of(c, host).reason, "needed for the reserve of ash");
}

static void a_customer_who_comes_between_plan_and_deletion_keeps_the_host(void **state)
{
    struct clouds *c = *state;
    const char *host = emptied_host(c);
    wait_us(c, 3600 * USEC_PER_SEC);
    begin_reap(c);
    const char *late = signup_shared(c, "late");
    assert_int_equal(advance(c, late), JOB_DONE); /* the host is still there to take */
    run_jobs(c, 8);
    assert_int_equal(find_host(c, host).status, HOST_ACTIVE);
    assert_int_equal(clouds_count(c, "servers"), 1);
    struct records rows;
    const char *next;
    product_begin(&c->p);
    ASSERT_OK(&c->p, audit_list(c->p.tx, NULL, (struct page){50, NULL}, &c->p.arena, &rows, &next,
                                &c->p.e));
    product_rollback(&c->p);
    const struct audit_entry *entries = rows.items;
    const char *kept = NULL;
    for (size_t i = 0; i < rows.count; i++) {
        if (text_eq(entries[i].action, "host.kept"))
            kept = entries[i].details;
    }
    assert_non_null(kept);
    ASSERT_CONTAINS(kept, "holds 1 customer");
}

static void a_retiring_host_cannot_be_reserved_and_a_reserved_one_not_retired(void **state)
{
    struct clouds *c = *state;
    struct host host = find_host(c, emptied_host(c)), taken;
    const char *late = signup_shared(c, "late");
    product_begin(&c->p);
    ASSERT_OK(&c->p, slot_reserve(c->p.tx, &c->p.env, &c->settings.hetzner, "job:test", late, "ash",
                                  &c->p.arena, &taken, &c->p.e));
    assert_string_equal(taken.id, host.id);
    assert_int_equal(host_set_status(c->p.tx, &c->p.env, "job:test", &host, HOST_RETIRING, NULL,
                                     NULL, &c->p.arena, &c->p.e),
                     ERR_CONFLICT);
    product_rollback(&c->p);

    product_begin(&c->p);
    ASSERT_OK(&c->p, host_set_status(c->p.tx, &c->p.env, "job:test", &host, HOST_RETIRING, NULL,
                                     NULL, &c->p.arena, &c->p.e));
    ASSERT_OK(&c->p, slot_reserve(c->p.tx, &c->p.env, &c->settings.hetzner, "job:test", late, "ash",
                                  &c->p.arena, &taken, &c->p.e));
    assert_string_not_equal(taken.id, host.id);
    product_rollback(&c->p);
}

static void a_failed_host_is_given_up_after_the_grace_with_a_server_that_came_late(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_shared(c, "acme");
    orders_answer(c, "\"drop_reply_after_effect\":true", 1);
    assert_int_equal(advance(c, id), JOB_RETRY);
    struct host host = host_of(c, id);
    assert_int_equal(clouds_count(c, "servers"), 1);
    fail_host(c, host.id);
    clouds_provision(c, id);
    assert_int_equal(clouds_count(c, "servers"), 2);
    wait_us(c, 3600 * USEC_PER_SEC);
    begin_reap(c);
    run_jobs(c, 8);
    assert_int_equal(find_host(c, host.id).status, HOST_RETIRED);
    assert_int_equal(clouds_count(c, "servers"), 1);
}

/* -- measuring and guarding ------------------------------------------------------------------- */

/* Hosts with one customer each, active. */
static void populate(struct clouds *c, const char **ids, size_t count)
{
    c->settings.hetzner.slots_per_host = 1;
    for (size_t i = 0; i < count; i++)
        ids[i] = signup_shared(c, arena_printf(&c->p.arena, "customer-%zu", i));
    run_jobs(c, 12);
    for (size_t i = 0; i < count; i++)
        assert_int_equal(product_deployment(&c->p, ids[i]).status, DEPLOYMENT_ACTIVE);
}

/* One of cpx31's four cores for each hundred. */
static void set_cpu(struct clouds *c, const char *name, int percent)
{
    clouds_set(c, arena_printf(&c->p.arena, "{\"load\":{\"%s\":{\"cpu\":%d}}}", name, percent));
}

static void what_hosts_do_is_measured_and_a_busy_one_takes_nobody(void **state)
{
    struct clouds *c = *state;
    const char *ids[2];
    populate(c, ids, 2);
    const char *busy = host_of(c, ids[0]).id, *idle = host_of(c, ids[1]).id;
    assert_int_equal(find_host(c, busy).load, INT_ABSENT);
    set_cpu(c, find_host(c, busy).name, 380);
    set_cpu(c, find_host(c, idle).name, 20);
    run_cron(c, "host-load");
    assert_int_equal(find_host(c, busy).load, 9500);
    assert_int_equal(find_host(c, idle).load, 500);
    ASSERT_OK(&c->p, clouds_remove(c, ids[0]));
    ASSERT_OK(&c->p, clouds_remove(c, ids[1]));
    const char *next = signup_shared(c, "next");
    (void)advance(c, next);
    assert_string_equal(host_of(c, next).id, idle);
}

static void a_host_that_tells_no_load_keeps_no_other_from_being_measured(void **state)
{
    struct clouds *c = *state;
    const char *ids[2];
    populate(c, ids, 2);
    struct host silent = host_of(c, ids[0]), other = host_of(c, ids[1]);
    set_cpu(c, other.name, 100);
    clouds_fault(c, arena_printf(&c->p.arena,
                                 "[{\"match\":{\"method\":\"GET\",\"path_prefix\":\"/v1/servers/"
                                 "%lld/metrics\"},\"effect\":{\"status\":500,\"body\":{}}}]",
                                 (long long)silent.provider_id));
    run_cron(c, "host-load");
    assert_int_equal(find_host(c, silent.id).load, INT_ABSENT);
    assert_int_equal(find_host(c, other.id).load, 2500);
}

/* The rules of the only firewall, as JSON. */
static const char *rules_now(struct clouds *c)
{
    _cleanup_json_ json_t *body = clouds_get(c, "/v1/firewalls");
    json_t *list = json_object_get(body, "firewalls");
    assert_int_equal(json_array_size(list), 1);
    char *text = json_dumps(json_object_get(json_array_get(list, 0), "rules"), JSON_COMPACT);
    const char *copy = arena_text(&c->p.arena, text);
    free(text);
    return copy;
}

static void the_firewall_follows_the_configuration_and_what_was_changed_by_hand_goes(void **state)
{
    struct clouds *c = *state;
    static const char *home[] = {"203.0.113.7/32"};
    const char *id;
    populate(c, &id, 1);
    assert_null(strstr(rules_now(c), "5432"));
    c->settings.hetzner.allow_from = (struct texts){home, 1};
    run_cron(c, "host-load");
    const char *right = rules_now(c);
    ASSERT_CONTAINS(right, "\"5432\"");
    ASSERT_CONTAINS(right, "203.0.113.7/32");

    _cleanup_json_ json_t *body = clouds_get(c, "/v1/firewalls");
    json_t *firewall = json_array_get(json_object_get(body, "firewalls"), 0);
    clouds_post(c,
                arena_printf(&c->p.arena, "/v1/firewalls/%lld/actions/set_rules",
                             (long long)json_get_int(firewall, "id")),
                "{\"rules\":[{\"direction\":\"in\",\"protocol\":\"tcp\",\"port\":\"5432\","
                "\"source_ips\":[\"0.0.0.0/0\"]}]}");
    ASSERT_CONTAINS(rules_now(c), "0.0.0.0/0");
    run_cron(c, "host-load");
    assert_string_equal(rules_now(c), right);
}

static void a_firewall_that_cannot_be_looked_at_keeps_no_load_from_being_measured(void **state)
{
    struct clouds *c = *state;
    const char *id;
    populate(c, &id, 1);
    set_cpu(c, host_of(c, id).name, 200);
    clouds_fault(c, "[{\"match\":{\"method\":\"GET\",\"path_prefix\":\"/v1/firewalls\"},"
                    "\"effect\":{\"status\":500,\"body\":{}}}]");
    run_cron(c, "host-load");
    assert_int_equal(host_of(c, id).load, 5000);
}

static void the_table_has_each_edge_once_and_no_other(void **state)
{
    (void)state;
    static const char *const table[HOST_STATUSES] = {
        [HOST_CREATING] = "active failed",   [HOST_ACTIVE] = "draining retiring",
        [HOST_DRAINING] = "active retiring", [HOST_FAILED] = "retiring",
        [HOST_RETIRING] = "retired",         [HOST_RETIRED] = "",
    };
    for (int from = 0; from < HOST_STATUSES; from++) {
        for (int to = 0; to < HOST_STATUSES; to++)
            assert_int_equal(host_may_become((enum host_status)from, (enum host_status)to),
                             strstr(table[from], host_status_names[to]) != NULL);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(a_type_that_is_sold_out_gives_way_to_the_next),
        CLOUDS_TEST(a_location_that_is_sold_out_gives_way_to_the_next_of_its_region),
        CLOUDS_TEST(a_region_that_is_sold_out_is_waited_for_longer_each_time_with_one_host),
        CLOUDS_TEST(an_order_that_failed_frees_its_customers_to_take_another_host),
        CLOUDS_TEST(orders_that_fail_again_and_again_wait_before_the_next),
        CLOUDS_TEST(a_reserve_is_kept_where_customers_live_and_never_twice),
        CLOUDS_TEST(hosts_max_bounds_the_reserve_and_the_demand),
        CLOUDS_TEST(a_busy_host_takes_nobody_until_the_measurement_is_stale),
        CLOUDS_TEST(an_empty_host_goes_after_its_grace_with_its_server),
        CLOUDS_TEST(an_empty_host_that_is_the_reserve_stays),
        CLOUDS_TEST(a_customer_who_comes_between_plan_and_deletion_keeps_the_host),
        CLOUDS_TEST(a_retiring_host_cannot_be_reserved_and_a_reserved_one_not_retired),
        CLOUDS_TEST(a_failed_host_is_given_up_after_the_grace_with_a_server_that_came_late),
        CLOUDS_TEST(what_hosts_do_is_measured_and_a_busy_one_takes_nobody),
        CLOUDS_TEST(a_host_that_tells_no_load_keeps_no_other_from_being_measured),
        CLOUDS_TEST(the_firewall_follows_the_configuration_and_what_was_changed_by_hand_goes),
        CLOUDS_TEST(a_firewall_that_cannot_be_looked_at_keeps_no_load_from_being_measured),
        cmocka_unit_test(the_table_has_each_edge_once_and_no_other),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
