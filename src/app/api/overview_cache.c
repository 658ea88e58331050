#include "app/api/overview.h"

#include "base/err.h"

#include <stdlib.h>

struct overview_cache {
    const struct clock *clock;
    pthread_mutex_t lock; /* guards what follows */
    char *text;           /* NULL: nothing was counted yet */
    int64_t at;
};

struct overview_cache *overview_cache_new(const struct clock *clock)
{
    struct overview_cache *c = calloc(1, sizeof(*c));
    BUG_ON(!c);
    c->clock = clock;
    BUG_ON(pthread_mutex_init(&c->lock, NULL) != 0);
    return c;
}

void overview_cache_free(struct overview_cache *c)
{
    if (!c)
        return;
    BUG_ON(pthread_mutex_destroy(&c->lock) != 0);
    free(c->text);
    free(c);
}

const char *overview_cache_get(struct overview_cache *c, struct arena *arena)
{
    int64_t now = clock_now(c->clock);
    const char *text = NULL;
    BUG_ON(pthread_mutex_lock(&c->lock) != 0);
    if (c->text && now >= c->at && now < c->at + OVERVIEW_KEPT_US)
        text = arena_text(arena, c->text);
    BUG_ON(pthread_mutex_unlock(&c->lock) != 0);
    return text;
}

void overview_cache_put(struct overview_cache *c, const char *text)
{
    char *copy = strdup(text);
    BUG_ON(!copy);
    BUG_ON(pthread_mutex_lock(&c->lock) != 0);
    free(c->text);
    c->text = copy;
    c->at = clock_now(c->clock);
    BUG_ON(pthread_mutex_unlock(&c->lock) != 0);
}
