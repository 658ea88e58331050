#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/decimal.h"
#include "base/rng.h"
#include "infra/json/json.h"

static const char *const colours[] = {"red", "green", NULL};

struct wheel {
    int64_t size;
    const char *maker;
};

static const struct field wheel_fields[] = {
    {"size", FIELD_INT, offsetof(struct wheel, size), .required = true, .min = 1, .max = 99},
    {"maker", FIELD_TEXT, offsetof(struct wheel, maker)},
    FIELD_END,
};

struct car {
    const char *name;
    int64_t vehicle_count;
    decimal budget;
    bool sold;
    int64_t made_at;
    int colour;
    struct texts tags;
    const char *extra;
    struct wheel spare;
    struct records wheels;
};

static const char *check_lower(const char *text)
{
    for (; *text; text++) {
        if (*text < 'a' || *text > 'z')
            return "must be lower-case letters";
    }
    return NULL;
}

static const struct field car_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct car, name), .max_len = 8, .check = check_lower},
    {"vehicle_count", FIELD_INT, offsetof(struct car, vehicle_count), .min = 0, .max = INT64_MAX},
    {"budget", FIELD_DECIMAL, offsetof(struct car, budget), .min = 0, .max = DECIMAL_MAX},
    {"sold", FIELD_BOOL, offsetof(struct car, sold)},
    {"made_at", FIELD_TIME, offsetof(struct car, made_at)},
    {"colour", FIELD_ENUM, offsetof(struct car, colour), .names = colours},
    {"tags", FIELD_TEXTS, offsetof(struct car, tags), .max = 3},
    {"extra", FIELD_JSON, offsetof(struct car, extra)},
    {"spare", FIELD_OBJECT, offsetof(struct car, spare), .fields = wheel_fields},
    {"wheels", FIELD_OBJECTS, offsetof(struct car, wheels), .fields = wheel_fields,
     .item_size = sizeof(struct wheel)},
    FIELD_END,
};

struct fixture {
    struct arena arena;
    struct problems problems;
    struct error error;
    struct car car;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->problems.arena = &f->arena;
    record_clear(car_fields, &f->car);
    *state = f;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *f = *state;
    arena_release(&f->arena);
    free(f);
    return 0;
}

static enum err read_car(struct fixture *f, const char *text)
{
    return json_decode_text(car_fields, str_from(text), &f->arena, &f->car, &f->problems,
                            &f->error);
}

/* Reads `text`, which must fail with exactly this sentence. */
static void refused(struct fixture *f, const char *text, const char *sentence)
{
    f->problems.count = f->problems.dropped = 0;
    assert_int_equal(read_car(f, text), ERR_INVALID);
    assert_string_equal(f->error.text, sentence);
}

static void every_field_type_is_read(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(
        read_car(f, "{\"name\":\"beetle\",\"vehicle_count\":3,\"budget\":49.9999,\"sold\":true,"
                    "\"made_at\":\"1970-01-01T00:00:01Z\",\"colour\":\"green\",\"tags\":[\"a\"],"
                    "\"extra\":{\"x\":[1,0.9]},\"spare\":{\"size\":15},"
                    "\"wheels\":[{\"size\":16,\"maker\":\"m\"},{\"size\":17}]}"),
        OK);
    assert_string_equal(f->car.name, "beetle");
    assert_int_equal(f->car.vehicle_count, 3);
    assert_int_equal(f->car.budget, 499999);
    assert_true(f->car.sold);
    assert_int_equal(f->car.made_at, 1000000);
    assert_int_equal(f->car.colour, 1);
    assert_int_equal(f->car.tags.count, 1);
    assert_string_equal(f->car.extra, "{\"x\":[1,0.9]}");
    assert_int_equal(f->car.spare.size, 15);
    assert_null(f->car.spare.maker);
    const struct wheel *wheels = f->car.wheels.items;
    assert_int_equal(f->car.wheels.count, 2);
    assert_int_equal(wheels[1].size, 17);
    assert_null(wheels[1].maker);
}

static void null_and_missing_fields_keep_what_the_record_held(void **state)
{
    struct fixture *f = *state;
    f->car.vehicle_count = 7;
    assert_int_equal(read_car(f, "{\"vehicle_count\":null}"), OK);
    assert_int_equal(f->car.vehicle_count, 7);
    assert_int_equal(f->car.budget, INT_ABSENT);
    assert_null(f->car.tags.items);
}

