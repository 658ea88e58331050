#include "support.h"

#include <pthread.h>
#include <sched.h>
#include <stdatomic.h>

#define NONCE "fly-machine-lease-nonce"

static void create_app(struct cloud *c, const char *name)
{
    expect(c, 201, POST, "/v1/apps", text(c, "{\"name\":\"%s\",\"org_slug\":\"personal\"}", name));
}

/* A machine of app "a" in fra; returns its path. */
static const char *create_machine(struct cloud *c, const char *name)
{
    struct seen made =
        expect(c, 200, POST, "/v1/apps/a/machines",
               text(c,
                    "{\"name\":\"%s\",\"region\":\"fra\",\"config\":{\"image\":\"nginx:1.27\","
                    "\"metadata\":{\"owner\":\"%s\"}}}",
                    name, name));
    return text(c, "/v1/apps/a/machines/%s", text_at(&made, "id"));
}

static const char *state_of(struct cloud *c, const char *machine)
{
    struct seen seen = expect(c, 200, GET, machine, NULL);
    return text_at(&seen, "state");
}

static void app_names_are_taken_once_for_all_organisations(void **state)
{
    struct cloud *c = *state;
    struct seen made = expect(c, 201, POST, "/v1/apps?wait=true",
                              "{\"name\":\"a\",\"org_slug\":\"one\",\"network\":\"n\"}");
    assert_non_null(text_at(&made, "id"));
    struct seen taken = expect(c, 422, POST, "/v1/apps", "{\"name\":\"a\",\"org_slug\":\"two\"}");
    assert_string_equal(text_at(&taken, "status"), "name_taken");
    assert_string_equal(text_at(&taken, "error"), "Validation failed: Name has already been taken");
    struct seen mine = expect(c, 200, GET, "/v1/apps?org_slug=one", NULL);
    assert_int_equal(int_at(&mine, "total_apps"), 1);
    struct seen theirs = expect(c, 200, GET, "/v1/apps?org_slug=two", NULL);
    assert_int_equal(count_at(&theirs, "apps"), 0);
    expect(c, 400, POST, "/v1/apps", "{\"name\":\"A_b\",\"org_slug\":\"one\"}");
    expect(c, 404, GET, "/v1/apps/free", NULL);
}

static void deleting_an_app_takes_its_machines_and_volumes_along_when_forced(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    create_machine(c, "m");
    expect(c, 200, POST, "/v1/apps/a/volumes",
           "{\"name\":\"data\",\"region\":\"fra\",\"size_gb\":1}");
    expect(c, 412, DELETE, "/v1/apps/a", NULL);
    expect(c, 202, DELETE, "/v1/apps/a?force=true", NULL);
    expect(c, 404, GET, "/v1/apps/a", NULL);
    expect(c, 404, GET, "/v1/apps/a/machines", NULL);
    create_app(c, "a");
    struct seen volumes = expect(c, 200, GET, "/v1/apps/a/volumes", NULL);
    assert_int_equal(count_at(&volumes, ""), 0);
}

static void a_machine_is_created_then_starting_then_started(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *machine = create_machine(c, "m");
    assert_string_equal(state_of(c, machine), "created");
    clock_virtual_advance(&c->clock, DELAY_US);
    assert_string_equal(state_of(c, machine), "starting");
    clock_virtual_advance(&c->clock, DELAY_US);
    struct seen seen = expect(c, 200, GET, machine, NULL);
    assert_string_equal(text_at(&seen, "state"), "started");
    assert_string_equal(text_at(&seen, "image_ref.repository"), "nginx");
    assert_string_equal(text_at(&seen, "image_ref.tag"), "1.27");
    assert_string_equal(text_at(&seen, "config.guest.cpu_kind"), "shared");
    assert_int_equal(int_at(&seen, "config.guest.memory_mb"), 256);
}

static void a_machine_without_launch_stays_created(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    struct seen made =
        expect(c, 200, POST, "/v1/apps/a/machines",
               "{\"skip_launch\":true,\"config\":{\"image\":\"x\",\"size\":\"performance-2x\"}}");
    cloud_settle(c);
    struct seen seen =
        expect(c, 200, GET, text(c, "/v1/apps/a/machines/%s", text_at(&made, "id")), NULL);
    assert_string_equal(text_at(&seen, "state"), "created");
    assert_int_equal(int_at(&seen, "config.guest.memory_mb"), 4096);
}

