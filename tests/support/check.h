/*
 * cmocka with the headers it needs first, and the checks that most tests make: errors as sentences.
 */
#ifndef WEBHOST_TESTS_SUPPORT_CHECK_H
#define WEBHOST_TESTS_SUPPORT_CHECK_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

/* Fails the test with the sentence in (f)->e, which `expr` fills, unless `expr` is OK. */
#define ASSERT_OK(f, expr)                                                                         \
    do {                                                                                           \
        if ((expr) != OK)                                                                          \
            fail_msg("%s: %s", #expr, (f)->e.text);                                                \
    } while (0)

#define ASSERT_CONTAINS(text, part)                                                                \
    do {                                                                                           \
        if (!strstr((text), (part)))                                                               \
            fail_msg("\"%s\" does not contain \"%s\"", (text), (part));                            \
    } while (0)

#endif
