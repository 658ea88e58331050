#include "app/cli/commands.h"
#include "app/cli/views.h"

struct calls_options {
    struct paging paging;
    const char *provider, *customer, *host, *outcome, *since;
};

#define CALLS(member) offsetof(struct calls_options, member)

static const struct option_spec calls_options[] = {
    {.field = {"provider", FIELD_TEXT, CALLS(provider), .help = "hetzner or flyio"},
     .metavar = "CLOUD",
     .key = "provider"},
    {.field = {"customer", FIELD_TEXT, CALLS(customer), .help = "only those for this customer"},
     .metavar = "CUSTOMER",
     .key = "customer"},
    {.field = {"host", FIELD_TEXT, CALLS(host),
               .help = "only those about the host or deployment with this id"},
     .metavar = "ID",
     .key = "host"},
    {.field = {"outcome", FIELD_TEXT, CALLS(outcome),
               .help = "ok, busy, timeout, unavailable, capacity, conflict, not_found, ..."},
     .metavar = "OUTCOME",
     .key = "outcome"},
    {.field = {"since", FIELD_TEXT, CALLS(since), .help = "a time, or how long ago: 30m, 24h"},
     .metavar = "WHEN",
     .key = "since"},
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct column calls_columns[] = {
    {"started_at", "WHEN", COLUMN_AGO},
    {"provider", "CLOUD", COLUMN_TEXT},
    {"method", "METHOD", COLUMN_TEXT},
    {"route", "ROUTE", COLUMN_LONG},
    {"status", "STATUS", COLUMN_NUMBER},
    {"outcome", "OUTCOME", COLUMN_TEXT},
    {"error_code", "CODE", COLUMN_TEXT},
    {"attempt", "TRY", COLUMN_NUMBER},
    {"took_us", "TOOK US", COLUMN_NUMBER},
    {"request_id", "REQUEST ID", COLUMN_LONG},
    COLUMN_END,
};

const struct command command_calls = {
    .name = "calls",
    .group = GROUP_WORK,
    .summary = "List requests to the clouds and what they came to",
    .details = "Every request that was sent or tried, newest first, without its body. The request "
               "id is the cloud's own: its support asks for it.",
    .options = calls_options,
    .options_size = sizeof(struct calls_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/provider-calls", "calls", calls_columns, .pages = true},
    .examples =
        (const struct example[]){
            {"webhost calls --outcome busy --since 1h", "What ran into a limit in the last hour"},
            {"webhost calls --customer acme --all", "All that was asked for one customer"},
            {0},
        },
};
