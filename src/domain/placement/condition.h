/*
 * Conditions: the right-hand side of `when:` in a policy, compiled to integers.
 *
 *     "< 50"  "<= 5"  "> 100"  ">= 2"  "== 1"   a comparison with the factor's value
 *     any                                       any value that was given
 *     none                                      compliance: asked, and there is none
 *     has soc2                                  compliance: this one is among them
 *
 * An absent value fulfils no condition, and neither does an empty list of regions.
 *
 * Each condition is an inclusive range over the factor's number and a mask over its words; one
 * test without branches serves both kinds. A factor that a condition does not speak about has a
 * range and a mask that hold for everything, absent values included.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_CONDITION_H
#define WEBHOST_DOMAIN_PLACEMENT_CONDITION_H

#include "domain/placement/profile.h"

enum factor {
    FACTOR_BUDGET,
    FACTOR_VEHICLES,
    FACTOR_COMPLIANCE,
    FACTOR_LATENCY,
    FACTOR_REGIONS, /* how many */
    FACTOR_PEAK_USERS,
    FACTOR_COUNT,
};

extern const char *const factor_names[]; /* as in a profile; ends with NULL */

/* Pseudo words beside the compliance bits: "asked, none", and one that every profile has. */
#define WORD_NONE   (UINT32_C(1) << 31)
#define WORD_ALWAYS (UINT32_C(1) << 30)
#define WORDS_ANY   ((UINT32_C(1) << COMPLIANCE_COUNT) - 1)
_Static_assert(COMPLIANCE_COUNT < 30, "compliance words must not meet the pseudo words");

struct condition {
    int64_t low, high; /* decimals for budget and latency, else whole numbers */
    uint32_t words;
};

#define CONDITION_ALWAYS ((struct condition){INT64_MIN, INT64_MAX, WORD_ALWAYS})

/* A profile as conditions see it. */
struct inputs {
    int64_t values[FACTOR_COUNT]; /* INT_ABSENT; compliance is 0 and stands in `words` */
    uint32_t words;
};

static inline struct inputs inputs_of(const struct profile *p)
{
    uint32_t none = p->compliance_given && !p->compliance ? WORD_NONE : 0;
    return (struct inputs){
        .values = {p->budget, p->vehicle_count, 0, p->latency, p->region_count, p->peak_users},
        .words = WORD_ALWAYS | p->compliance | none,
    };
}

static inline bool condition_holds(const struct condition *c, enum factor factor,
                                   const struct inputs *in)
{
    int64_t value = in->values[factor];
    return (value >= c->low) & (value <= c->high) & ((in->words & c->words) != 0);
}

/* NULL and the condition, or why the text is none ("must be ..."). */
const char *condition_parse(enum factor factor, const char *text, struct condition *ret_condition);

/* True when the conditions before all[index] hold whenever it does, so that it is never reached. */
bool condition_is_covered(enum factor factor, const struct condition *all, size_t index);

#endif
