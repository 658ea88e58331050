#include "app/api/attempts.h"

#include "base/err.h"

#include <stdlib.h>

#define ADDRESS_MAX 64
#define WINDOW_US   (60 * USEC_PER_SEC)

struct failures {
    int64_t since; /* of the window */
    int64_t count;
};

struct place {
    char address[ADDRESS_MAX]; /* cut where it is longer */
    struct failures failures;
};

struct attempts {
    const struct clock *clock;
    pthread_mutex_t lock; /* guards what follows */
    struct failures all;
    struct place places[ATTEMPTS_PLACES];
};

struct attempts *attempts_new(const struct clock *clock)
{
    struct attempts *a = calloc(1, sizeof(*a));
    BUG_ON(!a);
    a->clock = clock;
    BUG_ON(pthread_mutex_init(&a->lock, NULL) != 0);
    return a;
}

void attempts_free(struct attempts *a)
{
    if (!a)
        return;
    BUG_ON(pthread_mutex_destroy(&a->lock) != 0);
    free(a);
}

/* The address's place, or the one that failed longest ago; places without failures are older. */
static struct place *place_of(struct attempts *a, const char *address, bool *ret_known)
{
    struct place *oldest = &a->places[0];
    for (size_t i = 0; i < ATTEMPTS_PLACES; i++) {
        struct place *p = &a->places[i];
        if (p->failures.count > 0 && strncmp(p->address, address, ADDRESS_MAX - 1) == 0) {
            *ret_known = true;
            return p;
        }
        if (p->failures.since < oldest->failures.since)
            oldest = p;
    }
    *ret_known = false;
    return oldest;
}

static int64_t wait_us(const struct failures *f, int64_t max, int64_t now)
{
    return f->count >= max && now < f->since + WINDOW_US ? f->since + WINDOW_US - now : 0;
}

int64_t attempts_wait_s(struct attempts *a, const char *address)
{
    bool known;
    int64_t now = clock_now(a->clock);
    BUG_ON(pthread_mutex_lock(&a->lock) != 0);
    const struct place *p = place_of(a, address, &known);
    int64_t mine = known ? wait_us(&p->failures, ATTEMPTS_MAX, now) : 0;
    int64_t all = wait_us(&a->all, ATTEMPTS_MAX_ALL, now);
    BUG_ON(pthread_mutex_unlock(&a->lock) != 0);
    int64_t longer = mine > all ? mine : all;
    return (longer + USEC_PER_SEC - 1) / USEC_PER_SEC;
}

static void count(struct failures *f, int64_t now)
{
    if (now >= f->since + WINDOW_US)
        *f = (struct failures){.since = now};
    f->count++;
}

void attempts_failed(struct attempts *a, const char *address)
{
    bool known;
    int64_t now = clock_now(a->clock);
    BUG_ON(pthread_mutex_lock(&a->lock) != 0);
    struct place *p = place_of(a, address, &known);
    if (!known) {
        *p = (struct place){0};
        memcpy(p->address, address, strnlen(address, ADDRESS_MAX - 1));
    }
    count(&p->failures, now);
    count(&a->all, now);
    BUG_ON(pthread_mutex_unlock(&a->lock) != 0);
}