static void configurations_that_fly_would_not_run_are_refused(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"{}", "config: is required"},
        {"{\"config\":{}}", "config.image: is required"},
        {"{\"config\":{\"image\":\"x\",\"imgae\":1}}", "imgae"},
        {"{\"region\":\"mars\",\"config\":{\"image\":\"x\"}}", "region mars"},
        {"{\"config\":{\"image\":\"x\",\"guest\":{\"cpu_kind\":\"fast\"}}}", "cpu_kind"},
        {"{\"config\":{\"image\":\"x\",\"guest\":{\"cpus\":3}}}", "cpus"},
        {"{\"config\":{\"image\":\"x\",\"guest\":{\"cpu_kind\":\"performance\",\"cpus\":2,"
         "\"memory_mb\":2048}}}",
         "memory_mb"},
        {"{\"config\":{\"image\":\"x\",\"env\":{\"A\":1}}}", "config.env.A"},
        {"{\"config\":{\"image\":\"x\",\"size\":\"huge\"}}", "size huge"},
        {"{\"config\":{\"image\":\"x\",\"mounts\":[{\"path\":\"/d\"}]}}", "volume is required"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct seen seen = expect(c, 400, POST, "/v1/apps/a/machines", cases[i].body);
        if (!strstr(text_at(&seen, "error"), cases[i].part))
            fail_msg("%s: %s", cases[i].body, text_at(&seen, "error"));
    }
    expect(c, 404, POST, "/v1/apps/b/machines", "{\"config\":{\"image\":\"x\"}}");
    expect(c, 404, POST, "/v1/apps/a/machines",
           "{\"config\":{\"image\":\"x\",\"mounts\":[{\"volume\":\"vol_no\",\"path\":\"/d\"}]}}");
    struct seen list = expect(c, 200, GET, "/v1/apps/a/machines", NULL);
    assert_int_equal(count_at(&list, ""), 0);
}

static void machine_names_are_unique_in_their_app_until_destroyed(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *machine = create_machine(c, "m");
    const char *same = "{\"name\":\"m\",\"config\":{\"image\":\"x\"}}";
    struct seen seen = expect(c, 409, POST, "/v1/apps/a/machines", same);
    assert_non_null(strstr(text_at(&seen, "error"), "already_exists"));
    create_app(c, "b");
    expect(c, 200, POST, "/v1/apps/b/machines", same);
    expect(c, 200, DELETE, text(c, "%s?force=true", machine), NULL);
    expect(c, 200, POST, "/v1/apps/a/machines", same);
}

static void machines_are_listed_by_region_state_and_metadata(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    create_machine(c, "m1");
    cloud_settle(c);
    create_machine(c, "m2");
    static const struct {
        const char *query;
        size_t count;
    } cases[] = {
        {"", 2},
        {"?region=fra", 2},
        {"?region=iad", 0},
        {"?state=started", 1},
        {"?state=started,created", 2},
        {"?metadata.owner=m2", 1},
        {"?metadata.owner=m2&metadata.other=x", 0},
        {"?summary=true&metadata.owner=m1", 1},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct seen seen =
            expect(c, 200, GET, text(c, "/v1/apps/a/machines%s", cases[i].query), NULL);
        if (count_at(&seen, "") != cases[i].count)
            fail_msg("%s: %zu machines", cases[i].query, count_at(&seen, ""));
    }
}

static void stop_start_suspend_and_restart_go_through_their_states(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *m = create_machine(c, "m");
    expect(c, 412, POST, text(c, "%s/suspend", m), NULL);
    cloud_settle(c);
    static const struct {
        const char *verb, *meanwhile, *then;
    } steps[] = {
        {"stop", "stopping", "stopped"},        {"start", "starting", "started"},
        {"suspend", "suspending", "suspended"}, {"start", "starting", "started"},
        {"restart", "restarting", "started"},
    };
    for (size_t i = 0; i < ARRAY_LEN(steps); i++) {
        expect(c, 200, POST, text(c, "%s/%s", m, steps[i].verb), NULL);
        assert_string_equal(state_of(c, m), steps[i].meanwhile);
        cloud_settle(c);
        assert_string_equal(state_of(c, m), steps[i].then);
    }
    struct seen again = expect(c, 200, POST, text(c, "%s/start", m), NULL);
    assert_string_equal(text_at(&again, "previous_state"), "started");
}

