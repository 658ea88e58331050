#include "support.h"

struct clock_virtual test_clock;

struct run run_words(const char *const *words, const char *in, size_t in_len)
{
    struct run r = {0};
    clock_virtual_init(&test_clock, TEST_NOW);
    const char *argv[64] = {"webhost"};
    int argc = 1;
    while (*words) {
        assert_true(argc < 63);
        argv[argc++] = *words++;
    }
    FILE *input = tmpfile();
    FILE *out = open_memstream(&r.out, &r.out_len), *err = open_memstream(&r.err, &r.err_len);
    assert_non_null(input);
    assert_non_null(out);
    assert_non_null(err);
    assert_int_equal(fwrite(in, 1, in_len, input), in_len);
    rewind(input);
    r.code = (int)cli_main(argc, (char *const *)(void *)argv, input, out, err, &test_clock.clock);
    (void)fclose(input);
    (void)fclose(out);
    (void)fclose(err);
    return r;
}

void run_release(struct run *r)
{
    free(r->out);
    free(r->err);
}

int clean_environment(void **state)
{
    (void)state;
    static const char *const names[] = {"WEBHOST_SERVER", "WEBHOST_TOKEN", "NO_COLOR", "COLUMNS",
                                        "POSIXLY_CORRECT"};
    for (size_t i = 0; i < ARRAY_LEN(names); i++)
        (void)unsetenv(names[i]);
    return 0;
}

void assert_contains_(const char *haystack, const char *needle, const char *file, int line)
{
    if (!strstr(haystack, needle)) {
        print_error("\"%s\" is not in:\n%s\n", needle, haystack);
        _fail(file, line);
    }
}

void assert_lacks_(const char *haystack, const char *needle, const char *file, int line)
{
    if (strstr(haystack, needle)) {
        print_error("\"%s\" should not be in:\n%s\n", needle, haystack);
        _fail(file, line);
    }
}

char *file_with(const char *content)
{
    const char *dir = getenv("TMPDIR");
    char *path = NULL;
    assert_true(asprintf(&path, "%s/webhost-cli-XXXXXX", dir ? dir : "/tmp") > 0);
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, strlen(content)), (ssize_t)strlen(content));
    assert_int_equal(close(fd), 0);
    return path;
}

void file_remove(char *path)
{
    (void)unlink(path);
    free(path);
}
