/*
 * The closed sets of words that placement works with, as enums and their names.
 *
 * The order of values is part of the contract: plans are sorted by what they offer, geographies in
 * the order in which a plan with several regions is filled up.
 */
#ifndef WEBHOST_DOMAIN_PLACEMENT_VOCABULARY_H
#define WEBHOST_DOMAIN_PLACEMENT_VOCABULARY_H

#include <stdint.h>

enum mode { MULTI_TENANT, SINGLE_TENANT, MODE_COUNT };

/* One for each mode, at the same index. */
enum infrastructure { HETZNER, FLYIO, INFRASTRUCTURE_COUNT };

enum plan {
    PLAN_NONE = -1,
    PLAN_HOBBY, /* multi-tenant; the others are single-tenant */
    PLAN_STARTER,
    PLAN_PROFESSIONAL,
    PLAN_BUSINESS,
    PLAN_COUNT,
};

enum geography { GEOGRAPHY_US, GEOGRAPHY_EU, GEOGRAPHY_APAC, GEOGRAPHY_COUNT };

/* What a customer may have to comply with. A word outside this list is refused, never ignored. */
#define COMPLIANCE_WORDS(X)                                                                        \
    X(SOC2, "soc2")                                                                                \
    X(HIPAA, "hipaa")                                                                              \
    X(GDPR, "gdpr")                                                                                \
    X(PCI, "pci")                                                                                  \
    X(ISO27001, "iso27001")                                                                        \
    X(FEDRAMP, "fedramp")                                                                          \
    X(HITRUST, "hitrust")                                                                          \
    X(CCPA, "ccpa")                                                                                \
    X(GLBA, "glba")                                                                                \
    X(SOX, "sox")                                                                                  \
    X(FERPA, "ferpa")                                                                              \
    X(CJIS, "cjis")                                                                                \
    X(ITAR, "itar")                                                                                \
    X(CMMC, "cmmc")                                                                                \
    X(TISAX, "tisax")                                                                              \
    X(CSA_STAR, "csa_star")

#define COMPLIANCE_ENUM(id, name) COMPLIANCE_##id,
enum compliance { COMPLIANCE_WORDS(COMPLIANCE_ENUM) COMPLIANCE_COUNT };
#undef COMPLIANCE_ENUM

/* Each ends with NULL, as enum_from_text() and FIELD_ENUM want. */
extern const char *const mode_names[];  /* "multi_tenant", "single_tenant" */
extern const char *const mode_labels[]; /* "multi-tenant", "single-tenant", for sentences */
extern const char *const infrastructure_names[]; /* "hetzner", "flyio" */
extern const char *const plan_names[];
extern const char *const geography_names[];
extern const char *const compliance_names[];

static inline enum infrastructure infrastructure_of(enum mode mode)
{
    return (enum infrastructure)mode;
}

/* Where a customer is put. */
struct placement {
    enum mode mode;
    enum plan plan;
    uint8_t region_count;             /* at least 1 */
    uint8_t regions[GEOGRAPHY_COUNT]; /* enum geography; the first is the main one */
};

/* The region or location that serves a geography: iad, fra, sin; ash, fsn1, sin. */
const char *region_name(enum infrastructure infrastructure, enum geography geography);

#endif