static void updating_replaces_the_configuration_and_makes_a_new_instance(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *m = create_machine(c, "m");
    const char *body = "{\"config\":{\"image\":\"nginx:2\"}}";
    expect(c, 412, POST, m, body);
    cloud_settle(c);
    struct seen before = expect(c, 200, GET, m, NULL);
    const char *version = text_at(&before, "instance_id");
    expect(c, 409, POST, m, "{\"config\":{\"image\":\"x\"},\"current_version\":\"0\"}");
    expect(c, 400, POST, m, "{\"config\":{\"image\":\"x\"},\"region\":\"iad\"}");
    struct seen after =
        expect(c, 200, POST, m,
               text(c, "{\"config\":{\"image\":\"nginx:2\"},\"current_version\":\"%s\"}", version));
    assert_string_not_equal(text_at(&after, "instance_id"), version);
    assert_string_equal(text_at(&after, "state"), "updating");
    assert_null(at(after.body, "config.metadata"));
    cloud_settle(c);
    assert_string_equal(state_of(c, m), "started");
    expect(c, 200, POST, m, "{\"config\":{\"image\":\"nginx:3\"},\"skip_launch\":true}");
    cloud_settle(c);
    assert_string_equal(state_of(c, m), "stopped");
}

static void a_running_machine_is_destroyed_only_by_force(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *m = create_machine(c, "m");
    cloud_settle(c);
    expect(c, 412, DELETE, m, NULL);
    expect(c, 200, DELETE, text(c, "%s?force=true", m), NULL);
    assert_string_equal(state_of(c, m), "destroying");
    expect(c, 404, POST, text(c, "%s/start", m), NULL);
    cloud_settle(c);
    assert_string_equal(state_of(c, m), "destroyed");
    struct seen list = expect(c, 200, GET, "/v1/apps/a/machines", NULL);
    assert_int_equal(count_at(&list, ""), 0);
    list = expect(c, 200, GET, "/v1/apps/a/machines?include_deleted=true", NULL);
    assert_int_equal(count_at(&list, ""), 1);
}

static void whoever_holds_the_lease_alone_may_change_the_machine(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *m = create_machine(c, "m");
    const char *lease = text(c, "%s/lease", m), *stop = text(c, "%s/stop", m);
    cloud_settle(c);
    expect(c, 404, GET, lease, NULL);
    struct seen held = expect(c, 201, POST, lease, "{\"ttl\":30,\"description\":\"move\"}");
    const char *nonce = text_at(&held, "data.nonce");
    assert_string_equal(text_at(&held, "status"), "success");
    struct seen refused = expect(c, 409, POST, lease, "{\"ttl\":30}");
    assert_string_equal(text_at(&refused, "status"), "error");
    expect(c, 409, POST, stop, NULL);
    expect(c, 409, DELETE, text(c, "%s?force=true", m), NULL);
    expect(c, 409, POST, text(c, "%s/metadata/k", m), "{\"value\":\"v\"}");
    assert_int_equal(ask_with(c, POST, stop, NULL, NONCE, "wrong").status, 409);
    assert_int_equal(ask_with(c, POST, stop, NULL, NONCE, nonce).status, 200);

    clock_virtual_advance(&c->clock, 20 * USEC_PER_SEC);
    struct seen longer = ask_with(c, POST, text(c, "%s?ttl=30", lease), NULL, NONCE, nonce);
    assert_int_equal(longer.status, 201);
    assert_string_equal(text_at(&longer, "data.nonce"), nonce);
    assert_int_equal(int_at(&longer, "data.expires_at"), int_at(&held, "data.expires_at") + 20);
    assert_int_equal(ask_with(c, DELETE, lease, NULL, NONCE, "wrong").status, 409);
    assert_int_equal(ask_with(c, DELETE, lease, NULL, NONCE, nonce).status, 200);
    expect(c, 200, POST, text(c, "%s/start", m), NULL);
}

