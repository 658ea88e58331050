/*
 * Arrays that grow: a pointer, a count and the room that there is, kept by their owner and freed
 * with free().
 *
 *     b->marks = array_with_room(b->marks, b->count, &b->room, 256, sizeof(*b->marks));
 *     b->marks[b->count++] = mark;
 */
#ifndef WEBHOST_BASE_ARRAY_H
#define WEBHOST_BASE_ARRAY_H

#include <stddef.h>

/*
 * The array, moved when there was no room for one more item. `*room` is in items; an empty array
 * begins with `first` (at least one), and doubles.
 */
void *array_with_room(void *items, size_t count, size_t *room, size_t first, size_t item_size);

#endif
