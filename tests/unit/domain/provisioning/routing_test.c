/* Routes: what they say, when they change, and what their versions promise. */
#include "domain/provisioning/deployment.h"
#include "domain/provisioning/routing.h"
#include "domain/provisioning/slot.h"
#include "product.h"
#include "product.sql.h"

#define DEDICATED "{\"compliance_requirements\":[\"soc2\"]}"
#define SHARED    "postgres://webhost:{password:host-1}@10.0.0.7:5433/fleet?sslmode=require"

static void activate(struct product *p, const struct deployment *d, const char *url)
{
    ASSERT_OK(p, deployment_activate(p->tx, &p->env, "job:test", d, url, &p->arena, &p->e));
}

static struct route route_of(struct product *p, const char *slug)
{
    struct route route;
    ASSERT_OK(p, route_find(p->tx, slug, &p->arena, &route, &p->e));
    return route;
}

static int64_t fleet_version(struct product *p)
{
    int64_t version;
    ASSERT_OK(p, route_version_of_fleet(p->tx, &version, &p->e));
    return version;
}

/* Signed up and active, in a transaction that stays open. */
static struct deployment live(struct product *p, const char *slug, const char *url)
{
    struct signed_up done = product_signup(p, slug, "hobby", "{}");
    product_begin(p);
    activate(p, &done.deployment, url);
    return done.deployment;
}

/* Another place for the same customer, not current yet. */
static struct deployment second_place(struct product *p, const struct deployment *first)
{
    const char *id;
    struct deployment d;
    ASSERT_OK(p, deployment_create_like(p->tx, &p->env, first, &p->arena, &id, &p->e));
    ASSERT_OK(p, deployment_find(p->tx, id, &p->arena, &d, &p->e));
    return d;
}

static void a_customer_without_an_active_deployment_has_no_route(void **state)
{
    struct product *p = *state;
    struct route route;
    (void)product_signup(p, "acme", "hobby", "{}");
    product_begin(p);
    assert_int_equal(route_find(p->tx, "acme", &p->arena, &route, &p->e), ERR_NOT_FOUND);
    assert_non_null(strstr(p->e.text, "acme"));
    assert_int_equal(fleet_version(p), 0);
    product_rollback(p);
}

static void an_activation_makes_the_route_and_no_part_of_it_is_the_password(void **state)
{
    struct product *p = *state;
    struct deployment d = live(p, "acme", SHARED);
    struct route r = route_of(p, "acme");
    assert_int_equal(r.version, 1);
    assert_int_equal(r.fleet_version, 1);
    assert_string_equal(r.deployment_id, d.id);
    assert_int_equal(r.engine, ROUTE_POSTGRES);
    assert_string_equal(r.host, "10.0.0.7");
    assert_int_equal(r.port, 5433);
    assert_string_equal(r.dbname, "fleet");
    assert_string_equal(r.login, "webhost");
    json_t *shown = route_json(&r, &p->arena);
    const char *text = json_text(shown, &p->arena);
    assert_null(strstr(text, "password"));
    assert_null(strstr(text, "host-1"));
    assert_string_equal(json_get_text(json_object_get(shown, "database"), "alias"), "tenant_acme");
    json_decref(shown);
    product_rollback(p);
}

static void a_sqlite_database_is_shown_as_the_file_that_it_is(void **state)
{
    struct product *p = *state;
    (void)live(p, "acme", "sqlite:/srv/fleet.db");
    struct route r = route_of(p, "acme");
    json_t *shown = route_json(&r, &p->arena), *database = json_object_get(shown, "database");
    assert_string_equal(json_get_text(database, "engine"), "sqlite");
    assert_string_equal(json_get_text(database, "url"), "sqlite:/srv/fleet.db");
    assert_null(json_get_text(database, "alias"));
    json_decref(shown);
    product_rollback(p);
}