static void a_lease_ends_by_itself(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    struct seen made = expect(c, 200, POST, "/v1/apps/a/machines",
                              "{\"lease_ttl\":10,\"config\":{\"image\":\"x\"}}");
    const char *stop = text(c, "/v1/apps/a/machines/%s/stop", text_at(&made, "id"));
    assert_non_null(text_at(&made, "nonce"));
    clock_virtual_advance(&c->clock, 9 * USEC_PER_SEC);
    expect(c, 409, POST, stop, NULL);
    clock_virtual_advance(&c->clock, USEC_PER_SEC);
    expect(c, 200, POST, stop, NULL);
}

/* With a client and an arena of its own: neither is for two threads. */
struct waiter {
    struct cloud own;
    const char *path;
    int status;
    pthread_t thread;
    _Atomic bool done;
};

static void *wait_in_thread(void *arg)
{
    struct waiter *w = arg;
    w->status = ask(&w->own, GET, w->path, NULL).status;
    atomic_store(&w->done, true);
    return NULL;
}

static void waiter_start(struct waiter *w, struct cloud *c, const char *path)
{
    *w = (struct waiter){.own = *c, .path = path};
    w->own.client = http_client_new();
    w->own.arena = (struct arena){0};
    w->own.kept = json_array();
    assert_int_equal(pthread_create(&w->thread, NULL, wait_in_thread, w), 0);
}

static int waiter_join(struct waiter *w)
{
    (void)pthread_join(w->thread, NULL);
    http_client_free(w->own.client);
    json_decref(w->own.kept);
    arena_release(&w->own.arena);
    return w->status;
}

static void waiting_ends_when_the_clock_reaches_the_state(void **state)
{
    struct cloud *c = *state;
    c->options.wait_max_us = 60 * USEC_PER_SEC;
    cloud_restart(c);
    create_app(c, "a");
    const char *m = create_machine(c, "m");
    struct waiter w;
    waiter_start(&w, c, text(c, "%s/wait?state=started&timeout=60", m));
    clock_virtual_advance(&c->clock, 2 * DELAY_US);
    assert_int_equal(waiter_join(&w), 200);
}

static void waiting_is_408_after_the_timeout_by_the_clock_or_the_bound_in_real_time(void **state)
{
    struct cloud *c = *state;
    c->options.wait_max_us = 60 * USEC_PER_SEC;
    cloud_restart(c);
    create_app(c, "a");
    const char *m = create_machine(c, "m");
    const char *path = text(c, "%s/wait?state=suspended&timeout=5", m);
    struct waiter w;
    waiter_start(&w, c, path);
    while (!atomic_load(&w.done)) { /* the request may arrive at any time */
        clock_virtual_advance(&c->clock, USEC_PER_SEC);
        (void)sched_yield();
    }
    assert_int_equal(waiter_join(&w), 408);

    c->options.wait_max_us = 1;
    cloud_restart(c);
    struct seen seen = expect(c, 408, GET, path, NULL);
    assert_non_null(strstr(text_at(&seen, "error"), "deadline_exceeded"));
}

static void waiting_checks_what_it_is_asked_for(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *m = create_machine(c, "m");
    expect(c, 400, GET, text(c, "%s/wait?state=happy", m), NULL);
    expect(c, 400, GET, text(c, "%s/wait?timeout=61", m), NULL);
    expect(c, 400, GET, text(c, "%s/wait?state=stopped", m), NULL);
    expect(c, 404, GET, "/v1/apps/a/machines/nobody/wait", NULL);
    cloud_settle(c);
    struct seen seen = expect(c, 200, GET, text(c, "%s/wait?state=settled", m), NULL);
    assert_string_equal(text_at(&seen, "state"), "started");
}

