/*
 * Memory that is released all at once: one arena per request, job and command.
 *
 * Everything allocated lives until arena_release(); nothing is freed on its own. Allocation never
 * returns NULL (running out of memory stops the process). An arena is used by one thread at a time.
 *
 *     struct arena a = {0};
 *     ... arena_new(&a, struct customer) ...
 *     arena_release(&a);            or declare it `_cleanup_arena_ struct arena a = {0};`
 */
#ifndef WEBHOST_BASE_ARENA_H
#define WEBHOST_BASE_ARENA_H

#include "base/str.h"

#include <stdarg.h>

struct arena {
    struct arena_block *head; /* the block being filled; older ones behind it */
    size_t total;             /* bytes handed out since the start */
};

/* Zeroed, aligned for any type. */
void *arena_alloc(struct arena *a, size_t size);

/* Zeroed array; stops the process when count * size overflows. */
void *arena_alloc_array(struct arena *a, size_t count, size_t size);

#define arena_new(a, type)              ((type *)arena_alloc((a), sizeof(type)))
#define arena_new_array(a, count, type) ((type *)arena_alloc_array((a), (count), sizeof(type)))

/* NUL-terminated copies. arena_text(NULL) is NULL. */
char *arena_text(struct arena *a, const char *text);
char *arena_text_n(struct arena *a, const char *text, size_t len);
char *arena_printf(struct arena *a, const char *fmt, ...) __attribute__((format(printf, 2, 3)));
char *arena_vprintf(struct arena *a, const char *fmt, va_list ap)
    __attribute__((format(printf, 2, 0)));

void arena_release(struct arena *a);

#define _cleanup_arena_ __attribute__((cleanup(arena_release)))

#endif
