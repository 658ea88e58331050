#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/decimal.h"
#include "infra/config/yaml.h"

struct rule {
    const char *when;
    decimal add;
};

static const struct field rule_fields[] = {
    {"when", FIELD_TEXT, offsetof(struct rule, when), .required = true},
    {"add", FIELD_DECIMAL, offsetof(struct rule, add)},
    FIELD_END,
};

struct file {
    const char *name;
    int64_t port;
    bool on;
    struct texts tags;
    struct records rules;
};

static const struct field file_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct file, name)},
    {"port", FIELD_INT, offsetof(struct file, port), .min = 1, .max = 65535},
    {"on", FIELD_BOOL, offsetof(struct file, on)},
    {"tags", FIELD_TEXTS, offsetof(struct file, tags)},
    {"rules", FIELD_OBJECTS, offsetof(struct file, rules), .fields = rule_fields,
     .item_size = sizeof(struct rule)},
    FIELD_END,
};

struct fixture {
    struct arena arena;
    struct problems problems;
    struct file file;
};

static int setup(void **state)
{
    struct fixture *f = calloc(1, sizeof(*f));
    f->problems.arena = &f->arena;
    record_clear(file_fields, &f->file);
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

/* Reads `text` and returns all problems as one sentence, "" when there were none. */
static const char *read_file(struct fixture *f, struct str text)
{
    struct error e = {0};
    f->problems.count = f->problems.dropped = 0;
    struct yaml_doc *doc = yaml_parse(text, &f->problems);
    if (doc)
        (void)json_decode(file_fields, yaml_root(doc), "", yaml_source(doc), &f->arena, &f->file,
                          &f->problems);
    yaml_doc_free(doc);
    if (f->problems.count)
        (void)problems_error(&f->problems, &e);
    return arena_text(&f->arena, e.text);
}

static void refused(struct fixture *f, const char *text, const char *sentence)
{
    assert_string_equal(read_file(f, str_from(text)), sentence);
}

static void plain_scalars_take_the_type_of_their_field(void **state)
{
    struct fixture *f = *state;
    refused(f,
            "# a comment\nname: 8080\nport: 8080\non: true\ntags: [1, b]\n"
            "rules:\n  - {when: \"< 50\", add: 0.3}\n  - when: any\n    add: -0.2\n",
            "");
    assert_string_equal(f->file.name, "8080");
    assert_int_equal(f->file.port, 8080);
    assert_true(f->file.on);
    assert_string_equal(f->file.tags.items[0], "1");
    const struct rule *rules = f->file.rules.items;
    assert_int_equal(f->file.rules.count, 2);
    assert_int_equal(rules[0].add, 3000);
    assert_string_equal(rules[1].when, "any");
    assert_int_equal(rules[1].add, -2000);
}

static void a_key_without_a_value_is_absent_and_quotes_make_text(void **state)
{
    struct fixture *f = *state;
    f->file.port = 1;
    refused(f, "name: \"\"\nport:\ntags: ~\n", "");
    assert_string_equal(f->file.name, "");
    assert_int_equal(f->file.port, 1);
    assert_null(f->file.tags.items);
}

static void every_mistake_has_its_line_and_path(void **state)
{
    struct fixture *f = *state;
    refused(f,
            "name: a\n"
            "port: many\n"
            "onn: true\n"
            "rules:\n"
            "  - when: any\n"
            "    add: 0.12345\n"
            "  - add: 1\n",
            "line 3: onn: is unknown; did you mean on?; "
            "line 2: port: must be a whole number; "
            "line 6: rules[0].add: has more than four decimal places (0.12345); round it; "
            "line 7: rules[1].when: is required");
}

static void a_duplicate_key_is_a_problem_and_the_rest_is_still_read(void **state)
{
    struct fixture *f = *state;
    refused(f, "port: 1\nport: 2\non: maybe\n",
            "line 2: port: this key stands here twice; line 3: on: must be true or false");
    assert_int_equal(f->file.port, 1);
    refused(f, "rules:\n  - when: a\n    when: {b: [c]}\n",
            "line 3: rules[0].when: this key stands here twice");
}

static void a_list_stands_on_the_line_of_its_key(void **state)
{
    struct fixture *f = *state;
    refused(f, "port:\n  - 1\n", "line 1: port: must be a whole number");
    refused(f, "\ntags:\n  a: 1\n", "line 2: tags: must be a list");
}

static void what_is_not_plain_yaml_is_refused_by_name(void **state)
{
    struct fixture *f = *state;
    refused(f, "name: &a x\n",
            "line 1: name: anchors (&name) are not supported; write the value out");
    refused(f, "name: *a\n",
            "line 1: name: aliases (*name) are not supported; write the value out");
    refused(f, "name: !!str x\n", "line 1: name: tags (!name) are not supported");
    refused(f, "name: a\n---\nname: b\n", "line 3: a second document (---) is not supported");
    refused(f, "? [a]\n: b\n", "line 1: keys must be plain text");
    refused(f, "", "line 1: the file is empty");
    refused(f, "# only a comment\n", "line 1: the file is empty");
    refused(f, "just text\n", "line 1: must be a list of `key: value`");
}

static void a_file_that_is_not_yaml_names_the_line(void **state)
{
    struct fixture *f = *state;
    const char *why = read_file(f, STR("name: a\nport: [1\non: true\n"));
    assert_non_null(strstr(why, "not YAML"));
    assert_int_equal(f->problems.count, 1);
    assert_in_range(f->problems.items[0].line, 2, 4);
    assert_non_null(strstr(read_file(f, STR("name: \xff\n")), "not YAML"));
    assert_non_null(strstr(read_file(f, STR("name: a\0b\n")), "not YAML"));
    assert_non_null(strstr(read_file(f, STR("name: \"a\\0b\"\n")), "NUL"));
}

static void nesting_stops_at_the_limit(void **state)
{
    struct fixture *f = *state;
    char text[200] = {0};
    memset(text, '[', 40);
    memset(text + 40, ']', 40);
    assert_non_null(strstr(read_file(f, str_from(text)), "is nested too deep"));
}

static void a_file_is_read_whole_or_refused_by_size(void **state)
{
    struct fixture *f = *state;
    char path[] = "/tmp/yaml_test.XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, "name: a\n", 8), 8);
    assert_int_equal(close(fd), 0);
    struct str text = {0};
    struct error e;
    assert_int_equal(file_read(path, 7, &f->arena, &text, &e), ERR_TOO_LARGE);
    assert_non_null(strstr(e.text, path));
    assert_int_equal(file_read(path, 8, &f->arena, &text, &e), OK);
    assert_true(str_eq(text, STR("name: a\n")));
    assert_int_equal(unlink(path), 0);
    assert_int_equal(file_read(path, 8, &f->arena, &text, &e), ERR_NOT_FOUND);
    assert_int_equal(e.code, ERR_NOT_FOUND);
    assert_int_equal(file_read("/", 8, &f->arena, &text, &e), ERR_IO);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(plain_scalars_take_the_type_of_their_field),
        TEST(a_key_without_a_value_is_absent_and_quotes_make_text),
        TEST(every_mistake_has_its_line_and_path),
        TEST(a_duplicate_key_is_a_problem_and_the_rest_is_still_read),
        TEST(a_list_stands_on_the_line_of_its_key),
        TEST(what_is_not_plain_yaml_is_refused_by_name),
        TEST(a_file_that_is_not_yaml_names_the_line),
        TEST(nesting_stops_at_the_limit),
        TEST(a_file_is_read_whole_or_refused_by_size),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
