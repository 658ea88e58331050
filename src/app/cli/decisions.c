#include "app/cli/commands.h"
#include "app/cli/decision_view.h"
#include "app/cli/views.h"

struct list_options {
    struct paging paging;
    const char *customer;
};

struct show_options {
    const char *id;
};

static const struct option_spec customer_argument[] = {
    {.field = {"CUSTOMER", FIELD_TEXT, offsetof(struct list_options, customer), .required = true,
               .help = "its slug or its id"}},
    OPTION_END,
};

static const struct option_spec decision_argument[] = {
    {.field = {"DECISION", FIELD_TEXT, offsetof(struct show_options, id), .required = true,
               .help = "the decision's id"}},
    OPTION_END,
};

static const struct column list_columns[] = {
    {"made_at", "WHEN", COLUMN_AGO},
    {"mode", "MODE", COLUMN_TEXT},
    {"trigger", "TRIGGER", COLUMN_TEXT},
    {"plan", "PLAN", COLUMN_TEXT},
    {"confidence", "CONFIDENCE", COLUMN_NUMBER},
    {"policy", "POLICY", COLUMN_TEXT},
    {"reason", "REASON", COLUMN_LONG},
    {"id", "DECISION", COLUMN_TEXT},
    COLUMN_END,
};

const struct command command_decisions_list = {
    .name = "decisions list",
    .group = GROUP_CUSTOMERS,
    .by_default = true,
    .shows = true,
    .summary = "List a customer's decisions, newest first",
    .arguments = customer_argument,
    .options = paging_options,
    .options_size = sizeof(struct list_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/customers/{CUSTOMER}/decisions", "decisions",
                                      list_columns, .pages = true},
};

const struct command command_decisions_show = {
    .name = "decisions show",
    .group = GROUP_CUSTOMERS,
    .shows = true,
    .summary = "Explain one recorded decision",
    .arguments = decision_argument,
    .options_size = sizeof(struct show_options),
    .run = item_view_run,
    .data = &(const struct item_view){"/api/decisions/{DECISION}", .print = decision_print},
};
