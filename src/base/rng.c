#include "base/rng.h"

#include "base/err.h"

#include <errno.h>
#include <stdio.h>
#include <sys/random.h>

static void system_fill(struct rng *self, void *out, size_t len)
{
    (void)self;
    char *p = out;
    while (len > 0) {
        ssize_t n = getrandom(p, len, 0);
        BUG_ON(n < 0 && errno != EINTR);
        if (n > 0) {
            p += n;
            len -= (size_t)n;
        }
    }
}

struct rng rng_system = {.fill = system_fill};

static uint64_t splitmix64(uint64_t *state)
{
    uint64_t z = (*state += UINT64_C(0x9e3779b97f4a7c15));
    z = (z ^ (z >> 30)) * UINT64_C(0xbf58476d1ce4e5b9);
    z = (z ^ (z >> 27)) * UINT64_C(0x94d049bb133111eb);
    return z ^ (z >> 31);
}

static void seeded_fill(struct rng *self, void *out, size_t len)
{
    struct rng_seeded *r = (struct rng_seeded *)self;
    char *p = out;
    while (len > 0) {
        uint64_t word = splitmix64(&r->state);
        size_t n = len < sizeof(word) ? len : sizeof(word);
        memcpy(p, &word, n);
        p += n;
        len -= n;
    }
}

void rng_seeded_init(struct rng_seeded *r, uint64_t seed)
{
    *r = (struct rng_seeded){.rng = {.fill = seeded_fill}, .state = seed};
}

int64_t rng_below(struct rng *r, int64_t bound)
{
    BUG_ON(bound <= 0);
    uint64_t limit = UINT64_MAX - UINT64_MAX % (uint64_t)bound; /* rejects the uneven tail */
    uint64_t word;
    do {
        r->fill(r, &word, sizeof(word));
    } while (word >= limit);
    return (int64_t)(word % (uint64_t)bound);
}

const char *uuid7(const struct clock *clock, struct rng *rng, char out[UUID_TEXT_MAX])
{
    int64_t now = clock_now(clock);
    uint64_t ms = (uint64_t)(now / USEC_PER_MS);
    uint32_t sub_ms = (uint32_t)(now % USEC_PER_MS * 4096 / USEC_PER_MS);

    unsigned char b[16];
    rng->fill(rng, b + 8, 8);
    for (int i = 0; i < 6; i++)
        b[i] = (unsigned char)(ms >> (40 - 8 * i));
    b[6] = (unsigned char)(0x70 | sub_ms >> 8);
    b[7] = (unsigned char)sub_ms;
    b[8] = (unsigned char)(0x80 | (b[8] & 0x3f));

    static const char hex[] = "0123456789abcdef";
    char *p = out;
    for (int i = 0; i < 16; i++) {
        if (i == 4 || i == 6 || i == 8 || i == 10)
            *p++ = '-';
        *p++ = hex[b[i] >> 4];
        *p++ = hex[b[i] & 15];
    }
    *p = '\0';
    return out;
}

const char *uuid7_floor(int64_t time_us, char out[UUID_TEXT_MAX])
{
    uint64_t ms = time_us > 0 ? (uint64_t)(time_us / USEC_PER_MS) & 0xffffffffffff : 0;
    (void)snprintf(out, UUID_TEXT_MAX, "%08llx-%04llx-0000-0000-000000000000",
                   (unsigned long long)(ms >> 16), (unsigned long long)(ms & 0xffff));
    return out;
}

bool uuid_is_valid(struct str s)
{
    if (s.len != UUID_TEXT_MAX - 1)
        return false;
    for (size_t i = 0; i < s.len; i++) {
        bool dash = i == 8 || i == 13 || i == 18 || i == 23;
        char c = s.ptr[i];
        bool hex = (c >= '0' && c <= '9') || (c >= 'a' && c <= 'f') || (c >= 'A' && c <= 'F');
        if (dash ? c != '-' : !hex)
            return false;
    }
    return true;
}