static void metadata_is_set_merged_replaced_and_removed_without_a_new_instance(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *m = create_machine(c, "m");
    struct seen before = expect(c, 200, GET, m, NULL);
    const char *all = text(c, "%s/metadata", m), *one = text(c, "%s/metadata/k", m);
    expect(c, 404, GET, one, NULL);
    expect(c, 204, POST, one, "{\"value\":\"v\"}");
    struct seen seen = expect(c, 200, GET, one, NULL);
    assert_string_equal(text_at(&seen, "value"), "v");
    expect(c, 204, PATCH, all, "{\"metadata\":{\"z\":\"1\"}}");
    seen = expect(c, 200, GET, all, NULL);
    assert_int_equal(json_object_size(seen.body), 3);
    expect(c, 412, PUT, all, "{\"metadata\":{},\"machine_version\":\"0\"}");
    expect(c, 204, PUT, all, "{\"metadata\":{\"only\":\"this\"}}");
    expect(c, 204, DELETE, text(c, "%s/metadata/only", m), NULL);
    seen = expect(c, 200, GET, all, NULL);
    assert_int_equal(json_object_size(seen.body), 0);
    struct seen after = expect(c, 200, GET, m, NULL);
    assert_string_equal(text_at(&after, "instance_id"), text_at(&before, "instance_id"));
}

static const char *create_volume(struct cloud *c, const char *region)
{
    struct seen made =
        expect(c, 200, POST, "/v1/apps/a/volumes",
               text(c, "{\"name\":\"data\",\"region\":\"%s\",\"size_gb\":3}", region));
    return text_at(&made, "id");
}

static void a_volume_belongs_to_one_machine_and_outlives_it(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *id = create_volume(c, "fra");
    const char *volume = text(c, "/v1/apps/a/volumes/%s", id);
    const char *body = text(c,
                            "{\"region\":\"fra\",\"config\":{\"image\":\"x\",\"mounts\":"
                            "[{\"volume\":\"%s\",\"path\":\"/data\"}]}}",
                            id);
    struct seen made = expect(c, 200, POST, "/v1/apps/a/machines", body);
    struct seen seen = expect(c, 200, GET, volume, NULL);
    assert_string_equal(text_at(&seen, "attached_machine_id"), text_at(&made, "id"));
    expect(c, 412, POST, "/v1/apps/a/machines", body);
    expect(c, 412, DELETE, volume, NULL);
    expect(c, 200, DELETE, text(c, "/v1/apps/a/machines/%s?kill=true", text_at(&made, "id")), NULL);
    seen = expect(c, 200, GET, volume, NULL);
    assert_null(at(seen.body, "attached_machine_id"));
    const char *far = create_volume(c, "iad");
    expect(c, 400, POST, "/v1/apps/a/machines",
           text(c,
                "{\"region\":\"fra\",\"config\":{\"image\":\"x\",\"mounts\":"
                "[{\"volume\":\"%s\",\"path\":\"/data\"}]}}",
                far));
}

static void a_volume_grows_and_never_shrinks(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *extend = text(c, "/v1/apps/a/volumes/%s/extend", create_volume(c, "fra"));
    struct seen seen = expect(c, 200, PUT, extend, "{\"size_gb\":10}");
    assert_int_equal(int_at(&seen, "volume.size_gb"), 10);
    expect(c, 400, PUT, extend, "{\"size_gb\":9}");
}

static void a_deleted_volume_is_listed_for_a_day(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *volume = text(c, "/v1/apps/a/volumes/%s", create_volume(c, "fra"));
    struct seen seen = expect(c, 200, DELETE, volume, NULL);
    assert_string_equal(text_at(&seen, "state"), "pending_destroy");
    expect(c, 200, GET, volume, NULL);
    expect(c, 412, PUT, text(c, "%s/extend", volume), "{\"size_gb\":10}");
    clock_virtual_advance(&c->clock, USEC_PER_DAY);
    expect(c, 404, GET, volume, NULL);
    struct seen list = expect(c, 200, GET, "/v1/apps/a/volumes", NULL);
    assert_int_equal(count_at(&list, ""), 0);
}

