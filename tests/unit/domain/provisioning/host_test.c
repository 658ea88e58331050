/* Slots of shared hosts: best fit, never overfilled, never lost. */
#include "domain/audit/audit.h"
#include "domain/provisioning/slot.h"
#include "product.h"
#include "product.sql.h"

#include <pthread.h>

static struct hetzner_server_type types[] = {
    {"fsn1", "cpx32"}, {"nbg1", "cpx22"}, {"ash", "cpx31"}, {"fsn1", "cpx42"}};

/* Three slots on a host, nothing kept in reserve. */
static const struct hetzner_settings small = {
    .server_types = {types, ARRAY_LEN(types)},
    .slots_per_host = 3,
    .load_max = DECIMAL_ONE / 4 * 3,
    .hosts_max = 100,
    .empty_grace_ms = 3600000,
    .drain_moves = 2,
    .database_url = "postgres://db@{host}/fleet",
};

/* Deployments of one customer, none of them current: whose they are does not matter to a host. */
static const char **deployments(struct product *p, size_t count)
{
    struct signed_up done = product_signup(p, "acme", "hobby", "{}");
    struct placement placement = {MULTI_TENANT, PLAN_HOBBY, 1, {GEOGRAPHY_EU}};
    const char **ids = arena_new_array(&p->arena, count, const char *);
    product_begin(p);
    for (size_t i = 0; i < count; i++)
        ASSERT_OK(p, deployment_create(p->tx, &p->env, done.customer.id, "acme", &placement, NULL,
                                       false, &p->arena, &ids[i], &p->e));
    product_commit(p);
    return ids;
}

/* In p->tx. */
static struct host reserve_at(struct product *p, const char *deployment_id,
                              const struct hetzner_settings *s, const char *location)
{
    struct host host;
    ASSERT_OK(p, slot_reserve(p->tx, &p->env, s, "job:test", deployment_id, location, &p->arena,
                              &host, &p->e));
    return host;
}

static struct host reserve(struct product *p, const char *deployment_id,
                           const struct hetzner_settings *s)
{
    return reserve_at(p, deployment_id, s, "fsn1");
}

static struct host find(struct product *p, const char *id)
{
    struct host host;
    ASSERT_OK(p, host_find(p->tx, id, &p->arena, &host, &p->e));
    return host;
}

static void release(struct product *p, const char *deployment_id, const char *host_id)
{
    ASSERT_OK(p, slot_release(p->tx, &p->env, deployment_id, host_id, &p->e));
}

static void a_host_is_made_to_order_when_there_is_none(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 1);
    product_begin(p);
    struct host host = reserve(p, ids[0], &small);
    assert_true(str_starts_with(str_from(host.name), STR("wh-fsn1-")));
    assert_string_equal(host.location, "fsn1");
    assert_string_equal(host.server_type, "cpx32");
    assert_int_equal(host.status, HOST_CREATING);
    assert_int_equal(host.capacity, 3);
    assert_int_equal(host.slots_used, 1);
    assert_int_equal(host.provider_id, INT_ABSENT);
    ASSERT_CONTAINS(host.database_url, host.name);
    struct host stored = find(p, host.id);
    assert_int_equal(stored.slots_used, 1);
    product_commit(p);
    assert_string_equal(product_deployment(p, ids[0]).host_id, host.id);
}

static void a_deployment_that_has_a_slot_keeps_it(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 1);
    product_begin(p);
    struct host first = reserve(p, ids[0], &small), again = reserve(p, ids[0], &small);
    assert_string_equal(again.id, first.id);
    assert_int_equal(again.slots_used, 1);
    product_rollback(p);
}

static void hosts_fill_up_before_a_new_one_is_made(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 7);
    product_begin(p);
    const char *host[7];
    for (int i = 0; i < 7; i++)
        host[i] = reserve(p, ids[i], &small).id;
    assert_string_equal(host[0], host[2]);
    assert_string_equal(host[3], host[5]);
    assert_string_not_equal(host[0], host[3]);
    assert_string_not_equal(host[3], host[6]);
    product_commit(p);
    assert_int_equal(product_number(p, &count_hosts), 3);
}

