#include "app/cli/commands.h"
#include "app/cli/views.h"

static const struct column instance_columns[] = {
    {"app", "APP", COLUMN_TEXT},
    {"customer", "CUSTOMER", COLUMN_TEXT},
    {"plan", "PLAN", COLUMN_TEXT},
    {"status", "STATUS", COLUMN_STATE},
    {"regions", "REGIONS", COLUMN_LIST},
    {"created_at", "CREATED", COLUMN_AGO},
    COLUMN_END,
};

static const struct column plan_columns[] = {
    {"slug", "PLAN", COLUMN_TEXT},
    {"name", "NAME", COLUMN_TEXT},
    {"mode", "MODE", COLUMN_TEXT},
    {"price", "USD/MONTH", COLUMN_MONEY},
    COLUMN_END,
};

const struct command command_instances = {
    .name = "instances",
    .group = GROUP_FLEET,
    .summary = "List dedicated apps",
    .options = paging_options,
    .options_size = sizeof(struct paging),
    .run = list_view_run,
    .data =
        &(const struct list_view){"/api/instances", "instances", instance_columns, .pages = true},
};

const struct command command_plans = {
    .name = "plans",
    .group = GROUP_FLEET,
    .summary = "List the plans and their prices",
    .run = list_view_run,
    .data = &(const struct list_view){"/api/plans", "plans", plan_columns, .pages = false},
};