static void secrets_have_a_version_and_never_show_their_values(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    struct seen one = expect(c, 200, POST, "/v1/apps/a/secrets",
                             "{\"values\":{\"DATABASE_URL\":\"postgres://hush\",\"KEY\":\"k\"}}");
    assert_int_equal(int_at(&one, "version"), 1);
    struct seen two = expect(c, 200, POST, "/v1/apps/a/secrets", "{\"values\":{\"KEY\":null}}");
    assert_int_equal(int_at(&two, "version"), 2);
    struct seen list = expect(c, 200, GET, "/v1/apps/a/secrets", NULL);
    assert_int_equal(count_at(&list, "secrets"), 1);
    assert_string_equal(text_at(&list, "secrets.0.name"), "DATABASE_URL");
    assert_null(strstr(list.reply.body.ptr, "hush"));
    expect(c, 400, POST, "/v1/apps/a/secrets", "{\"values\":{\"A-B\":\"x\"}}");
}

static void addresses_and_certificates_come_and_go(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    struct seen v6 = expect(c, 200, POST, "/v1/apps/a/ip_assignments", "{\"type\":\"v6\"}");
    struct seen shared =
        expect(c, 200, POST, "/v1/apps/a/ip_assignments", "{\"type\":\"shared_v4\"}");
    assert_true(json_is_true(at(shared.body, "shared")));
    expect(c, 400, POST, "/v1/apps/a/ip_assignments", "{\"type\":\"v5\"}");
    const char *ip = text(c, "/v1/apps/a/ip_assignments/%s", text_at(&v6, "ip"));
    expect(c, 204, DELETE, ip, NULL);
    expect(c, 404, DELETE, ip, NULL);
    struct seen list = expect(c, 200, GET, "/v1/apps/a/ip_assignments", NULL);
    assert_int_equal(count_at(&list, "ips"), 1);

    const char *host = "{\"hostname\":\"shop.example.com\"}";
    expect(c, 201, POST, "/v1/apps/a/certificates/acme", host);
    expect(c, 422, POST, "/v1/apps/a/certificates/acme", host);
    cloud_settle(c);
    struct seen seen = expect(c, 200, POST, "/v1/apps/a/certificates/shop.example.com/check", NULL);
    assert_string_equal(text_at(&seen, "status"), "active");
    expect(c, 204, DELETE, "/v1/apps/a/certificates/shop.example.com", NULL);
    expect(c, 404, GET, "/v1/apps/a/certificates/shop.example.com", NULL);
}

static void a_postgres_cluster_becomes_ready_and_outlives_apps(void **state)
{
    struct cloud *c = *state;
    c->options.postgres_host = "10.0.0.1";
    c->options.postgres_port = 6543;
    cloud_restart(c);
    struct seen made = expect(c, 201, POST, "/v1/postgres",
                              "{\"org_slug\":\"personal\",\"name\":\"pg\",\"region\":\"fra\","
                              "\"plan\":\"starter\",\"disk_size_gb\":20}");
    const char *id = text_at(&made, "data.id");
    const char *path = text(c, "/v1/postgres/%s", id);
    const char *login = text(c, "/v1/postgres/%s/users/app/credentials", id);
    assert_string_equal(text_at(&made, "data.status"), "creating");
    expect(c, 422, GET, login, NULL);
    cloud_settle(c);
    struct seen seen = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&seen, "data.status"), "ready");
    assert_string_equal(text_at(&seen, "data.endpoints.primary.direct.host"), "10.0.0.1");
    assert_int_equal(int_at(&seen, "data.endpoints.primary.pooler.port"), 6543);
    struct seen credentials = expect(c, 200, GET, login, NULL);
    assert_string_equal(text_at(&credentials, "data.username"), "app");
    struct seen list = expect(c, 200, GET, "/api/v1/organizations/personal/postgres", NULL);
    assert_int_equal(count_at(&list, "data"), 1);
    expect(c, 404, DELETE, text(c, "/api/v1/organizations/other/postgresv2/%s", id), NULL);
    expect(c, 204, DELETE, text(c, "/api/v1/organizations/personal/postgresv2/%s", id), NULL);
    expect(c, 404, GET, path, NULL);
    expect(c, 400, POST, "/v1/postgres",
           "{\"org_slug\":\"personal\",\"region\":\"cdg\",\"plan\":\"starter\"}");
}

