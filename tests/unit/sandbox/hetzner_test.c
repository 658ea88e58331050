#include "support.h"

static const char *create_body(struct cloud *c, const char *name)
{
    return text(c,
                "{\"name\":\"%s\",\"server_type\":\"cx23\",\"image\":\"debian-12\","
                "\"location\":\"fsn1\",\"labels\":{\"pool\":\"a\",\"name\":\"%s\"}}",
                name, name);
}

static int64_t create_server(struct cloud *c, const char *name)
{
    struct seen made = expect(c, 201, POST, "/v1/servers", create_body(c, name));
    return int_at(&made, "server.id");
}

static const char *status_of(struct cloud *c, int64_t id)
{
    struct seen seen = expect(c, 200, GET, text(c, "/v1/servers/%lld", (long long)id), NULL);
    return text_at(&seen, "server.status");
}

static void a_new_server_is_initializing_then_starting_then_running(void **state)
{
    struct cloud *c = *state;
    struct seen made = expect(c, 201, POST, "/v1/servers", create_body(c, "db-1"));
    int64_t id = int_at(&made, "server.id");
    assert_string_equal(text_at(&made, "server.status"), "initializing");
    assert_string_equal(text_at(&made, "action.command"), "create_server");
    assert_string_equal(text_at(&made, "action.status"), "running");
    assert_string_equal(text_at(&made, "next_actions.0.command"), "start_server");
    assert_int_equal(int_at(&made, "action.resources.0.id"), id);
    clock_virtual_advance(&c->clock, DELAY_US);
    assert_string_equal(status_of(c, id), "starting");
    clock_virtual_advance(&c->clock, DELAY_US);
    assert_string_equal(status_of(c, id), "running");
}

static void a_server_created_without_starting_ends_off_and_has_no_next_action(void **state)
{
    struct cloud *c = *state;
    struct seen made =
        expect(c, 201, POST, "/v1/servers",
               "{\"name\":\"x\",\"server_type\":114,\"image\":\"ubuntu-24.04\",\"location\":\"1\","
               "\"start_after_create\":false}");
    assert_int_equal(count_at(&made, "next_actions"), 0);
    cloud_settle(c);
    assert_string_equal(status_of(c, int_at(&made, "server.id")), "off");
}

static void an_action_goes_from_running_with_progress_to_success(void **state)
{
    struct cloud *c = *state;
    struct seen made = expect(c, 201, POST, "/v1/servers", create_body(c, "db-1"));
    const char *path = text(c, "/v1/actions/%lld", (long long)int_at(&made, "action.id"));
    assert_int_equal(int_at(&made, "action.progress"), 0);
    clock_virtual_advance(&c->clock, DELAY_US / 2);
    struct seen half = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&half, "action.status"), "running");
    assert_int_equal(int_at(&half, "action.progress"), 50);
    assert_true(json_is_null(at(half.body, "action.finished")));
    clock_virtual_advance(&c->clock, DELAY_US / 2);
    struct seen done = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&done, "action.status"), "success");
    assert_int_equal(int_at(&done, "action.progress"), 100);
    assert_string_equal(text_at(&done, "action.finished"),
                        text(c, "%s", time_text(START_US + DELAY_US, (char[TIME_TEXT_MAX]){0})));
}

static void actions_are_listed_by_their_ids_and_unknown_ids_are_left_out(void **state)
{
    struct cloud *c = *state;
    struct seen made = expect(c, 201, POST, "/v1/servers", create_body(c, "db-1"));
    long long first = int_at(&made, "action.id"), second = int_at(&made, "next_actions.0.id");
    struct seen list = expect(
        c, 200, GET, text(c, "/v1/actions?id=%lld&id=%lld&id=999&sort=id", first, second), NULL);
    assert_int_equal(count_at(&list, "actions"), 2);
    assert_int_equal(int_at(&list, "actions.1.id"), second);
    struct seen all = expect(c, 410, GET, "/v1/actions", NULL);
    assert_string_equal(text_at(&all, "error.code"), "deprecated_api_endpoint");
    struct seen of_server = expect(
        c, 200, GET,
        text(c, "/v1/servers/%lld/actions?status=running", (long long)int_at(&made, "server.id")),
        NULL);
    assert_int_equal(count_at(&of_server, "actions"), 2);
}

