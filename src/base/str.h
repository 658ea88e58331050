/*
 * Text as pointer and length.
 *
 * `struct str` is a view: it owns nothing and may hold any bytes, NUL included. It is what text is
 * while it is being read and cut. Text that was validated into one of our structs is a
 * NUL-terminated `const char *` in that struct's arena, because every library below takes that.
 */
#ifndef WEBHOST_BASE_STR_H
#define WEBHOST_BASE_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

struct str {
    const char *ptr; /* may be NULL only when len is 0 */
    size_t len;
};

#define STR(literal) ((struct str){"" literal, sizeof(literal) - 1})

/* For printf: printf("%.*s", STR_ARG(s)). */
#define STR_ARG(s) (int)(s).len, (s).ptr

static inline struct str str_from(const char *c)
{
    return (struct str){c, c ? strlen(c) : 0};
}

static inline bool str_eq(struct str a, struct str b)
{
    return a.len == b.len && (a.len == 0 || memcmp(a.ptr, b.ptr, a.len) == 0);
}

bool str_starts_with(struct str s, struct str prefix);
bool str_ends_with(struct str s, struct str suffix);

/* Without leading and trailing spaces, tabs, CR and LF. */
struct str str_trim(struct str s);

/*
 * Cuts `*rest` at the first `sep`: returns what stood before it and leaves what stands after it in
 * `*rest`. Without a separator, returns all and leaves `*rest` empty with a NULL pointer, so that
 * `while (rest.ptr)` visits every piece, empty ones included.
 */
struct str str_cut(struct str *rest, char sep);

/* True and the value when all of `s` is a decimal integer in range; no spaces, no '+'. */
bool str_to_i64(struct str s, int64_t *ret_value);

/* True when `s` is 1..max bytes of UTF-8 without control characters. */
bool str_is_printable(struct str s, size_t max);

/* `text` without what surrounds it and with spaces for tabs and line feeds, cut to fit; for
 * messages of libraries that end with a line feed or have several lines. Returns `out`. */
const char *text_one_line(const char *text, char *out, size_t size);

/* NULL-tolerant comparison of C strings. */
bool text_eq(const char *a, const char *b);

#endif
