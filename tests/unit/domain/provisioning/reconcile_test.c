/* What the clouds hold against what the database says: every kind of difference, both ways. */
#include "clouds.h"
#include "domain/provisioning/cloud.h"
#include "domain/provisioning/fly/instance.h"
#include "domain/provisioning/host.h"
#include "domain/provisioning/reconcile.h"
#include "product.sql.h"

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
    ASSERT_CONTAINS(d->summary, d->provider_id);
    assert_non_null(d->advice);
    assert_null(strchr(d->advice, '{'));
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
    clouds_delete(c, path);
    clouds_settle(c);
}

/* The deployment's first thing of a kind. */
static struct resource resource_of(struct clouds *c, const struct deployment *d,
                                   enum resource_kind kind)
{
    struct records all;
    product_begin(&c->p);
    ASSERT_OK(&c->p, resource_list(c->p.tx, d->id, &c->p.arena, &all, &c->p.e));
    product_rollback(&c->p);
    const struct resource *items = all.items;
    for (size_t i = 0; i < all.count; i++) {
        if (items[i].kind == (int)kind)
            return items[i];
    }
    fail_msg("%s has no %s", d->app, resource_kind_names[kind]);
    return (struct resource){0};
}

static void record_deleted(struct clouds *c, const struct resource *r)
{
    product_begin(&c->p);
    ASSERT_OK(&c->p, resource_deleted(c->p.tx, r->id, &c->p.e));
    product_commit(&c->p);
}

static void retire(struct clouds *c, const struct deployment *d)
{
    product_begin(&c->p);
    ASSERT_OK(&c->p,
              deployment_set_leaving(c->p.tx, &c->p.env, d->id, DEPLOYMENT_RETIRED, &c->p.e));
    product_commit(&c->p);
}

static struct host host_of(struct clouds *c, const struct deployment *d)
{
    struct host host;
    product_begin(&c->p);
    ASSERT_OK(&c->p, host_find(c->p.tx, d->host_id, &c->p.arena, &host, &c->p.e));
    product_rollback(&c->p);
    return host;
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
    retire(c, &d);
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
    struct host host = host_of(c, &d);
    remote_delete(c, arena_printf(&c->p.arena, "/v1/servers/%lld", (long long)host.provider_id));
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    const struct drift *missing = only_drift(c, DRIFT_MISSING, "server");
    assert_string_equal(missing->owner, host.id);
    assert_int_equal(clouds_count(c, "servers"), 0); /* it is not made again */
}

static void a_machine_that_is_gone_is_missing_until_it_is_solved(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    struct resource machine = resource_of(c, &d, RESOURCE_MACHINE);
    remote_delete(c, arena_printf(&c->p.arena, "/v1/apps/%s/machines/%s?force=true", d.app,
                                  machine.provider_id));
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_string_equal(only_drift(c, DRIFT_MISSING, "machine")->provider_id, machine.provider_id);
    record_deleted(c, &machine);
    clouds_settle(c);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
}

static void a_server_that_was_switched_off_is_changed(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "hobby", shared);
    struct host host = host_of(c, &d);
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
    struct host host = host_of(c, &d);
    make_server(c, host.name, "");
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    wait_hours(c, 48);
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    assert_string_equal(only_drift(c, DRIFT_FOREIGN, "server")->found, "no label of ours");
    assert_int_equal(clouds_count(c, "servers"), 1);
}

/* -- types and sizes -------------------------------------------------------------------------- */

static void act(struct clouds *c, const struct host *host, const char *action, const char *body)
{
    clouds_post(c,
                arena_printf(&c->p.arena, "/v1/servers/%lld/actions/%s",
                             (long long)host->provider_id, action),
                body);
    clouds_settle(c);
}

static void a_server_of_another_type_is_changed(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "hobby", shared);
    struct host host = host_of(c, &d);
    act(c, &host, "poweroff", "{}");
    act(c, &host, "change_type", "{\"server_type\":\"cpx41\",\"upgrade_disk\":false}");
    act(c, &host, "poweron", "{}");
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    const struct drift *changed = only_drift(c, DRIFT_CHANGED, "server");
    assert_string_equal(changed->expected, "size cpx31");
    assert_string_equal(changed->found, "size cpx41");
    assert_string_equal(changed->owner, host.id);
}