static void a_used_server_name_is_refused_with_uniqueness_error(void **state)
{
    struct cloud *c = *state;
    create_server(c, "db-1");
    struct seen refused = expect(c, 409, POST, "/v1/servers", create_body(c, "db-1"));
    assert_string_equal(text_at(&refused, "error.code"), "uniqueness_error");
    assert_string_equal(text_at(&refused, "error.details.fields.0.name"), "name");
    int64_t other = create_server(c, "db-2");
    expect(c, 409, PUT, text(c, "/v1/servers/%lld", (long long)other), "{\"name\":\"db-1\"}");
}

static void power_actions_move_the_status_and_lock_the_server_meanwhile(void **state)
{
    struct cloud *c = *state;
    long long id = create_server(c, "db-1");
    const char *poweroff = text(c, "/v1/servers/%lld/actions/poweroff", id);
    struct seen locked = expect(c, 423, POST, poweroff, NULL);
    assert_string_equal(text_at(&locked, "error.code"), "locked");
    cloud_settle(c);
    expect(c, 201, POST, poweroff, NULL);
    assert_string_equal(status_of(c, id), "stopping");
    expect(c, 423, DELETE, text(c, "/v1/servers/%lld", id), NULL);
    cloud_settle(c);
    assert_string_equal(status_of(c, id), "off");
    expect(c, 201, POST, text(c, "/v1/servers/%lld/actions/poweron", id), NULL);
    assert_string_equal(status_of(c, id), "starting");
    cloud_settle(c);
    assert_string_equal(status_of(c, id), "running");
    expect(c, 201, POST, text(c, "/v1/servers/%lld/actions/reboot", id), NULL);
    cloud_settle(c);
    assert_string_equal(status_of(c, id), "running");
}

static void the_action_of_a_shutdown_is_over_before_the_server_is_off(void **state)
{
    struct cloud *c = *state;
    long long id = create_server(c, "db-1");
    cloud_settle(c);
    struct seen seen = expect(c, 201, POST, text(c, "/v1/servers/%lld/actions/shutdown", id), NULL);
    assert_string_equal(text_at(&seen, "action.status"), "success");
    assert_string_equal(status_of(c, id), "running");
    cloud_settle(c);
    assert_string_equal(status_of(c, id), "off");
}

static void a_deleted_server_is_deleting_then_gone_and_its_name_is_free(void **state)
{
    struct cloud *c = *state;
    long long id = create_server(c, "db-1");
    cloud_settle(c);
    struct seen gone = expect(c, 200, DELETE, text(c, "/v1/servers/%lld", id), NULL);
    assert_string_equal(text_at(&gone, "action.command"), "delete_server");
    assert_string_equal(status_of(c, id), "deleting");
    expect(c, 409, POST, "/v1/servers", create_body(c, "db-1"));
    cloud_settle(c);
    struct seen missing = expect(c, 404, GET, text(c, "/v1/servers/%lld", id), NULL);
    assert_string_equal(text_at(&missing, "error.code"), "not_found");
    assert_true(create_server(c, "db-1") > id);
}

static void servers_are_found_by_name_label_and_status(void **state)
{
    struct cloud *c = *state;
    create_server(c, "db-1");
    cloud_settle(c);
    create_server(c, "db-2");
    static const struct {
        const char *query;
        size_t count;
    } cases[] = {
        {"", 2},
        {"?name=db-2", 1},
        {"?name=nobody", 0},
        {"?label_selector=pool%3Da", 2},
        {"?label_selector=pool%3D%3Da,name%3Ddb-1", 1},
        {"?label_selector=pool", 2},
        {"?label_selector=!pool", 0},
        {"?label_selector=!other,name!%3Ddb-1", 1},
        {"?status=running", 1},
        {"?status=initializing&status=running", 2},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct seen seen = expect(c, 200, GET, text(c, "/v1/servers%s", cases[i].query), NULL);
        if (count_at(&seen, "servers") != cases[i].count)
            fail_msg("%s: %zu servers", cases[i].query, count_at(&seen, "servers"));
    }
    expect(c, 422, GET, "/v1/servers?label_selector=a%3Db%20c", NULL);
}

