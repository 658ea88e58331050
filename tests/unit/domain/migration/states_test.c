/* docs/move-states.md is what the tables of states and edges say. `--write` makes it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "base/arena.h"
#include "base/err.h"
#include "domain/migration/move_states.h"
#include "infra/config/yaml.h"

#define PAGE_MAX ((size_t)1 << 20)

static void the_page_of_states_is_what_the_tables_say(void **state)
{
    (void)state;
    _cleanup_arena_ struct arena arena = {0};
    _cleanup_buf_ struct buf made = BUF_INIT(PAGE_MAX);
    struct str page;
    struct error e;
    move_states_page(&made);
    assert_int_equal(file_read(STATES_PAGE, PAGE_MAX, &arena, &page, &e), OK);
    if (!str_eq(page, buf_str(&made)))
        fail_msg("docs/move-states.md is stale: make it with ninja move-states");
}

static int write_page(const char *path)
{
    _cleanup_buf_ struct buf made = BUF_INIT(PAGE_MAX);
    move_states_page(&made);
    FILE *file = fopen(path, "w");
    if (!file || fwrite(buf_text(&made), 1, made.len, file) != made.len || fclose(file) != 0) {
        perror(path);
        return EXIT_FAILURE;
    }
    return EXIT_SUCCESS;
}

int main(int argc, char **argv)
{
    if (argc == 3 && strcmp(argv[1], "--write") == 0)
        return write_page(argv[2]);
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(the_page_of_states_is_what_the_tables_say),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
