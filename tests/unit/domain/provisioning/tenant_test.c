/* Tenants' databases: who shares them, when they close, and whose rows are whose. */
#include "domain/provisioning/tenant.h"
#include "infra/pg/url.h"
#include "product.h"

#include <netinet/in.h>
#include <pthread.h>
#include <sys/socket.h>
#include <unistd.h>

struct fixture {
    struct testdb a, b;
    struct tenant_stores *stores;
    struct error e;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    assert_non_null(f);
    testdb_create(&f->a);
    testdb_create(&f->b);
    f->stores = tenant_stores_new(NULL);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    tenant_stores_free(f->stores);
    testdb_remove(&f->a);
    testdb_remove(&f->b);
    free(f);
    return 0;
}

static struct db *get(struct fixture *f, const char *url)
{
    struct db *db;
    ASSERT_OK(f, tenant_store_get(f->stores, url, &db, &f->e));
    return db;
}

static void create(struct fixture *f, const char *id)
{
    struct tenant tenant = {id, id, id, "deployment"};
    ASSERT_OK(f, tenant_create(f->stores, f->a.url, &tenant, PRODUCT_START_US, &f->e));
}

static void fill(struct fixture *f, const char *id, int64_t vehicles)
{
    ASSERT_OK(f, tenant_fill_example(f->stores, f->a.url, id, vehicles, PRODUCT_START_US, &f->e));
}

static struct tenant_usage measure(struct fixture *f, const char *id, int64_t now)
{
    struct tenant_usage usage;
    ASSERT_OK(f, tenant_measure(f->stores, f->a.url, id, now, &usage, &f->e));
    return usage;
}

/* -- passwords -------------------------------------------------------------------------------- */

/* Opens the url with that place behind a file's path, where the file's name shows the password. */
static void assert_opened_with(struct fixture *f, const struct secret *key, const char *place,
                               const char *password)
{
    _cleanup_arena_ struct arena arena = {0};
    struct tenant_stores *stores = tenant_stores_new(key);
    struct db *db;
    ASSERT_OK(f,
              tenant_store_get(stores, arena_printf(&arena, "%s%s", f->a.url, place), &db, &f->e));
    tenant_store_put(stores, db);
    tenant_stores_free(stores);
    static const char *const ends[] = {"", "-wal", "-shm", "-lock"};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++) {
        int gone = unlink(arena_printf(&arena, "%s%s%s", f->a.path, password, ends[i]));
        assert_true(i > 0 || gone == 0);
    }
}

static void a_password_is_put_in_on_the_way_to_the_database_alone(void **state)
{
    struct fixture *f = *state;
    if (testdb_engine() != DB_SQLITE)
        return;
    struct secret *key = secret_new(STR("key"));
    struct secret *password = secret_derive(key, "host-1");
    assert_opened_with(f, key, "{password:host-1}", secret_expose(password));
    secret_free(password);
    secret_free(key);
}

static void a_sealed_password_is_opened_on_the_way_to_the_database_alone(void **state)
{
    struct fixture *f = *state;
    if (testdb_engine() != DB_SQLITE)
        return;
    _cleanup_arena_ struct arena arena = {0};
    struct secret *key = secret_new(STR("key")), *other = secret_new(STR("other"));
    struct secret *password = secret_new(STR("chosen-by-fly"));
    const char *sealed = secret_seal(key, password, &rng_system, &arena);
    const char *place = arena_printf(&arena, "{sealed:%s}", sealed);
    assert_opened_with(f, key, place, "chosen-by-fly");
    struct tenant_stores *stores = tenant_stores_new(other);
    struct db *db;
    assert_int_equal(
        tenant_store_get(stores, arena_printf(&arena, "%s%s", f->a.url, place), &db, &f->e),
        ERR_CORRUPT);
    tenant_stores_free(stores);
    secret_free(password);
    secret_free(other);
    secret_free(key);
}

static void what_is_special_in_a_url_may_be_in_a_sealed_password(void **state)
{
    struct fixture *f = *state;
    static const char chosen[] = "a@b/c:d%41?e#f&g=h i";
    _cleanup_arena_ struct arena arena = {0};
    struct secret *key = secret_new(STR("key")), *password = secret_new(str_from(chosen));
    const char *sealed = secret_seal(key, password, &rng_system, &arena), *url;
    struct tenant_stores *stores = tenant_stores_new(key);
    struct pg_place place;
    ASSERT_OK(f, tenant_store_url(stores,
                                  arena_printf(&arena, "postgres://fly:{sealed:%s}@h:77/d", sealed),
                                  &arena, &url, &f->e));
    ASSERT_OK(f, pg_url_parse(url, &arena, &place, &f->e));
    assert_string_equal(place.password, chosen);
    assert_string_equal(place.host, "h");
    assert_int_equal(place.port, 77);
    tenant_stores_free(stores);
    secret_free(password);
    secret_free(key);
}

