#include "domain/provisioning/fly/size.h"

#include "base/err.h"

static const struct fly_size sizes[PLAN_COUNT] = {
    [PLAN_STARTER] =
        {
            .app = {"shared", 2, 512, 1},
            .database = {"shared", 4, 1024, 10},
            .managed_database = "basic",
            .apps_per_region = 1,
            .regions = 1,
        },
    [PLAN_PROFESSIONAL] =
        {
            .app = {"shared", 4, 1024, 1},
            .database = {"performance", 1, 2048, 20},
            .managed_database = "starter",
            .apps_per_region = 1,
            .regions = 2,
        },
    [PLAN_BUSINESS] =
        {
            .app = {"performance", 1, 2048, 1},
            .database = {"performance", 2, 4096, 50},
            .managed_database = "launch",
            .apps_per_region = 2,
            .regions = 3,
        },
};

const struct fly_size *fly_size_of(enum plan plan)
{
    BUG_ON(plan < PLAN_STARTER || plan >= PLAN_COUNT);
    return &sizes[plan];
}
