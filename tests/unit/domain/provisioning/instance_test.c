/* Instances in their life: scaled, looked at, repaired, removed from wherever they stand. */
#include "clouds.h"
#include "domain/provisioning/fly/health.h"
#include "domain/provisioning/fly/instance.h"
#include "product.sql.h"

static struct signed_up signup_dedicated(struct clouds *c, const char *slug)
{
    return product_signup(&c->p, slug, "professional", "{\"compliance_requirements\":[\"soc2\"]}");
}

static const char *provisioned(struct clouds *c)
{
    const char *id = signup_dedicated(c, "acme").deployment.id;
    clouds_provision(c, id);
    return id;
}

static struct records resources(struct clouds *c, const char *id)
{
    struct records rows;
    product_begin(&c->p);
    ASSERT_OK(&c->p, resource_list(c->p.tx, id, &c->p.arena, &rows, &c->p.e));
    product_rollback(&c->p);
    return rows;
}

/* The live row of a kind in a region. */
static struct resource resource_of(struct clouds *c, const char *id, enum resource_kind kind,
                                   const char *region)
{
    struct records rows = resources(c, id);
    const struct resource *items = rows.items;
    for (size_t i = 0; i < rows.count; i++) {
        if (items[i].kind == (int)kind && text_eq(items[i].region, region) &&
            items[i].status == RESOURCE_CREATED)
            return items[i];
    }
    fail_msg("no %s in %s", resource_kind_names[kind], region);
    return (struct resource){0};
}

static void assert_none_but(struct clouds *c, const char *id, enum resource_status status)
{
    struct records rows = resources(c, id);
    const struct resource *items = rows.items;
    for (size_t i = 0; i < rows.count; i++)
        assert_int_equal(items[i].status, status);
}

static enum err try_scale(struct clouds *c, const char *id, enum plan plan, struct texts regions)
{
    struct deployment d = product_deployment(&c->p, id);
    struct instance_shape shape = {(int)plan, regions};
    struct job job;
    product_begin(&c->p);
    enum err err =
        instance_scale(c->p.tx, &c->p.env, "token:test", &d, &shape, &c->p.arena, &job, &c->p.e);
    if (err == OK)
        product_commit(&c->p);
    else
        product_rollback(&c->p);
    return err;
}

/* Walks until the provider says that the shape is there. */
static void walk(struct clouds *c, const char *id)
{
    const char *url = NULL;
    enum job_result result = JOB_SNOOZE;
    for (int step = 0; step < 40 && result == JOB_SNOOZE; step++) {
        result = clouds_advance(c, id, &url);
        clouds_settle(c);
    }
    if (result != JOB_DONE)
        fail_msg("not scaled: %s", c->p.e.text);
}

static struct texts no_regions(void)
{
    return (struct texts){0};
}

/* -- scaling ---------------------------------------------------------------------------------- */

static void a_larger_plan_changes_machines_and_volumes_and_adds_regions(void **state)
{
    struct clouds *c = *state;
    const char *id = provisioned(c);
    struct resource before = resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad");
    ASSERT_OK(&c->p, try_scale(c, id, PLAN_BUSINESS, no_regions()));
    walk(c, id);
    struct resource machine = resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad");
    assert_string_equal(machine.provider_id, before.provider_id); /* in place */
    assert_string_equal(machine.size, "performance-2 4096 MB");
    assert_string_equal(resource_of(c, id, RESOURCE_DATABASE_VOLUME, "iad").size, "50");
    assert_string_equal(resource_of(c, id, RESOURCE_MACHINE, "sin").size, "performance-1 2048 MB");
    assert_int_equal(clouds_count(c, "machines"), 7);
    assert_int_equal(clouds_count(c, "volumes"), 7);
}

static void a_smaller_plan_drops_regions_and_never_shrinks_a_volume(void **state)
{
    struct clouds *c = *state;
    const char *id = provisioned(c);
    ASSERT_OK(&c->p, try_scale(c, id, PLAN_STARTER, no_regions()));
    walk(c, id);
    assert_int_equal(clouds_count(c, "machines"), 2);
    assert_int_equal(clouds_count(c, "volumes"), 2);
    assert_string_equal(resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad").size,
                        "shared-4 1024 MB");
    assert_string_equal(resource_of(c, id, RESOURCE_DATABASE_VOLUME, "iad").size, "20");
}