static void an_error_about_a_url_does_not_tell_the_password(void **state)
{
    struct fixture *f = *state;
    struct secret *key = secret_new(STR("key"));
    struct secret *password = secret_derive(key, "host-1");
    struct tenant_stores *stores = tenant_stores_new(key);
    static const char *const urls[] = {
        "postgres://webhost:{password:host-1}@[::1/fleet", /* libpq quotes what it cannot read */
        "postgres://webhost:{password:host-1}@127.0.0.1:1/fleet?channel_binding=require",
        "postgres://127.0.0.1:1/fleet?password={password:host-1}&no",
    };
    for (size_t i = 0; i < ARRAY_LEN(urls); i++) {
        struct db *db;
        assert_int_not_equal(tenant_store_get(stores, urls[i], &db, &f->e), OK);
        char start[9];
        (void)snprintf(start, sizeof(start), "%s", secret_expose(password));
        assert_null(strstr(f->e.text, start));
    }
    tenant_stores_free(stores);
    secret_free(password);
    secret_free(key);
}

static void a_password_without_a_name_or_a_key_is_refused(void **state)
{
    struct fixture *f = *state;
    struct db *db;
    assert_int_equal(tenant_store_get(f->stores, "postgres://x:{password:h}@y/z", &db, &f->e),
                     ERR_INVALID);
    assert_int_equal(tenant_store_get(f->stores, "postgres://x:{password:}@y/z", &db, &f->e),
                     ERR_CORRUPT);
}

/* -- sharing ---------------------------------------------------------------------------------- */

static void users_of_one_url_share_one_database(void **state)
{
    struct fixture *f = *state;
    struct db *one = get(f, f->a.url), *two = get(f, f->a.url), *other = get(f, f->b.url);
    assert_ptr_equal(one, two);
    assert_ptr_not_equal(one, other);
    tenant_store_put(f->stores, one);
    assert_ptr_equal(get(f, f->a.url), two); /* still open: somebody uses it */
    tenant_store_put(f->stores, two);
    tenant_store_put(f->stores, two);
    tenant_store_put(f->stores, other);
}

static void a_database_that_was_closed_opens_again_with_what_was_in_it(void **state)
{
    struct fixture *f = *state;
    create(f, "acme"); /* opened and closed */
    fill(f, "acme", 2);
    assert_int_equal(measure(f, "acme", PRODUCT_START_US).vehicle_count, 2);
}

static void a_url_that_cannot_be_opened_is_an_error_each_time_and_leaves_nothing(void **state)
{
    struct fixture *f = *state;
    struct db *db;
    for (int i = 0; i < 2; i++)
        assert_int_not_equal(tenant_store_get(f->stores, "sqlite:/nowhere/at/all/x.db", &db, &f->e),
                             OK);
    ASSERT_CONTAINS(f->e.text, "/nowhere/at/all");
}

static void *get_and_put(void *arg)
{
    struct fixture *f = arg;
    struct error e;
    for (int i = 0; i < 5; i++) {
        struct db *db;
        if (tenant_store_get(f->stores, f->a.url, &db, &e) != OK) {
            (void)fprintf(stderr, "%s\n", e.text);
            return arg;
        }
        tenant_store_put(f->stores, db);
    }
    return NULL;
}

static void many_threads_may_open_and_close_one_url_at_once(void **state)
{
    enum { THREADS = 8 };
    pthread_t threads[THREADS];
    for (int i = 0; i < THREADS; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, get_and_put, *state), 0);
    for (int i = 0; i < THREADS; i++) {
        void *failed;
        assert_int_equal(pthread_join(threads[i], &failed), 0);
        assert_null(failed);
    }
}

/* -- rows ------------------------------------------------------------------------------------- */

static void creating_a_tenant_again_changes_nothing(void **state)
{
    struct fixture *f = *state;
    create(f, "acme");
    fill(f, "acme", 1);
    create(f, "acme");
    assert_int_equal(measure(f, "acme", PRODUCT_START_US).vehicle_count, 1);
}

static void dropping_a_tenant_leaves_its_neighbours_rows(void **state)
{
    struct fixture *f = *state;
    create(f, "acme");
    create(f, "other");
    fill(f, "acme", 2);
    fill(f, "other", 3);
    ASSERT_OK(f, tenant_drop(f->stores, f->a.url, "acme", "deployment", &f->e));
    ASSERT_OK(f, tenant_drop(f->stores, f->a.url, "acme", "deployment", &f->e)); /* gone already */
    assert_int_equal(measure(f, "acme", PRODUCT_START_US).vehicle_count, 0);
    assert_int_equal(measure(f, "acme", PRODUCT_START_US).gps_points_today, 0);
    assert_int_equal(measure(f, "other", PRODUCT_START_US).vehicle_count, 3);
    create(f, "acme"); /* and it may come back */
}

static void usage_counts_the_points_of_the_last_24_hours(void **state)
{
    struct fixture *f = *state;
    create(f, "acme");
    fill(f, "acme", 2); /* two vehicles, a point a minute for an hour */
    struct tenant_usage usage = measure(f, "acme", PRODUCT_START_US);
    assert_int_equal(usage.vehicle_count, 2);
    assert_int_equal(usage.gps_points_today, 120);
    /* a day later only the points of the very last minute are within it */
    assert_int_equal(measure(f, "acme", PRODUCT_START_US + USEC_PER_DAY).gps_points_today, 2);
    assert_int_equal(measure(f, "acme", PRODUCT_START_US + USEC_PER_DAY + 1).gps_points_today, 0);
    assert_int_equal(measure(f, "nobody", PRODUCT_START_US).vehicle_count, 0);
}

