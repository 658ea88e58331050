/* Batches of events: each is counted once, with what waits beside it, or not at all. */
#include "product.h"

#include "domain/usage/ingest.h"

#include <pthread.h>

#define CALL(id, user)                                                                             \
    "{\"specversion\":\"1.0\",\"id\":\"" id "\",\"source\":\"/api\",\"type\":\"api_call\","        \
    "\"subject\":\"acme\",\"data\":{\"duration_ms\":5,\"status\":200,\"user\":\"" user "\"}}\n"

#define SQL(variable, text)                                                                        \
    static const struct db_query variable = {#variable, {[DB_SQLITE] = text, [DB_POSTGRES] = text}}
SQL(hide_users, "ALTER TABLE usage_users RENAME TO hidden");
SQL(show_users, "ALTER TABLE hidden RENAME TO usage_users");
SQL(count_keys, "SELECT count(*) FROM usage_keys");
SQL(count_users, "SELECT count(*) FROM usage_users");
SQL(sum_windows, "SELECT CAST(coalesce(sum(windows), 0) AS BIGINT) FROM usage_users");
SQL(sum_events, "SELECT CAST(coalesce(sum(events), 0) AS BIGINT) FROM usage_hours");

struct world {
    struct product p;
    struct secret *key;
    struct ingest *ingest;
    const char *customer;
};

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    product_init(&w->p);
    w->customer = product_signup(&w->p, "acme", "hobby", "{}").customer.id;
    w->key = secret_new(STR("key"));
    w->ingest = ingest_new(&w->p.env, w->key);
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    ingest_free(w->ingest);
    secret_free(w->key);
    product_release(&w->p);
    free(w);
    return 0;
}

static enum err send_as(struct world *w, const char *key, bool dedupe, const char *body,
                        struct ingest_reply *reply)
{
    const struct ingest_request request = {
        .body = {.text = str_from(body)},
        .format = USAGE_NDJSON,
        .token_id = "token",
        .key = key,
        .dedupe = dedupe,
    };
    return ingest_add(w->ingest, &request, &w->p.arena, reply, &w->p.e);
}

static const char *send(struct world *w, const char *key, bool dedupe, const char *body)
{
    struct ingest_reply reply;
    ASSERT_OK(&w->p, send_as(w, key, dedupe, body, &reply));
    return reply.body;
}

static void a_batch_is_counted_once_under_its_key(void **state)
{
    struct world *w = *state;
    static const char body[] = CALL("1", "u") CALL("2", "v") "nope\n";
    struct ingest_reply first, again;
    ASSERT_OK(&w->p, send_as(w, "k1", false, body, &first));
    assert_string_equal(first.body, "{\"accepted\":2,\"refused\":1,\"duplicate\":0,\"errors\":[{"
                                    "\"index\":2,\"reason\":\"is not a JSON object\"}]}");
    assert_false(first.replayed);
    ASSERT_OK(&w->p, send_as(w, "k1", false, body, &again));
    assert_string_equal(again.body, first.body);
    assert_true(again.replayed);
    assert_int_equal(product_number(&w->p, &sum_events), 2);
    assert_int_equal(product_number(&w->p, &count_users), 2);
}

static void a_key_belongs_to_one_body(void **state)
{
    struct world *w = *state;
    struct ingest_reply reply;
    send(w, "k1", false, CALL("1", "u"));
    assert_int_equal(send_as(w, "k1", false, CALL("2", "u"), &reply), ERR_INVALID);
    ASSERT_CONTAINS(w->p.e.text, "Idempotency-Key");
    assert_int_equal(product_number(&w->p, &sum_events), 1);
}

static void without_a_key_a_batch_is_counted_each_time(void **state)
{
    struct world *w = *state;
    send(w, NULL, false, CALL("1", "u"));
    send(w, NULL, false, CALL("1", "u"));
    assert_int_equal(product_number(&w->p, &sum_events), 2);
    assert_int_equal(product_number(&w->p, &count_keys), 0);
}

static void an_event_is_counted_once_under_its_id_where_that_is_asked(void **state)
{
    struct world *w = *state;
    const char *reply = send(w, "k1", true, CALL("1", "u") CALL("2", "u") CALL("1", "u"));
    ASSERT_CONTAINS(reply, "\"accepted\":2,\"refused\":0,\"duplicate\":1");
    reply = send(w, "k2", true, CALL("2", "u") CALL("3", "u"));
    ASSERT_CONTAINS(reply, "\"accepted\":1,\"refused\":0,\"duplicate\":1");
    assert_string_equal(send(w, "k2", true, CALL("2", "u") CALL("3", "u")), reply);
    reply = send(w, NULL, true, CALL("3", "u") CALL("1", "u"));
    ASSERT_CONTAINS(reply, "\"accepted\":0,\"refused\":0,\"duplicate\":2");
    assert_int_equal(product_number(&w->p, &sum_events), 3);
}

