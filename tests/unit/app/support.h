/*
 * Runs the command line inside the test, with its streams in memory.
 */
#ifndef WEBHOST_TESTS_UNIT_APP_SUPPORT_H
#define WEBHOST_TESTS_UNIT_APP_SUPPORT_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "app/cli/cli.h"

/* 2026-11-23T12:00:00Z, where the clock of each run starts; only a test moves it. */
#define TEST_NOW INT64_C(1795435200000000)
extern struct clock_virtual test_clock;

struct run {
    int code;
    char *out, *err; /* NUL-terminated */
    size_t out_len, err_len;
};

/* `words` ends with NULL and does not begin with the program's name. */
struct run run_words(const char *const *words, const char *in, size_t in_len);
void run_release(struct run *r);

#define _cleanup_run_ __attribute__((cleanup(run_release)))

/* RUN("decide", "--budget", "30") */
#define RUN(...)        run_words((const char *const[]){__VA_ARGS__, NULL}, "", 0)
#define RUN_IN(in, ...) run_words((const char *const[]){__VA_ARGS__, NULL}, (in), strlen(in))

/* Without the variables that would change a run. A group's setup function. */
int clean_environment(void **state);

#define assert_contains(haystack, needle) assert_contains_((haystack), (needle), __FILE__, __LINE__)
#define assert_lacks(haystack, needle)    assert_lacks_((haystack), (needle), __FILE__, __LINE__)
void assert_contains_(const char *haystack, const char *needle, const char *file, int line);
void assert_lacks_(const char *haystack, const char *needle, const char *file, int line);

/* A new file in a temporary directory that the test removes with its path. */
char *file_with(const char *content);
void file_remove(char *path);

#endif