static void the_example_repeated_at_one_moment_adds_nothing(void **state)
{
    struct fixture *f = *state;
    create(f, "acme");
    fill(f, "acme", 2);
    fill(f, "acme", 2);
    assert_int_equal(measure(f, "acme", PRODUCT_START_US).gps_points_today, 120);
}

static void rows_of_a_tenant_that_does_not_exist_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(tenant_fill_example(f->stores, f->a.url, "nobody", 1, PRODUCT_START_US, &f->e),
                     ERR_CONFLICT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

/* -- a server that does not answer ------------------------------------------------------------ */

struct silent_server {
    struct fixture *f;
    char url[128];
    pthread_t user;
    struct error e;
    enum err result;
};

static void *use_silent_server(void *arg)
{
    struct silent_server *s = arg;
    struct db *db;
    s->result = tenant_store_get(s->f->stores, s->url, &db, &s->e);
    return NULL;
}

/* A socket that takes connections and says nothing. */
static int listen_silently(struct silent_server *s)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    socklen_t size = sizeof(address);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    assert_int_equal(bind(fd, (struct sockaddr *)&address, size), 0);
    assert_int_equal(getsockname(fd, (struct sockaddr *)&address, &size), 0);
    assert_int_equal(listen(fd, 1), 0);
    (void)snprintf(s->url, sizeof(s->url), "postgres://nobody@127.0.0.1:%d/none",
                   ntohs(address.sin_port));
    return fd;
}

static void a_server_that_does_not_answer_keeps_nobody_from_other_databases(void **state)
{
    struct silent_server s = {.f = *state};
    int fd = listen_silently(&s);
    assert_int_equal(pthread_create(&s.user, NULL, use_silent_server, &s), 0);
    int connection = accept(fd, NULL, NULL); /* it waits for an answer now */
    assert_true(connection >= 0);
    create(s.f, "acme");
    fill(s.f, "acme", 1);
    assert_int_equal(close(connection), 0);
    assert_int_equal(close(fd), 0);
    assert_int_equal(pthread_join(s.user, NULL), 0);
    assert_int_not_equal(s.result, OK);
    assert_true(s.e.text[0] != '\0');
}

/* -- looking at all at once -------------------------------------------------------------------- */

static void a_survey_finds_every_tenant_with_its_vehicles_points_and_storage(void **state)
{
    struct fixture *f = *state;
    _cleanup_arena_ struct arena arena = {0};
    struct tenant_survey survey;
    int64_t hour = PRODUCT_START_US / USEC_PER_HOUR;
    create(f, "a");
    create(f, "b");
    create(f, "c");
    fill(f, "a", 1);
    fill(f, "b", 3);
    ASSERT_OK(f, tenant_survey(f->stores, f->a.url, hour - 1, hour + 1, &arena, &survey, &f->e));
    const struct tenant_sample *samples = survey.samples.items;
    const struct tenant_points *points = survey.points.items;
    assert_int_equal(survey.samples.count, 3);
    assert_string_equal(samples[1].customer_id, "b");
    assert_int_equal(samples[0].vehicles, 1);
    assert_int_equal(samples[1].vehicles, 3);
    assert_int_equal(samples[2].vehicles, 0);
    assert_true(samples[1].storage_bytes > 2 * samples[0].storage_bytes);
    assert_true(samples[0].storage_bytes > samples[2].storage_bytes);
    int64_t of_a = 0, of_b = 0;
    for (size_t i = 0; i < survey.points.count; i++)
        *(text_eq(points[i].customer_id, "a") ? &of_a : &of_b) += points[i].points;
    assert_int_equal(of_a, 60);
    assert_int_equal(of_b, 180);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(a_password_is_put_in_on_the_way_to_the_database_alone),
        TEST(a_sealed_password_is_opened_on_the_way_to_the_database_alone),
        TEST(what_is_special_in_a_url_may_be_in_a_sealed_password),
        TEST(an_error_about_a_url_does_not_tell_the_password),
        TEST(a_password_without_a_name_or_a_key_is_refused),
        TEST(users_of_one_url_share_one_database),
        TEST(a_database_that_was_closed_opens_again_with_what_was_in_it),
        TEST(a_url_that_cannot_be_opened_is_an_error_each_time_and_leaves_nothing),
        TEST(many_threads_may_open_and_close_one_url_at_once),
        TEST(creating_a_tenant_again_changes_nothing),
        TEST(dropping_a_tenant_leaves_its_neighbours_rows),
        TEST(usage_counts_the_points_of_the_last_24_hours),
        TEST(the_example_repeated_at_one_moment_adds_nothing),
        TEST(rows_of_a_tenant_that_does_not_exist_are_refused),
        TEST(a_server_that_does_not_answer_keeps_nobody_from_other_databases),
        TEST(a_survey_finds_every_tenant_with_its_vehicles_points_and_storage),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
