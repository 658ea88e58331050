/* Deployments and the cloud resources that are recorded for them. */
#include "domain/audit/audit.h"
#include "domain/provisioning/settings.h"
#include "domain/provisioning/slot.h"
#include "product.h"
#include "product.sql.h"

static const char dedicated[] = "{\"compliance_requirements\":[\"soc2\"]}";

static size_t audited(struct product *p, const char *action)
{
    struct records rows;
    const char *next;
    ASSERT_OK(p, audit_list(p->tx, NULL, (struct page){100, NULL}, &p->arena, &rows, &next, &p->e));
    const struct audit_entry *entries = rows.items;
    size_t count = 0;
    for (size_t i = 0; i < rows.count; i++)
        count += text_eq(entries[i].action, action);
    return count;
}

static struct deployment find(struct product *p, const char *id)
{
    struct deployment d;
    ASSERT_OK(p, deployment_find(p->tx, id, &p->arena, &d, &p->e));
    return d;
}

static void activate(struct product *p, const struct deployment *d, const char *url)
{
    ASSERT_OK(p, deployment_activate(p->tx, &p->env, "job:test", d, url, &p->arena, &p->e));
}

static void give_up(struct product *p, const char *id, const char *why)
{
    ASSERT_OK(p, deployment_fail(p->tx, &p->env, "job:test", id, why, &p->arena, &p->e));
}

static void activating_records_the_database_and_is_audited_once(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    clock_virtual_advance(&p->clock, USEC_PER_SEC);
    product_begin(p);
    activate(p, &done.deployment, "sqlite:first");
    activate(p, &done.deployment, "sqlite:second"); /* a repeated run changes nothing */
    struct deployment d = find(p, done.deployment.id);
    assert_int_equal(d.status, DEPLOYMENT_ACTIVE);
    assert_string_equal(d.database_url, "sqlite:first");
    assert_int_equal(d.active_at, clock_now(&p->clock.clock));
    assert_int_equal(audited(p, "deployment.activated"), 1);
    product_rollback(p);
}

static void a_failed_deployment_says_why_and_can_still_become_active(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    product_begin(p);
    give_up(p, done.deployment.id, "no room in fsn1");
    give_up(p, done.deployment.id, "again");
    struct deployment d = find(p, done.deployment.id);
    assert_int_equal(d.status, DEPLOYMENT_FAILED);
    assert_string_equal(d.error, "no room in fsn1");
    assert_int_equal(audited(p, "deployment.failed"), 1);
    activate(p, &d, "sqlite:x"); /* its last run had come to an end after all */
    d = find(p, d.id);
    assert_int_equal(d.status, DEPLOYMENT_ACTIVE);
    assert_null(d.error);
    product_rollback(p);
}

static void a_failed_deployment_that_is_tried_again_is_provisioning_without_the_old_reason(
    void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    product_begin(p);
    give_up(p, done.deployment.id, "no room in fsn1");
    ASSERT_OK(p, deployment_try_again(p->tx, done.deployment.id, &p->e));
    struct deployment d = find(p, done.deployment.id);
    assert_int_equal(d.status, DEPLOYMENT_PROVISIONING);
    assert_null(d.error);
    give_up(p, d.id, "no room in nbg1");
    assert_string_equal(find(p, d.id).error, "no room in nbg1");
    product_rollback(p);
}

static void an_active_deployment_does_not_fail_any_more(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    product_begin(p);
    activate(p, &done.deployment, "sqlite:x");
    give_up(p, done.deployment.id, "too late");
    assert_int_equal(find(p, done.deployment.id).status, DEPLOYMENT_ACTIVE);
    assert_int_equal(audited(p, "deployment.failed"), 0);
    product_rollback(p);
}

static const char *target_of_a_move(struct product *p, const struct signed_up *done)
{
    struct placement placement = {SINGLE_TENANT, PLAN_STARTER, 1, {GEOGRAPHY_US}};
    const char *id;
    ASSERT_OK(p, deployment_create(p->tx, &p->env, done->customer.id, done->customer.slug,
                                   &placement, NULL, false, &p->arena, &id, &p->e));
    return id;
}

