/* What the clouds hold against what the database says: every kind of difference, both ways. */
#include "clouds.h"
#include "domain/provisioning/cloud.h"
#include "domain/provisioning/host.h"
#include "domain/provisioning/reconcile.h"

#define HOUR_US (3600 * USEC_PER_SEC)

static const char shared[] = "{\"budget\":30,\"vehicle_count\":2}";
static const char dedicated[] = "{\"budget\":300,\"vehicle_count\":20}";

/* -- doing and looking ------------------------------------------------------------------------ */

static void wait_hours(struct clouds *c, int64_t hours)
{
    clock_virtual_advance(&c->p.clock, hours * HOUR_US);
}

static int64_t reconcile_ok(struct clouds *c, enum infrastructure provider)
{
    int64_t cleaned = -1;
    ASSERT_OK(&c->p,
              reconcile(&c->provisioning, provider, "job:test", &c->p.arena, &cleaned, &c->p.e));
    return cleaned;
}

static struct records drift_now(struct clouds *c)
{
    struct records all;
    const char *next;
    const struct page page = {.limit = PAGE_LIMIT_MAX};
    product_begin(&c->p);
    ASSERT_OK(&c->p, drift_list(c->p.tx, -1, page, &c->p.arena, &all, &next, &c->p.e));
    product_rollback(&c->p);
    return all;
}

/* The only difference there is. */
static const struct drift *only_drift(struct clouds *c, enum drift_kind kind, const char *thing)
{
    struct records all = drift_now(c);
    assert_int_equal(all.count, 1);
    const struct drift *d = all.items;
    assert_int_equal(d->kind, kind);
    assert_string_equal(d->thing, thing);
    return d;
}

static void make_server(struct clouds *c, const char *name, const char *labels)
{
    clouds_post(c, "/v1/servers",
                arena_printf(&c->p.arena,
                             "{\"name\":\"%s\",\"server_type\":\"cpx31\",\"image\":\"debian-12\","
                             "\"location\":\"ash\",\"labels\":{%s}}",
                             name, labels));
}

static const char *labels_of(struct clouds *c, const char *install)
{
    return arena_printf(&c->p.arena, "\"managed-by\":\"webhost\",\"webhost-install\":\"%s\"",
                        install);
}

static const char *our_labels(struct clouds *c)
{
    return labels_of(c, c->provisioning.install_id);
}

/* An active customer, old enough to be judged. */
static struct deployment settled(struct clouds *c, const char *slug, const char *plan,
                                 const char *profile)
{
    const char *id = product_signup(&c->p, slug, plan, profile).deployment.id;
    clouds_provision(c, id);
    wait_hours(c, 1);
    return product_deployment(&c->p, id);
}

static void remote_delete(struct clouds *c, const char *path)
{
    struct cloud cloud;
    static const struct cloud_error none[] = {{0, NULL, OK}};
    static const struct cloud_retry never[] = {{0, NULL, false, false}};
    static const struct route_name names[] = {{NULL, NULL, NULL}};
    static const struct cloud_rate rates[] = {{.route = NULL}};
    static const struct cloud_dialect somebody = {.name = "somebody",
                                                  .errors = none,
                                                  .infrastructure = FLYIO,
                                                  .request_id_header = "X-None",
                                                  .retries = never,
                                                  .names = names,
                                                  .rates = rates};
    cloud_open(&cloud, &c->provisioning, &somebody, NULL, NULL);
    ASSERT_OK(&c->p, cloud_call(&cloud, HTTP_DELETE, path, NULL, &c->p.arena, NULL, &c->p.e));
    cloud_close(&cloud);
    clouds_settle(c);
}

/* -- nothing ---------------------------------------------------------------------------------- */

static void what_was_provisioned_is_no_difference(void **state)
{
    struct clouds *c = *state;
    (void)settled(c, "one", "hobby", shared);
    (void)settled(c, "two", "starter", dedicated);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
}

static void fifty_servers_and_more_are_read_page_by_page(void **state)
{
    struct clouds *c = *state;
    for (int i = 0; i < 53; i++)
        make_server(c, arena_printf(&c->p.arena, "many-%d", i), our_labels(c));
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_int_equal(drift_now(c).count, 53);
}

/* -- orphans ---------------------------------------------------------------------------------- */

static void an_orphan_is_deleted_after_the_grace_and_a_second_look(void **state)
{
    struct clouds *c = *state;
    make_server(c, "lost", our_labels(c));
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_int_equal(drift_now(c).count, 0); /* it may be younger than its row's commit */
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_string_equal(only_drift(c, DRIFT_ORPHAN, "server")->name, "lost");
    wait_hours(c, 23);
    assert_int_equal(reconcile_ok(c, HETZNER), 0); /* not a day yet */
    wait_hours(c, 1);
    assert_int_equal(clouds_count(c, "servers"), 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 1);
    clouds_settle(c);
    assert_int_equal(clouds_count(c, "servers"), 0);
    assert_int_equal(drift_now(c).count, 0);
}

