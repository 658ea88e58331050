/* A text is a policy that decides, or problems that say why not. */
#include "fuzz.h"

#include "domain/placement/decide.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    _cleanup_arena_ struct arena arena = {0};
    struct problems problems = {.arena = &arena};
    struct policy *policy = policy_parse(fuzz_text(data, size), &problems);
    BUG_ON((policy == NULL) != (problems.count > 0));
    if (policy) {
        struct decide_context context = {.subscribed = PLAN_STARTER};
        struct decision d;
        for (int64_t vehicles = 0; vehicles < 200; vehicles += 13) {
            struct profile profile = profile_defaults(vehicles * DECIMAL_ONE);
            profile.vehicle_count = vehicles;
            decide(policy, &profile, &context, &d);
            BUG_ON(d.confidence < 0 || d.confidence > DECIMAL_ONE);
            BUG_ON(d.placement.region_count < 1);
        }
    }
    policy_free(policy);
    return 0;
}