static void an_organisations_machines_are_found_across_its_apps_by_pages(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    expect(c, 201, POST, "/v1/apps", "{\"name\":\"theirs\",\"org_slug\":\"other\"}");
    expect(c, 200, POST, "/v1/apps/theirs/machines", "{\"config\":{\"image\":\"x\"}}");
    for (int i = 0; i < 3; i++)
        create_machine(c, text(c, "m%d", i));
    struct seen first = expect(c, 200, GET, "/v1/orgs/personal/machines?limit=2", NULL);
    assert_int_equal(count_at(&first, "machines"), 2);
    assert_string_equal(text_at(&first, "machines.0.app_name"), "a");
    struct seen rest = expect(
        c, 200, GET,
        text(c, "/v1/orgs/personal/machines?limit=2&cursor=%s", text_at(&first, "next_cursor")),
        NULL);
    assert_int_equal(count_at(&rest, "machines"), 1);
    assert_null(at(rest.body, "next_cursor"));
    struct seen all = expect(c, 200, GET, "/v1/orgs/personal/machines", NULL);
    assert_string_equal(text_at(&all, "machines.2.id"), text_at(&rest, "machines.0.id"));
}

static void a_fourth_change_of_one_kind_at_once_is_429_when_limits_are_on(void **state)
{
    struct cloud *c = *state;
    c->options.fly_rate_burst = 3;
    cloud_restart(c);
    create_app(c, "a");
    for (int i = 0; i < 3; i++)
        create_machine(c, text(c, "m%d", i));
    const char *body = "{\"config\":{\"image\":\"x\"}}";
    expect(c, 429, POST, "/v1/apps/a/machines", body);
    expect(c, 200, GET, "/v1/apps/a/machines", NULL);
    create_app(c, "b");
    expect(c, 200, POST, "/v1/apps/b/machines", body);
    clock_virtual_advance(&c->clock, USEC_PER_SEC);
    expect(c, 200, POST, "/v1/apps/a/machines", body);
    expect(c, 429, POST, "/v1/apps/a/machines", body);
}

/* As another client would see it, which has not been given the affinity cookie. */
static struct seen ask_as_a_stranger(struct cloud *c, const char *path)
{
    http_client_free(c->client);
    c->client = http_client_new();
    return ask(c, GET, path, NULL);
}

static void lists_and_readers_without_the_cookie_lag_behind_a_write(void **state)
{
    struct cloud *c = *state;
    c->options.read_lag_us = 5 * USEC_PER_SEC;
    cloud_restart(c);
    create_app(c, "a");
    clock_virtual_advance(&c->clock, c->options.read_lag_us);
    struct seen made = expect(c, 200, POST, "/v1/apps/a/machines",
                              "{\"config\":{\"image\":\"x\",\"env\":{\"A\":\"old\"}}}");
    const char *path = text(c, "/v1/apps/a/machines/%s", text_at(&made, "id"));
    expect(c, 200, GET, path, NULL);
    assert_int_equal(ask_as_a_stranger(c, path).status, 404);
    struct seen list = expect(c, 200, GET, "/v1/apps/a/machines", NULL);
    assert_int_equal(count_at(&list, ""), 0);
    list = expect(c, 200, GET, "/v1/orgs/personal/machines", NULL);
    assert_int_equal(count_at(&list, "machines"), 0);

    clock_virtual_advance(&c->clock, c->options.read_lag_us);
    expect(c, 200, POST, path, "{\"config\":{\"image\":\"x\",\"env\":{\"A\":\"new\"}}}");
    struct seen seen = ask_as_a_stranger(c, path);
    assert_string_equal(text_at(&seen, "config.env.A"), "old");
    assert_string_equal(text_at(&seen, "state"), "started");
    clock_virtual_advance(&c->clock, c->options.read_lag_us);
    seen = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&seen, "config.env.A"), "new");

    expect(c, 200, DELETE, text(c, "%s?force=true", path), NULL);
    clock_virtual_advance(&c->clock, 2 * DELAY_US);
    list = expect(c, 200, GET, "/v1/apps/a/machines", NULL);
    assert_int_equal(count_at(&list, ""), 1);
    clock_virtual_advance(&c->clock, c->options.read_lag_us);
    list = expect(c, 200, GET, "/v1/apps/a/machines", NULL);
    assert_int_equal(count_at(&list, ""), 0);
}