static void a_sealed_password_is_in_no_route(void **state)
{
    struct product *p = *state;
    (void)live(p, "acme",
               "postgres://fly-user:{sealed:AbC_-123}@pgbouncer.x.flympg.net:5432/fly-db");
    struct route r = route_of(p, "acme");
    assert_string_equal(r.host, "pgbouncer.x.flympg.net");
    assert_string_equal(r.login, "fly-user");
    assert_string_equal(r.dbname, "fly-db");
    product_rollback(p);
}

static void what_is_done_twice_changes_the_version_once(void **state)
{
    struct product *p = *state;
    struct deployment d = live(p, "acme", SHARED);
    activate(p, &d, SHARED);
    ASSERT_OK(p, route_refresh(p->tx, d.customer_id, &p->e));
    assert_int_equal(route_of(p, "acme").version, 1);
    assert_int_equal(fleet_version(p), 1);
    product_rollback(p);
}

static void a_switch_changes_the_route_in_its_transaction_and_an_activation_before_it_does_not(
    void **state)
{
    struct product *p = *state;
    struct deployment first = live(p, "acme", SHARED);
    struct deployment second = second_place(p, &first);
    activate(p, &second, "postgres://webhost@10.0.0.8:5432/fleet");
    assert_string_equal(route_of(p, "acme").host, "10.0.0.7");
    ASSERT_OK(p, deployment_switch(p->tx, first.id, second.id, &p->e));
    struct route r = route_of(p, "acme");
    assert_string_equal(r.host, "10.0.0.8");
    assert_string_equal(r.deployment_id, second.id);
    assert_int_equal(r.version, 2);
    ASSERT_OK(p, deployment_set_leaving(p->tx, &p->env, first.id, DEPLOYMENT_RETIRED, &p->e));
    assert_int_equal(route_of(p, "acme").version, 2); /* the old place is nobody's way any more */
    product_rollback(p);
}

static void a_customer_that_leaves_has_no_route_and_caches_are_told(void **state)
{
    struct product *p = *state;
    struct route route;
    struct records rows;
    int64_t seen;
    struct deployment d = live(p, "acme", SHARED);
    int64_t before = fleet_version(p);
    ASSERT_OK(p, deployment_set_leaving(p->tx, &p->env, d.id, DEPLOYMENT_RETIRING, &p->e));
    assert_int_equal(route_find(p->tx, "acme", &p->arena, &route, &p->e), ERR_NOT_FOUND);
    ASSERT_OK(p, route_list_changes(p->tx, before, 10, &p->arena, &rows, &seen, &p->e));
    const struct route *items = rows.items;
    assert_int_equal(rows.count, 1);
    assert_false(items[0].active);
    assert_string_equal(items[0].slug, "acme");
    assert_int_equal(seen, before + 1);
    product_rollback(p);
}

static void changes_come_in_their_order_and_page_by_page_none_is_missed(void **state)
{
    struct product *p = *state;
    static const char *const slugs[] = {"c", "a", "b"};
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++) {
        (void)live(p, slugs[i], SHARED);
        product_commit(p);
    }
    struct records rows;
    int64_t seen = 0;
    product_begin(p);
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++) {
        ASSERT_OK(p, route_list_changes(p->tx, seen, 1, &p->arena, &rows, &seen, &p->e));
        assert_int_equal(rows.count, 1);
        assert_string_equal(((const struct route *)rows.items)->slug, slugs[i]);
    }
    ASSERT_OK(p, route_list_changes(p->tx, seen, 1, &p->arena, &rows, &seen, &p->e));
    assert_int_equal(rows.count, 0);
    assert_int_equal(seen, fleet_version(p));
    product_rollback(p);
}