static void all_that_differs_about_a_server_is_told_at_once(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "hobby", shared);
    struct host host = host_of(c, &d);
    act(c, &host, "poweroff", "{}");
    act(c, &host, "change_type", "{\"server_type\":\"cpx41\",\"upgrade_disk\":false}");
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    const struct drift *changed = only_drift(c, DRIFT_CHANGED, "server");
    assert_string_equal(changed->expected, "size cpx31, state running");
    assert_string_equal(changed->found, "size cpx41, state off");
    ASSERT_CONTAINS(changed->summary, "should have size cpx31, state running and has size cpx41");
    ASSERT_CONTAINS(changed->advice, arena_printf(&c->p.arena, "hosts drain %s", host.name));
}

/* The id of the primary IP that has the address. */
static int64_t primary_ip_at(struct clouds *c, const char *address)
{
    _cleanup_json_ json_t *body = clouds_get(c, "/v1/primary_ips");
    json_t *item;
    size_t i;
    json_array_foreach (json_object_get(body, "primary_ips"), i, item) {
        if (text_eq(json_get_text(item, "ip"), address))
            return json_get_int(item, "id");
    }
    fail_msg("nothing has the address %s", address);
    return INT_ABSENT;
}

static void unassign(struct clouds *c, const struct host *host)
{
    act(c, host, "poweroff", "{}");
    clouds_post(c,
                arena_printf(&c->p.arena, "/v1/primary_ips/%lld/actions/unassign",
                             (long long)primary_ip_at(c, host->address)),
                "{}");
}

static void a_server_that_lost_its_address_or_has_another_is_changed(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "hobby", shared);
    struct host host = host_of(c, &d);
    unassign(c, &host);
    act(c, &host, "poweron", "{}");
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    const struct drift *changed = only_drift(c, DRIFT_CHANGED, "server");
    assert_string_equal(changed->expected, arena_printf(&c->p.arena, "address %s", host.address));
    assert_string_equal(changed->found, "address none");
    act(c, &host, "poweroff", "{}");
    clouds_post(c, "/v1/primary_ips",
                arena_printf(&c->p.arena,
                             "{\"name\":\"other\",\"type\":\"ipv4\",\"auto_delete\":false,"
                             "\"assignee_type\":\"server\",\"assignee_id\":%lld}",
                             (long long)host.provider_id));
    act(c, &host, "poweron", "{}");
    assert_int_equal(reconcile_ok(c, HETZNER), 0);
    changed = only_drift(c, DRIFT_CHANGED, "server");
    ASSERT_CONTAINS(changed->found, "address 192.0.");
    assert_string_not_equal(changed->found, changed->expected);
}

/* As somebody with flyctl would. */
static void give_machine_memory(struct clouds *c, const struct deployment *d, const char *id,
                                int64_t mb)
{
    const char *path = arena_printf(&c->p.arena, "/v1/apps/%s/machines/%s", d->app, id);
    _cleanup_json_ json_t *machine = clouds_get(c, path);
    json_t *config = json_object_get(machine, "config");
    (void)json_object_set_new(json_object_get(config, "guest"), "memory_mb", json_integer(mb));
    _cleanup_json_ json_t *body = json_pack("{s:O}", "config", config);
    char *text = json_dumps(body, 0);
    clouds_post(c, path, text);
    free(text);
    clouds_settle(c);
}

static void scale(struct clouds *c, struct deployment d)
{
    struct job job;
    static const struct instance_shape larger = {.plan = PLAN_PROFESSIONAL};
    product_begin(&c->p);
    ASSERT_OK(&c->p, instance_scale(c->p.tx, &c->p.env, "token:test", &d, &larger, &c->p.arena,
                                    &job, &c->p.e));
    product_commit(&c->p);
}

static void a_machine_of_another_size_is_changed_unless_it_is_being_scaled(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    struct resource machine = resource_of(c, &d, RESOURCE_MACHINE);
    give_machine_memory(c, &d, machine.provider_id, 2048);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    const struct drift *changed = only_drift(c, DRIFT_CHANGED, "machine");
    assert_string_equal(changed->expected, "size shared-2 512 MB");
    assert_string_equal(changed->found, "size shared-2 2048 MB");
    assert_string_equal(changed->provider_id, machine.provider_id);
    scale(c, d);
    clouds_settle(c);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
}