static void regions_can_be_chosen_as_long_as_the_database_stays(void **state)
{
    struct clouds *c = *state;
    const char *id = provisioned(c), *moved[] = {"ams", "iad"}, *gone[] = {"ams"};
    assert_int_equal(try_scale(c, id, PLAN_NONE, (struct texts){gone, 1}), ERR_INVALID);
    ASSERT_CONTAINS(c->p.e.text, "the database is in iad");
    ASSERT_OK(&c->p, try_scale(c, id, PLAN_NONE, (struct texts){moved, 2}));
    walk(c, id);
    assert_int_equal(clouds_count(c, "machines"), 3);
    assert_non_null(resource_of(c, id, RESOURCE_MACHINE, "ams").provider_id);
    assert_non_null(resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad").provider_id);
}

static void only_an_active_instance_can_be_scaled(void **state)
{
    struct clouds *c = *state;
    const char *id = signup_dedicated(c, "acme").deployment.id;
    assert_int_equal(try_scale(c, id, PLAN_BUSINESS, no_regions()), ERR_CONFLICT);
    ASSERT_CONTAINS(c->p.e.text, "is provisioning");
    clouds_provision(c, id);
    assert_int_equal(try_scale(c, id, PLAN_HOBBY, no_regions()), ERR_INVALID);
}

static void a_machine_that_somebody_else_works_on_is_left_until_he_is_done(void **state)
{
    struct clouds *c = *state;
    const char *id = provisioned(c), *url;
    struct deployment d = product_deployment(&c->p, id);
    struct resource machine = resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad");
    clouds_post(
        c, arena_printf(&c->p.arena, "/v1/apps/%s/machines/%s/lease", d.app, machine.provider_id),
        "{\"ttl\":30,\"description\":\"a person\"}");
    ASSERT_OK(&c->p, try_scale(c, id, PLAN_BUSINESS, no_regions()));
    clouds_settle(c);
    for (int i = 0; i < 4; i++) {
        assert_int_equal(clouds_advance(c, id, &url), JOB_SNOOZE);
        clouds_settle(c);
    }
    ASSERT_CONTAINS(c->p.e.text, "somebody else is working on the machine");
    clock_virtual_advance(&c->p.clock, 30 * USEC_PER_SEC);
    walk(c, id);
}

static void a_lease_that_a_dead_run_left_is_taken_over(void **state)
{
    struct clouds *c = *state;
    const char *id = provisioned(c);
    struct deployment d = product_deployment(&c->p, id);
    struct resource machine = resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad");
    clouds_post(
        c, arena_printf(&c->p.arena, "/v1/apps/%s/machines/%s/lease", d.app, machine.provider_id),
        arena_printf(&c->p.arena, "{\"ttl\":80000,\"description\":\"webhost %s\"}", id));
    ASSERT_OK(&c->p, try_scale(c, id, PLAN_BUSINESS, no_regions()));
    walk(c, id);
}

/* -- health ----------------------------------------------------------------------------------- */

static void check(struct clouds *c, const char *id)
{
    struct deployment d = product_deployment(&c->p, id);
    struct provision_run run = {&c->provisioning, &d, "job:test", &c->p.arena};
    clouds_settle(c);
    ASSERT_OK(&c->p, fly_check_health(&run, &c->p.e));
}

static void post_to_machine(struct clouds *c, const char *id, const struct resource *machine,
                            const char *verb)
{
    struct deployment d = product_deployment(&c->p, id);
    clouds_post(
        c,
        arena_printf(&c->p.arena, "/v1/apps/%s/machines/%s/%s", d.app, machine->provider_id, verb),
        "{}");
    clouds_settle(c);
}

static void every_machines_health_is_recorded_with_the_time(void **state)
{
    struct clouds *c = *state;
    const char *id = provisioned(c);
    check(c, id);
    struct resource machine = resource_of(c, id, RESOURCE_MACHINE, "fra");
    assert_string_equal(machine.health, "passing");
    assert_string_equal(machine.state, "started");
    assert_int_equal(machine.checked_at, clock_now(&c->p.clock.clock));
}

static void a_stopped_machine_is_started_three_times_in_an_hour(void **state)
{
    struct clouds *c = *state;
    const char *id = provisioned(c);
    struct resource machine = resource_of(c, id, RESOURCE_MACHINE, "fra");
    for (int i = 1; i <= 4; i++) {
        post_to_machine(c, id, &machine, "stop");
        check(c, id);
        assert_string_equal(resource_of(c, id, RESOURCE_MACHINE, "fra").health, "stopped");
        check(c, id);
        assert_string_equal(resource_of(c, id, RESOURCE_MACHINE, "fra").health,
                            i <= 3 ? "passing" : "stopped");
    }
    clock_virtual_advance(&c->p.clock, INT64_C(3601) * USEC_PER_SEC);
    check(c, id);
    check(c, id);
    assert_string_equal(resource_of(c, id, RESOURCE_MACHINE, "fra").health, "passing");
}

static void a_machine_that_somebody_destroyed_is_made_again_on_its_volume(void **state)
{
    struct clouds *c = *state;
    const char *id = provisioned(c);
    struct deployment d = product_deployment(&c->p, id);
    struct resource machine = resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad");
    struct resource volume = resource_of(c, id, RESOURCE_DATABASE_VOLUME, "iad");
    clouds_delete(c, arena_printf(&c->p.arena, "/v1/apps/%s/machines/%s?force=true", d.app,
                                  machine.provider_id));
    check(c, id);
    assert_string_equal(resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad").health, "missing");
    walk(c, id); /* the repair that the look has asked for */
    struct resource again = resource_of(c, id, RESOURCE_DATABASE_MACHINE, "iad");
    assert_string_not_equal(again.provider_id, machine.provider_id);
    assert_string_equal(resource_of(c, id, RESOURCE_DATABASE_VOLUME, "iad").provider_id,
                        volume.provider_id);
}

/* -- the way out ------------------------------------------------------------------------------ */

/* The creation died after `calls` creating calls; everything that came of it is removed. */
static void an_instance_can_be_removed_from_wherever_its_creation_died(void **state)
{
    struct clouds *c = *state;
    const char *url;
    for (int calls = 0; calls < 11; calls++) {
        const char *slug = arena_printf(&c->p.arena, "acme-%d", calls);
        const char *id = signup_dedicated(c, slug).deployment.id;
        clouds_fault(c, arena_printf(&c->p.arena,
                                     "[{\"match\":{\"method\":\"POST\"},\"skip\":%d,"
                                     "\"effect\":{\"drop_reply_after_effect\":true}}]",
                                     calls));
        (void)clouds_advance(c, id, &url);
        clouds_no_faults(c);
        enum err err = clouds_remove(c, id);
        for (int i = 0; i < 10 && err == ERR_BUSY; i++) {
            clock_virtual_advance(&c->p.clock, 10 * USEC_PER_SEC);
            err = clouds_remove(c, id);
        }
        if (err != OK)
            fail_msg("after %d calls: %s", calls, c->p.e.text);
        assert_int_equal(clouds_count(c, "apps"), 0);
        assert_int_equal(clouds_count(c, "machines"), 0);
        assert_int_equal(clouds_count(c, "volumes"), 0);
        assert_none_but(c, id, RESOURCE_DELETED);
    }
}

static void managed_postgres_is_made_once_and_removed_with_the_instance(void **state)
{
    struct clouds *c = *state;
    c->settings.fly.postgres = FLY_POSTGRES_MANAGED;
    c->settings.fly.managed_database_url = c->fleet.url;
    const char *id = signup_dedicated(c, "acme").deployment.id, *url;
    clouds_fault(c, "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/postgres\"},"
                    "\"effect\":{\"drop_reply_after_effect\":true},\"count\":1}]");
    assert_int_equal(clouds_advance(c, id, &url), JOB_RETRY);
    clouds_provision(c, id);
    assert_int_equal(clouds_count(c, "postgres"), 1);
    assert_int_equal(clouds_count(c, "machines"), 2); /* the application's alone */
    ASSERT_OK(&c->p, clouds_remove(c, id));
    assert_int_equal(clouds_count(c, "postgres"), 0);
    assert_none_but(c, id, RESOURCE_DELETED);
}

static void a_hostname_gets_a_certificate_and_the_view_says_which_record_to_set(void **state)
{
    struct clouds *c = *state;
    c->settings.fly.hostname = "{slug}.example.com";
    const char *id = provisioned(c);
    check(c, id);
    struct deployment d = product_deployment(&c->p, id);
    json_t *view;
    product_begin(&c->p);
    ASSERT_OK(&c->p, instance_json(c->p.tx, &d, &c->p.arena, &view, &c->p.e));
    product_rollback(&c->p);
    json_t *certificate = json_array_get(json_object_get(view, "certificates"), 0);
    json_t *dns = json_object_get(certificate, "dns");
    assert_string_equal(json_get_text(certificate, "hostname"), "acme.example.com");
    assert_string_equal(json_get_text(certificate, "status"), "active");
    assert_string_equal(json_get_text(dns, "type"), "CNAME");
    ASSERT_CONTAINS(json_get_text(dns, "value"), d.app);
    assert_string_equal(json_get_text(view, "health"), "passing");
    json_decref(view);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(a_larger_plan_changes_machines_and_volumes_and_adds_regions),
        CLOUDS_TEST(a_smaller_plan_drops_regions_and_never_shrinks_a_volume),
        CLOUDS_TEST(regions_can_be_chosen_as_long_as_the_database_stays),
        CLOUDS_TEST(only_an_active_instance_can_be_scaled),
        CLOUDS_TEST(a_machine_that_somebody_else_works_on_is_left_until_he_is_done),
        CLOUDS_TEST(a_lease_that_a_dead_run_left_is_taken_over),
        CLOUDS_TEST(every_machines_health_is_recorded_with_the_time),
        CLOUDS_TEST(a_stopped_machine_is_started_three_times_in_an_hour),
        CLOUDS_TEST(a_machine_that_somebody_destroyed_is_made_again_on_its_volume),
        CLOUDS_TEST(an_instance_can_be_removed_from_wherever_its_creation_died),
        CLOUDS_TEST(managed_postgres_is_made_once_and_removed_with_the_instance),
        CLOUDS_TEST(a_hostname_gets_a_certificate_and_the_view_says_which_record_to_set),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
