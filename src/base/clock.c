#include "base/clock.h"

#include "base/err.h"

#include <errno.h>
#include <stdatomic.h>

static int64_t system_now(const struct clock *self)
{
    (void)self;
    struct timespec ts;
    BUG_ON(clock_gettime(CLOCK_REALTIME, &ts) != 0);
    return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static void system_wait(const struct clock *self, pthread_cond_t *changed, pthread_mutex_t *lock,
                        int64_t until_us)
{
    (void)self;
    struct timespec ts = {.tv_sec = (time_t)(until_us / USEC_PER_SEC),
                          .tv_nsec = (long)(until_us % USEC_PER_SEC) * 1000};
    int rc = pthread_cond_timedwait(changed, lock, &ts);
    BUG_ON(rc != 0 && rc != ETIMEDOUT);
}

int64_t monotonic_us(void)
{
    struct timespec ts;
    BUG_ON(clock_gettime(CLOCK_MONOTONIC, &ts) != 0);
    return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

const struct clock clock_system = {.now = system_now, .wait = system_wait};

static int64_t virtual_now(const struct clock *self)
{
    return atomic_load(&((const struct clock_virtual *)self)->now_us);
}

static void virtual_wait(const struct clock *self, pthread_cond_t *changed, pthread_mutex_t *lock,
                         int64_t until_us)
{
    (void)changed;
    (void)lock;
    struct clock_virtual *c = (struct clock_virtual *)(uintptr_t)self;
    int64_t now_us = atomic_load(&c->now_us);
    while (now_us < until_us && !atomic_compare_exchange_weak(&c->now_us, &now_us, until_us))
        ;
}

void clock_virtual_init(struct clock_virtual *c, int64_t now_us)
{
    c->clock = (struct clock){.now = virtual_now, .wait = virtual_wait};
    atomic_store(&c->now_us, now_us);
}

void clock_virtual_advance(struct clock_virtual *c, int64_t by_us)
{
    (void)atomic_fetch_add(&c->now_us, by_us);
}

const char *time_text(int64_t time_us, char out[TIME_TEXT_MAX])
{
    int64_t micros = time_us % USEC_PER_SEC;
    time_t seconds = (time_t)(time_us / USEC_PER_SEC);
    if (micros < 0) {
        micros += USEC_PER_SEC;
        seconds--;
    }
    struct tm tm;
    BUG_ON(!gmtime_r(&seconds, &tm));
    /* not strftime: its %Y does not pad, and a year needs four digits here */
    int n = snprintf(out, TIME_TEXT_MAX, "%04d-%02d-%02dT%02d:%02d:%02d.%06dZ", tm.tm_year + 1900,
                     tm.tm_mon + 1, tm.tm_mday, tm.tm_hour, tm.tm_min, tm.tm_sec, (int)micros);
    BUG_ON(n < 0 || n >= TIME_TEXT_MAX);
    return out;
}

/* 0000-01-01T00:00:00Z and 9999-12-31T23:59:59Z: RFC 3339's years have four digits. */
#define FIRST_SECOND INT64_C(-62167219200)
#define LAST_SECOND  INT64_C(253402300799)

/* Reads exactly `n` digits. */
static bool take_digits(struct str *s, size_t n, int *ret_value)
{
    if (s->len < n)
        return false;
    int value = 0;
    for (size_t i = 0; i < n; i++) {
        if (s->ptr[i] < '0' || s->ptr[i] > '9')
            return false;
        value = value * 10 + (s->ptr[i] - '0');
    }
    s->ptr += n;
    s->len -= n;
    *ret_value = value;
    return true;
}

static bool take_char(struct str *s, const char *any_of)
{
    while (*any_of && s->len > 0 && s->ptr[0] != *any_of)
        any_of++;
    if (s->len == 0 || !*any_of)
        return false;
    s->ptr++;
    s->len--;
    return true;
}

/* Two digits; false is left in `*ok` when they are none. */
static int two_digits(const char *at, bool *ok)
{
    unsigned tens = (unsigned)at[0] - '0', ones = (unsigned)at[1] - '0';
    *ok &= (tens <= 9) & (ones <= 9);
    return (int)(tens * 10 + ones);
}

/* All of it stands where it must, so nothing is searched: millions of events a second have a time.
 */
static bool take_date_and_time(struct str *s, struct tm *tm)
{
    static const size_t len = sizeof("2026-03-01T12:00:00") - 1;
    if (s->len < len)
        return false;
    const char *at = s->ptr;
    bool ok = (at[4] == '-') & (at[7] == '-') & (at[13] == ':') & (at[16] == ':') &
              (at[10] == 'T' || at[10] == 't' || at[10] == ' ');
    int century = two_digits(at, &ok);
    tm->tm_year = century * 100 + two_digits(at + 2, &ok) - 1900;
    tm->tm_mon = two_digits(at + 5, &ok) - 1;
    tm->tm_mday = two_digits(at + 8, &ok);
    tm->tm_hour = two_digits(at + 11, &ok);
    tm->tm_min = two_digits(at + 14, &ok);
    tm->tm_sec = two_digits(at + 17, &ok);
    s->ptr += len;
    s->len -= len;
    return ok && tm->tm_hour <= 23 && tm->tm_min <= 59 && tm->tm_sec <= 60;
}

/*
 * The day's number, INT64_MIN when there is no such day. Not timegm(), which takes a lock and ten
 * times as long: millions of events a second have a time. Years begin in March here, so that the
 * leap day is their last.
 */
static int64_t days_since_1970(int year, int month, int day)
{
    static const uint8_t month_days[] = {31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31};
    bool leap = year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
    if (month < 1 || month > 12 || day < 1 || day > month_days[month - 1] + (leap && month == 2))
        return INT64_MIN;
    int64_t y = month > 2 ? year : year - 1;
    int64_t of_year = (153 * (month > 2 ? month - 3 : month + 9) + 2) / 5 + day - 1;
    int64_t era = (y >= 0 ? y : y - 399) / 400, of_era = y - era * 400;
    return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

static bool take_fraction(struct str *s, int64_t *micros)
{
    *micros = 0;
    if (!take_char(s, "."))
        return true;
    static const int units[] = {0, 100000, 10000, 1000, 100, 10, 1}; /* of the last digit */
    static const size_t most = ARRAY_LEN(units) - 1;
    size_t digits = 0;
    int64_t read = 0;
    while (digits < s->len && s->ptr[digits] >= '0' && s->ptr[digits] <= '9') {
        if (digits < most)
            read = read * 10 + (s->ptr[digits] - '0');
        digits++;
    }
    s->ptr += digits;
    s->len -= digits;
    if (digits < 1 || digits > 9)
        return false;
    *micros = read * units[digits < most ? digits : most];
    return true;
}

static bool take_offset(struct str *s, int64_t *seconds)
{
    *seconds = 0;
    if (take_char(s, "Zz"))
        return true;
    bool west = s->len > 0 && s->ptr[0] == '-';
    int hours, minutes;
    if (!take_char(s, "+-") || !take_digits(s, 2, &hours) || !take_char(s, ":") ||
        !take_digits(s, 2, &minutes) || hours > 23 || minutes > 59)
        return false;
    *seconds = (hours * 3600 + minutes * 60) * (west ? -1 : 1);
    return true;
}

bool time_parse(struct str s, int64_t *ret_time_us)
{
    struct tm tm = {0};
    int64_t micros, offset;
    if (!take_date_and_time(&s, &tm) || !take_fraction(&s, &micros) || !take_offset(&s, &offset) ||
        s.len > 0)
        return false;
    int64_t day = days_since_1970(tm.tm_year + 1900, tm.tm_mon + 1, tm.tm_mday);
    if (day == INT64_MIN)
        return false; /* such as 31 February */
    /* a leap second, 23:59:60, is the same moment as the next day's first: as POSIX counts */
    int64_t seconds = day * 86400 + tm.tm_hour * 3600 + tm.tm_min * 60 + tm.tm_sec;
    int64_t utc = seconds - offset;
    if (utc < FIRST_SECOND || utc > LAST_SECOND)
        return false; /* an offset carried it out of the years that have a text */
    *ret_time_us = utc * USEC_PER_SEC + micros;
    return true;
}

bool duration_parse(struct str s, int64_t *ret_us)
{
    static const struct {
        struct str name;
        int64_t us;
    } units[] = {
        {STR("ms"), USEC_PER_MS},        {STR("s"), USEC_PER_SEC}, {STR("m"), 60 * USEC_PER_SEC},
        {STR("h"), 3600 * USEC_PER_SEC}, {STR("d"), USEC_PER_DAY},
    };
    size_t digits = 0;
    while (digits < s.len && s.ptr[digits] >= '0' && s.ptr[digits] <= '9')
        digits++;
    struct str unit = {s.ptr + digits, s.len - digits};
    int64_t number, us;
    if (!str_to_i64((struct str){s.ptr, digits}, &number))
        return false;
    for (size_t i = 0; i < ARRAY_LEN(units); i++) {
        if (str_eq(unit, units[i].name) && !__builtin_mul_overflow(number, units[i].us, &us)) {
            *ret_us = us;
            return true;
        }
    }
    return false;
}