static void a_volume_of_another_size_is_changed(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    struct resource volume = resource_of(c, &d, RESOURCE_DATABASE_VOLUME);
    clouds_put(
        c, arena_printf(&c->p.arena, "/v1/apps/%s/volumes/%s/extend", d.app, volume.provider_id),
        "{\"size_gb\":15}");
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    const struct drift *changed = only_drift(c, DRIFT_CHANGED, "volume");
    assert_string_equal(changed->expected, "size 10 GB");
    assert_string_equal(changed->found, "size 15 GB");
}

/* -- addresses -------------------------------------------------------------------------------- */

static const char *addresses_of(struct clouds *c, const struct deployment *d)
{
    return arena_printf(&c->p.arena, "/v1/apps/%s/ip_assignments", d->app);
}

static void an_address_that_is_gone_is_missing(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    struct resource ip = resource_of(c, &d, RESOURCE_IP);
    remote_delete(c, arena_printf(&c->p.arena, "%s/%s", addresses_of(c, &d), ip.provider_id));
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    const struct drift *missing = only_drift(c, DRIFT_MISSING, "ip_address");
    assert_string_equal(missing->provider_id, ip.provider_id);
    assert_string_equal(missing->owner, d.id);
}

static void an_address_that_nobody_recorded_is_reported_and_stays(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    clouds_post(c, addresses_of(c, &d), "{\"type\":\"v4\"}");
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_false(only_drift(c, DRIFT_ORPHAN, "ip_address")->cleanable);
    wait_hours(c, 48);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_string_equal(only_drift(c, DRIFT_ORPHAN, "ip_address")->owner, d.id);
}

static void an_address_that_was_given_back_and_is_still_there_is_cleaned(void **state)
{
    struct clouds *c = *state;
    struct deployment d = settled(c, "acme", "starter", dedicated);
    struct resource ip = resource_of(c, &d, RESOURCE_IP);
    record_deleted(c, &ip);
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_true(only_drift(c, DRIFT_ORPHAN, "ip_address")->cleanable);
    wait_hours(c, 25);
    assert_int_equal(reconcile_ok(c, FLYIO), 1);
    clouds_settle(c);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
}

/* -- managed Postgres ------------------------------------------------------------------------- */

#define CLUSTERS "/api/v1/organizations/personal/postgresv2/"

static struct deployment managed(struct clouds *c)
{
    c->settings.fly.postgres = FLY_POSTGRES_MANAGED;
    c->settings.fly.managed_database_url = c->fleet.url;
    return settled(c, "acme", "starter", dedicated);
}

static void make_cluster(struct clouds *c, const char *name)
{
    clouds_post(c, "/v1/postgres",
                arena_printf(&c->p.arena,
                             "{\"org_slug\":\"personal\",\"name\":\"%s\",\"region\":\"iad\","
                             "\"plan\":\"basic\"}",
                             name));
    wait_hours(c, 1);
}

static void a_cluster_that_customers_rely_on_and_is_gone_is_missing(void **state)
{
    struct clouds *c = *state;
    struct deployment d = managed(c);
    struct resource cluster = resource_of(c, &d, RESOURCE_DATABASE_CLUSTER);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
    remote_delete(c, arena_printf(&c->p.arena, CLUSTERS "%s", cluster.provider_id));
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    const struct drift *missing = only_drift(c, DRIFT_MISSING, "postgres_cluster");
    assert_string_equal(missing->provider_id, cluster.provider_id);
    assert_string_equal(missing->owner, d.id);
}

static void the_cluster_of_a_retired_deployment_is_cleaned_although_no_other_is_made(void **state)
{
    struct clouds *c = *state;
    struct deployment d = managed(c);
    c->settings.fly.postgres = FLY_POSTGRES_MACHINE;
    remote_delete(c, arena_printf(&c->p.arena, "/v1/apps/%s?force=true", d.app));
    retire(c, &d);
    wait_hours(c, 1);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_true(only_drift(c, DRIFT_ORPHAN, "postgres_cluster")->cleanable);
    wait_hours(c, 25);
    assert_int_equal(reconcile_ok(c, FLYIO), 1);
    assert_int_equal(clouds_count(c, "postgres"), 0);
}

