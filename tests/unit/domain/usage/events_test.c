/* The events of a body: what counts, what is refused with which reason, what it adds up to. */
#include "check.h"

#include "base/buf.h"
#include "base/rng.h"
#include "domain/usage/events.h"

#include <zlib.h>

#define NOW  (INT64_C(1790000000) * USEC_PER_SEC) /* 2026-09-21T14:13:20Z */
#define HEAD "{\"specversion\":\"1.0\",\"id\":\"7\",\"source\":\"/api\""
#define CALL HEAD ",\"type\":\"api_call\",\"subject\":\"acme\",\"data\":"
#define GOOD CALL "{\"duration_ms\":12.5,\"status\":200}}"

struct world {
    struct usage_parser *parser;
    struct hash_key key;
    struct arena arena;
    struct usage_batch batch;
    struct error e;
    int lookups;
    enum err find_fails;
};

/* Knows acme (by slug and as "id-acme") and beta. */
static enum err find(void *arg, struct str subject, struct arena *arena, const char **ret_id,
                     struct error *e)
{
    struct world *w = arg;
    w->lookups++;
    if (w->find_fails)
        return error_set(e, w->find_fails, "the database is away");
    if (str_eq(subject, STR("acme")) || str_eq(subject, STR("id-acme")))
        *ret_id = arena_text(arena, "id-acme");
    else if (str_eq(subject, STR("beta")))
        *ret_id = arena_text(arena, "id-beta");
    return OK;
}

static int setup(void **state)
{
    struct world *w = calloc(1, sizeof(*w));
    w->parser = usage_parser_new(&(struct usage_parser_options){find, w, &w->key, &w->key});
    *state = w;
    return 0;
}

static int teardown(void **state)
{
    struct world *w = *state;
    usage_parser_free(w->parser);
    usage_batch_release(&w->batch); /* outlives the parser */
    arena_release(&w->arena);
    free(w);
    return 0;
}

static enum err parse_with(struct world *w, const struct usage_request *request, const char *body)
{
    usage_batch_release(&w->batch);
    enum err err = usage_load(w->parser, &(struct usage_body){.text = str_from(body)}, &w->e);
    return err ? err : usage_parse(w->parser, request, &w->arena, &w->batch, &w->e);
}

static enum err parse(struct world *w, enum usage_format format, const char *body)
{
    return parse_with(w, &(struct usage_request){.format = format, .now = NOW}, body);
}

/* What the batch adds to its cell number `cell`. */
static struct usage_hour sum_of(const struct usage_batch *batch, size_t cell)
{
    struct usage_hour sum = {.customer_id = batch->cells[cell].customer_id,
                             .hour = batch->cells[cell].hour};
    for (size_t i = 0; i < batch->accepted; i++)
        if (batch->marks[i].cell == cell)
            usage_mark_add(&batch->marks[i], &sum);
    return sum;
}

static void an_api_call_is_counted_in_every_sum_that_it_has(void **state)
{
    struct world *w = *state;
    ASSERT_OK(w,
              parse(w, USAGE_NDJSON,
                    CALL "{\"duration_ms\":12.5,\"status\":503,\"region\":\"EU\",\"user\":\"u1\","
                         "\"bytes\":512},\"time\":\"2026-09-21T14:07:00+00:00\"}\r\n"
                         "\n" GOOD));
    assert_int_equal(w->batch.accepted, 2);
    assert_int_equal(w->batch.refused_count, 0);
    assert_int_equal(w->batch.cell_count, 1);
    struct usage_hour sum = sum_of(&w->batch, 0), *h = &sum;
    assert_string_equal(h->customer_id, "id-acme");
    assert_int_equal(h->hour, NOW / USEC_PER_HOUR);
    assert_int_equal(h->events, 2);
    assert_int_equal(h->api_calls, 2);
    assert_int_equal(h->api_errors, 1);
    assert_int_equal(h->api_us, 25000);
    assert_int_equal(h->bytes, 512);
    assert_int_equal(h->calls_eu, 1);
    assert_int_equal(h->calls_us + h->calls_apac, 0);
    assert_int_equal(h->latency[latency_bucket(12500)], 2);
    assert_int_equal(w->batch.user_count, 1);
    assert_int_equal(w->batch.users[0].windows, 1 << 1); /* 14:05 to 14:10 */
}

