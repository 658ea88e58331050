/* What a server is ordered with, at a cloud over HTTP. */
#include "clouds.h"
#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/hetzner/cloud_init.h"
#include "domain/provisioning/hetzner/parts.h"
#include "domain/provisioning/hetzner/server.h"
#include "domain/provisioning/host_server.h"

#include <pthread.h>

#define NAME    "wh-ash-1"
#define HOST_ID "018f0000-0000-7000-8000-000000000001"

static const char *home[] = {"203.0.113.7/32", "2001:db8:7::/64"};

static struct cloud cloud_of(struct clouds *c)
{
    struct cloud cloud;
    cloud_open(&cloud, &c->provisioning, &hcloud_dialect, NULL, NULL);
    return cloud;
}

static struct hetzner_settings *settings_of(struct clouds *c)
{
    c->settings.hetzner.allow_from = (struct texts){home, ARRAY_LEN(home)};
    return &c->settings.hetzner;
}

static enum err have(struct clouds *c, struct hetzner_parts *ret)
{
    struct cloud cloud = cloud_of(c);
    c->p.e = (struct error){0};
    enum err err =
        hetzner_parts_have(&cloud, &c->settings.hetzner, "ash", &c->p.arena, ret, &c->p.e);
    cloud_close(&cloud);
    return err;
}

static const char *our_name(struct clouds *c, const char *rest)
{
    const char *id = c->provisioning.install_id;
    return arena_printf(&c->p.arena, "webhost-%s%s", id + strlen(id) - 12, rest);
}

static const char *our_labels(struct clouds *c)
{
    return arena_printf(&c->p.arena, "{\"managed-by\":\"webhost\",\"webhost-install\":\"%s\"}",
                        c->provisioning.install_id);
}

static void make_firewall(struct clouds *c, const char *labels, const char *rules)
{
    clouds_post(c, "/v1/firewalls",
                arena_printf(&c->p.arena, "{\"name\":\"%s\",\"labels\":%s,\"rules\":%s}",
                             our_name(c, ""), labels, rules));
}

/* "icmp 0.0.0.0/0 ::/0; tcp 22 ...": all rules of the only firewall. */
static const char *rules_of(struct clouds *c)
{
    _cleanup_json_ json_t *body = clouds_get(c, "/v1/firewalls");
    json_t *list = json_object_get(body, "firewalls"), *rule, *source;
    assert_int_equal(json_array_size(list), 1);
    const char *text = "";
    size_t i, k;
    json_array_foreach (json_object_get(json_array_get(list, 0), "rules"), i, rule) {
        const char *port = json_get_text(rule, "port");
        assert_string_equal(json_get_text(rule, "direction"), "in");
        text = arena_printf(&c->p.arena, "%s%s%s%s%s", text, i ? "; " : "",
                            json_get_text(rule, "protocol"), port ? " " : "", port ? port : "");
        json_array_foreach (json_object_get(rule, "source_ips"), k, source)
            text = arena_printf(&c->p.arena, "%s %s", text, json_string_value(source));
    }
    return text;
}

#define HOME "203.0.113.7/32 2001:db8:7::/64"
#define RIGHT_RULES                                                                                \
    "icmp 0.0.0.0/0 ::/0; tcp 22 " HOME "; tcp 5432 " HOME "; tcp 6432 " HOME "; tcp 9100 " HOME

/* -- the firewall ----------------------------------------------------------------------------- */

static void the_firewall_is_made_once_and_lets_only_the_configured_networks_in(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts first, then;
    (void)settings_of(c);
    ASSERT_OK(&c->p, have(c, &first));
    assert_string_equal(rules_of(c), RIGHT_RULES);
    ASSERT_OK(&c->p, have(c, &then));
    assert_int_equal(first.firewall, then.firewall);
    assert_int_equal(clouds_count(c, "firewalls"), 1);
    assert_int_equal(first.network, INT_ABSENT);
    assert_int_equal(first.placement_group, INT_ABSENT);
    assert_int_equal(first.ssh_keys.count, 0);

    _cleanup_json_ json_t *body = clouds_get(c, "/v1/firewalls");
    json_t *firewall = json_array_get(json_object_get(body, "firewalls"), 0);
    json_t *labels = json_object_get(firewall, "labels");
    assert_string_equal(json_get_text(firewall, "name"), our_name(c, ""));
    assert_string_equal(json_get_text(labels, "managed-by"), "webhost");
    assert_string_equal(json_get_text(labels, "webhost-install"), c->provisioning.install_id);
}