static void clusters_of_others_are_nobodys_and_one_with_a_name_of_ours_is_foreign(void **state)
{
    struct clouds *c = *state;
    struct deployment d = managed(c);
    make_cluster(c, "theirs");
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
    make_cluster(c, resource_of(c, &d, RESOURCE_DATABASE_CLUSTER).name);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    wait_hours(c, 48);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_string_equal(only_drift(c, DRIFT_FOREIGN, "postgres_cluster")->owner, d.id);
    assert_int_equal(clouds_count(c, "postgres"), 3);
}

static void make_app_of_another_installation(struct clouds *c, const char *name)
{
    clouds_post(c, "/v1/apps",
                arena_printf(&c->p.arena, "{\"name\":\"%s\",\"org_slug\":\"personal\"}", name));
    clouds_post(c, arena_printf(&c->p.arena, "/v1/apps/%s/machines", name),
                "{\"region\":\"iad\",\"config\":{\"image\":\"web\",\"metadata\":{"
                "\"webhost_install\":\"another\",\"webhost_deployment\":\"theirs\"}}}");
    clouds_settle(c);
}

static void a_cluster_that_no_row_knows_is_told_of_unless_another_installation_made_it(void **state)
{
    struct clouds *c = *state;
    (void)managed(c);
    make_app_of_another_installation(c, "wh-theirs-87654321");
    make_cluster(c, "wh-theirs-87654321-db");
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
    make_cluster(c, "wh-lost-12345678-db"); /* as after a backup of the database was restored */
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    wait_hours(c, 48);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_string_equal(only_drift(c, DRIFT_FOREIGN, "postgres_cluster")->name,
                        "wh-lost-12345678-db");
    assert_int_equal(clouds_count(c, "postgres"), 3);
}

static void a_cluster_with_another_plan_is_changed(void **state)
{
    struct clouds *c = *state;
    struct deployment d = managed(c);
    struct resource cluster = resource_of(c, &d, RESOURCE_DATABASE_CLUSTER);
    product_begin(&c->p);
    ASSERT_OK(&c->p, db_exec(c->p.tx, &resource_force_size,
                             DB_ARGS(db_text(cluster.id), db_text("launch")), NULL, &c->p.e));
    product_commit(&c->p);
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    const struct drift *changed = only_drift(c, DRIFT_CHANGED, "postgres_cluster");
    assert_string_equal(changed->expected, "size launch");
    assert_string_equal(changed->found, "size basic");
}

static void who_never_had_a_cluster_needs_no_right_to_list_them(void **state)
{
    struct clouds *c = *state;
    (void)settled(c, "acme", "starter", dedicated);
    clouds_fault(c, "[{\"match\":{\"path_prefix\":\"/api/v1/organizations\"},"
                    "\"effect\":{\"status\":403,\"body\":{\"error\":\"no\"}}}]");
    assert_int_equal(reconcile_ok(c, FLYIO), 0);
    assert_int_equal(drift_now(c).count, 0);
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
        CLOUDS_TEST(a_server_of_another_type_is_changed),
        CLOUDS_TEST(all_that_differs_about_a_server_is_told_at_once),
        CLOUDS_TEST(a_server_that_lost_its_address_or_has_another_is_changed),
        CLOUDS_TEST(a_machine_of_another_size_is_changed_unless_it_is_being_scaled),
        CLOUDS_TEST(a_volume_of_another_size_is_changed),
        CLOUDS_TEST(an_address_that_is_gone_is_missing),
        CLOUDS_TEST(an_address_that_nobody_recorded_is_reported_and_stays),
        CLOUDS_TEST(an_address_that_was_given_back_and_is_still_there_is_cleaned),
        CLOUDS_TEST(a_cluster_that_customers_rely_on_and_is_gone_is_missing),
        CLOUDS_TEST(the_cluster_of_a_retired_deployment_is_cleaned_although_no_other_is_made),
        CLOUDS_TEST(clusters_of_others_are_nobodys_and_one_with_a_name_of_ours_is_foreign),
        CLOUDS_TEST(a_cluster_that_no_row_knows_is_told_of_unless_another_installation_made_it),
        CLOUDS_TEST(a_cluster_with_another_plan_is_changed),
        CLOUDS_TEST(who_never_had_a_cluster_needs_no_right_to_list_them),
        CLOUDS_TEST(an_outage_in_the_middle_of_a_listing_concludes_nothing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