static void every_other_type_adds_what_it_says(void **state)
{
    struct world *w = *state;
    static const char body[] =
        "[" HEAD ",\"type\":\"gps_points\",\"subject\":\"beta\",\"data\":{\"vehicle\":\"v\"}}," HEAD
        ",\"type\":\"gps_points\",\"subject\":\"beta\",\"data\":{\"vehicle\":\"v\",\"count\":9}}"
        "," HEAD ",\"type\":\"storage\",\"subject\":\"beta\",\"data\":{\"bytes\":77}}," HEAD
        ",\"type\":\"storage\",\"subject\":\"beta\",\"data\":{\"bytes\":70}}," HEAD
        ",\"type\":\"resource_sample\",\"subject\":\"beta\",\"data\":{\"cpu\":0.25,\"memory\":1,"
        "\"disk\":0,\"database_connections\":4}}," HEAD
        ",\"type\":\"vehicle\",\"subject\":\"beta\",\"data\":{\"vehicle\":\"v\",\"change\":"
        "\"added\"}}," HEAD
        ",\"type\":\"vehicle\",\"subject\":\"beta\",\"data\":{\"vehicle\":\"v\",\"change\":"
        "\"removed\"}}]";
    ASSERT_OK(w, parse(w, USAGE_BATCH, body));
    assert_int_equal(w->batch.accepted, 7);
    struct usage_hour sum = sum_of(&w->batch, 0), *h = &sum;
    assert_int_equal(h->gps_points, 10);
    assert_int_equal(h->realtime_ops, 1);
    assert_int_equal(h->batch_ops, 1);
    assert_int_equal(h->storage_bytes, 77);
    assert_int_equal(h->samples, 1);
    assert_int_equal(h->cpu_sum, 2500);
    assert_int_equal(h->cpu_max, 2500);
    assert_int_equal(h->memory_max, 10000);
    assert_int_equal(h->connections_sum, 4);
    assert_int_equal(h->vehicles_added, 1);
    assert_int_equal(h->vehicles_removed, 1);
}

static void a_session_marks_its_user_active_from_its_start_over_hours(void **state)
{
    struct world *w = *state;
    ASSERT_OK(w, parse(w, USAGE_ONE,
                       HEAD ",\"type\":\"session\",\"subject\":\"acme\",\"time\":"
                            "\"2026-09-21T14:10:00Z\",\"data\":{\"duration_ms\":4200000,"
                            "\"user\":\"u\"}}"));
    assert_int_equal(w->batch.cell_count, 2);
    assert_int_equal(sum_of(&w->batch, 0).sessions, 1);
    assert_int_equal(sum_of(&w->batch, 0).session_us, 4200000 * USEC_PER_MS);
    assert_int_equal(w->batch.user_count, 2);
    assert_int_equal(w->batch.users[0].windows, 0xFFF); /* 13:00 to 14:00 */
    assert_int_equal(w->batch.users[1].windows, 7);     /* 14:00 to 14:10 */
    assert_int_equal(w->batch.users[0].user_hash, w->batch.users[1].user_hash);
}