static void one_look_after_the_grace_is_not_enough(void **state)
{
    struct clouds *c = *state;
    make_server(c, "lost", our_labels(c));
    wait_hours(c, 48);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_int_equal(only_drift(c, DRIFT_ORPHAN, "server")->sightings, 1);
}

static void an_orphan_is_looked_at_again_right_before_its_deletion(void **state)
{
    struct clouds *c = *state;
    make_server(c, "lost", our_labels(c));
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    wait_hours(c, 30);
    /* it is in the list, and gone or changed when it is looked at again */
    clouds_fault(c, "[{\"match\":{\"method\":\"GET\",\"path_prefix\":\"/v1/servers/\"},"
                    "\"effect\":{\"status\":404,\"body\":{\"error\":{\"code\":\"not_found\","
                    "\"message\":\"gone\"}}}}]");
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    clouds_no_faults(c);
    assert_int_equal(clouds_count(c, "servers"), 1);
}

static void an_unfinished_intention_keeps_younger_orphans(void **state)
{
    struct clouds *c = *state;
    const char *id = product_signup(&c->p, "acme", "hobby", shared).deployment.id;
    const char *url = NULL;
    clouds_fault(c, "[{\"match\":{},\"effect\":{\"status\":503}}]");
    assert_int_equal(clouds_advance(c, id, &url), JOB_RETRY); /* the host's row is there */
    clouds_no_faults(c);
    make_server(c, "lost", our_labels(c));
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    wait_hours(c, 30);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_false(only_drift(c, DRIFT_ORPHAN, "server")->cleanable);
    assert_int_equal(clouds_count(c, "servers"), 1);
}

static void what_another_installation_made_is_left_alone(void **state)
{
    struct clouds *c = *state;
    make_server(c, "theirs", labels_of(c, "another"));
    make_server(c, "somebodys", "");
    make_server(c, "old", "\"managed-by\":\"webhost\"");
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    wait_hours(c, 48);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_int_equal(drift_now(c).count, 0);
    assert_int_equal(clouds_count(c, "servers"), 3);
}

static void the_app_of_a_retired_deployment_is_cleaned(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    product_begin(&c->p);
    ASSERT_OK(&c->p, deployment_set_leaving(c->p.tx, &c->p.env, d.id, DEPLOYMENT_RETIRED, &c->p.e));
    product_commit(&c->p);
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_string_equal(only_drift(c, DRIFT_ORPHAN, "app")->name, d.app);
    wait_hours(c, 25);
    assert_int_equal(reconcile_ok(c, FLYIO), 1);
    clouds_settle(c);
    assert_int_equal(clouds_count(c, "apps"), 0);
}

static void a_second_volume_in_an_app_of_ours_is_an_orphan(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    int64_t volumes = clouds_count(c, "volumes");
    clouds_post(c, arena_printf(&c->p.arena, "/v1/apps/%s/volumes", d.app),
                "{\"name\":\"app_data_1\",\"region\":\"iad\",\"size_gb\":3}");
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_true(only_drift(c, DRIFT_ORPHAN, "volume")->cleanable);
    wait_hours(c, 25);
    assert_int_equal(reconcile_ok(c, FLYIO), 1);
    clock_virtual_advance(&c->p.clock, 2 * USEC_PER_DAY);
    assert_int_equal(clouds_count(c, "volumes"), volumes);
}

static void one_that_cannot_be_deleted_does_not_keep_the_others(void **state)
{
    struct clouds *c = *state;
    make_server(c, "first", our_labels(c));
    make_server(c, "second", our_labels(c));
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    wait_hours(c, 30);
    clouds_fault(c, "[{\"match\":{\"method\":\"DELETE\"},\"count\":1,\"effect\":{\"status\":423,"
                    "\"body\":{\"error\":{\"code\":\"protected\",\"message\":\"words\"}}}}]");
    int64_t cleaned = -1;
    assert_int_not_equal(
        reconcile(&c->provisioning, HETZNER, "job:test", &c->p.arena, &cleaned, &c->p.e), OK);
    ASSERT_CONTAINS(c->p.e.text, "protected");
    assert_int_equal(cleaned, 1);
}

/* -- missing, changed, foreign ---------------------------------------------------------------- */

static void a_server_that_customers_rely_on_and_is_gone_is_missing(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "hobby", shared);
    product_begin(&c->p);
    struct host host;
    ASSERT_OK(&c->p, host_find(c->p.tx, d.host_id, &c->p.arena, &host, &c->p.e));
    product_rollback(&c->p);
    remote_delete(c, arena_printf(&c->p.arena, "/servers/%lld", (long long)host.provider_id));
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    const struct drift *missing = only_drift(c, DRIFT_MISSING, "server");
    assert_string_equal(missing->owner, host.id);
    assert_int_equal(clouds_count(c, "servers"), 0); /* it is not made again */
}

