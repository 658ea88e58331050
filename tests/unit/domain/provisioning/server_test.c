/* The one server of a host, at a cloud over HTTP. */
#include "clouds.h"
#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/hetzner/server.h"

#include <pthread.h>

#define NAME    "wh-ash-1"
#define HOST_ID "018f0000-0000-7000-8000-000000000001"
#define OTHER   "018f0000-0000-7000-8000-000000000002"

static const char *two_types[] = {"cpx31", "cpx21"};

static struct hetzner_order order_of(struct clouds *c)
{
    return (struct hetzner_order){
        .settings = &c->settings.hetzner,
        .key = c->token,
        .name = NAME,
        .host_id = HOST_ID,
        .location = "ash",
        .server_types = {two_types, ARRAY_LEN(two_types)},
    };
}

static struct cloud cloud_of(struct clouds *c)
{
    struct cloud cloud;
    cloud_open(&cloud, &c->provisioning, &hcloud_dialect, NULL, NULL);
    return cloud;
}

static enum err advance(struct clouds *c, const struct hetzner_order *order, int64_t known_id,
                        struct hetzner_progress *ret)
{
    struct cloud cloud = cloud_of(c);
    c->p.e = (struct error){0};
    enum err err = hetzner_server_advance(&cloud, order, known_id, &c->p.arena, ret, &c->p.e);
    cloud_close(&cloud);
    return err;
}

static enum err remove_server(struct clouds *c, int64_t known_id)
{
    struct cloud cloud = cloud_of(c);
    enum err err = hetzner_server_remove(&cloud, known_id, NAME, HOST_ID, &c->p.arena, &c->p.e);
    cloud_close(&cloud);
    return err;
}

static struct hetzner_progress ordered(struct clouds *c)
{
    struct hetzner_order order = order_of(c);
    struct hetzner_progress progress;
    ASSERT_OK(&c->p, advance(c, &order, INT_ABSENT, &progress));
    return progress;
}

static void order_foreign(struct clouds *c, const char *labels)
{
    clouds_post(c, "/v1/servers",
                arena_printf(&c->p.arena,
                             "{\"name\":\"" NAME "\",\"server_type\":\"cpx31\",\"image\":"
                             "\"debian-12\",\"location\":\"ash\",\"labels\":%s}",
                             labels));
}

/* -- ordering --------------------------------------------------------------------------------- */

static void a_server_is_ordered_then_watched_until_it_runs(void **state)
{
    struct clouds *c = *state;
    struct hetzner_order order = order_of(c);
    struct hetzner_progress first = ordered(c), then;
    assert_string_equal(first.server_type, "cpx31");
    assert_false(first.running);
    assert_true(strlen(first.actions) > 0);
    order.actions = first.actions;
    ASSERT_OK(&c->p, advance(c, &order, first.server_id, &then));
    assert_false(then.running);
    clouds_settle(c);
    ASSERT_OK(&c->p, advance(c, &order, first.server_id, &then));
    assert_true(then.running);
    assert_int_equal(then.server_id, first.server_id);
    assert_non_null(then.ipv4);
    assert_null(then.failed);
    assert_int_equal(clouds_count(c, "servers"), 1);
}

static void an_order_that_nobody_answered_is_adopted(void **state)
{
    struct clouds *c = *state;
    struct hetzner_order order = order_of(c);
    struct hetzner_progress progress;
    clouds_fault(c, "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/servers\"},"
                    "\"effect\":{\"drop_reply_after_effect\":true},\"count\":1}]");
    assert_int_equal(advance(c, &order, INT_ABSENT, &progress), ERR_TIMEOUT);
    assert_int_equal(clouds_count(c, "servers"), 1);
    progress = ordered(c);
    assert_true(strlen(progress.actions) > 0);
    clouds_settle(c);
    assert_true(ordered(c).running); /* the actions were forgotten and are found again */
    assert_int_equal(clouds_count(c, "servers"), 1);
}

static void refuse_foreign(struct clouds *c, const char *labels)
{
    struct hetzner_order order = order_of(c);
    struct hetzner_progress progress;
    order_foreign(c, labels);
    clouds_settle(c);
    assert_int_equal(advance(c, &order, INT_ABSENT, &progress), ERR_CONFLICT);
    ASSERT_CONTAINS(c->p.e.text, NAME);
    assert_int_equal(remove_server(c, INT_ABSENT), ERR_CONFLICT);
    assert_int_equal(clouds_count(c, "servers"), 1);
}