static void a_bad_event_is_refused_with_its_reason_and_the_others_count(void **state)
{
    struct world *w = *state;
    static const struct {
        const char *event, *reason;
    } bad[] = {
        {"nonsense", "is not a JSON object"},
        {"{\"specversion\":\"1.0\"", "is not JSON"},
        {GOOD " x", "is not JSON"},
        {"[1]", "is not a JSON object"},
        {CALL "{\"duration_ms\":1,\"status\":200}, \"ext\":[1,{\"a\":nope}]}", "is not JSON"},
        {CALL "{\"duration_ms\":01,\"status\":200}}", "number"},
        {CALL "{\"duration_ms\":1,\"status\":200,\"user\":\"\\x\"}}", "is not JSON"},
        {CALL "{\"duration_ms\":1,\"status\":200,\"user\":\"\xff\"}}", "is not UTF-8"},
        {CALL "{\"duration_ms\":1,\"status\":200},\"e\":[[[[[[[[[[[[[[[[[[1]]]]]]]]]]]]]]]]]]}",
         "nested too deeply"},
        {"{\"id\":\"7\",\"source\":\"/\",\"type\":\"api_call\",\"data\":{}}",
         "specversion must be a text"},
        {"{\"specversion\":\"0.3\",\"id\":\"7\",\"source\":\"/\",\"type\":\"x\",\"data\":{}}",
         "specversion must be \"1.0\""},
        {HEAD ",\"id\":\"8\",\"type\":\"api_call\",\"data\":{}}", "id is given twice"},
        {HEAD ",\"type\":\"toast\",\"subject\":\"acme\",\"data\":{}}", "there is no toast"},
        {HEAD ",\"type\":\"storage\",\"subject\":\"acme\",\"data\":[]}",
         "data must be a JSON object"},
        {CALL "{\"duration_ms\":1}}", "data.status is missing"},
        {CALL "{\"duration_ms\":1,\"status\":\"200\"}}", "data.status must be a whole number"},
        {CALL "{\"duration_ms\":1,\"status\":200.5}}", "data.status must be a whole number"},
        {CALL "{\"duration_ms\":-1,\"status\":200}}", "data.duration_ms must be"},
        {CALL "{\"duration_ms\":1,\"status\":200,\"region\":\"MARS\"}}", "data.region must be"},
        {CALL "{\"duration_ms\":1,\"status\":200,\"count\":2}}", "data.count is not of api_call"},
        {CALL "{\"duration_ms\":1,\"status\":200,\"durations\":2}}", "data.durations is not known"},
        {CALL "{\"duration_ms\":1,\"status\":200,\"status\":2}}", "status is given twice"},
        {HEAD ",\"type\":\"storage\",\"subject\":\"nobody\",\"data\":{\"bytes\":1}}",
         "there is no customer nobody"},
        {HEAD ",\"type\":\"storage\",\"data\":{\"bytes\":1}}", "subject is missing"},
        {CALL "{\"duration_ms\":1,\"status\":200},\"time\":\"yesterday\"}", "RFC 3339"},
        {CALL "{\"duration_ms\":1,\"status\":200},\"time\":\"2026-08-17T14:13:19Z\"}",
         "more than 35 days ago"},
        {CALL "{\"duration_ms\":1,\"status\":200},\"time\":\"2026-09-21T14:18:21Z\"}",
         "more than 5 minutes ahead"},
    };
    for (size_t i = 0; i < ARRAY_LEN(bad); i++) {
        const char *body = arena_printf(&w->arena, "%s\n%s\n%s\n", GOOD, bad[i].event, GOOD);
        ASSERT_OK(w, parse(w, USAGE_NDJSON, body));
        if (w->batch.accepted != 2 || w->batch.refused_count != 1)
            fail_msg("counted %zu, refused %zu: %s", w->batch.accepted, w->batch.refused_count,
                     bad[i].event);
        assert_int_equal(w->batch.refused[0].index, 1);
        ASSERT_CONTAINS(w->batch.refused[0].reason, bad[i].reason);
    }
}

static void late_events_go_to_their_own_hour_within_35_days(void **state)
{
    struct world *w = *state;
    ASSERT_OK(w,
              parse(w, USAGE_NDJSON,
                    CALL
                    "{\"duration_ms\":1,\"status\":200},\"time\":\"2026-08-17T14:13:20Z\"}\n" CALL
                    "{\"duration_ms\":1,\"status\":200},\"time\":\"2026-09-21T16:18:20+02:00\"}"));
    assert_int_equal(w->batch.accepted, 2);
    assert_int_equal(w->batch.cells[0].hour, NOW / USEC_PER_HOUR - HOURS_KEPT);
    assert_int_equal(w->batch.cells[1].hour, NOW / USEC_PER_HOUR);
}