static void a_machine_that_is_gone_is_missing_until_it_is_solved(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    struct records all;
    product_begin(&c->p);
    ASSERT_OK(&c->p, resource_list(c->p.tx, d.id, &c->p.arena, &all, &c->p.e));
    product_rollback(&c->p);
    const struct resource *machine = NULL;
    for (size_t i = 0; i < all.count; i++) {
        if (((const struct resource *)all.items)[i].kind == RESOURCE_MACHINE)
            machine = &((const struct resource *)all.items)[i];
    }
    assert_non_null(machine);
    remote_delete(c, arena_printf(&c->p.arena, "/apps/%s/machines/%s?force=true", d.app,
                                  machine->provider_id));
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_string_equal(only_drift(c, DRIFT_MISSING, "machine")->provider_id, machine->provider_id);
    product_begin(&c->p);
    ASSERT_OK(&c->p, resource_deleted(c->p.tx, machine->id, &c->p.e));
    product_commit(&c->p);
    clouds_settle(c);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
}

static void a_server_that_was_switched_off_is_changed(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "hobby", shared);
    struct host host;
    product_begin(&c->p);
    ASSERT_OK(&c->p, host_find(c->p.tx, d.host_id, &c->p.arena, &host, &c->p.e));
    product_rollback(&c->p);
    clouds_post(
        c,
        arena_printf(&c->p.arena, "/v1/servers/%lld/actions/poweroff", (long long)host.provider_id),
        "{}");
    clouds_settle(c);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    const struct drift *changed = only_drift(c, DRIFT_CHANGED, "server");
    assert_string_equal(changed->expected, "state running");
    assert_string_equal(changed->found, "state off");
}

static void a_strangers_server_with_a_name_of_ours_is_foreign_and_stays(void **state)
{
    struct clouds *c = *state;
    const char *id = product_signup(&c->p, "acme", "hobby", shared).deployment.id, *url = NULL;
    clouds_fault(c, "[{\"match\":{},\"effect\":{\"status\":503}}]");
    assert_int_equal(clouds_advance(c, id, &url), JOB_RETRY);
    clouds_no_faults(c);
    struct deployment d = product_deployment(&c->p, id);
    struct host host;
    product_begin(&c->p);
    ASSERT_OK(&c->p, host_find(c->p.tx, d.host_id, &c->p.arena, &host, &c->p.e));
    product_rollback(&c->p);
    make_server(c, host.name, "");
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    wait_hours(c, 48);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_string_equal(only_drift(c, DRIFT_FOREIGN, "server")->found, "no label of ours");
    assert_int_equal(clouds_count(c, "servers"), 1);
}

/* -- outages ---------------------------------------------------------------------------------- */

static void an_outage_in_the_middle_of_a_listing_concludes_nothing(void **state)
{
    struct clouds *c = *state;
    for (int i = 0; i < 53; i++)
        make_server(c, arena_printf(&c->p.arena, "many-%d", i), our_labels(c));
    wait_hours(c, 1);
    clouds_fault(c, "[{\"match\":{\"path_prefix\":\"/v1/servers\"},\"skip\":1,"
                    "\"effect\":{\"status\":500}}]");
    int64_t cleaned;
    assert_int_equal(
        reconcile(&c->provisioning, HETZNER, "job:test", &c->p.arena, &cleaned, &c->p.e),
        ERR_UNAVAILABLE);
    assert_int_equal(drift_now(c).count, 0);
    clouds_no_faults(c);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    clouds_fault(c, "[{\"match\":{\"path_prefix\":\"/v1/volumes\"},\"effect\":{\"status\":500}}]");
    wait_hours(c, 30);
    assert_int_equal(
        reconcile(&c->provisioning, HETZNER, "job:test", &c->p.arena, &cleaned, &c->p.e),
        ERR_UNAVAILABLE);
    clouds_no_faults(c);
    assert_int_equal(drift_now(c).count, 53); /* as they were, and nothing was deleted */
    assert_int_equal(clouds_count(c, "servers"), 53);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(what_was_provisioned_is_no_difference),
        CLOUDS_TEST(fifty_servers_and_more_are_read_page_by_page),
        CLOUDS_TEST(an_orphan_is_deleted_after_the_grace_and_a_second_look),
        CLOUDS_TEST(one_look_after_the_grace_is_not_enough),
        CLOUDS_TEST(an_orphan_is_looked_at_again_right_before_its_deletion),
        CLOUDS_TEST(an_unfinished_intention_keeps_younger_orphans),
        CLOUDS_TEST(what_another_installation_made_is_left_alone),
        CLOUDS_TEST(the_app_of_a_retired_deployment_is_cleaned),
        CLOUDS_TEST(a_second_volume_in_an_app_of_ours_is_an_orphan),
        CLOUDS_TEST(one_that_cannot_be_deleted_does_not_keep_the_others),
        CLOUDS_TEST(a_server_that_customers_rely_on_and_is_gone_is_missing),
        CLOUDS_TEST(a_machine_that_is_gone_is_missing_until_it_is_solved),
        CLOUDS_TEST(a_server_that_was_switched_off_is_changed),
        CLOUDS_TEST(a_strangers_server_with_a_name_of_ours_is_foreign_and_stays),
        CLOUDS_TEST(an_outage_in_the_middle_of_a_listing_concludes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