static void pages_have_numbers_totals_and_links(void **state)
{
    struct cloud *c = *state;
    for (int i = 0; i < 5; i++)
        create_server(c, text(c, "db-%d", i));
    struct seen seen = expect(
        c, 200, GET, "/v1/servers?page=2&per_page=2&label_selector=pool%3Da&sort=id:desc", NULL);
    assert_int_equal(count_at(&seen, "servers"), 2);
    assert_string_equal(text_at(&seen, "servers.0.name"), "db-2");
    assert_int_equal(int_at(&seen, "meta.pagination.previous_page"), 1);
    assert_int_equal(int_at(&seen, "meta.pagination.next_page"), 3);
    assert_int_equal(int_at(&seen, "meta.pagination.last_page"), 3);
    assert_int_equal(int_at(&seen, "meta.pagination.total_entries"), 5);
    const char *link = http_reply_header(&seen.reply, "Link");
    assert_non_null(strstr(link, "page=3&per_page=2&label_selector=pool%3Da&sort=id%3Adesc>; "
                                 "rel=next"));
    struct seen beyond = expect(c, 200, GET, "/v1/servers?page=9", NULL);
    assert_int_equal(count_at(&beyond, "servers"), 0);
    struct seen most = expect(c, 200, GET, "/v1/servers?per_page=500", NULL);
    assert_int_equal(int_at(&most, "meta.pagination.per_page"), 50);
    expect(c, 422, GET, "/v1/servers?page=0", NULL);
}

static void changing_labels_replaces_the_whole_set(void **state)
{
    struct cloud *c = *state;
    const char *path = text(c, "/v1/servers/%lld", (long long)create_server(c, "db-1"));
    struct seen seen = expect(c, 200, PUT, path, "{\"labels\":{\"only\":\"this\"}}");
    assert_int_equal(json_object_size(at(seen.body, "server.labels")), 1);
    assert_string_equal(text_at(&seen, "server.name"), "db-1");
    seen = expect(c, 200, PUT, path, "{\"name\":\"db-9\"}");
    assert_string_equal(text_at(&seen, "server.labels.only"), "this");
    assert_string_equal(text_at(&seen, "server.name"), "db-9");
}

