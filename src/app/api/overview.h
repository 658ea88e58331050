/*
 * The overview's last reply: with many customers most of its time goes into counting those of each
 * mode, and every page that is open asks again each few seconds. Whoever asks within
 * OVERVIEW_KEPT_US gets what was counted then. For each node alone; thread-safe.
 */
#ifndef WEBHOST_APP_API_OVERVIEW_H
#define WEBHOST_APP_API_OVERVIEW_H

#include "base/arena.h"
#include "base/clock.h"

#define OVERVIEW_KEPT_US (5 * USEC_PER_SEC)

struct overview_cache;

struct overview_cache *overview_cache_new(const struct clock *clock);
void overview_cache_free(struct overview_cache *c); /* NULL is fine */

/* The reply's text in the arena, or NULL when it is too old. */
const char *overview_cache_get(struct overview_cache *c, struct arena *arena);
void overview_cache_put(struct overview_cache *c, const char *text);

#endif
