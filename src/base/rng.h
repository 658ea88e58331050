/*
 * The seam for randomness, and the identifiers made from it.
 *
 * The system source is for production: keys, tokens, jitter. The seeded source repeats itself
 * exactly, so that a simulated run can be replayed from its seed; never use it for secrets.
 */
#ifndef WEBHOST_BASE_RNG_H
#define WEBHOST_BASE_RNG_H

#include "base/clock.h"

struct rng {
    void (*fill)(struct rng *self, void *out, size_t len);
};

/* getrandom(2). Thread-safe. */
extern struct rng rng_system;

/* Deterministic (SplitMix64). One thread at a time. */
struct rng_seeded {
    struct rng rng;
    uint64_t state;
};

void rng_seeded_init(struct rng_seeded *r, uint64_t seed);

/* Uniform in [0, bound); bound must be positive. */
int64_t rng_below(struct rng *r, int64_t bound);

#define UUID_TEXT_MAX 37

/*
 * A UUIDv7 (RFC 9562, 5.7): 48 bits of milliseconds, then random bits, so that ids sort by the time
 * they were made. Ids made in one process within a millisecond keep their order too: the 12 bits
 * after the version count sub-millisecond time (method 3 of section 6.2). Returns `out`.
 */
const char *uuid7(const struct clock *clock, struct rng *rng, char out[UUID_TEXT_MAX]);

/*
 * Where the ids of a time begin: every id that was made at `time_us` or later sorts at or behind
 * this text, earlier ones before it, to the millisecond. Returns `out`.
 */
const char *uuid7_floor(int64_t time_us, char out[UUID_TEXT_MAX]);

/* True when `s` is a UUID in the usual 8-4-4-4-12 form. */
bool uuid_is_valid(struct str s);

#endif
