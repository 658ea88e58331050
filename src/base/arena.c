#include "base/arena.h"

#include "base/err.h"

#include <stdalign.h>

#define ARENA_BLOCK_MIN 4096

struct arena_block {
    struct arena_block *older;
    size_t used, size;
    alignas(max_align_t) char data[];
};

static size_t align_up(size_t n)
{
    return (n + alignof(max_align_t) - 1) & ~(alignof(max_align_t) - 1);
}

static void arena_grow(struct arena *a, size_t need)
{
    size_t size = a->head ? a->head->size * 2 : ARENA_BLOCK_MIN;
    if (size > 1u << 20)
        size = 1u << 20;
    if (size < need)
        size = need;
    struct arena_block *block = calloc(1, sizeof(*block) + size);
    BUG_ON(!block);
    block->size = size;
    block->older = a->head;
    a->head = block;
}

void *arena_alloc(struct arena *a, size_t size)
{
    BUG_ON(size > SIZE_MAX / 2);
    size_t need = align_up(size ? size : 1);
    if (!a->head || a->head->size - a->head->used < need)
        arena_grow(a, need);
    void *p = a->head->data + a->head->used;
    a->head->used += need;
    a->total += need;
    return p;
}

void *arena_alloc_array(struct arena *a, size_t count, size_t size)
{
    size_t bytes;
    BUG_ON(__builtin_mul_overflow(count, size, &bytes));
    return arena_alloc(a, bytes);
}

char *arena_text_n(struct arena *a, const char *text, size_t len)
{
    char *copy = arena_alloc(a, len + 1);
    if (len)
        memcpy(copy, text, len);
    return copy;
}

char *arena_text(struct arena *a, const char *text)
{
    return text ? arena_text_n(a, text, strlen(text)) : NULL;
}

char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
{
    BUG_ON(!fmt);
    va_list measure;
    va_copy(measure, ap);
    int n = vsnprintf(NULL, 0, fmt, measure);
    va_end(measure);
    BUG_ON(n < 0);
    char *text = arena_alloc(a, (size_t)n + 1);
    (void)vsnprintf(text, (size_t)n + 1, fmt, ap);
    return text;
}

char *arena_printf(struct arena *a, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    char *text = arena_vprintf(a, fmt, ap);
    va_end(ap);
    return text;
}

void arena_release(struct arena *a)
{
    while (a->head) {
        struct arena_block *older = a->head->older;
        free(a->head);
        a->head = older;
    }
    a->total = 0;
}
