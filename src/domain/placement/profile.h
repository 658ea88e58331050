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
    uint8_t regions[GEOGRAPHY_COUNT]; /* enum geography, in the customer's order; then zeros */
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
extern const struct field profile_performance_fields[], profile_usage_fields[];

#define PROFILE_AMOUNT           .type = FIELD_DECIMAL, .max = PROFILE_VALUE_MAX * DECIMAL_ONE
#define PROFILE_COUNT            .type = FIELD_INT, .max = PROFILE_VALUE_MAX
#define PROFILE_AT(base, member) .offset = (base) + offsetof(struct profile_form, member)

/* The form's fields for a table whose record holds a struct profile_form at offset `base`. */
#define PROFILE_FORM_FIELDS(base)                                                                  \
    {"budget", PROFILE_AMOUNT, PROFILE_AT(base, budget), .help = "USD a month"},                   \
        {"vehicle_count", PROFILE_COUNT, PROFILE_AT(base, vehicle_count), .help = "vehicles"},     \
        {"compliance_requirements",    FIELD_TEXTS,                                                \
         PROFILE_AT(base, compliance), .max = 64,                                                  \
         .names = compliance_names,    .help = "like soc2, hipaa; an empty list means none"},      \
        {"performance_needs", FIELD_OBJECT, PROFILE_AT(base, performance),                         \
         .fields = profile_performance_fields, .help = "what it needs of response times"},         \
        {"geographic_distribution", FIELD_TEXTS,                                                   \
         PROFILE_AT(base, regions), .max = 64,                                                     \
         .names = geography_names,  .help = "US, EU, APAC; the main one first"},                   \
        {"usage_patterns", FIELD_OBJECT, PROFILE_AT(base, usage), .fields = profile_usage_fields,  \
         .help = "how it is used"},                                                                \
        {"latency_requirement", PROFILE_AMOUNT, PROFILE_AT(base, latency),                         \
         .help = "the same as performance_needs.latency_requirement"},                             \
    {                                                                                              \
        "peak_concurrent_users", PROFILE_COUNT, PROFILE_AT(base, peak_users),                      \
            .help = "the same as usage_patterns.peak_concurrent_users"                             \
    }

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
