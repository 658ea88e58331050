/* The configuration file: its mistakes, and that docs/configuration.md tells the truth about it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/daemon/config.h"
#include "infra/config/yaml.h"

#define PAGE_MAX ((size_t)200000)
#define KEYS_MAX 300

/* -- reading files ---------------------------------------------------------------------------- */

static enum err load_path(const char *path, struct arena *arena, struct config *ret,
                          struct error *e)
{
    struct serve_options options = {.config = path, .log_format = -1, .log_level = -1};
    return config_load(&options, arena, ret, e);
}

static enum err load_text(struct str text, struct arena *arena, struct config *ret, struct error *e)
{
    char path[] = "/tmp/webhost-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    assert_int_equal(close(fd), 0);
    enum err err = load_path(path, arena, ret, e);
    assert_int_equal(unlink(path), 0);
    return err;
}

static void assert_says(const struct error *e, const char *what)
{
    if (!strstr(e->text, what))
        fail_msg("\"%s\" does not say \"%s\"", e->text, what);
}

static void every_mistake_is_named_with_its_line(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct config config = {.listen = "untouched"};
    struct error e;
    struct str text = STR("listen: 127.0.0.1:4000\n"
                          "jobs:\n"
                          "  lease: 10000\n"
                          "  poll_ms: 5\n"
                          "log:\n"
                          "  level: loud\n"
                          "provisioning:\n"
                          "  hetzner:\n"
                          "    server_types:\n"
                          "      - {location: fsn1}\n"
                          "  ready_ms: soon\n"
                          "listen: 127.0.0.1:5000\n");
    assert_int_equal(load_text(text, &arena, &config, &e), ERR_INVALID);
    assert_says(&e, "line 3: jobs.lease: is unknown; did you mean lease_ms?");
    assert_says(&e, "line 4: jobs.poll_ms: must be between 10 and 60000");
    assert_says(&e, "line 6: log.level: must be one of debug, info, warn, error");
    assert_says(&e, "line 10: provisioning.hetzner.server_types[0].type: is required");
    assert_says(&e, "line 11: provisioning.ready_ms: must be a whole number");
    assert_says(&e, "line 12: listen: this key stands here twice");
    assert_string_equal(config.listen, "untouched");
}

static void what_is_no_yaml_is_named_with_its_line(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct config config;
    struct error e;
    assert_int_equal(load_text(STR("listen: x\njobs: {lease_ms: 1\n"), &arena, &config, &e),
                     ERR_INVALID);
    assert_says(&e, "line ");
}

static void a_file_that_is_not_there_is_named(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct config config;
    struct error e;
    assert_int_equal(load_path("/nonexistent/webhost.yaml", &arena, &config, &e), ERR_NOT_FOUND);
    assert_says(&e, "/nonexistent/webhost.yaml");
}

static void options_go_before_the_file_and_the_file_before_the_defaults(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    char path[] = "/tmp/webhost-config-XXXXXX";
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    struct str text = STR("listen: 127.0.0.1:1\ndata: /file\nlog: {level: warn}\n");
    assert_int_equal(write(fd, text.ptr, text.len), (ssize_t)text.len);
    assert_int_equal(close(fd), 0);
    struct serve_options options = {
        .config = path, .listen = "127.0.0.1:2", .log_format = LOG_FORMAT_JSON, .log_level = -1};
    struct config config;
    struct error e;
    enum err err = config_load(&options, &arena, &config, &e);
    assert_int_equal(unlink(path), 0);
    assert_int_equal(err, OK);
    assert_string_equal(config.listen, "127.0.0.1:2");
    assert_string_equal(config.data, "/file");
    assert_string_equal(config.database, "sqlite:/file/webhost.db");
    assert_int_equal(config.log.format, LOG_FORMAT_JSON);
    assert_int_equal(config.log.level, LOG_WARN);
    assert_int_equal(config.jobs.lease_ms, 10000);
}

/* -- docs/configuration.md -------------------------------------------------------------------- */

static struct str read_page(struct arena *arena)
{
    struct error e;
    struct str page;
    if (file_read(CONFIG_PAGE, PAGE_MAX, arena, &page, &e) != OK)
        fail_msg("%s", e.text);
    return page;
}

/* A key as the program has it. */
struct key {
    const char *name, *value, *bounds; /* value: the default; NULL: it has none of its own */
};

struct keys {
    struct key items[KEYS_MAX];
    size_t count;
};

static void collect(const struct field *fields, const char *prefix, const void *record,
                    struct arena *arena, struct keys *out);

static const char *number(const struct field *f, int64_t value, struct arena *arena)
{
    char text[DECIMAL_TEXT_MAX];
    return f->type == FIELD_DECIMAL ? arena_text(arena, decimal_text(value, text))
                                    : arena_printf(arena, "%lld", (long long)value);
}

static void collect_one(const struct field *f, const char *prefix, const void *record,
                        struct arena *arena, struct keys *out)
{
    const char *name = arena_printf(arena, "%s%s", prefix, f->name);
    if (f->type == FIELD_OBJECT) {
        collect(f->fields, arena_printf(arena, "%s.", name), record ? record_at(record, f) : NULL,
                arena, out);
        return;
    }
    struct key key = {.name = name, .bounds = ""};
    if (f->min != 0 || f->max != 0)
        key.bounds =
            arena_printf(arena, "%s to %s", number(f, f->min, arena), number(f, f->max, arena));
    if (record && f->type == FIELD_TEXT)
        key.value = *(const char *const *)record_at(record, f);
    if (record && (f->type == FIELD_INT || f->type == FIELD_DECIMAL))
        key.value = number(f, *(const int64_t *)record_at(record, f), arena);
    if (record && f->type == FIELD_ENUM)
        key.value = f->names[*(const int *)record_at(record, f)];
    assert_true(out->count < KEYS_MAX);
    out->items[out->count++] = key;
    if (f->type == FIELD_OBJECTS)
        collect(f->fields, arena_printf(arena, "%s[].", name), NULL, arena, out);
}