static void what_cannot_be_created_is_refused_with_a_reason(void **state)
{
    struct cloud *c = *state;
    static const struct {
        const char *body, *part;
    } cases[] = {
        {"{\"server_type\":\"cx23\",\"image\":\"debian-12\"}", "is required"},
        {"{\"name\":\"a_b\",\"server_type\":\"cx23\",\"image\":\"debian-12\"}", "'name'"},
        {"{\"name\":\"a\",\"server_type\":\"cx99\",\"image\":\"debian-12\"}", "type 'cx99' not"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"dos\"}", "image 'dos' not found"},
        {"{\"name\":\"a\",\"server_type\":\"cax11\",\"image\":114690387}", "architecture"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\",\"location\":\"x\"}",
         "location 'x' not found"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\",\"location\":\"ash\"}",
         "unsupported location for server type"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\",\"ssh_keys\":[\"k\"]}",
         "SSH key 'k' not found"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\",\"volumes\":[7]}",
         "'volumes'"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\",\"datacentre\":1}",
         "field 'datacentre': is unknown"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\","
         "\"labels\":{\"-x\":\"\"}}",
         "'labels'"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\","
         "\"labels\":{\"hetzner.cloud/x\":\"\"}}",
         "'labels'"},
        {"{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\","
         "\"labels\":{\"x\":\"a b\"}}",
         "'labels'"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        struct seen seen = expect(c, 422, POST, "/v1/servers", cases[i].body);
        assert_string_equal(text_at(&seen, "error.code"), "invalid_input");
        if (!strstr(text_at(&seen, "error.message"), cases[i].part))
            fail_msg("%s: %s", cases[i].body, text_at(&seen, "error.message"));
    }
    struct seen list = expect(c, 200, GET, "/v1/servers", NULL);
    assert_int_equal(count_at(&list, "servers"), 0);
}

static void a_body_that_is_not_json_is_a_json_error(void **state)
{
    struct cloud *c = *state;
    struct seen seen = expect(c, 400, POST, "/v1/servers", "{\"name\":");
    assert_string_equal(text_at(&seen, "error.code"), "json_error");
    seen = expect(c, 400, POST, "/v1/servers", "[1]");
    assert_string_equal(text_at(&seen, "error.code"), "json_error");
}

static void requests_without_a_token_are_unauthorized(void **state)
{
    struct cloud *c = *state;
    struct secret *token = c->token;
    c->token = NULL;
    struct seen seen = expect(c, 401, GET, "/v1/servers", NULL);
    assert_string_equal(text_at(&seen, "error.code"), "unauthorized");
    assert_true(json_is_null(at(seen.body, "error.details")));
    seen = expect(c, 401, GET, "/v1/apps?org_slug=o", NULL);
    assert_non_null(text_at(&seen, "error"));
    expect(c, 200, GET, "/sandbox/state", NULL);
    c->token = token;

    c->options.hetzner_token = "another";
    cloud_restart(c);
    expect(c, 401, GET, "/v1/servers", NULL);
    expect(c, 200, GET, "/v1/apps?org_slug=o", NULL);
}

static void an_empty_bucket_is_429_and_refills_one_request_a_second(void **state)
{
    struct cloud *c = *state;
    c->options.rate_burst = 3;
    cloud_restart(c);
    for (int left = 2; left >= 0; left--) {
        struct seen seen = expect(c, 200, GET, "/v1/locations", NULL);
        assert_string_equal(http_reply_header(&seen.reply, "RateLimit-Limit"), "3");
        assert_string_equal(http_reply_header(&seen.reply, "RateLimit-Remaining"),
                            text(c, "%d", left));
    }
    struct seen over = expect(c, 429, GET, "/v1/locations", NULL);
    assert_string_equal(text_at(&over, "error.code"), "rate_limit_exceeded");
    assert_string_equal(http_reply_header(&over.reply, "RateLimit-Reset"),
                        text(c, "%lld", (long long)(START_US / USEC_PER_SEC + 3)));
    expect(c, 200, GET, "/v1/platform/regions", NULL);
    clock_virtual_advance(&c->clock, USEC_PER_SEC);
    expect(c, 200, GET, "/v1/locations", NULL);
    expect(c, 429, GET, "/v1/locations", NULL);
}

static void every_reply_has_an_id_of_its_own(void **state)
{
    struct cloud *c = *state;
    struct seen a = expect(c, 200, GET, "/v1/locations", NULL);
    struct seen b = expect(c, 404, GET, "/v1/locations/99", NULL);
    const char *first = http_reply_header(&a.reply, "X-Correlation-Id");
    const char *second = http_reply_header(&b.reply, "X-Correlation-Id");
    assert_string_not_equal(first, second);
    struct seen fly = expect(c, 200, GET, "/v1/platform/regions", NULL);
    assert_non_null(http_reply_header(&fly.reply, "fly-request-id"));
}

static void ssh_keys_are_unique_by_name_and_by_key(void **state)
{
    struct cloud *c = *state;
    struct seen made = expect(c, 201, POST, "/v1/ssh_keys",
                              "{\"name\":\"ops\",\"public_key\":\"ssh-ed25519 AAAAC3 me@here\"}");
    const char *path = text(c, "/v1/ssh_keys/%lld", (long long)int_at(&made, "ssh_key.id"));
    assert_int_equal(strlen(text_at(&made, "ssh_key.fingerprint")), 47);
    expect(c, 409, POST, "/v1/ssh_keys", "{\"name\":\"ops\",\"public_key\":\"ssh-ed25519 BBBB\"}");
    struct seen same = expect(c, 409, POST, "/v1/ssh_keys",
                              "{\"name\":\"dev\",\"public_key\":\"ssh-ed25519 AAAAC3 other\"}");
    assert_string_equal(text_at(&same, "error.details.fields.0.name"), "public_key");
    expect(c, 422, POST, "/v1/ssh_keys", "{\"name\":\"x\",\"public_key\":\"secret\"}");
    expect(c, 200, PUT, path, "{\"labels\":{\"a\":\"b\"}}");
    struct seen list = expect(c, 200, GET, "/v1/ssh_keys?label_selector=a&name=ops", NULL);
    assert_int_equal(count_at(&list, "ssh_keys"), 1);
    expect(c, 201, POST, "/v1/servers",
           "{\"name\":\"a\",\"server_type\":\"cx23\",\"image\":\"debian-12\","
           "\"ssh_keys\":[\"ops\"]}");
    expect(c, 204, DELETE, path, NULL);
    expect(c, 404, GET, path, NULL);
}

static void prices_are_decimal_texts_with_vat_in_gross(void **state)
{
    struct cloud *c = *state;
    struct seen seen = expect(c, 200, GET, "/v1/server_types?name=cx23", NULL);
    assert_int_equal(count_at(&seen, "server_types"), 1);
    assert_string_equal(text_at(&seen, "server_types.0.prices.0.price_monthly.net"), "5.49");
    assert_string_equal(text_at(&seen, "server_types.0.prices.0.price_monthly.gross"), "6.5331");
    assert_string_equal(text_at(&seen, "server_types.0.prices.0.price_hourly.net"), "0.0088");
    assert_int_equal(count_at(&seen, "server_types.0.locations"), 3);
    struct seen pricing = expect(c, 200, GET, "/v1/pricing", NULL);
    assert_string_equal(text_at(&pricing, "pricing.volume.price_per_gb_month.net"), "0.0572");
    assert_int_equal(count_at(&pricing, "pricing.server_types"), 25);
}

static void an_image_name_means_the_servers_architecture(void **state)
{
    struct cloud *c = *state;
    struct seen arm = expect(c, 201, POST, "/v1/servers",
                             "{\"name\":\"arm\",\"server_type\":\"cax11\",\"image\":\"debian-12\","
                             "\"location\":\"nbg1\"}");
    assert_string_equal(text_at(&arm, "server.image.architecture"), "arm");
    struct seen list = expect(c, 200, GET, "/v1/images?name=debian-12&architecture=x86", NULL);
    assert_int_equal(count_at(&list, "images"), 1);
}

static void a_server_that_goes_leaves_its_volume_and_takes_its_address_along(void **state)
{
    struct cloud *c = *state;
    struct seen volume =
        expect(c, 201, POST, "/v1/volumes", "{\"name\":\"v\",\"size\":10,\"location\":\"fsn1\"}");
    long long id = int_at(&volume, "volume.id");
    struct seen made =
        expect(c, 201, POST, "/v1/servers",
               text(c,
                    "{\"name\":\"db-1\",\"server_type\":\"cx23\",\"image\":\"debian-12\","
                    "\"location\":\"fsn1\",\"volumes\":[%lld]}",
                    id));
    assert_string_equal(text_at(&made, "next_actions.1.command"), "attach_volume");
    cloud_settle(c);
    struct seen seen = expect(c, 200, GET, "/sandbox/state", NULL);
    assert_int_equal(int_at(&seen, "counts.primary_ips"), 2);
    expect(c, 200, DELETE, text(c, "/v1/servers/%lld", (long long)int_at(&made, "server.id")),
           NULL);
    seen = expect(c, 200, GET, "/sandbox/state", NULL);
    assert_int_equal(int_at(&seen, "counts.primary_ips"), 0);
    seen = expect(c, 200, GET, text(c, "/v1/volumes/%lld", id), NULL);
    assert_true(json_is_null(at(seen.body, "volume.server")));
}

static void a_volume_is_attached_in_its_own_location_only(void **state)
{
    struct cloud *c = *state;
    long long server = create_server(c, "db-1");
    struct seen volume =
        expect(c, 201, POST, "/v1/volumes", "{\"name\":\"v\",\"size\":10,\"location\":\"hel1\"}");
    cloud_settle(c);
    expect(c, 422, POST,
           text(c, "/v1/volumes/%lld/actions/attach", (long long)int_at(&volume, "volume.id")),
           text(c, "{\"server\":%lld}", server));
}

static void a_server_type_that_is_sold_out_is_shown_and_refused_as_such(void **state)
{
    struct cloud *c = *state;
    expect(c, 200, PATCH, "/sandbox/settings",
           "{\"availability\":{\"cx23\":{\"fsn1\":{\"available\":false}}}}");
    struct seen type = expect(c, 200, GET, "/v1/server_types?name=cx23", NULL);
    assert_true(json_is_false(at(type.body, "server_types.0.locations.0.available")));
    assert_true(json_is_true(at(type.body, "server_types.0.locations.1.available")));
    struct seen refused = expect(c, 412, POST, "/v1/servers", create_body(c, "db-1"));
    assert_string_equal(text_at(&refused, "error.code"), "resource_unavailable");
}

static void metrics_follow_the_load_that_was_set_and_are_zero_when_off(void **state)
{
    struct cloud *c = *state;
    long long id = create_server(c, "db-1");
    cloud_settle(c);
    const char *path = text(c,
                            "/v1/servers/%lld/metrics?type=cpu&start=2026-01-01T00:00:00Z&"
                            "end=2026-01-01T00:10:00Z&step=60",
                            id);
    expect(c, 200, PATCH, "/sandbox/settings", "{\"load\":{\"db-1\":{\"cpu\":50}}}");
    struct seen seen = expect(c, 200, GET, path, NULL);
    assert_int_equal(count_at(&seen, "metrics.time_series.cpu.values"), 10);
    assert_string_equal(text_at(&seen, "metrics.time_series.cpu.values.0.1"), "49.5");
    assert_string_equal(text_at(&seen, "metrics.time_series.cpu.values.1.1"), "50.5");
    expect(c, 201, POST, text(c, "/v1/servers/%lld/actions/poweroff", id), NULL);
    cloud_settle(c);
    seen = expect(c, 200, GET, path, NULL);
    assert_string_equal(text_at(&seen, "metrics.time_series.cpu.values.0.1"), "0");
}

static void lists_by_name_and_label_lag_behind_a_creation(void **state)
{
    struct cloud *c = *state;
    c->options.read_lag_us = 5 * USEC_PER_SEC;
    cloud_restart(c);
    create_server(c, "db-1");
    struct seen by_name = expect(c, 200, GET, "/v1/servers?name=db-1", NULL);
    assert_int_equal(count_at(&by_name, "servers"), 0);
    struct seen by_label = expect(c, 200, GET, "/v1/servers?label_selector=pool%3Da", NULL);
    assert_int_equal(count_at(&by_label, "servers"), 0);
    clock_virtual_advance(&c->clock, c->options.read_lag_us);
    by_name = expect(c, 200, GET, "/v1/servers?name=db-1", NULL);
    assert_int_equal(count_at(&by_name, "servers"), 1);
}

int main(void)
{
#define T(test) cmocka_unit_test_setup_teardown(test, cloud_setup, cloud_teardown)
    const struct CMUnitTest tests[] = {
        T(a_new_server_is_initializing_then_starting_then_running),
        T(a_server_created_without_starting_ends_off_and_has_no_next_action),
        T(an_action_goes_from_running_with_progress_to_success),
        T(actions_are_listed_by_their_ids_and_unknown_ids_are_left_out),
        T(a_used_server_name_is_refused_with_uniqueness_error),
        T(power_actions_move_the_status_and_lock_the_server_meanwhile),
        T(the_action_of_a_shutdown_is_over_before_the_server_is_off),
        T(a_deleted_server_is_deleting_then_gone_and_its_name_is_free),
        T(servers_are_found_by_name_label_and_status),
        T(pages_have_numbers_totals_and_links),
        T(changing_labels_replaces_the_whole_set),
        T(what_cannot_be_created_is_refused_with_a_reason),
        T(a_body_that_is_not_json_is_a_json_error),
        T(requests_without_a_token_are_unauthorized),
        T(an_empty_bucket_is_429_and_refills_one_request_a_second),
        T(every_reply_has_an_id_of_its_own),
        T(ssh_keys_are_unique_by_name_and_by_key),
        T(prices_are_decimal_texts_with_vat_in_gross),
        T(an_image_name_means_the_servers_architecture),
        T(a_server_that_goes_leaves_its_volume_and_takes_its_address_along),
        T(a_volume_is_attached_in_its_own_location_only),
        T(a_server_type_that_is_sold_out_is_shown_and_refused_as_such),
        T(metrics_follow_the_load_that_was_set_and_are_zero_when_off),
        T(lists_by_name_and_label_lag_behind_a_creation),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