static void without_networks_only_icmp_comes_in(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts parts;
    ASSERT_OK(&c->p, have(c, &parts));
    assert_string_equal(rules_of(c), "icmp 0.0.0.0/0 ::/0");
}

static void a_firewall_of_ours_is_adopted_and_its_rules_are_corrected(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts parts;
    (void)settings_of(c);
    make_firewall(c, our_labels(c),
                  "[{\"direction\":\"in\",\"protocol\":\"tcp\",\"port\":\"5432\",\"source_ips\":"
                  "[\"0.0.0.0/0\"]}]");
    ASSERT_OK(&c->p, have(c, &parts));
    assert_string_equal(rules_of(c), RIGHT_RULES);
    static const char *other[] = {"198.51.100.0/24"};
    c->settings.hetzner.allow_from = (struct texts){other, 1};
    ASSERT_OK(&c->p, host_server_guard(&c->provisioning, &c->p.arena, &c->p.e));
    ASSERT_CONTAINS(rules_of(c), "tcp 5432 198.51.100.0/24; tcp 6432");
    assert_int_equal(clouds_count(c, "firewalls"), 1);
}

static void rules_that_say_the_same_otherwise_are_left_alone(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts parts;
    c->settings.hetzner.allow_from = (struct texts){home, ARRAY_LEN(home)};
    static const char *again[] = {"2001:DB8:7:0::/64", "203.0.113.7/32"};
    ASSERT_OK(&c->p, have(c, &parts));
    c->settings.hetzner.allow_from = (struct texts){again, ARRAY_LEN(again)};
    clouds_fault(c, "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/firewalls\"},"
                    "\"effect\":{\"status\":422},\"count\":9}]");
    ASSERT_OK(&c->p, have(c, &parts));
    assert_string_equal(rules_of(c), RIGHT_RULES);
}

static void refuse_foreign(struct clouds *c, const char *labels)
{
    struct hetzner_parts parts;
    (void)settings_of(c);
    make_firewall(c, labels, "[]");
    assert_int_equal(have(c, &parts), ERR_CONFLICT);
    ASSERT_CONTAINS(c->p.e.text, our_name(c, ""));
    ASSERT_CONTAINS(c->p.e.text, "managed-by=webhost");
    assert_string_equal(rules_of(c), "");
}

static void a_firewall_without_our_label_is_refused_and_left_alone(void **state)
{
    refuse_foreign(*state, "{}");
}

static void a_firewall_of_another_installation_is_refused_and_left_alone(void **state)
{
    refuse_foreign(*state, "{\"managed-by\":\"webhost\",\"webhost-install\":\"" HOST_ID "\"}");
}

static void a_firewall_whose_making_nobody_answered_is_adopted(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts parts;
    (void)settings_of(c);
    clouds_fault(c, "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/firewalls\"},"
                    "\"effect\":{\"drop_reply_after_effect\":true},\"count\":1}]");
    assert_int_equal(have(c, &parts), ERR_TIMEOUT);
    ASSERT_OK(&c->p, have(c, &parts));
    assert_int_equal(clouds_count(c, "firewalls"), 1);
    assert_string_equal(rules_of(c), RIGHT_RULES);
}

static void a_firewall_that_is_not_listed_yet_is_waited_for(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts parts;
    c->options.read_lag_us = CLOUD_DELAY_US;
    clouds_restart(c);
    ASSERT_OK(&c->p, have(c, &parts));
    assert_int_equal(have(c, &parts), ERR_BUSY);
    clouds_settle(c);
    ASSERT_OK(&c->p, have(c, &parts));
    assert_int_equal(clouds_count(c, "firewalls"), 1);
}

/* -- keys, network, groups -------------------------------------------------------------------- */

static void refuse_missing(struct clouds *c, const char *name, const char *setting)
{
    struct hetzner_parts parts;
    assert_int_equal(have(c, &parts), ERR_INVALID);
    ASSERT_CONTAINS(c->p.e.text, name);
    ASSERT_CONTAINS(c->p.e.text, setting);
    assert_int_equal(clouds_count(c, "firewalls"), 0);
}