static void the_fullest_host_with_room_is_taken_so_that_others_empty_out(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 7);
    product_begin(p);
    const char *a = reserve(p, ids[0], &small).id;
    (void)reserve(p, ids[1], &small);
    (void)reserve(p, ids[2], &small);
    const char *b = reserve(p, ids[3], &small).id;
    (void)reserve(p, ids[4], &small);
    release(p, ids[0], a);
    release(p, ids[1], a); /* a holds 1 of 3, b holds 2 of 3 */
    assert_string_equal(reserve(p, ids[5], &small).id, b);
    assert_string_equal(reserve(p, ids[6], &small).id, a);
    product_rollback(p);
}

static void a_host_elsewhere_is_not_taken(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 2);
    product_begin(p);
    const char *here = reserve(p, ids[0], &small).id;
    assert_string_not_equal(reserve_at(p, ids[1], &small, "ash").id, here);
    product_rollback(p);
}

static void a_failed_host_takes_nobody(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 2);
    product_begin(p);
    const char *failed = reserve(p, ids[0], &small).id;
    ASSERT_OK(p, db_exec(p->tx, &host_force_status, DB_ARGS(db_text(failed), db_text("failed")),
                         NULL, &p->e));
    assert_string_not_equal(reserve(p, ids[1], &small).id, failed);
    product_rollback(p);
}

static void a_slot_is_given_back_once(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 2);
    product_begin(p);
    const char *host = reserve(p, ids[0], &small).id;
    (void)reserve(p, ids[1], &small);
    release(p, ids[0], host);
    release(p, ids[0], host);
    assert_int_equal(find(p, host).slots_used, 1);
    product_commit(p);
    assert_null(product_deployment(p, ids[0]).host_id);
    assert_string_equal(product_deployment(p, ids[1]).host_id, host);
}

static void an_unknown_host_is_named(void **state)
{
    struct product *p = *state;
    struct host host;
    product_begin(p);
    assert_int_equal(host_find(p->tx, "nowhere", &p->arena, &host, &p->e), ERR_NOT_FOUND);
    assert_string_equal(p->e.text, "there is no host nowhere");
    product_rollback(p);
}

static void activating_fills_the_address_in_and_is_audited_once(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 1);
    struct hetzner_settings order = small;
    order.database_url = "postgres://db@{address}/{host}";
    struct records rows;
    const char *next;
    clock_virtual_advance(&p->clock, USEC_PER_SEC);
    product_begin(p);
    struct host host = reserve(p, ids[0], &order);
    clock_virtual_advance(&p->clock, USEC_PER_SEC);
    ASSERT_OK(p, host_note(p->tx, host.id, 4711, "cpx42", "1,2", NULL, &p->e));
    ASSERT_OK(p, host_activate(p->tx, &p->env, "job:a", &host, "198.18.0.1", &p->arena, &p->e));
    assert_int_equal(host_activate(p->tx, &p->env, "job:b", &host, "198.18.0.2", &p->arena, &p->e),
                     ERR_CONFLICT);
    struct host active = find(p, host.id);
    assert_int_equal(active.status, HOST_ACTIVE);
    assert_int_equal(active.provider_id, 4711);
    assert_string_equal(active.address, "198.18.0.1");
    assert_string_equal(active.database_url,
                        arena_printf(&p->arena, "postgres://db@198.18.0.1/%s", host.name));
    assert_int_equal(active.active_at, clock_now(&p->clock.clock));
    ASSERT_OK(p, audit_list(p->tx, NULL, (struct page){10, NULL}, &p->arena, &rows, &next, &p->e));
    const struct audit_entry *entries = rows.items;
    assert_int_equal(rows.count, 4); /* the signup, its decision and the order are the others */
    assert_string_equal(entries[0].action, "host.activated");
    assert_string_equal(entries[0].actor, "job:a");
    product_rollback(p);
}