static void a_switch_makes_the_target_the_customers_place(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    struct deployment current;
    struct customer customer;
    product_begin(p);
    const char *to = target_of_a_move(p, &done);
    ASSERT_OK(p, deployment_current(p->tx, done.customer.id, &p->arena, &current, &p->e));
    assert_string_equal(current.id, done.deployment.id);
    ASSERT_OK(p, deployment_switch(p->tx, done.deployment.id, to, &p->e));
    ASSERT_OK(p, deployment_current(p->tx, done.customer.id, &p->arena, &current, &p->e));
    assert_string_equal(current.id, to);
    ASSERT_OK(p, customer_find(p->tx, "acme", &p->arena, &customer, &p->e));
    assert_int_equal(customer.mode, SINGLE_TENANT);
    product_rollback(p);
}

static void a_switch_to_nowhere_is_refused(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    product_begin(p);
    assert_int_equal(deployment_switch(p->tx, done.deployment.id, "nowhere", &p->e), ERR_NOT_FOUND);
    assert_string_equal(p->e.text, "there is no deployment nowhere");
    product_rollback(p);
}

static void a_customer_has_one_current_deployment_at_most(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    struct placement placement = {SINGLE_TENANT, PLAN_STARTER, 1, {GEOGRAPHY_US}};
    const char *id;
    product_begin(p);
    assert_int_equal(deployment_create(p->tx, &p->env, done.customer.id, "acme", &placement, NULL,
                                       true, &p->arena, &id, &p->e),
                     ERR_CONFLICT);
    product_rollback(p);
}

static void a_retired_deployment_knows_when_and_is_no_instance(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "starter", dedicated);
    product_signup(p, "shared", "hobby", "{\"vehicle_count\":1}");
    struct records rows;
    const char *next;
    struct page page = {10, NULL};
    product_begin(p);
    ASSERT_OK(p, deployment_list_instances(p->tx, page, &p->arena, &rows, &next, &p->e));
    assert_int_equal(rows.count, 1);
    const struct deployment *listed = rows.items;
    assert_string_equal(listed->customer_slug, "acme");

    ASSERT_OK(
        p, deployment_set_leaving(p->tx, &p->env, done.deployment.id, DEPLOYMENT_RETIRING, &p->e));
    assert_int_equal(find(p, done.deployment.id).retired_at, INT_ABSENT);
    ASSERT_OK(
        p, deployment_set_leaving(p->tx, &p->env, done.deployment.id, DEPLOYMENT_RETIRED, &p->e));
    struct deployment d = find(p, done.deployment.id);
    assert_int_equal(d.status, DEPLOYMENT_RETIRED);
    assert_int_equal(d.retired_at, PRODUCT_START_US);
    ASSERT_OK(p, deployment_list_instances(p->tx, page, &p->arena, &rows, &next, &p->e));
    assert_int_equal(rows.count, 0);
    product_rollback(p);
}

static void unknown_deployments_and_customers_without_one_are_named(void **state)
{
    struct product *p = *state;
    struct deployment d;
    product_begin(p);
    assert_int_equal(deployment_find(p->tx, "x", &p->arena, &d, &p->e), ERR_NOT_FOUND);
    assert_string_equal(p->e.text, "there is no deployment x");
    assert_int_equal(deployment_current(p->tx, "y", &p->arena, &d, &p->e), ERR_NOT_FOUND);
    assert_string_equal(p->e.text, "customer y has no current deployment");
    product_rollback(p);
}

static void an_apps_name_leaves_room_for_its_machines_names(void **state)
{
    struct product *p = *state;
    char slug[SLUG_MAX + 1] = {0};
    memset(slug, 'x', SLUG_MAX);
    struct signed_up done = product_signup(p, slug, "starter", dedicated);
    /* "-database-iad" is the longest that follows; names have at most 63 characters at Fly */
    assert_true(strlen(done.deployment.app) + strlen("-database-iad") <= 63);
}

/* -- resources -------------------------------------------------------------------------------- */

