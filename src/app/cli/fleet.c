#include "app/cli/commands.h"
#include "app/cli/views.h"

static const struct column host_columns[] = {
    {"name", "HOST", COLUMN_TEXT},         {"location", "LOCATION", COLUMN_TEXT},
    {"server_type", "TYPE", COLUMN_TEXT},  {"status", "STATUS", COLUMN_STATE},
    {"slots_used", "USED", COLUMN_NUMBER}, {"capacity", "SLOTS", COLUMN_NUMBER},
    {"address", "ADDRESS", COLUMN_TEXT},   {"created_at", "CREATED", COLUMN_AGO},
    {"error", "ERROR", COLUMN_LONG},       COLUMN_END,
};

static const struct column plan_columns[] = {
    {"slug", "PLAN", COLUMN_TEXT},
    {"name", "NAME", COLUMN_TEXT},
    {"mode", "MODE", COLUMN_TEXT},
    {"price", "USD/MONTH", COLUMN_MONEY},
    COLUMN_END,
};

static const struct column price_columns[] = {
    {"location", "LOCATION", COLUMN_TEXT},
    {"server_type", "TYPE", COLUMN_TEXT},
    {"host_month", "SERVER/MONTH", COLUMN_MONEY},
    {"currency", "", COLUMN_TEXT},
    {"slots", "SLOTS", COLUMN_NUMBER},
    {"slot_month_usd", "USD/SLOT", COLUMN_MONEY},
    {"source", "SOURCE", COLUMN_TEXT},
    {"stale", "STALE", COLUMN_TEXT},
    {"read_at", "READ", COLUMN_AGO},
    COLUMN_END,
};

const struct command command_hosts = {
    .name = "hosts",
    .group = GROUP_FLEET,
    .summary = "List shared servers and how full they are",
    .options = paging_options,
    .options_size = sizeof(struct paging),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/hosts", "hosts", host_columns, .pages = true},
};

const struct command command_plans = {
    .name = "plans",
    .group = GROUP_FLEET,
    .summary = "List the plans and their prices",
    .run = list_view_run,
    .data = &(const struct list_view){"/api/plans", "plans", plan_columns, .pages = false},
};

const struct command command_prices = {
    .name = "prices",
    .group = GROUP_FLEET,
    .summary = "List what a slot on a shared server costs",
    .details = "What the estimates of decisions count with, for each location: the cloud's own "
               "price when it was read in the last 7 days, else the price file's.",
    .run = list_view_run,
    .data = &(const struct list_view){"/api/prices", "prices", price_columns, .pages = false},
};
