#include "base/err.h"

#include <errno.h>

static const char *const err_names[] = {
    [OK] = "ok",
    [ERR_INVALID] = "invalid",
    [ERR_DENIED] = "denied",
    [ERR_NOT_FOUND] = "not_found",
    [ERR_CONFLICT] = "conflict",
    [ERR_TOO_LARGE] = "too_large",
    [ERR_BUSY] = "busy",
    [ERR_TIMEOUT] = "timeout",
    [ERR_UNAVAILABLE] = "unavailable",
    [ERR_CAPACITY] = "capacity",
    [ERR_CORRUPT] = "corrupt",
    [ERR_IO] = "io",
};

const char *err_name(enum err code)
{
    BUG_ON((size_t)code >= ARRAY_LEN(err_names));
    return err_names[code];
}

enum err error_set(struct error *e, enum err code, const char *fmt, ...)
{
    BUG_ON(code == OK);
    if (e) {
        va_list ap;
        va_start(ap, fmt);
        e->code = code;
        e->retry_at = 0;
        (void)vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
    }
    return code;
}

enum err error_errno(struct error *e, const char *fmt, ...)
{
    int saved = errno;
    if (e) {
        va_list ap;
        va_start(ap, fmt);
        e->code = ERR_IO;
        e->retry_at = 0;
        int n = vsnprintf(e->text, sizeof(e->text), fmt, ap);
        va_end(ap);
        if (n >= 0 && (size_t)n < sizeof(e->text))
            (void)snprintf(e->text + n, sizeof(e->text) - (size_t)n, ": %s", strerror(saved));
    }
    return ERR_IO;
}

enum err error_prefix(struct error *e, const char *fmt, ...)
{
    BUG_ON(!e);
    char prefix[ERROR_TEXT_MAX];
    va_list ap;
    va_start(ap, fmt);
    (void)vsnprintf(prefix, sizeof(prefix), fmt, ap);
    va_end(ap);

    char rest[ERROR_TEXT_MAX];
    memcpy(rest, e->text, sizeof(rest));
    int n = snprintf(e->text, sizeof(e->text), "%s: ", prefix);
    if (n >= 0 && (size_t)n < sizeof(e->text))
        (void)snprintf(e->text + n, sizeof(e->text) - (size_t)n, "%s", rest);
    return e->code;
}

_Noreturn void bug(const char *file, int line, const char *what)
{
    (void)fprintf(stderr, "webhost: bug at %s:%d: %s\n", file, line, what);
    abort();
}