static void a_server_without_our_label_is_refused_and_left_alone(void **state)
{
    refuse_foreign(*state, "{}");
}

static void a_server_of_another_host_is_refused_and_left_alone(void **state)
{
    refuse_foreign(*state, "{\"managed-by\":\"webhost\",\"webhost-host\":\"" OTHER "\"}");
}

static void a_type_that_is_not_sold_now_falls_back_to_the_next(void **state)
{
    struct clouds *c = *state;
    clouds_set(c, "{\"availability\":{\"cpx31\":{\"ash\":{\"available\":false}}}}");
    assert_string_equal(ordered(c).server_type, "cpx21");
}

static void a_type_that_is_refused_falls_back_to_the_next(void **state)
{
    struct clouds *c = *state;
    clouds_fault(c, "[{\"match\":{\"method\":\"POST\",\"path_prefix\":\"/v1/servers\"},\"count\":1,"
                    "\"effect\":{\"status\":422,\"body\":{\"error\":{\"code\":\"placement_error\","
                    "\"message\":\"full\"}}}}]");
    assert_string_equal(ordered(c).server_type, "cpx21");
}

static void when_no_type_is_sold_it_is_told_which_were_wanted(void **state)
{
    struct clouds *c = *state;
    struct hetzner_order order = order_of(c);
    struct hetzner_progress progress;
    clouds_set(c, "{\"availability\":{\"*\":{\"ash\":{\"available\":false}}}}");
    assert_int_equal(advance(c, &order, INT_ABSENT, &progress), ERR_CAPACITY);
    ASSERT_CONTAINS(c->p.e.text, "cpx31, cpx21 in ash");
    static const char *unknown[] = {"cpx99"};
    order.server_types = (struct texts){unknown, 1};
    assert_int_equal(advance(c, &order, INT_ABSENT, &progress), ERR_INVALID);
    ASSERT_CONTAINS(c->p.e.text, "cpx99");
}

/* -- watching --------------------------------------------------------------------------------- */

static void an_action_that_failed_is_told_and_classed(void **state)
{
    struct clouds *c = *state;
    struct hetzner_order order = order_of(c);
    struct hetzner_progress first = ordered(c), then;
    order.actions = "1";
    clouds_fault(c,
                 "[{\"match\":{\"path_prefix\":\"/v1/actions\"},\"count\":1,\"effect\":{\"status\""
                 ":200,\"body\":{\"actions\":[{\"id\":1,\"status\":\"error\",\"command\":"
                 "\"create_server\",\"error\":{\"code\":\"placement_error\",\"message\":"
                 "\"no room\"}}]}}}]");
    clouds_settle(c);
    ASSERT_OK(&c->p, advance(c, &order, first.server_id, &then));
    assert_string_equal(then.failed, "create_server: no room (placement_error)");
    assert_int_equal(then.failure, ERR_CAPACITY);
    assert_false(then.running);
}

static void an_action_or_a_server_that_is_gone_is_not_found(void **state)
{
    struct clouds *c = *state;
    struct hetzner_order order = order_of(c);
    struct hetzner_progress first = ordered(c), then;
    order.actions = arena_printf(&c->p.arena, "%s,999999", first.actions);
    assert_int_equal(advance(c, &order, first.server_id, &then), ERR_NOT_FOUND);
    ASSERT_CONTAINS(c->p.e.text, "action 999999");
    assert_int_equal(advance(c, &order, 4711, &then), ERR_NOT_FOUND);
}

static void many_actions_are_asked_for_in_several_calls(void **state)
{
    struct clouds *c = *state;
    struct hetzner_order order = order_of(c);
    struct hetzner_progress first = ordered(c), then;
    const char *ids = first.actions;
    for (int i = 0; i < 60; i++)
        ids = arena_printf(&c->p.arena, "%s,%s", ids, first.actions);
    order.actions = ids;
    clouds_settle(c);
    ASSERT_OK(&c->p, advance(c, &order, first.server_id, &then));
    assert_true(then.running);
}

/* -- removing, load --------------------------------------------------------------------------- */