static void a_list_that_is_no_json_is_refused_as_a_whole(void **state)
{
    struct world *w = *state;
    assert_int_equal(parse(w, USAGE_BATCH, "[" GOOD ",nope]"), ERR_INVALID);
    assert_int_equal(parse(w, USAGE_BATCH, "[" GOOD "] x"), ERR_INVALID);
    assert_int_equal(parse(w, USAGE_BATCH, "[" GOOD), ERR_INVALID);
    assert_int_equal(parse(w, USAGE_ONE, GOOD GOOD), ERR_INVALID);
    assert_int_equal(parse(w, USAGE_ONE, " \n"), ERR_INVALID);
    ASSERT_OK(w, parse(w, USAGE_ONE, " [" GOOD "," GOOD "]"));
    assert_int_equal(w->batch.accepted, 2);
}

static void escapes_in_names_and_values_are_read(void **state)
{
    struct world *w = *state;
    ASSERT_OK(w, parse(w, USAGE_NDJSON,
                       HEAD ",\"t\\u0079pe\":\"storag\\u0065\",\"subject\":\"\\u0061cme\","
                            "\"data\":{\"bytes\":5}}"));
    assert_int_equal(w->batch.accepted, 1);
    assert_int_equal(sum_of(&w->batch, 0).storage_bytes, 5);
}

static void a_token_of_one_customer_counts_for_no_other(void **state)
{
    struct world *w = *state;
    const struct usage_request ours = {
        .format = USAGE_NDJSON, .now = NOW, .customer_id = "id-acme"};
    ASSERT_OK(w,
              parse_with(w, &ours,
                         HEAD
                         ",\"type\":\"storage\",\"data\":{\"bytes\":1}}\n" HEAD
                         ",\"type\":\"storage\",\"subject\":\"acme\",\"data\":{\"bytes\":1}}\n" HEAD
                         ",\"type\":\"storage\",\"subject\":\"beta\",\"data\":{\"bytes\":1}}"));
    assert_int_equal(w->batch.accepted, 2);
    ASSERT_CONTAINS(w->batch.refused[0].reason, "not the customer of this token");
}

static void customers_are_looked_up_once_until_they_are_old_and_unknown_ones_each_time(void **state)
{
    struct world *w = *state;
    struct usage_request request = {.format = USAGE_NDJSON, .now = NOW};
    for (int i = 0; i < 3; i++)
        ASSERT_OK(w, parse_with(w, &request, GOOD "\n" GOOD));
    assert_int_equal(w->lookups, 1);
    request.now += CUSTOMERS_KEPT_US + 1;
    ASSERT_OK(w, parse_with(w, &request, GOOD));
    assert_int_equal(w->lookups, 2);
    static const char unknown[] =
        HEAD ",\"type\":\"storage\",\"subject\":\"new\",\"data\":{\"bytes\":1}}";
    const char *twice = arena_printf(&w->arena, "%s\n%s", unknown, unknown);
    ASSERT_OK(w, parse_with(w, &request, twice));
    ASSERT_OK(w, parse_with(w, &request, twice));
    assert_int_equal(w->lookups, 4);
    w->find_fails = ERR_UNAVAILABLE;
    assert_int_equal(parse_with(w, &request, unknown), ERR_UNAVAILABLE);
}

