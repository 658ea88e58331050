/*
 * The seam for time. Nothing in the domain asks the operating system what time it is.
 *
 * Times are int64_t microseconds since 1970-01-01 UTC; durations are microseconds too.
 */
#ifndef WEBHOST_BASE_CLOCK_H
#define WEBHOST_BASE_CLOCK_H

#include "base/str.h"

#include <pthread.h>

#define USEC_PER_SEC  INT64_C(1000000)
#define USEC_PER_MS   INT64_C(1000)
#define USEC_PER_HOUR (INT64_C(3600) * USEC_PER_SEC)
#define USEC_PER_DAY  (INT64_C(86400) * USEC_PER_SEC)

struct clock {
    int64_t (*now)(const struct clock *self);
    /*
     * Waits, with `lock` held, until `changed` is signalled or the time has come; may return early.
     * Under a clock that stands still the time comes at once.
     */
    void (*wait)(const struct clock *self, pthread_cond_t *changed, pthread_mutex_t *lock,
                 int64_t until_us);
};

/* The operating system's clock. */
extern const struct clock clock_system;

/* A clock that stands still until the test moves it, or waits by it. Thread-safe. */
struct clock_virtual {
    struct clock clock;
    _Atomic int64_t now_us;
};

void clock_virtual_init(struct clock_virtual *c, int64_t now_us);
void clock_virtual_advance(struct clock_virtual *c, int64_t by_us);

static inline int64_t clock_now(const struct clock *c)
{
    return c->now(c);
}

static inline void clock_wait(const struct clock *c, pthread_cond_t *changed, pthread_mutex_t *lock,
                              int64_t until_us)
{
    c->wait(c, changed, lock, until_us);
}

/* Microseconds since some moment in the past; for deadlines of waits, not for the domain. */
int64_t monotonic_us(void);

#define TIME_TEXT_MAX 32

/* RFC 3339 in UTC with microseconds: "2026-11-23T17:20:00.123456Z". Returns `out`. */
const char *time_text(int64_t time_us, char out[TIME_TEXT_MAX]);

/*
 * Reads RFC 3339 with any offset and up to nine fractional digits (rounded down). False for what is
 * outside of the years 0000 to 9999 in UTC, which time_text() could not write.
 */
bool time_parse(struct str s, int64_t *ret_time_us);

/*
 * Reads "500ms", "30s", "5m", "6h", "7d" (a whole number and one unit); false for anything else.
 */
bool duration_parse(struct str s, int64_t *ret_us);

#endif
