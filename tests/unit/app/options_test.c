#include "support.h"

#include "app/cli/options.h"
#include "base/decimal.h"

struct sample {
    const char *name;
    int64_t count;
    int64_t wait;
    decimal price;
    bool fast;
    int color;
    struct texts tags;
    const char *first, *second;
};

static const char *const colors[] = {"red", "green", "blue", NULL};

static const char *no_spaces(const char *text)
{
    return strchr(text, ' ') ? "must have no spaces" : NULL;
}

#define AT(member) offsetof(struct sample, member)

static const struct option_spec specs[] = {
    {.field = {"name", FIELD_TEXT, AT(name), .max_len = 8, .check = no_spaces},
     .letter = 'n',
     .metavar = "NAME"},
    {.field = {"count", FIELD_INT, AT(count), .min = 1, .max = 10}, .letter = 'c'},
    {.field = {"wait", FIELD_INT, AT(wait)}, .duration = true},
    {.field = {"price", FIELD_DECIMAL, AT(price), .max = DECIMAL_MAX}},
    {.field = {"fast", FIELD_BOOL, AT(fast)}, .letter = 'f'},
    {.field = {"color", FIELD_ENUM, AT(color), .names = colors}},
    {.field = {"tags", FIELD_TEXTS, AT(tags)}},
    OPTION_END,
};

static const struct option_spec arguments[] = {
    {.field = {"FIRST", FIELD_TEXT, AT(first), .required = true}},
    {.field = {"SECOND", FIELD_TEXT, AT(second)}},
    OPTION_END,
};

struct parsed {
    struct arena arena;
    struct sample sample;
    struct texts words;
    struct error e;
    enum err code;
};

static struct parsed parse(bool leading, const char *const *argv)
{
    struct parsed p = {0};
    int argc = 0;
    while (argv[argc])
        argc++;
    options_clear(specs, &p.sample);
    options_clear(arguments, &p.sample);
    const struct option_target targets[OPTION_TARGETS_MAX] = {{specs, &p.sample}};
    p.code = options_parse(argc, (char *const *)(void *)argv, leading, targets, &p.arena, &p.words,
                           &p.e);
    return p;
}

static void parsed_release(struct parsed *p)
{
    arena_release(&p->arena);
}

#define PARSED       __attribute__((cleanup(parsed_release))) struct parsed
#define PARSE(...)   parse(false, (const char *const[]){__VA_ARGS__, NULL})
#define LEADING(...) parse(true, (const char *const[]){__VA_ARGS__, NULL})
#define REFUSED(p, says)                                                                           \
    do {                                                                                           \
        assert_int_equal((p).code, ERR_INVALID);                                                   \
        assert_string_equal((p).e.text, says);                                                     \
    } while (0)

static void every_type_is_read(void **state)
{
    (void)state;
    PARSED p = PARSE("--name=acme", "--count", "7", "--wait", "90s", "--price", "29.99", "--fast",
                     "--color", "blue", "--tags", "a, b,c");
    assert_int_equal(p.code, OK);
    assert_string_equal(p.sample.name, "acme");
    assert_int_equal(p.sample.count, 7);
    assert_int_equal(p.sample.wait, 90 * USEC_PER_SEC);
    assert_int_equal(p.sample.price, 299900);
    assert_true(p.sample.fast);
    assert_int_equal(p.sample.color, 2);
    assert_int_equal(p.sample.tags.count, 3);
    assert_string_equal(p.sample.tags.items[1], "b");
}

static void what_was_not_given_stays_absent(void **state)
{
    (void)state;
    PARSED p = PARSE("word");
    for (const struct option_spec *s = specs; s->field.name; s++)
        assert_false(option_is_given(s, &p.sample));
}

static void letters_may_stand_together_and_with_their_value(void **state)
{
    (void)state;
    PARSED p = PARSE("--tags", "x", "-fc3", "-n", "acme");
    assert_int_equal(p.code, OK);
    assert_true(p.sample.fast);
    assert_int_equal(p.sample.count, 3);
    assert_string_equal(p.sample.name, "acme");
}

static void options_may_stand_behind_words(void **state)
{
    (void)state;
    PARSED p = PARSE("one", "--fast", "two", "--", "--count");
    assert_int_equal(p.code, OK);
    assert_true(p.sample.fast);
    assert_int_equal(p.words.count, 3);
    assert_string_equal(p.words.items[0], "one");
    assert_string_equal(p.words.items[2], "--count");
}

static void leading_parsing_stops_at_the_first_word(void **state)
{
    (void)state;
    PARSED p = LEADING("--fast", "one", "--nonsense");
    assert_int_equal(p.code, OK);
    assert_int_equal(p.words.count, 2);
    assert_string_equal(p.words.items[1], "--nonsense");
}

static void a_list_given_twice_is_joined_and_an_empty_one_is_a_value(void **state)
{
    (void)state;
    PARSED p = PARSE("--tags", "a,b", "--tags=c");
    assert_int_equal(p.sample.tags.count, 3);
    assert_string_equal(p.sample.tags.items[2], "c");
    PARSED none = PARSE("--tags", "");
    assert_int_equal(none.code, OK);
    assert_non_null(none.sample.tags.items);
    assert_int_equal(none.sample.tags.count, 0);
}

