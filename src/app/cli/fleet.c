#include "app/cli/commands.h"
#include "app/cli/views.h"

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
    {"host_month_eur", "EUR/SERVER", COLUMN_MONEY},
    {"ipv4_month_eur", "EUR/IPV4", COLUMN_MONEY},
    {"volume_gb_month_eur", "EUR/GB", COLUMN_NUMBER},
    {"slots", "SLOTS", COLUMN_NUMBER},
    {"slot_month_usd", "USD/SLOT", COLUMN_MONEY},
    {"source", "SOURCE", COLUMN_TEXT},
    {"stale", "STALE", COLUMN_TEXT},
    {"read_at", "READ", COLUMN_AGO},
    COLUMN_END,
};

const struct command command_plans = {
    .name = "plans",
    .group = GROUP_FLEET,
    .shows = true,
    .summary = "List the plans and their prices",
    .run = list_view_run,
    .data = &(const struct list_view){"/api/plans", "plans", plan_columns, .pages = false},
};

const struct command command_prices = {
    .name = "prices",
    .group = GROUP_FLEET,
    .shows = true,
    .summary = "List what a slot on a shared server costs",
    .details = "What decisions count with in each location, a month: the cloud's own prices when "
               "they were read in the last 7 days, else the price file's. A slot is a share of the "
               "server and its address; storage comes on top.",
    .run = list_view_run,
    .data = &(const struct list_view){"/api/prices", "prices", price_columns, .pages = false},
};
