/*
 * The options that describe a customer: the same words for decide, signup and evaluate.
 *
 * Their keys are those of a profile (SPEC "Names and values"), under `prefix` when the request has
 * the profile inside another object.
 */
#ifndef WEBHOST_APP_CLI_PROFILE_FLAGS_H
#define WEBHOST_APP_CLI_PROFILE_FLAGS_H

#include "app/cli/command.h"
#include "base/decimal.h"
#include "domain/placement/profile.h"

struct profile_flags {
    decimal budget;
    int64_t vehicles;
    struct texts compliance;
    decimal latency;
    struct texts regions;
    int64_t peak_users;
};

#define PROFILE_FLAG_(type, member, named)                                                         \
    offsetof(type, member) + offsetof(struct profile_flags, named)

/* Entries of an option table whose struct `type` holds a struct profile_flags as `member`. */
#define PROFILE_OPTIONS(type, member, prefix)                                                      \
    {.field = {"budget", FIELD_DECIMAL, PROFILE_FLAG_(type, member, budget),                       \
               .max = PROFILE_VALUE_MAX * DECIMAL_ONE,                                             \
               .help = "what the customer pays, in USD a month"},                                  \
     .metavar = "USD",                                                                             \
     .key = prefix "budget"},                                                                      \
        {.field = {"vehicles", FIELD_INT, PROFILE_FLAG_(type, member, vehicles),                   \
                   .max = PROFILE_VALUE_MAX, .help = "vehicles in the fleet"},                     \
         .metavar = "N",                                                                           \
         .key = prefix "vehicle_count"},                                                           \
        {.field = {"compliance", FIELD_TEXTS, PROFILE_FLAG_(type, member, compliance),             \
                   .help = "what must be complied with: soc2, hipaa, gdpr, pci and others; \"\" "  \
                           "for nothing"},                                                         \
         .metavar = "WORD,...",                                                                    \
         .key = prefix "compliance_requirements"},                                                 \
        {.field = {"latency", FIELD_DECIMAL, PROFILE_FLAG_(type, member, latency),                 \
                   .max = PROFILE_VALUE_MAX * DECIMAL_ONE,                                         \
                   .help = "the slowest acceptable answer, in milliseconds"},                      \
         .metavar = "MS",                                                                          \
         .key = prefix "latency_requirement"},                                                     \
        {.field = {"regions", FIELD_TEXTS, PROFILE_FLAG_(type, member, regions),                   \
                   .help = "where the users are: US, EU, APAC"},                                   \
         .metavar = "REGION,...",                                                                  \
         .key = prefix "geographic_distribution"},                                                 \
    {                                                                                              \
        .field = {"peak-users", FIELD_INT, PROFILE_FLAG_(type, member, peak_users),                \
                  .max = PROFILE_VALUE_MAX, .help = "the most users at the same time"},            \
        .metavar = "N", .key = prefix "peak_concurrent_users"                                      \
    }

#endif