static void an_intention_is_recorded_once_and_found_again(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "starter", dedicated);
    const char *id = done.deployment.id;
    struct resource first, again;
    product_begin(p);
    ASSERT_OK(p, resource_intend(p->tx, &p->env, id, RESOURCE_VOLUME, "iad", "data", &p->arena,
                                 &first, &p->e));
    assert_int_equal(first.status, RESOURCE_INTENDED);
    assert_null(first.provider_id);
    ASSERT_OK(p, resource_created(p->tx, first.id, "vol_1", &p->e));
    ASSERT_OK(p, resource_intend(p->tx, &p->env, id, RESOURCE_VOLUME, "iad", "data", &p->arena,
                                 &again, &p->e));
    assert_string_equal(again.id, first.id);
    assert_int_equal(again.status, RESOURCE_CREATED);
    assert_string_equal(again.provider_id, "vol_1");
    product_commit(p);
    assert_int_equal(product_number(p, &count_resources), 1);
}

static void resources_are_listed_in_the_order_of_their_intentions(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "starter", dedicated);
    static const char *const names[] = {"z", "a", "m"};
    struct resource r = {0};
    struct records rows;
    product_begin(p);
    for (size_t i = 0; i < ARRAY_LEN(names); i++) {
        clock_virtual_advance(&p->clock, USEC_PER_SEC);
        ASSERT_OK(p, resource_intend(p->tx, &p->env, done.deployment.id, RESOURCE_MACHINE, "iad",
                                     names[i], &p->arena, &r, &p->e));
    }
    ASSERT_OK(p, resource_deleted(p->tx, r.id, &p->e));
    ASSERT_OK(p, resource_list(p->tx, done.deployment.id, &p->arena, &rows, &p->e));
    const struct resource *list = rows.items;
    assert_int_equal(rows.count, ARRAY_LEN(names));
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        assert_string_equal(list[i].name, names[i]);
    assert_int_equal(list[2].status, RESOURCE_DELETED);
    product_rollback(p);
}

static void what_is_shown_of_a_deployment_does_not_tell_where_its_database_is(void **state)
{
    struct product *p = *state;
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    struct provisioning_settings settings = provisioning_settings_default();
    settings.hetzner.database_url = "postgres://secret";
    struct host host;
    json_t *shown;
    product_begin(p);
    ASSERT_OK(p, slot_reserve(p->tx, &p->env, &settings.hetzner, "job:test", done.deployment.id,
                              "ash", &p->arena, &host, &p->e));
    activate(p, &done.deployment, "postgres://secret");
    struct deployment d = find(p, done.deployment.id);
    ASSERT_OK(p, deployment_json(p->tx, &d, &p->arena, &shown, &p->e));
    product_rollback(p);
    const char *text = json_text(shown, &p->arena);
    assert_null(strstr(text, "secret"));
    assert_string_equal(json_get_text(shown, "infrastructure"), "hetzner");
    assert_string_equal(json_get_text(json_object_get(shown, "host"), "id"), host.id);
    assert_int_equal(json_array_size(json_object_get(shown, "resources")), 0);
    json_decref(shown);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(activating_records_the_database_and_is_audited_once),
        PRODUCT_TEST(a_failed_deployment_says_why_and_can_still_become_active),
        PRODUCT_TEST(
            a_failed_deployment_that_is_tried_again_is_provisioning_without_the_old_reason),
        PRODUCT_TEST(an_active_deployment_does_not_fail_any_more),
        PRODUCT_TEST(a_switch_makes_the_target_the_customers_place),
        PRODUCT_TEST(a_switch_to_nowhere_is_refused),
        PRODUCT_TEST(a_customer_has_one_current_deployment_at_most),
        PRODUCT_TEST(a_retired_deployment_knows_when_and_is_no_instance),
        PRODUCT_TEST(unknown_deployments_and_customers_without_one_are_named),
        PRODUCT_TEST(an_apps_name_leaves_room_for_its_machines_names),
        PRODUCT_TEST(an_intention_is_recorded_once_and_found_again),
        PRODUCT_TEST(resources_are_listed_in_the_order_of_their_intentions),
        PRODUCT_TEST(what_is_shown_of_a_deployment_does_not_tell_where_its_database_is),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
