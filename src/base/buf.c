#include "base/buf.h"

#include "base/err.h"

/* Makes room for `len` more bytes and the NUL; false when that passes the maximum. */
static bool buf_reserve(struct buf *b, size_t len)
{
    BUG_ON(b->max == 0);
    if (b->full || len > b->max - b->len) {
        b->full = true;
        return false;
    }
    size_t need = b->len + len + 1;
    if (need > b->cap) {
        size_t cap = b->cap ? b->cap * 2 : 256;
        while (cap < need)
            cap *= 2;
        if (cap > b->max + 1)
            cap = b->max + 1;
        b->ptr = realloc(b->ptr, cap);
        BUG_ON(!b->ptr);
        b->cap = cap;
    }
    return true;
}

void buf_expect(struct buf *b, size_t len)
{
    if (len <= b->max - b->len)
        (void)buf_reserve(b, len);
}

bool buf_append(struct buf *b, const void *bytes, size_t len)
{
    if (!buf_reserve(b, len))
        return false;
    if (len)
        memcpy(b->ptr + b->len, bytes, len);
    b->len += len;
    b->ptr[b->len] = '\0';
    return true;
}

bool buf_append_str(struct buf *b, struct str s)
{
    return buf_append(b, s.ptr, s.len);
}

bool buf_append_text(struct buf *b, const char *text)
{
    return buf_append(b, text, strlen(text));
}

bool buf_append_char(struct buf *b, char c)
{
    return buf_append(b, &c, 1);
}

bool buf_vprintf(struct buf *b, const char *fmt, va_list ap)
{
    BUG_ON(!fmt);
    va_list measure;
    va_copy(measure, ap);
    int n = vsnprintf(NULL, 0, fmt, measure);
    va_end(measure);
    BUG_ON(n < 0);
    if (!buf_reserve(b, (size_t)n))
        return false;
    (void)vsnprintf(b->ptr + b->len, (size_t)n + 1, fmt, ap);
    b->len += (size_t)n;
    return true;
}

bool buf_printf(struct buf *b, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    bool fitted = buf_vprintf(b, fmt, ap);
    va_end(ap);
    return fitted;
}

const char *buf_text(const struct buf *b)
{
    return b->ptr ? b->ptr : "";
}

struct str buf_str(const struct buf *b)
{
    return (struct str){buf_text(b), b->len};
}

void buf_reset(struct buf *b)
{
    b->len = 0;
    b->full = false;
    if (b->ptr)
        b->ptr[0] = '\0';
}

void buf_consume(struct buf *b, size_t n)
{
    BUG_ON(n > b->len);
    if (n == 0)
        return;
    memmove(b->ptr, b->ptr + n, b->len - n + 1);
    b->len -= n;
}

void buf_release(struct buf *b)
{
    free(b->ptr);
    *b = BUF_INIT(b->max);
}
