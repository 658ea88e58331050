/*
 * What is known about a customer when its place is decided.
 *
 * Every value may be absent, and absent is not zero and not empty: a missing factor adds nothing to
 * a score, while "no compliance requirements" is an answer that counts (SPEC, contradiction 4).
 * A word outside the vocabulary is a mistake that is reported: if "HIPPA" were ignored, its owner
 * would end up on a shared database.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_PROFILE_H
#define WEBHOST_DOMAIN_PLACEMENT_PROFILE_H

#include "base/decimal.h"
#include "domain/placement/vocabulary.h"
#include "infra/json/json.h"

/* The largest budget, fleet, latency and number of users that a profile may hold. */
#define PROFILE_VALUE_MAX INT64_C(1000000000)

struct profile {
    decimal budget;        /* USD a month; INT_ABSENT */
    int64_t vehicle_count; /* INT_ABSENT */
    decimal latency;       /* the most it may be, in ms; INT_ABSENT */
    int64_t peak_users;    /* concurrent; INT_ABSENT */
    uint32_t compliance;   /* bits 1 << enum compliance */
    bool compliance_given;
    bool regions_given;
    uint8_t region_count;             /* distinct */
    uint8_t regions[GEOGRAPHY_COUNT]; /* enum geography, in the customer's order */
};

/*
 * A profile as people write it: `profile_fields` reads it from JSON and YAML, stands inside other
 * tables as a FIELD_OBJECT, and profile_from_form() turns it into a profile.
 */
struct profile_form {
    decimal budget;
    int64_t vehicle_count;
    struct texts compliance;
    struct texts regions;
    struct {
        decimal latency;
    } performance;
    struct {
        int64_t peak_users;
    } usage;
    decimal latency;    /* the same as performance.latency, at the top level */
    int64_t peak_users; /* the same as usage.peak_users */
};

extern const struct field profile_fields[];

/* Sets everything absent. */
void profile_clear(struct profile *p);

/*
 * False, with problems under `path`, when a value that may stand in two places stands there with
 * two meanings. Repeated words count once; the order of regions is that of their first mention.
 */
bool profile_from_form(const struct profile_form *form, const char *path, struct problems *problems,
                       struct profile *ret_profile);

/* Reads an object; every mistake goes to `problems`, false when there was one. */
bool profile_decode(json_t *object, const char *path, const struct json_source *source,
                    struct arena *arena, struct problems *problems, struct profile *ret_profile);

/* Reads a JSON text; ERR_INVALID names every mistake. */
enum err profile_parse(struct str text, struct profile *ret_profile, struct error *e);

/* What is absent in `overrides` is taken from `base`. */
struct profile profile_merge(const struct profile *base, const struct profile *overrides);

/*
 * What is assumed about a customer of whom nothing is recorded: budget as its plan costs
 * (INT_ABSENT when unknown), latency 100 ms, the US. The rest stays absent.
 */
struct profile profile_defaults(decimal plan_price);

/* The object that profile_decode() reads back to the same profile; absent values are left out. */
json_t *profile_json(const struct profile *p);

#endif