static void a_key_that_hetzner_does_not_have_is_named_with_the_setting(void **state)
{
    struct clouds *c = *state;
    static const char *keys[] = {"anna & ben"};
    settings_of(c)->ssh_keys = (struct texts){keys, 1};
    refuse_missing(c, "anna & ben", "provisioning.hetzner.ssh_keys");
}

static void a_network_that_hetzner_does_not_have_is_named_with_the_setting(void **state)
{
    struct clouds *c = *state;
    settings_of(c)->network = "internal";
    refuse_missing(c, "internal", "provisioning.hetzner.network");
}

static void write_key(struct clouds *c, const char *text)
{
    const char *path = arena_printf(&c->p.arena, "%s/key.pub", c->folder);
    FILE *f = fopen(path, "w");
    assert_non_null(f);
    assert_true(fputs(text, f) >= 0);
    assert_int_equal(fclose(f), 0);
    c->settings.hetzner.ssh_public_key_file = path;
}

static void a_key_file_is_uploaded_once_and_again_when_it_holds_another_key(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts first, then;
    write_key(c, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB one@example\n");
    ASSERT_OK(&c->p, have(c, &first));
    ASSERT_OK(&c->p, have(c, &then));
    assert_int_equal(first.ssh_keys.count, 1);
    assert_string_equal(first.ssh_keys.items[0], then.ssh_keys.items[0]);
    assert_int_equal(clouds_count(c, "ssh_keys"), 1);
    write_key(c, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIC two@example\n");
    ASSERT_OK(&c->p, have(c, &then));
    assert_string_not_equal(first.ssh_keys.items[0], then.ssh_keys.items[0]);
    write_key(c, "-----BEGIN OPENSSH PRIVATE KEY-----\n");
    assert_int_equal(have(c, &then), ERR_INVALID);
    ASSERT_CONTAINS(c->p.e.text, "key.pub");
    assert_int_equal(clouds_count(c, "ssh_keys"), 2);
    (void)unlink(c->settings.hetzner.ssh_public_key_file);
}

static void a_key_that_the_project_has_under_another_name_is_told(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts parts;
    clouds_post(c, "/v1/ssh_keys",
                "{\"name\":\"anna\",\"public_key\":\"ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB\"}");
    write_key(c, "ssh-ed25519 AAAAC3NzaC1lZDI1NTE5AAAAIB one@example\n");
    assert_int_equal(have(c, &parts), ERR_CONFLICT);
    ASSERT_CONTAINS(c->p.e.text, "provisioning.hetzner.ssh_keys");
    (void)unlink(c->settings.hetzner.ssh_public_key_file);
}

static void a_full_placement_group_is_followed_by_the_next(void **state)
{
    struct clouds *c = *state;
    struct hetzner_parts parts, then;
    settings_of(c)->spread = true;
    ASSERT_OK(&c->p, have(c, &parts));
    for (int i = 0; i < 10; i++)
        clouds_post(c, "/v1/servers",
                    arena_printf(&c->p.arena,
                                 "{\"name\":\"s%d\",\"server_type\":\"cpx31\",\"image\":"
                                 "\"debian-12\",\"location\":\"ash\",\"placement_group\":%lld}",
                                 i, (long long)parts.placement_group));
    ASSERT_OK(&c->p, have(c, &then));
    assert_int_not_equal(parts.placement_group, then.placement_group);
    assert_int_equal(clouds_count(c, "placement_groups"), 2);
}

/* -- the order -------------------------------------------------------------------------------- */

static void prepare_project(struct clouds *c)
{
    static const char *keys[] = {"anna & ben"};
    struct hetzner_settings *s = settings_of(c);
    clouds_post(c, "/v1/ssh_keys",
                "{\"name\":\"anna & ben\",\"public_key\":\"ssh-ed25519 AAAAC3NzaC1lZDI1\"}");
    clouds_post(c, "/v1/networks",
                "{\"name\":\"internal\",\"ip_range\":\"10.0.0.0/16\",\"subnets\":[{\"type\":"
                "\"cloud\",\"ip_range\":\"10.0.1.0/24\",\"network_zone\":\"us-east\"}]}");
    s->ssh_keys = (struct texts){keys, 1};
    s->network = "internal";
    s->spread = true;
}

static void an_order_carries_firewall_keys_network_group_and_user_data(void **state)
{
    struct clouds *c = *state;
    static const char *types[] = {"cpx31"};
    struct hetzner_order order = {&c->settings.hetzner, c->token, NAME, HOST_ID, "ash",
                                  {types, 1},           NULL};
    struct hetzner_progress progress;
    struct cloud cloud = cloud_of(c);
    prepare_project(c);
    ASSERT_OK(&c->p,
              hetzner_server_advance(&cloud, &order, INT_ABSENT, &c->p.arena, &progress, &c->p.e));
    cloud_close(&cloud);
    assert_string_equal(progress.private_ip, "10.0.1.2");

    _cleanup_json_ json_t *all = clouds_get(c, "/sandbox/state");
    json_t *kept = json_array_get(json_object_get(all, "servers"), 0);
    assert_string_equal(json_get_text(kept, "user_data"),
                        cloud_init_fill(c->token, NAME, &c->p.arena));
    assert_string_equal(json_string_value(json_array_get(json_object_get(kept, "ssh_keys"), 0)),
                        "anna & ben");

    _cleanup_json_ json_t *body = clouds_get(c, "/v1/servers?name=" NAME);
    json_t *server = json_array_get(json_object_get(body, "servers"), 0);
    json_t *firewalls = json_object_get(json_object_get(server, "public_net"), "firewalls");
    struct hetzner_parts parts;
    ASSERT_OK(&c->p, have(c, &parts));
    assert_int_equal(json_get_int(json_array_get(firewalls, 0), "id"), parts.firewall);
    assert_int_equal(json_get_int(json_object_get(server, "placement_group"), "id"),
                     parts.placement_group);
}

/* -- two at once ------------------------------------------------------------------------------ */

struct worker {
    struct clouds *c;
    pthread_barrier_t *start;
    struct arena arena;
    struct hetzner_parts parts;
    struct error e;
    enum err err;
};

static void *have_at_once(void *arg)
{
    struct worker *w = arg;
    struct cloud cloud = cloud_of(w->c);
    (void)pthread_barrier_wait(w->start);
    w->err =
        hetzner_parts_have(&cloud, &w->c->settings.hetzner, "ash", &w->arena, &w->parts, &w->e);
    cloud_close(&cloud);
    return NULL;
}

static void two_workers_at_once_make_one_of_each(void **state)
{
    struct clouds *c = *state;
    pthread_barrier_t start;
    pthread_t threads[2];
    struct worker workers[2] = {{.c = c, .start = &start}, {.c = c, .start = &start}};
    settings_of(c)->spread = true;
    assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, have_at_once, &workers[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (workers[i].err != OK)
            fail_msg("worker %zu: %s", i, workers[i].e.text);
    }
    assert_int_equal(workers[0].parts.firewall, workers[1].parts.firewall);
    assert_int_equal(workers[0].parts.placement_group, workers[1].parts.placement_group);
    assert_int_equal(clouds_count(c, "firewalls"), 1);
    assert_int_equal(clouds_count(c, "placement_groups"), 1);
    for (size_t i = 0; i < 2; i++)
        arena_release(&workers[i].arena);
    (void)pthread_barrier_destroy(&start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(the_firewall_is_made_once_and_lets_only_the_configured_networks_in),
        CLOUDS_TEST(without_networks_only_icmp_comes_in),
        CLOUDS_TEST(a_firewall_of_ours_is_adopted_and_its_rules_are_corrected),
        CLOUDS_TEST(rules_that_say_the_same_otherwise_are_left_alone),
        CLOUDS_TEST(a_firewall_without_our_label_is_refused_and_left_alone),
        CLOUDS_TEST(a_firewall_of_another_installation_is_refused_and_left_alone),
        CLOUDS_TEST(a_firewall_whose_making_nobody_answered_is_adopted),
        CLOUDS_TEST(a_firewall_that_is_not_listed_yet_is_waited_for),
        CLOUDS_TEST(a_key_that_hetzner_does_not_have_is_named_with_the_setting),
        CLOUDS_TEST(a_network_that_hetzner_does_not_have_is_named_with_the_setting),
        CLOUDS_TEST(a_key_file_is_uploaded_once_and_again_when_it_holds_another_key),
        CLOUDS_TEST(a_key_that_the_project_has_under_another_name_is_told),
        CLOUDS_TEST(a_full_placement_group_is_followed_by_the_next),
        CLOUDS_TEST(an_order_carries_firewall_keys_network_group_and_user_data),
        CLOUDS_TEST(two_workers_at_once_make_one_of_each),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