static void an_empty_list_is_not_an_absent_one(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_car(f, "{\"tags\":[],\"wheels\":[]}"), OK);
    assert_non_null(f->car.tags.items);
    assert_int_equal(f->car.tags.count, 0);
    assert_non_null(f->car.wheels.items);
}

static void an_unknown_field_is_named_with_the_nearest_known_one(void **state)
{
    struct fixture *f = *state;
    refused(f, "{\"vehicle_cont\":1}", "vehicle_cont: is unknown; did you mean vehicle_count?");
    refused(f, "{\"bugdet\":1}", "bugdet: is unknown; did you mean budget?");
    refused(f, "{\"unrelated\":1}", "unrelated: is unknown");
    refused(f, "{\"spare\":{\"size\":1,\"makr\":\"x\"}}",
            "spare.makr: is unknown; did you mean maker?");
}

static void a_long_unknown_field_is_not_echoed_whole_nor_cut_inside_a_character(void **state)
{
    struct fixture *f = *state;
    const char *key = arena_printf(&f->arena, "%039d\xc3\xa9tail-that-goes-on", 0);
    refused(f, arena_printf(&f->arena, "{\"%s\":1}", key),
            arena_printf(&f->arena, "%039d...: is unknown", 0));
}

static void what_is_echoed_has_no_control_characters(void **state)
{
    struct fixture *f = *state;
    refused(f, "{\"a\\u001b[2J\":1}", "unknown field \"a?[2J\"");
    refused(f, "{\"colour\":\"b\\nlue\"}", "colour: must be one of red, green, and not \"b?lue\"");
}

/* Damages a good body in every way that one or two changed bytes can. */
static void damaged_bodies_are_read_or_refused_and_never_crash(void **state)
{
    struct fixture *f = *state;
    const char *good = "{\"name\":\"beetle\",\"vehicle_count\":3,\"budget\":49.99,\"sold\":true,"
                       "\"tags\":[\"a\"],\"extra\":{\"x\":[1]},\"wheels\":[{\"size\":16}]}";
    struct rng_seeded rng;
    rng_seeded_init(&rng, 7);
    for (int i = 0; i < 3000; i++) {
        _cleanup_arena_ struct arena arena = {0};
        struct problems problems = {.arena = &arena};
        struct error e = {0};
        struct car car;
        char *text = arena_text(&arena, good);
        for (int n = 0; n < 2; n++)
            text[rng_below(&rng.rng, (int64_t)strlen(good))] = (char)rng_below(&rng.rng, 256);
        record_clear(car_fields, &car);
        enum err code = json_decode_text(car_fields, (struct str){text, strlen(good)}, &arena, &car,
                                         &problems, &e);
        assert_true(code == OK || (code == ERR_INVALID && e.text[0]));
    }
    assert_int_equal(read_car(f, good), OK);
}

static void every_mistake_of_a_body_is_reported(void **state)
{
    struct fixture *f = *state;
    refused(f,
            "{\"name\":5,\"budget\":\"x\",\"sold\":1,\"colour\":\"blue\","
            "\"wheels\":[{\"size\":1},{\"size\":100},{}]}",
            "name: must be text; budget: must be a number; sold: must be true or false; "
            "colour: must be one of red, green, and not \"blue\"; "
            "wheels[1].size: must be between 1 and 99; wheels[2].size: is required");
    assert_int_equal(f->problems.count, 6);
}

static void a_whole_number_refuses_fractions_text_and_the_absent_marker(void **state)
{
    struct fixture *f = *state;
    refused(f, "{\"vehicle_count\":1.5}", "vehicle_count: must be a whole number");
    refused(f, "{\"vehicle_count\":5.0}", "vehicle_count: must be a whole number");
    refused(f, "{\"vehicle_count\":\"5\"}", "vehicle_count: must be a whole number");
    refused(f, "{\"vehicle_count\":-9223372036854775808}", "vehicle_count: is out of range");
    refused(f, "{\"vehicle_count\":-1}", "vehicle_count: must be at least 0");
}

