/*
 * Errors: a class that code acts on, and one sentence that a person acts on.
 *
 * A function that can fail in the world returns `enum err` and takes `struct error *` last. On
 * failure it fills the error with a sentence that names the thing and says what to do, and leaves
 * its `ret_` outputs untouched. A caller that adds context uses error_prefix(); a caller that
 * merely passes the failure on uses TRY(). The error pointer may be NULL when the class is enough.
 *
 * Our own mistakes are not errors: BUG_ON() stops the process and is always compiled in. Running
 * out of memory is treated the same way, so allocation never returns NULL.
 */
#ifndef WEBHOST_BASE_ERR_H
#define WEBHOST_BASE_ERR_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>

enum err {
    OK = 0,
    ERR_INVALID,     /* the input is wrong; the same input will fail again */
    ERR_DENIED,      /* not authenticated, or not allowed */
    ERR_NOT_FOUND,   /* the named thing does not exist */
    ERR_CONFLICT,    /* it exists already, or its state forbids this now */
    ERR_TOO_LARGE,   /* over a bound */
    ERR_BUSY,        /* refused for now: rate limit, lock, full queue; try later */
    ERR_TIMEOUT,     /* no answer in time; the effect is unknown */
    ERR_UNAVAILABLE, /* the other side cannot be reached, or failed */
    ERR_CAPACITY,    /* the other side has no room for this now; try elsewhere or later */
    ERR_CORRUPT,     /* data that we or a peer wrote does not make sense */
    ERR_IO,          /* disk or operating system */
};

#define ERROR_TEXT_MAX 1024

struct error {
    enum err code;
    int64_t retry_at; /* ERR_BUSY: when the other side wants to be asked again; 0: not said */
    char text[ERROR_TEXT_MAX];
};

/* Fills `e` (when not NULL) and returns `code`, so that it can be used in a return statement. */
enum err error_set(struct error *e, enum err code, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

/* error_set() with ": strerror(errno)" appended; the class is ERR_IO. */
enum err error_errno(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Puts "PREFIX: " before the sentence that `e` holds and returns its class. */
enum err error_prefix(struct error *e, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A stable lower-case word for the class: "invalid", "not_found", ... */
const char *err_name(enum err code);

/* Passes a failure on to the caller as it is. */
#define TRY(expr)                                                                                  \
    do {                                                                                           \
        enum err try_code_ = (expr);                                                               \
        if (try_code_ != OK)                                                                       \
            return try_code_;                                                                      \
    } while (0)

_Noreturn void bug(const char *file, int line, const char *what);

/* Stops the process with file and line when one of our own invariants does not hold. */
#define BUG_ON(cond)                                                                               \
    do {                                                                                           \
        if (__builtin_expect(!!(cond), 0))                                                         \
            bug(__FILE__, __LINE__, #cond);                                                        \
    } while (0)

#define ARRAY_LEN(a) (sizeof(a) / sizeof((a)[0]))

#endif