static void health_checks_pass_while_it_is_started_unless_a_test_says_otherwise(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    struct seen made =
        expect(c, 200, POST, "/v1/apps/a/machines",
               "{\"config\":{\"image\":\"x\",\"checks\":{\"web\":{\"type\":\"tcp\"}}}}");
    const char *path = text(c, "/v1/apps/a/machines/%s", text_at(&made, "id"));
    assert_string_equal(text_at(&made, "checks.0.status"), "critical");
    cloud_settle(c);
    struct seen seen = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&seen, "checks.0.status"), "passing");
    expect(c, 200, PATCH, "/sandbox/settings",
           text(c, "{\"checks\":{\"%s\":{\"web\":\"critical\"}}}", text_at(&made, "id")));
    seen = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&seen, "checks.0.status"), "critical");
    expect(c, 204, DELETE, "/sandbox/settings", NULL);
    seen = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&seen, "checks.0.status"), "passing");
}

static void a_machine_waits_for_no_secrets_that_do_not_exist(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    static const char body[] = "{\"config\":{\"image\":\"x\"},\"min_secrets_version\":1}";
    expect(c, 412, POST, "/v1/apps/a/machines", body);
    expect(c, 200, POST, "/v1/apps/a/secrets", "{\"values\":{\"A\":\"b\"}}");
    expect(c, 200, POST, "/v1/apps/a/machines", body);
}

static void a_machines_events_and_versions_are_kept(void **state)
{
    struct cloud *c = *state;
    create_app(c, "a");
    const char *path = create_machine(c, "m");
    cloud_settle(c);
    expect(c, 200, POST, path, "{\"config\":{\"image\":\"y\"}}");
    struct seen events = expect(c, 200, GET, text(c, "%s/events", path), NULL);
    assert_string_equal(text_at(&events, "0.type"), "update");
    assert_string_equal(text_at(&events, "1.type"), "launch");
    struct seen versions = expect(c, 200, GET, text(c, "%s/versions", path), NULL);
    assert_int_equal(count_at(&versions, ""), 2);
    assert_string_equal(text_at(&versions, "0.user_config.image"), "y");
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, cloud_setup, cloud_teardown)
    const struct CMUnitTest tests[] = {
        T(app_names_are_taken_once_for_all_organisations),
        T(deleting_an_app_takes_its_machines_and_volumes_along_when_forced),
        T(a_machine_is_created_then_starting_then_started),
        T(a_machine_without_launch_stays_created),
        T(configurations_that_fly_would_not_run_are_refused),
        T(machine_names_are_unique_in_their_app_until_destroyed),
        T(machines_are_listed_by_region_state_and_metadata),
        T(stop_start_suspend_and_restart_go_through_their_states),
        T(updating_replaces_the_configuration_and_makes_a_new_instance),
        T(a_running_machine_is_destroyed_only_by_force),
        T(whoever_holds_the_lease_alone_may_change_the_machine),
        T(a_lease_ends_by_itself),
        T(waiting_ends_when_the_clock_reaches_the_state),
        T(waiting_is_408_after_the_timeout_by_the_clock_or_the_bound_in_real_time),
        T(waiting_checks_what_it_is_asked_for),
        T(metadata_is_set_merged_replaced_and_removed_without_a_new_instance),
        T(a_volume_belongs_to_one_machine_and_outlives_it),
        T(a_volume_grows_and_never_shrinks),
        T(a_deleted_volume_is_listed_for_a_day),
        T(secrets_have_a_version_and_never_show_their_values),
        T(addresses_and_certificates_come_and_go),
        T(an_organisations_machines_are_found_across_its_apps_by_pages),
        T(a_fourth_change_of_one_kind_at_once_is_429_when_limits_are_on),
        T(lists_and_readers_without_the_cookie_lag_behind_a_write),
        T(health_checks_pass_while_it_is_started_unless_a_test_says_otherwise),
        T(a_machine_waits_for_no_secrets_that_do_not_exist),
        T(a_machines_events_and_versions_are_kept),
        T(a_postgres_cluster_becomes_ready_and_outlives_apps),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