static void windows_of_users_are_added_to_those_that_are_stored(void **state)
{
    struct world *w = *state;
    send(w, NULL, false, CALL("1", "u"));
    send(w, NULL, false, CALL("2", "u"));
    assert_int_equal(product_number(&w->p, &sum_windows), 1 << 2); /* 14:13 */
    clock_virtual_advance(&w->p.clock, 10 * 60 * USEC_PER_SEC);
    send(w, NULL, false, CALL("3", "u"));
    assert_int_equal(product_number(&w->p, &sum_windows), 1 << 2 | 1 << 4);
    assert_int_equal(product_number(&w->p, &count_users), 1);
}

static void run(struct world *w, const struct db_query *query)
{
    product_begin(&w->p);
    ASSERT_OK(&w->p, db_exec(w->p.tx, query, DB_NO_ARGS, NULL, &w->p.e));
    product_commit(&w->p);
}

static void what_fails_leaves_nothing_and_can_be_sent_again(void **state)
{
    struct world *w = *state;
    struct ingest_reply reply;
    run(w, &hide_users);
    assert_int_not_equal(send_as(w, "k1", true, CALL("1", "u"), &reply), OK);
    assert_int_equal(product_number(&w->p, &sum_events), 0);
    assert_int_equal(product_number(&w->p, &count_keys), 0);
    run(w, &show_users);
    ASSERT_CONTAINS(send(w, "k1", true, CALL("1", "u")), "\"accepted\":1");
    assert_int_equal(product_number(&w->p, &sum_events), 1);
    assert_int_equal(product_number(&w->p, &count_users), 1);
}

enum { THREADS = 8, BATCHES = 20 };

struct sender {
    struct world *w;
    int number;
    struct error e;
};

/* Every batch is sent by two threads, under one key. */
static void *send_all(void *arg)
{
    struct sender *s = arg;
    _cleanup_arena_ struct arena arena = {0};
    for (int i = 0; i < BATCHES && s->e.code == OK; i++) {
        struct ingest_reply reply;
        const struct ingest_request request = {
            .body = {.text = STR(CALL("1", "u") CALL("2", "v") "bad\n")},
            .format = USAGE_NDJSON,
            .token_id = "token",
            .key = arena_printf(&arena, "%d-%d", s->number / 2, i),
        };
        s->e.code = ingest_add(s->w->ingest, &request, &arena, &reply, &s->e);
    }
    return NULL;
}

static void batches_sent_at_once_are_each_counted_once(void **state)
{
    struct world *w = *state;
    pthread_t threads[THREADS];
    struct sender senders[THREADS] = {0};
    for (int i = 0; i < THREADS; i++) {
        senders[i] = (struct sender){.w = w, .number = i};
        assert_int_equal(pthread_create(&threads[i], NULL, send_all, &senders[i]), 0);
    }
    for (int i = 0; i < THREADS; i++) {
        assert_int_equal(pthread_join(threads[i], NULL), 0);
        ASSERT_OK(&senders[i], senders[i].e.code);
    }
    assert_int_equal(product_number(&w->p, &sum_events), THREADS / 2 * BATCHES * 2);
    assert_int_equal(product_number(&w->p, &count_keys), THREADS / 2 * BATCHES);
}

static void old_keys_are_deleted_and_young_ones_stay(void **state)
{
    struct world *w = *state;
    send(w, "old", false, CALL("1", "u"));
    clock_virtual_advance(&w->p.clock, USEC_PER_DAY);
    send(w, "young", false, CALL("1", "u"));
    int64_t deleted;
    product_begin(&w->p);
    ASSERT_OK(&w->p, usage_keys_prune(w->p.tx, PRODUCT_START_US + USEC_PER_DAY / 2, 10, &deleted,
                                      &w->p.e));
    product_commit(&w->p);
    assert_int_equal(deleted, 1);
    assert_int_equal(product_number(&w->p, &count_keys), 1);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_batch_is_counted_once_under_its_key),
        T(a_key_belongs_to_one_body),
        T(without_a_key_a_batch_is_counted_each_time),
        T(an_event_is_counted_once_under_its_id_where_that_is_asked),
        T(windows_of_users_are_added_to_those_that_are_stored),
        T(what_fails_leaves_nothing_and_can_be_sent_again),
        T(batches_sent_at_once_are_each_counted_once),
        T(old_keys_are_deleted_and_young_ones_stay),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