static void events_that_are_skipped_count_for_nothing(void **state)
{
    struct world *w = *state;
    struct usage_request request = {.format = USAGE_NDJSON, .now = NOW, .want_ids = true};
    static const char body[] = GOOD "\n" GOOD "\nnope\n" GOOD;
    ASSERT_OK(w, parse_with(w, &request, body));
    assert_int_equal(w->batch.id_count, 3);
    assert_int_equal(w->batch.ids[2].index, 3);
    assert_memory_equal(w->batch.ids[0].hash, w->batch.ids[1].hash, 16);
    static const uint8_t skip[] = {1 << 1 | 1 << 3};
    request.skip = skip;
    ASSERT_OK(w, parse_with(w, &request, body));
    assert_int_equal(w->batch.accepted, 1);
    assert_int_equal(w->batch.skipped, 2);
    assert_int_equal(sum_of(&w->batch, 0).events, 1);
}

static void a_gzip_body_is_unpacked_and_one_that_is_none_is_refused(void **state)
{
    struct world *w = *state;
    char packed[1024];
    z_stream z = {.next_in = (unsigned char *)(uintptr_t)GOOD,
                  .avail_in = sizeof(GOOD) - 1,
                  .next_out = (unsigned char *)packed,
                  .avail_out = sizeof(packed)};
    assert_int_equal(deflateInit2(&z, 6, Z_DEFLATED, 31, 8, Z_DEFAULT_STRATEGY), Z_OK);
    assert_int_equal(deflate(&z, Z_FINISH), Z_STREAM_END);
    struct str body = {packed, z.total_out};
    assert_int_equal(deflateEnd(&z), Z_OK);
    ASSERT_OK(w, usage_load(w->parser, &(struct usage_body){.text = body, .gzip = true}, &w->e));
    usage_batch_release(&w->batch);
    ASSERT_OK(w, usage_parse(w->parser, &(struct usage_request){.now = NOW}, &w->arena, &w->batch,
                             &w->e));
    assert_int_equal(w->batch.accepted, 1);
    body.len--;
    assert_int_equal(usage_load(w->parser, &(struct usage_body){.text = body, .gzip = true}, &w->e),
                     ERR_INVALID);
    assert_int_equal(
        usage_load(w->parser, &(struct usage_body){.text = STR("no gzip"), .gzip = true}, &w->e),
        ERR_INVALID);
}

static void content_types_of_cloudevents_are_known(void **state)
{
    (void)state;
    enum usage_format format;
    assert_true(usage_format_of(STR("application/x-ndjson; charset=utf-8"), &format));
    assert_int_equal(format, USAGE_NDJSON);
    assert_true(usage_format_of(STR("Application/CloudEvents-Batch+JSON"), &format));
    assert_int_equal(format, USAGE_BATCH);
    assert_true(usage_format_of(STR("application/json"), &format));
    assert_false(usage_format_of(STR("text/plain"), &format));
    assert_false(usage_format_of(STR(""), &format));
}

static void a_batch_that_waits_keeps_its_customers_though_the_parser_forgets_them(void **state)
{
    struct world *w = *state;
    ASSERT_OK(w, parse(w, USAGE_NDJSON, GOOD));
    struct usage_batch waits = w->batch;
    memset(&w->batch, 0, sizeof(w->batch));
    struct usage_request later = {.format = USAGE_NDJSON, .now = NOW + CUSTOMERS_KEPT_US + 1};
    ASSERT_OK(w, parse_with(w, &later, GOOD));
    assert_int_equal(w->lookups, 2);
    assert_ptr_not_equal(w->batch.cells[0].customer_id, waits.cells[0].customer_id);
    assert_string_equal(waits.cells[0].customer_id, "id-acme");
    usage_batch_release(&waits);
}

/* -- many lines at once ------------------------------------------------------------------------ */

/* What a line may be; simdjson alone would take some of them together, or in two. */
static const char *const shapes[] = {
    GOOD,
    CALL "{\"duration_ms\":1,\"status\":200,\"user\":\"{}\\n[\\\"\"}}  ",
    "  " GOOD "\r",
    GOOD " " GOOD,
    GOOD "x",
    GOOD "}",
    "[" GOOD "]",
    CALL "{\"duration_ms\":12.5,\"status\":200}",
    "}",
    ",\"later\":1}",
    CALL "{\"duration_ms\":12.5,\"status\":7}}",
    CALL "{\"duration_ms\":12.5,\"status\":200,\"user\":\"\xff\"}}",
    CALL "{\"duration_ms\":12.5,\"status\":200,\"user\":\"open}}",
    "7",
    "\"text\"",
};