static void a_server_is_deleted_once_and_gone_in_the_end(void **state)
{
    struct clouds *c = *state;
    struct hetzner_progress progress = ordered(c);
    assert_int_equal(remove_server(c, progress.server_id), ERR_BUSY); /* locked, or going */
    clouds_settle(c);
    enum err err = ERR_BUSY;
    for (int i = 0; i < 3 && err == ERR_BUSY; i++) {
        err = remove_server(c, progress.server_id);
        clouds_settle(c);
    }
    assert_int_equal(err, OK);
    assert_int_equal(remove_server(c, INT_ABSENT), OK);
    assert_int_equal(clouds_count(c, "servers"), 0);
}

static void load_is_the_share_of_all_cores(void **state)
{
    struct clouds *c = *state;
    int64_t id = ordered(c).server_id, load;
    clouds_settle(c);
    struct cloud cloud = cloud_of(c);
    int64_t now = env_now(&c->p.env), window = 300 * USEC_PER_SEC;
    clouds_set(c, "{\"load\":{\"" NAME "\":{\"cpu\":100}}}"); /* one core of four */
    ASSERT_OK(&c->p, hetzner_server_load(&cloud, id, now, window, &c->p.arena, &load, &c->p.e));
    assert_int_equal(load, 2500);
    clouds_set(c, "{\"load\":{\"" NAME "\":{\"cpu\":900}}}");
    ASSERT_OK(&c->p, hetzner_server_load(&cloud, id, now, window, &c->p.arena, &load, &c->p.e));
    assert_int_equal(load, 10000);
    assert_int_equal(hetzner_server_load(&cloud, 4711, now, window, &c->p.arena, &load, &c->p.e),
                     ERR_NOT_FOUND);
    cloud_close(&cloud);
}

/* -- two at once ------------------------------------------------------------------------------ */

struct worker {
    struct clouds *c;
    pthread_barrier_t *start;
    struct arena arena;
    struct hetzner_progress progress;
    struct error e;
    enum err err;
};

static void *order_at_once(void *arg)
{
    struct worker *w = arg;
    struct hetzner_order order = order_of(w->c);
    struct cloud cloud = cloud_of(w->c);
    (void)pthread_barrier_wait(w->start);
    w->err = hetzner_server_advance(&cloud, &order, INT_ABSENT, &w->arena, &w->progress, &w->e);
    cloud_close(&cloud);
    return NULL;
}

static void two_workers_at_once_order_one_server(void **state)
{
    struct clouds *c = *state;
    pthread_barrier_t start;
    pthread_t threads[2];
    struct worker workers[2] = {{.c = c, .start = &start}, {.c = c, .start = &start}};
    assert_int_equal(pthread_barrier_init(&start, NULL, 2), 0);
    for (size_t i = 0; i < 2; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, order_at_once, &workers[i]), 0);
    for (size_t i = 0; i < 2; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        if (workers[i].err != OK)
            fail_msg("worker %zu: %s", i, workers[i].e.text);
    }
    assert_int_equal(workers[0].progress.server_id, workers[1].progress.server_id);
    assert_int_equal(clouds_count(c, "servers"), 1);
    for (size_t i = 0; i < 2; i++)
        arena_release(&workers[i].arena);
    (void)pthread_barrier_destroy(&start);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        CLOUDS_TEST(a_server_is_ordered_then_watched_until_it_runs),
        CLOUDS_TEST(an_order_that_nobody_answered_is_adopted),
        CLOUDS_TEST(a_server_without_our_label_is_refused_and_left_alone),
        CLOUDS_TEST(a_server_of_another_host_is_refused_and_left_alone),
        CLOUDS_TEST(a_type_that_is_not_sold_now_falls_back_to_the_next),
        CLOUDS_TEST(a_type_that_is_refused_falls_back_to_the_next),
        CLOUDS_TEST(when_no_type_is_sold_it_is_told_which_were_wanted),
        CLOUDS_TEST(an_action_that_failed_is_told_and_classed),
        CLOUDS_TEST(an_action_or_a_server_that_is_gone_is_not_found),
        CLOUDS_TEST(many_actions_are_asked_for_in_several_calls),
        CLOUDS_TEST(a_server_is_deleted_once_and_gone_in_the_end),
        CLOUDS_TEST(load_is_the_share_of_all_cores),
        CLOUDS_TEST(two_workers_at_once_order_one_server),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