static void a_decimal_is_exact_or_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_car(f, "{\"budget\":50}"), OK);
    assert_int_equal(f->car.budget, 500000);
    assert_int_equal(read_car(f, "{\"budget\":0.1}"), OK);
    assert_int_equal(f->car.budget, 1000);
    refused(f, "{\"budget\":49.99999}",
            "budget: has more than four decimal places (49.99999); round it");
    refused(f, "{\"budget\":1e300}", "budget: is out of range");
    refused(f, "{\"budget\":9223372036854775807}", "budget: is out of range");
    refused(f, "{\"budget\":-0.5}", "budget: must be at least 0.0");
}

static void text_obeys_its_length_and_its_check(void **state)
{
    struct fixture *f = *state;
    refused(f, "{\"name\":\"abcdefghi\"}", "name: must be at most 8 bytes long, and not 9");
    refused(f, "{\"name\":\"Abc\"}", "name: must be lower-case letters");
    refused(f, "{\"tags\":[\"a\",2]}", "tags[1]: must be text");
    refused(f, "{\"tags\":[\"a\",\"b\",\"c\",\"d\"]}", "tags: must have 0 to 3 items, and not 4");
    refused(f, "{\"tags\":\"a\"}", "tags: must be a list");
    refused(f, "{\"made_at\":\"yesterday\"}", "made_at: must be a time like 2026-11-23T17:20:00Z");
}

static void duplicate_keys_and_nul_and_trailing_bytes_are_refused(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_car(f, "{\"name\":\"a\",\"name\":\"b\"}"), ERR_INVALID);
    assert_non_null(strstr(f->error.text, "duplicate object key"));
    assert_int_equal(read_car(f, "{\"name\":\"a\\u0000b\"}"), ERR_INVALID);
    assert_int_equal(read_car(f, "{} {}"), ERR_INVALID);
    assert_int_equal(read_car(f, ""), ERR_INVALID);
    refused(f, "[]", "must be an object");
}

static void a_syntax_error_names_line_and_column_and_echoes_little(void **state)
{
    struct fixture *f = *state;
    assert_int_equal(read_car(f, "{\n  \"name\": nope\n}"), ERR_INVALID);
    assert_non_null(strstr(f->error.text, "line 2 column"));
    const char *huge = arena_printf(&f->arena, "{\"name\": %0500d}", 0);
    assert_int_equal(read_car(f, huge), ERR_INVALID);
    assert_in_range(strlen(f->error.text), 1, 250);
}

static void nesting_stops_at_the_limit(void **state)
{
    struct fixture *f = *state;
    char text[200] = {0};
    json_t *value = NULL;
    memset(text, '[', 32);
    memset(text + 32, ']', 32);
    assert_int_equal(json_parse(str_from(text), &value, &f->error), OK);
    json_decref(value);
    memset(text, '[', 33);
    memset(text + 33, ']', 33);
    assert_int_equal(json_parse(str_from(text), &value, &f->error), ERR_INVALID);
    assert_string_equal(f->error.text, "the JSON is nested more than 32 levels deep");
}

static void a_nul_byte_is_refused_wherever_it_stands(void **state)
{
    struct fixture *f = *state;
    static const char after_number[] = "{\"n\": 3\0}", in_text[] = "{\"n\": \"a\0\"}";
    json_t *value = NULL;
    struct str texts[] = {{after_number, sizeof(after_number) - 1}, {in_text, sizeof(in_text) - 1}};
    for (size_t i = 0; i < ARRAY_LEN(texts); i++) {
        assert_int_equal(json_parse(texts[i], &value, &f->error), ERR_INVALID);
        assert_string_equal(f->error.text, "not JSON: there is a NUL byte in it");
    }
}

static void what_is_written_reads_back_the_same(void **state)
{
    struct fixture *f = *state;
    const char *text = "{\"name\":\"beetle\",\"vehicle_count\":3,\"budget\":0.9,\"sold\":false,"
                       "\"made_at\":\"2026-11-23T17:20:00.000000Z\",\"colour\":\"red\","
                       "\"tags\":[\"a\",\"b\"],\"extra\":[1,2.5],\"spare\":{\"size\":15,"
                       "\"maker\":\"x\"},\"wheels\":[{\"size\":1,\"maker\":\"y\"}]}";
    assert_int_equal(read_car(f, text), OK);
    _cleanup_json_ json_t *value = json_encode(car_fields, &f->car, JSON_KEEP_ABSENT);
    assert_string_equal(json_text(value, &f->arena), text);
}