static void the_last_of_a_repeated_option_counts(void **state)
{
    (void)state;
    PARSED p = PARSE("--count", "3", "--count", "4");
    assert_int_equal(p.sample.count, 4);
}

static void an_unknown_option_is_named_with_the_nearest_one(void **state)
{
    (void)state;
    PARSED near = PARSE("--cuont", "3");
    REFUSED(near, "unknown option --cuont; did you mean --count?");
    PARSED far = PARSE("--zebra=3");
    REFUSED(far, "unknown option --zebra");
    PARSED letter = PARSE("-z");
    REFUSED(letter, "unknown option -z");
    PARSED cluster = PARSE("--tags", "x", "-fz");
    REFUSED(cluster, "unknown option -z");
}

static void an_abbreviated_option_is_refused(void **state)
{
    (void)state;
    PARSED p = PARSE("--coun", "3");
    REFUSED(p, "unknown option --coun; did you mean --count?");
    PARSED two = PARSE("--co", "3");
    REFUSED(two, "unknown option --co; did you mean --count?");
}

static void a_missing_or_superfluous_value_is_named(void **state)
{
    (void)state;
    PARSED missing = PARSE("--name");
    REFUSED(missing, "--name needs a value: --name NAME");
    PARSED letter = PARSE("-n");
    REFUSED(letter, "-n needs a value: -n NAME");
    PARSED superfluous = PARSE("--fast=yes");
    REFUSED(superfluous, "--fast takes no value");
}

static void a_wrong_value_is_shown_with_what_would_be_right(void **state)
{
    (void)state;
    PARSED number = PARSE("--count", "three");
    REFUSED(number, "--count must be a whole number, not \"three\"");
    PARSED range = PARSE("-c", "11");
    REFUSED(range, "-c must be 1 to 10, not 11");
    PARSED money = PARSE("--price", "$3");
    REFUSED(money, "--price must be a number such as 29.99, not \"$3\"");
    PARSED negative = PARSE("--price", "-1");
    REFUSED(negative, "--price must be 0.0 or more, not -1");
    PARSED places = PARSE("--price", "0.12345");
    REFUSED(places, "--price has more than four decimal places: 0.12345");
    PARSED word = PARSE("--color", "pink");
    REFUSED(word, "--color must be red, green or blue, not \"pink\"");
    PARSED time = PARSE("--wait", "30");
    REFUSED(time, "--wait must be a number and a unit (ms, s, m, h or d) such as 30s, not \"30\"");
    PARSED empty = PARSE("--name", "");
    REFUSED(empty, "--name must not be empty");
    PARSED hole = PARSE("--tags", "a,,b");
    REFUSED(hole, "--tags must not be empty");
    PARSED checked = PARSE("--name", "a b");
    REFUSED(checked, "--name must have no spaces, not \"a b\"");
    PARSED longer = PARSE("--name", "123456789");
    REFUSED(longer, "--name must be at most 8 bytes of printable UTF-8");
}

static void arguments_are_read_in_order(void **state)
{
    (void)state;
    PARSED p = PARSE("a", "b");
    assert_int_equal(arguments_parse(arguments, p.words, &p.arena, &p.sample, &p.e), OK);
    assert_string_equal(p.sample.first, "a");
    assert_string_equal(p.sample.second, "b");
}

static void a_missing_or_superfluous_argument_is_named(void **state)
{
    (void)state;
    PARSED p = PARSE("a", "b", "c");
    assert_int_equal(arguments_parse(arguments, p.words, &p.arena, &p.sample, &p.e), ERR_INVALID);
    assert_string_equal(p.e.text, "unexpected argument \"c\"");
    p.words.count = 0;
    assert_int_equal(arguments_parse(arguments, p.words, &p.arena, &p.sample, &p.e), ERR_INVALID);
    assert_string_equal(p.e.text, "FIRST is missing");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_type_is_read),
        cmocka_unit_test(what_was_not_given_stays_absent),
        cmocka_unit_test(letters_may_stand_together_and_with_their_value),
        cmocka_unit_test(options_may_stand_behind_words),
        cmocka_unit_test(leading_parsing_stops_at_the_first_word),
        cmocka_unit_test(a_list_given_twice_is_joined_and_an_empty_one_is_a_value),
        cmocka_unit_test(the_last_of_a_repeated_option_counts),
        cmocka_unit_test(an_unknown_option_is_named_with_the_nearest_one),
        cmocka_unit_test(an_abbreviated_option_is_refused),
        cmocka_unit_test(a_missing_or_superfluous_value_is_named),
        cmocka_unit_test(a_wrong_value_is_shown_with_what_would_be_right),
        cmocka_unit_test(arguments_are_read_in_order),
        cmocka_unit_test(a_missing_or_superfluous_argument_is_named),
    };
    return cmocka_run_group_tests(tests, clean_environment, NULL);
}
