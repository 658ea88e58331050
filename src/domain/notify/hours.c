#include "domain/notify/hours.h"

#include "base/clock.h"

#define MINUTES_PER_DAY (24 * 60)
#define USEC_PER_MINUTE (60 * USEC_PER_SEC)

int time_of_day(const char *text)
{
    struct str s = str_from(text);
    if (s.len != 5 || s.ptr[2] != ':')
        return -1;
    for (size_t i = 0; i < s.len; i++) {
        if (i != 2 && (s.ptr[i] < '0' || s.ptr[i] > '9'))
            return -1;
    }
    int hour = (s.ptr[0] - '0') * 10 + s.ptr[1] - '0';
    int minute = (s.ptr[3] - '0') * 10 + s.ptr[4] - '0';
    return hour < 24 && minute < 60 ? hour * 60 + minute : -1;
}

const char *time_of_day_check(const char *text)
{
    return time_of_day(text) >= 0 ? NULL : "must be a time of day (UTC) as 07:30";
}

static int minute_of(int64_t now)
{
    return (int)(now / USEC_PER_MINUTE % MINUTES_PER_DAY);
}

/* The next moment from `now` on, this minute included, in which it is `minute` o'clock. */
static int64_t next_at(int64_t now, int minute)
{
    int wait = (minute - minute_of(now) + MINUTES_PER_DAY) % MINUTES_PER_DAY;
    return wait ? (now / USEC_PER_MINUTE + wait) * USEC_PER_MINUTE : now;
}

/* From `quiet_from` on, until before `quiet_until`, over midnight when that is the smaller one. */
static bool is_quiet(const struct notify_target *t, int64_t at)
{
    if (!t->quiet_from || !t->quiet_until)
        return false;
    int from = time_of_day(t->quiet_from), until = time_of_day(t->quiet_until);
    int minute = minute_of(at);
    return from <= until ? minute >= from && minute < until : minute >= from || minute < until;
}

int64_t notify_due(const struct notify_target *t, enum severity severity, int64_t now)
{
    if (severity == SEVERITY_CRITICAL)
        return now;
    int64_t due = t->digest_at ? next_at(now, time_of_day(t->digest_at)) : now;
    return is_quiet(t, due) ? next_at(due, time_of_day(t->quiet_until)) : due;
}