static void the_list_has_each_active_route_once_over_all_pages(void **state)
{
    struct product *p = *state;
    static const char *const slugs[] = {"a", "b", "c"};
    for (size_t i = 0; i < ARRAY_LEN(slugs); i++) {
        clock_virtual_advance(&p->clock, USEC_PER_SEC);
        (void)live(p, slugs[i], SHARED);
        product_commit(p);
    }
    struct records rows;
    const char *next;
    product_begin(p);
    ASSERT_OK(p, route_list(p->tx, (struct page){2, NULL}, &p->arena, &rows, &next, &p->e));
    assert_int_equal(rows.count, 2);
    assert_string_equal(((const struct route *)rows.items)->slug, "c");
    ASSERT_OK(p, route_list(p->tx, (struct page){2, next}, &p->arena, &rows, &next, &p->e));
    assert_int_equal(rows.count, 1);
    assert_null(next);
    product_rollback(p);
}

static void the_map_has_a_line_for_each_application_by_slug(void **state)
{
    struct product *p = *state;
    struct signed_up done, bolt = product_signup(p, "bolt", "business", DEDICATED);
    product_begin(p);
    activate(p, &bolt.deployment, "postgres://webhost@db.internal:5432/fleet");
    product_commit(p);
    struct provisioning_settings settings = provisioning_settings_default();
    struct host host;
    done = product_signup(p, "acme", "hobby", "{}");
    product_begin(p);
    ASSERT_OK(p, slot_reserve(p->tx, &p->env, &settings.hetzner, "job:test", done.deployment.id,
                              "ash", &p->arena, &host, &p->e));
    activate(p, &done.deployment, SHARED);
    struct buf map = BUF_INIT(10000);
    ASSERT_OK(p, route_write_haproxy(p->tx, &map, &p->e));
    /* the host is not made yet and has no address: nobody can be sent there */
    assert_string_equal(buf_text(&map),
                        arena_printf(&p->arena, "bolt %s.fly.dev\n", bolt.deployment.app));
    buf_release(&map);
    product_rollback(p);
}

static void the_longest_slug_still_has_an_alias_that_pgbouncer_takes_and_no_other_has(void **state)
{
    struct product *p = *state;
    char a[64], b[64];
    memset(a, 'x', 63);
    a[63] = '\0';
    memcpy(b, a, sizeof(b));
    b[62] = 'y';
    const char *alias = route_alias(a, &p->arena);
    assert_int_equal(strlen(alias), 63);
    assert_string_not_equal(alias, route_alias(b, &p->arena));
    assert_string_equal(alias, route_alias(a, &p->arena));
}

static void who_lived_somewhere_before_there_were_routes_gets_one(void **state)
{
    struct product *p = *state;
    (void)live(p, "acme", SHARED);
    product_commit(p);
    product_begin(p);
    ASSERT_OK(p, db_exec(p->tx, &forget_routes, DB_NO_ARGS, NULL, &p->e));
    product_commit(p);
    ASSERT_OK(p, routes_complete(p->env.db, &p->e));
    product_begin(p);
    assert_string_equal(route_of(p, "acme").host, "10.0.0.7");
    product_rollback(p);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        PRODUCT_TEST(a_customer_without_an_active_deployment_has_no_route),
        PRODUCT_TEST(an_activation_makes_the_route_and_no_part_of_it_is_the_password),
        PRODUCT_TEST(a_sqlite_database_is_shown_as_the_file_that_it_is),
        PRODUCT_TEST(a_sealed_password_is_in_no_route),
        PRODUCT_TEST(what_is_done_twice_changes_the_version_once),
        PRODUCT_TEST(
            a_switch_changes_the_route_in_its_transaction_and_an_activation_before_it_does_not),
        PRODUCT_TEST(a_customer_that_leaves_has_no_route_and_caches_are_told),
        PRODUCT_TEST(changes_come_in_their_order_and_page_by_page_none_is_missed),
        PRODUCT_TEST(the_list_has_each_active_route_once_over_all_pages),
        PRODUCT_TEST(the_map_has_a_line_for_each_application_by_slug),
        PRODUCT_TEST(the_longest_slug_still_has_an_alias_that_pgbouncer_takes_and_no_other_has),
        PRODUCT_TEST(who_lived_somewhere_before_there_were_routes_gets_one),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