static bool is_refused(const struct usage_batch *b, size_t index)
{
    for (size_t i = 0; i < b->refused_count; i++) {
        if (b->refused[i].index == index)
            return true;
    }
    return false;
}

static void each_line_counts_as_if_it_were_alone(void **state)
{
    enum { LINES = 40, ROUNDS = 400 };
    struct world *w = *state;
    struct rng_seeded rng;
    rng_seeded_init(&rng, 3);
    bool alone[ARRAY_LEN(shapes)];
    for (size_t i = 0; i < ARRAY_LEN(shapes); i++) {
        ASSERT_OK(w, parse(w, USAGE_NDJSON, shapes[i]));
        alone[i] = w->batch.accepted == 1;
        assert_int_equal(w->batch.accepted + w->batch.refused_count, 1);
    }
    for (int round = 0; round < ROUNDS; round++) {
        _cleanup_buf_ struct buf body = BUF_INIT(1 << 20);
        size_t lines[LINES], accepted = 0;
        for (size_t i = 0; i < LINES; i++) { /* mostly good ones, so that they go together */
            bool odd = rng_below(&rng.rng, 40) < round % 20;
            lines[i] = odd ? (size_t)rng_below(&rng.rng, ARRAY_LEN(shapes)) : 0;
            accepted += alone[lines[i]];
            assert_true(buf_printf(&body, "%s\n%s", shapes[lines[i]], i % 7 ? "" : " \r\n"));
        }
        ASSERT_OK(w, parse(w, USAGE_NDJSON, buf_text(&body)));
        assert_int_equal(w->batch.accepted, accepted);
        assert_int_equal(w->batch.refused_count, LINES - accepted);
        for (size_t i = 0; i < LINES; i++)
            assert_int_equal(is_refused(&w->batch, i), !alone[lines[i]]);
    }
}

static void more_lines_than_are_looked_over_at_once_all_count(void **state)
{
    enum { LINES = 5000 };
    struct world *w = *state;
    _cleanup_buf_ struct buf body = BUF_INIT(1 << 22);
    for (int i = 0; i < LINES; i++)
        assert_true(buf_append_text(&body, i % 1000 == 999 ? "nonsense\n" : GOOD "\n"));
    ASSERT_OK(w, parse(w, USAGE_NDJSON, buf_text(&body)));
    assert_int_equal(w->batch.accepted, LINES - 5);
    for (size_t i = 0; i < 5; i++)
        assert_int_equal(w->batch.refused[i].index, 1000 * i + 999);
}

#define T(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        T(a_batch_that_waits_keeps_its_customers_though_the_parser_forgets_them),
        T(each_line_counts_as_if_it_were_alone),
        T(more_lines_than_are_looked_over_at_once_all_count),
        T(an_api_call_is_counted_in_every_sum_that_it_has),
        T(every_other_type_adds_what_it_says),
        T(a_session_marks_its_user_active_from_its_start_over_hours),
        T(a_bad_event_is_refused_with_its_reason_and_the_others_count),
        T(late_events_go_to_their_own_hour_within_35_days),
        T(a_list_that_is_no_json_is_refused_as_a_whole),
        T(escapes_in_names_and_values_are_read),
        T(a_token_of_one_customer_counts_for_no_other),
        T(customers_are_looked_up_once_until_they_are_old_and_unknown_ones_each_time),
        T(events_that_are_skipped_count_for_nothing),
        T(a_gzip_body_is_unpacked_and_one_that_is_none_is_refused),
        T(content_types_of_cloudevents_are_known),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
