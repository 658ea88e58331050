/*
 * What a thing is at a moment, without anything running in the background: it is `first` until
 * first_until, then `second` until second_until, and `settled` from then on. Creating a server
 * writes "initializing", "starting" and "running" at once, each with its time.
 */
#ifndef WEBHOST_SANDBOX_PHASES_H
#define WEBHOST_SANDBOX_PHASES_H

#include "base/record.h"

struct phases {
    const char *first;
    int64_t first_until;
    const char *second;
    int64_t second_until;
    const char *settled;
};

static inline struct phases phases_settled(const char *settled)
{
    return (struct phases){settled, 0, settled, 0, settled};
}

/* `first` for `delay_us` from now, then `settled`. */
static inline struct phases phases_via(const char *first, const char *settled, int64_t now_us,
                                       int64_t delay_us)
{
    return (struct phases){first, now_us + delay_us, settled, now_us + delay_us, settled};
}

/* `first` and `second`, each for `delay_us`, then `settled`. */
static inline struct phases phases_via_two(const char *first, const char *second,
                                           const char *settled, int64_t now_us, int64_t delay_us)
{
    return (struct phases){first, now_us + delay_us, second, now_us + 2 * delay_us, settled};
}

static inline const char *phases_at(const struct phases *p, int64_t now_us)
{
    if (now_us < p->first_until)
        return p->first;
    return now_us < p->second_until ? p->second : p->settled;
}

static inline int64_t phases_settle_at(const struct phases *p)
{
    return p->second_until > p->first_until ? p->second_until : p->first_until;
}

/* The columns, for a row struct whose member `phases` is a struct phases. */
#define PHASE_FIELDS(type)                                                                         \
    {"first", FIELD_TEXT, offsetof(type, phases.first)},                                           \
        {"first_until", FIELD_TIME, offsetof(type, phases.first_until)},                           \
        {"second", FIELD_TEXT, offsetof(type, phases.second)},                                     \
        {"second_until", FIELD_TIME, offsetof(type, phases.second_until)},                         \
    {                                                                                              \
        "settled", FIELD_TEXT, offsetof(type, phases.settled)                                      \
    }

/* The five parameters of a query, in the columns' order. */
#define PHASE_ARGS(p)                                                                              \
    db_text((p)->first), db_int((p)->first_until), db_text((p)->second),                           \
        db_int((p)->second_until), db_text((p)->settled)

#endif
