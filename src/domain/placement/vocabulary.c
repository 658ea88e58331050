#include "domain/placement/vocabulary.h"

#include "base/err.h"

#define COMPLIANCE_NAME(id, name) name,

const char *const mode_names[] = {"multi_tenant", "single_tenant", NULL};
const char *const mode_labels[] = {"multi-tenant", "single-tenant", NULL};
const char *const infrastructure_names[] = {"hetzner", "flyio", NULL};
const char *const plan_names[] = {"hobby", "starter", "professional", "business", NULL};
const char *const geography_names[] = {"US", "EU", "APAC", NULL};
const char *const compliance_names[] = {COMPLIANCE_WORDS(COMPLIANCE_NAME) NULL};

const char *region_name(enum infrastructure infrastructure, enum geography geography)
{
    static const char *const names[INFRASTRUCTURE_COUNT][GEOGRAPHY_COUNT] = {
        [HETZNER] = {"ash", "fsn1", "sin"},
        [FLYIO] = {"iad", "fra", "sin"},
    };
    BUG_ON((unsigned)infrastructure >= INFRASTRUCTURE_COUNT);
    BUG_ON((unsigned)geography >= GEOGRAPHY_COUNT);
    return names[infrastructure][geography];
}
