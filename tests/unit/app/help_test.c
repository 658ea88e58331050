#include "support.h"

static size_t widest_line(const char *text)
{
    size_t widest = 0;
    struct str rest = str_from(text);
    while (rest.ptr) {
        size_t len = str_cut(&rest, '\n').len;
        widest = len > widest ? len : widest;
    }
    return widest;
}

static void nothing_and_help_show_every_command_in_80_columns(void **state)
{
    (void)state;
    _cleanup_run_ struct run alone = run_words((const char *const[]){NULL}, "", 0);
    _cleanup_run_ struct run help = RUN("help");
    _cleanup_run_ struct run option = RUN("--help");
    assert_int_equal(alone.code, CLI_OK);
    assert_string_equal(alone.out, help.out);
    assert_string_equal(alone.out, option.out);
    assert_in_range(widest_line(alone.out), 40, 80);
    for (const struct command *const *c = commands; *c; c++) {
        assert_contains(alone.out, (*c)->name);
        assert_contains(alone.out, (*c)->summary);
    }
}

static void every_command_explains_itself_in_80_columns(void **state)
{
    (void)state;
    for (const struct command *const *c = commands; *c; c++) {
        struct str second = str_from((*c)->name), first = str_cut(&second, ' ');
        char one[64], two[64];
        (void)snprintf(one, sizeof(one), "%.*s", STR_ARG(first));
        struct str other = second.ptr ? second : STR("-h");
        (void)snprintf(two, sizeof(two), "%.*s", STR_ARG(other));
        _cleanup_run_ struct run r = RUN(one, two, "--help");
        assert_int_equal(r.code, CLI_OK);
        assert_string_equal(r.err, "");
        assert_contains(r.out, (*c)->summary);
        assert_contains(r.out, "Usage: webhost ");
        assert_in_range(widest_line(r.out), 20, 80);
        for (const struct option_spec *o = (*c)->options; o && o->field.name; o++) {
            assert_contains(r.out, o->field.name);
            assert_non_null(o->field.help);
        }
    }
}

static void required_arguments_stand_before_optional_ones(void **state)
{
    (void)state;
    for (const struct command *const *c = commands; *c; c++) {
        bool optional = false;
        for (const struct option_spec *a = (*c)->arguments; a && a->field.name; a++) {
            assert_false(optional && a->field.required);
            optional = !a->field.required;
        }
    }
}

static void no_option_of_a_command_hides_a_global_one(void **state)
{
    (void)state;
    for (const struct command *const *c = commands; *c; c++) {
        for (const struct option_spec *o = (*c)->options; o && o->field.name; o++) {
            for (const struct option_spec *g = cli_global_options; g->field.name; g++) {
                assert_string_not_equal(o->field.name, g->field.name);
                assert_false(o->letter && o->letter == g->letter);
            }
        }
    }
}

static void help_options_documents_the_environment_and_exit_codes(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("help", "options");
    assert_int_equal(r.code, CLI_OK);
    assert_contains(r.out, "--server URL");
    assert_contains(r.out, "WEBHOST_TOKEN");
    assert_contains(r.out, "  5  the server cannot be reached");
    assert_in_range(widest_line(r.out), 40, 80);
}

static void a_group_word_lists_its_commands(void **state)
{
    (void)state;
    _cleanup_run_ struct run help = RUN("help", "jobs"), option = RUN("jobs", "--help");
    assert_string_equal(help.out, option.out);
    assert_contains(help.out, "jobs retry");
    assert_lacks(help.out, "token");
}

static void help_of_a_command_is_its_help(void **state)
{
    (void)state;
    _cleanup_run_ struct run help = RUN("help", "jobs", "retry");
    _cleanup_run_ struct run option = RUN("jobs", "retry", "--help");
    assert_string_equal(help.out, option.out);
}

static void version_is_printed(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("--version"), behind = RUN("decide", "--version");
    assert_contains(r.out, "webhost ");
    assert_string_equal(r.out, behind.out);
}

static void an_unknown_command_is_usage_with_the_nearest_one(void **state)
{
    (void)state;
    _cleanup_run_ struct run first = RUN("decied");
    assert_int_equal(first.code, CLI_USAGE);
    assert_string_equal(first.out, "");
    assert_contains(first.err, "there is no command \"decied\"; did you mean \"decide\"?");
    _cleanup_run_ struct run second = RUN("customers", "shwo", "acme");
    assert_int_equal(second.code, CLI_USAGE);
    assert_contains(second.err, "did you mean \"customers show\"?");
    _cleanup_run_ struct run far = RUN("zebra");
    assert_contains(far.err, "there is no command \"zebra\"\n");
}

static void a_usage_mistake_shows_the_usage(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("migrate", "acme");
    assert_int_equal(r.code, CLI_USAGE);
    assert_contains(r.err, "webhost: --to multi_tenant|single_tenant is required\n");
    assert_contains(r.err, "usage: webhost migrate CUSTOMER --to ");
    assert_contains(r.err, "Try: webhost migrate --help\n");
}

static void control_characters_of_arguments_do_not_reach_the_terminal(void **state)
{
    (void)state;
    _cleanup_run_ struct run r = RUN("a\033[2Jb");
    assert_contains(r.err, "\\x1b");
    assert_lacks(r.err, "\033");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(nothing_and_help_show_every_command_in_80_columns),
        cmocka_unit_test(every_command_explains_itself_in_80_columns),
        cmocka_unit_test(required_arguments_stand_before_optional_ones),
        cmocka_unit_test(no_option_of_a_command_hides_a_global_one),
        cmocka_unit_test(help_options_documents_the_environment_and_exit_codes),
        cmocka_unit_test(a_group_word_lists_its_commands),
        cmocka_unit_test(help_of_a_command_is_its_help),
        cmocka_unit_test(version_is_printed),
        cmocka_unit_test(an_unknown_command_is_usage_with_the_nearest_one),
        cmocka_unit_test(a_usage_mistake_shows_the_usage),
        cmocka_unit_test(control_characters_of_arguments_do_not_reach_the_terminal),
    };
    return cmocka_run_group_tests(tests, clean_environment, NULL);
}