static void collect(const struct field *fields, const char *prefix, const void *record,
                    struct arena *arena, struct keys *out)
{
    for (const struct field *f = fields; f->name; f++)
        collect_one(f, prefix, record, arena, out);
}

static void read_program(struct arena *arena, struct keys *out)
{
    struct config config;
    struct error e;
    assert_int_equal(load_path(NULL, arena, &config, &e), OK);
    *out = (struct keys){0};
    collect(config_fields, "", &config, arena, out);
}

/* What stands between the backquotes of a cell that is one quoted word, else NULL. */
static const char *quoted(struct str cell, struct arena *arena)
{
    cell = str_trim(cell);
    if (cell.len < 2 || cell.ptr[0] != '`' || cell.ptr[cell.len - 1] != '`')
        return NULL;
    return arena_text_n(arena, cell.ptr + 1, cell.len - 2);
}

/* The rows between "## Keys" and the next heading. */
static void read_documented(struct arena *arena, struct keys *out)
{
    struct str page = read_page(arena);
    bool inside = false;
    *out = (struct keys){0};
    while (page.ptr) {
        struct str row = str_cut(&page, '\n');
        if (str_starts_with(row, STR("## ")))
            inside = str_eq(row, STR("## Keys"));
        if (!inside || !str_starts_with(row, STR("| `")))
            continue;
        (void)str_cut(&row, '|');
        struct key key = {.name = quoted(str_cut(&row, '|'), arena)};
        key.value = quoted(str_cut(&row, '|'), arena);
        struct str bounds = str_trim(str_cut(&row, '|'));
        key.bounds = arena_text_n(arena, bounds.ptr, bounds.len);
        assert_non_null(key.name);
        assert_true(out->count < KEYS_MAX);
        out->items[out->count++] = key;
    }
}

static const struct key *find_key(const struct keys *keys, const char *name)
{
    for (size_t i = 0; i < keys->count; i++) {
        if (text_eq(keys->items[i].name, name))
            return &keys->items[i];
    }
    return NULL;
}

static void every_key_is_in_the_documentation_and_every_documented_key_exists(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct keys program, documented;
    read_program(&arena, &program);
    read_documented(&arena, &documented);
    assert_true(program.count > 20);
    for (size_t i = 0; i < program.count; i++) {
        if (!find_key(&documented, program.items[i].name))
            fail_msg("%s is not in docs/configuration.md", program.items[i].name);
    }
    for (size_t i = 0; i < documented.count; i++) {
        if (!find_key(&program, documented.items[i].name))
            fail_msg("%s is in docs/configuration.md but is no key", documented.items[i].name);
    }
    assert_int_equal(program.count, documented.count);
}

/* Some defaults depend on who runs the program; a token's is an environment variable. */
static bool has_a_default_to_compare(const struct key *key)
{
    return key->value && !text_eq(key->name, "data") && !text_eq(key->name, "database") &&
           !text_eq(key->name, "key_file") && !text_eq(key->name, "offboarding.exports");
}

static void documented_defaults_and_bounds_are_those_of_the_program(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct keys program, documented;
    read_program(&arena, &program);
    read_documented(&arena, &documented);
    for (size_t i = 0; i < program.count; i++) {
        const struct key *is = &program.items[i], *said = find_key(&documented, is->name);
        assert_non_null(said);
        assert_string_equal(said->bounds, is->bounds);
        if (has_a_default_to_compare(is) && !text_eq(said->value, is->value))
            fail_msg("%s is %s unless told, and not %s", is->name, is->value,
                     said->value ? said->value : "nothing");
    }
}

static void every_example_in_the_documentation_is_accepted(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct str page = read_page(&arena);
    size_t examples = 0;
    while (page.ptr) {
        if (!str_eq(str_cut(&page, '\n'), STR("```yaml")))
            continue;
        struct str example = {page.ptr, 0};
        while (page.ptr && !str_starts_with(page, STR("```")))
            (void)str_cut(&page, '\n');
        assert_non_null(page.ptr);
        example.len = (size_t)(page.ptr - example.ptr);
        struct config config;
        struct error e;
        if (load_text(example, &arena, &config, &e) != OK)
            fail_msg("%s", e.text);
        examples++;
    }
    assert_true(examples > 0);
}

static void the_example_for_production_is_accepted(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    struct config config;
    struct error e;
    if (load_path(CONFIG_EXAMPLE, &arena, &config, &e) != OK)
        fail_msg("%s", e.text);
    assert_string_equal(config.data, "/var/lib/webhost");
    assert_int_equal(config.provisioning.hetzner.server_types.count, 3);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_mistake_is_named_with_its_line),
        cmocka_unit_test(what_is_no_yaml_is_named_with_its_line),
        cmocka_unit_test(a_file_that_is_not_there_is_named),
        cmocka_unit_test(options_go_before_the_file_and_the_file_before_the_defaults),
        cmocka_unit_test(every_key_is_in_the_documentation_and_every_documented_key_exists),
        cmocka_unit_test(documented_defaults_and_bounds_are_those_of_the_program),
        cmocka_unit_test(every_example_in_the_documentation_is_accepted),
        cmocka_unit_test(the_example_for_production_is_accepted),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
