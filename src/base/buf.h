/*
 * A growing byte buffer with a maximum (after curl's dynbuf).
 *
 * Every buffer says how large it may get when it is made. An append that would pass the maximum
 * changes nothing and marks the buffer full; later appends do nothing too, so a caller may append
 * many times and check once with buf_is_full(). The content is always NUL-terminated.
 */
#ifndef WEBHOST_BASE_BUF_H
#define WEBHOST_BASE_BUF_H

#include "base/str.h"

#include <stdarg.h>

struct buf {
    char *ptr; /* NULL while empty */
    size_t len, cap, max;
    bool full;
};

#define BUF_INIT(max_bytes) ((struct buf){.max = (max_bytes)})

/*
 * Makes room for `len` more bytes at once, for those that are known to come: a hint. Nothing
 * happens when they pass the maximum.
 */
void buf_expect(struct buf *b, size_t len);

/* How many bytes behind the content may be read; they mean nothing. */
static inline size_t buf_readable(const struct buf *b)
{
    return b->cap - b->len;
}

/* True when it fitted. */
bool buf_append(struct buf *b, const void *bytes, size_t len);
bool buf_append_str(struct buf *b, struct str s);
bool buf_append_text(struct buf *b, const char *text);
bool buf_append_char(struct buf *b, char c);
bool buf_printf(struct buf *b, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
bool buf_vprintf(struct buf *b, const char *fmt, va_list ap) __attribute__((format(printf, 2, 0)));

/* The content, valid until the next change; "" when empty. */
const char *buf_text(const struct buf *b);
struct str buf_str(const struct buf *b);

static inline bool buf_is_full(const struct buf *b)
{
    return b->full;
}

/* Empties the buffer and keeps its memory. */
void buf_reset(struct buf *b);

/* Removes the first n bytes. */
void buf_consume(struct buf *b, size_t n);

void buf_release(struct buf *b);

#define _cleanup_buf_ __attribute__((cleanup(buf_release)))

#endif