static void what_is_shown_of_a_host_does_not_tell_where_its_database_is(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, 1);
    product_begin(p);
    struct host host = reserve(p, ids[0], &small);
    struct records rows;
    const char *next;
    ASSERT_OK(p, host_list(p->tx, NULL, (struct page){10, NULL}, &p->arena, &rows, &next, &p->e));
    product_rollback(p);
    assert_int_equal(rows.count, 1);
    _cleanup_json_ json_t *shown = host_json(&host);
    assert_null(json_object_get(shown, "database_url"));
    assert_string_equal(json_get_text(shown, "name"), host.name);
    assert_int_equal(json_get_int(shown, "slots_used"), 1);
}

/* -- many at once ----------------------------------------------------------------------------- */

enum { THREADS = 50, EACH = 2 };

struct taker {
    struct env env;
    struct hetzner_settings settings;
    const char *const *ids; /* EACH of them */
    struct arena arena;
    size_t at;
    struct host hosts[EACH];
    bool give_back;
    enum err result;
    struct error e;
    pthread_t thread;
};

static enum err take_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct taker *t = arg;
    return slot_reserve(tx, &t->env, &t->settings, "job:test", t->ids[t->at], "fsn1", &t->arena,
                        &t->hosts[t->at], e);
}

static enum err give_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct taker *t = arg;
    return slot_release(tx, &t->env, t->ids[t->at], t->hosts[t->at].id, e);
}

static void *take(void *arg)
{
    struct taker *t = arg;
    t->result = OK;
    for (t->at = 0; t->at < EACH && t->result == OK; t->at++)
        t->result = db_write(t->env.db, t->give_back ? give_work : take_work, t, &t->e);
    return NULL;
}

static void run_all(struct taker *takers, bool give_back)
{
    for (int i = 0; i < THREADS; i++) {
        takers[i].give_back = give_back;
        assert_int_equal(pthread_create(&takers[i].thread, NULL, take, &takers[i]), 0);
    }
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_join(takers[i].thread, NULL), 0);
    for (int i = 0; i < THREADS; i++) {
        if (takers[i].result != OK)
            fail_msg("thread %d: %s", i, takers[i].e.text);
    }
}

static void fifty_threads_never_overfill_a_host_and_never_lose_a_slot(void **state)
{
    struct product *p = *state;
    const char **ids = deployments(p, (size_t)THREADS * EACH);
    static struct taker takers[THREADS];
    struct hetzner_settings five = small;
    five.slots_per_host = 5;
    for (int i = 0; i < THREADS; i++)
        takers[i] = (struct taker){
            .env = {p->t.db, &p->clock.clock, &rng_system},
            .settings = five,
            .ids = ids + i * EACH,
        };
    run_all(takers, false);
    assert_int_equal(product_number(p, &sum_slots_used), THREADS * EACH);
    assert_int_equal(product_number(p, &count_deployments_on_hosts), THREADS * EACH);
    /* best fit, even then: no host was made while another had room */
    assert_int_equal(product_number(p, &count_hosts), (THREADS * EACH + 4) / 5);

    run_all(takers, true);
    assert_int_equal(product_number(p, &sum_slots_used), 0);
    assert_int_equal(product_number(p, &count_deployments_on_hosts), 0);
    for (int i = 0; i < THREADS; i++)
        arena_release(&takers[i].arena);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(a_host_is_made_to_order_when_there_is_none),
        PRODUCT_TEST(a_deployment_that_has_a_slot_keeps_it),
        PRODUCT_TEST(hosts_fill_up_before_a_new_one_is_made),
        PRODUCT_TEST(the_fullest_host_with_room_is_taken_so_that_others_empty_out),
        PRODUCT_TEST(a_host_elsewhere_is_not_taken),
        PRODUCT_TEST(a_failed_host_takes_nobody),
        PRODUCT_TEST(a_slot_is_given_back_once),
        PRODUCT_TEST(an_unknown_host_is_named),
        PRODUCT_TEST(activating_fills_the_address_in_and_is_audited_once),
        PRODUCT_TEST(what_is_shown_of_a_host_does_not_tell_where_its_database_is),
        PRODUCT_TEST(fifty_threads_never_overfill_a_host_and_never_lose_a_slot),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
