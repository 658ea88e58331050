#include "app/cli/commands.h"
#include "app/cli/views.h"

static const struct column plan_columns[] = {
    {"slug", "PLAN", COLUMN_TEXT},
    {"name", "NAME", COLUMN_TEXT},
    {"mode", "MODE", COLUMN_TEXT},
    {"price", "USD/MONTH", COLUMN_MONEY},
    COLUMN_END,
};

const struct command command_plans = {
    .name = "plans",
    .group = GROUP_FLEET,
    .summary = "List the plans and their prices",
    .run = list_view_run,
    .data = &(const struct list_view){"/api/plans", "plans", plan_columns, .pages = false},
};