static void absent_fields_are_null_or_left_out(void **state)
{
    struct fixture *f = *state;
    f->car.vehicle_count = 2;
    _cleanup_json_ json_t *kept = json_encode(car_fields, &f->car, JSON_KEEP_ABSENT);
    assert_true(json_is_null(json_object_get(kept, "budget")));
    assert_true(json_is_null(json_object_get(kept, "colour")));
    _cleanup_json_ json_t *brief = json_encode(car_fields, &f->car, JSON_OMIT_ABSENT);
    assert_string_equal(json_text(brief, &f->arena),
                        "{\"vehicle_count\":2,\"sold\":false,\"spare\":{}}");
}

static void decimals_print_exactly(void **state)
{
    struct fixture *f = *state;
    static const struct {
        decimal value;
        const char *text;
    } cases[] = {
        {9000, "0.9"},
        {10000, "1.0"},
        {1, "0.0001"},
        {-2500, "-0.25"},
        {999900, "99.99"},
        {INT64_C(999999999999999), "99999999999.9999"},
        {INT64_C(9000000000000000000), "900000000000000"},
    };
    for (size_t i = 0; i < ARRAY_LEN(cases); i++) {
        _cleanup_json_ json_t *value = json_decimal(cases[i].value);
        assert_string_equal(json_text(value, &f->arena), cases[i].text);
    }
}

static void every_cent_and_score_survives_a_round_trip(void **state)
{
    struct fixture *f = *state;
    for (decimal d = 0; d <= 20000; d++) {
        json_t *value = json_decimal(d);
        char text[DECIMAL_TEXT_MAX];
        assert_string_equal(json_text(value, &f->arena), decimal_text(d, text));
        json_decref(value);
    }
}

static void text_that_is_not_utf8_is_still_written(void **state)
{
    struct fixture *f = *state;
    _cleanup_json_ json_t *value = json_from_text("cut \xc3");
    assert_string_equal(json_text(value, &f->arena), "\"cut ?\"");
    assert_true(json_is_null(json_from_text(NULL)));
}

static void writing_into_a_full_buffer_says_so(void **state)
{
    (void)state;
    _cleanup_json_ json_t *value = json_pack("{s:s}", "a", "0123456789");
    _cleanup_buf_ struct buf small = BUF_INIT(8);
    assert_false(json_write(value, 0, &small));
    _cleanup_buf_ struct buf large = BUF_INIT(100);
    assert_true(json_write(value, 2, &large));
    assert_string_equal(buf_text(&large), "{\n  \"a\": \"0123456789\"\n}");
}

static void getters_tell_missing_from_wrong(void **state)
{
    (void)state;
    _cleanup_json_ json_t *value = json_pack("{s:s,s:i,s:b}", "t", "x", "n", 5, "b", 1);
    assert_string_equal(json_get_text(value, "t"), "x");
    assert_null(json_get_text(value, "n"));
    assert_int_equal(json_get_int(value, "n"), 5);
    assert_int_equal(json_get_int(value, "t"), INT_ABSENT);
    assert_true(json_get_bool(value, "b"));
    assert_false(json_get_bool(NULL, "b"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(every_field_type_is_read),
        TEST(null_and_missing_fields_keep_what_the_record_held),
        TEST(an_empty_list_is_not_an_absent_one),
        TEST(an_unknown_field_is_named_with_the_nearest_known_one),
        TEST(a_long_unknown_field_is_not_echoed_whole_nor_cut_inside_a_character),
        TEST(what_is_echoed_has_no_control_characters),
        TEST(damaged_bodies_are_read_or_refused_and_never_crash),
        TEST(every_mistake_of_a_body_is_reported),
        TEST(a_whole_number_refuses_fractions_text_and_the_absent_marker),
        TEST(a_decimal_is_exact_or_refused),
        TEST(text_obeys_its_length_and_its_check),
        TEST(duplicate_keys_and_nul_and_trailing_bytes_are_refused),
        TEST(a_syntax_error_names_line_and_column_and_echoes_little),
        TEST(nesting_stops_at_the_limit),
        TEST(a_nul_byte_is_refused_wherever_it_stands),
        TEST(what_is_written_reads_back_the_same),
        TEST(absent_fields_are_null_or_left_out),
        TEST(decimals_print_exactly),
        TEST(every_cent_and_score_survives_a_round_trip),
        TEST(text_that_is_not_utf8_is_still_written),
        TEST(writing_into_a_full_buffer_says_so),
        TEST(getters_tell_missing_from_wrong),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
