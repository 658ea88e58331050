#include "base/record.h"

#include "base/decimal.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

static const char *const colours[] = {"red", "green", NULL};

struct inner {
    const char *name;
    int64_t count;
};

static const struct field inner_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct inner, name)},
    {"count", FIELD_INT, offsetof(struct inner, count)},
    FIELD_END,
};

struct thing {
    const char *id;
    int64_t size;
    decimal price;
    bool open;
    int64_t at;
    int colour;
    struct texts tags;
    const char *extra;
    struct inner inner;
    struct records parts;
};

static const struct field thing_fields[] = {
    {"id", FIELD_TEXT, offsetof(struct thing, id)},
    {"size", FIELD_INT, offsetof(struct thing, size)},
    {"price", FIELD_DECIMAL, offsetof(struct thing, price)},
    {"open", FIELD_BOOL, offsetof(struct thing, open)},
    {"at", FIELD_TIME, offsetof(struct thing, at)},
    {"colour", FIELD_ENUM, offsetof(struct thing, colour), .names = colours},
    {"tags", FIELD_TEXTS, offsetof(struct thing, tags)},
    {"extra", FIELD_JSON, offsetof(struct thing, extra)},
    {"inner", FIELD_OBJECT, offsetof(struct thing, inner), .fields = inner_fields},
    {"parts", FIELD_OBJECTS, offsetof(struct thing, parts), .fields = inner_fields},
    FIELD_END,
};

static void clearing_makes_every_field_absent(void **state)
{
    (void)state;
    struct thing t;
    memset(&t, 0x5a, sizeof(t));
    *(unsigned char *)&t.open = 1;
    record_clear(thing_fields, &t);
    assert_null(t.id);
    assert_int_equal(t.size, INT_ABSENT);
    assert_int_equal(t.price, INT_ABSENT);
    assert_false(t.open);
    assert_int_equal(t.at, INT_ABSENT);
    assert_int_equal(t.colour, -1);
    assert_int_equal(t.tags.count, 0);
    assert_null(t.extra);
    assert_null(t.inner.name);
    assert_int_equal(t.inner.count, INT_ABSENT);
    assert_int_equal(t.parts.count, 0);
}

static void a_field_is_found_by_its_whole_name(void **state)
{
    (void)state;
    assert_ptr_equal(record_field(thing_fields, STR("price")), &thing_fields[2]);
    assert_null(record_field(thing_fields, STR("pric")));
    assert_null(record_field(thing_fields, STR("prices")));
    assert_null(record_field(thing_fields, STR("")));
}

static void an_enum_is_found_by_its_whole_name(void **state)
{
    (void)state;
    assert_int_equal(enum_from_text(colours, STR("green")), 1);
    assert_int_equal(enum_from_text(colours, STR("Green")), -1);
    assert_int_equal(enum_from_text(colours, STR("gree")), -1);
    assert_int_equal(enum_from_text(colours, STR("")), -1);
}

static void problems_join_into_one_sentence(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct problems p = {.arena = &a};
    problem_add(&p, "rules[2].add", 14, "must be at most %d", 9);
    problem_add(&p, "", 0, "must be an object");
    problem_add(&p, "name", 0, "is missing");
    struct error e;
    assert_int_equal(problems_error(&p, &e), ERR_INVALID);
    assert_string_equal(e.text, "line 14: rules[2].add: must be at most 9; must be an object; "
                                "name: is missing");
}

static void problems_past_the_bound_are_counted(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena a = {0};
    struct problems p = {.arena = &a};
    for (int i = 0; i < PROBLEMS_MAX + 5; i++)
        problem_add(&p, "x", 0, "is wrong");
    assert_int_equal(p.count, PROBLEMS_MAX);
    assert_int_equal(p.dropped, 5);
    struct error e;
    assert_int_equal(problems_error(&p, &e), ERR_INVALID);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(clearing_makes_every_field_absent),
        cmocka_unit_test(a_field_is_found_by_its_whole_name),
        cmocka_unit_test(an_enum_is_found_by_its_whole_name),
        cmocka_unit_test(problems_join_into_one_sentence),
        cmocka_unit_test(problems_past_the_bound_are_counted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
