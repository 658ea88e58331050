/* What customers say, what became of decisions, and what customers cost. */
#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"

/* -- feedback --------------------------------------------------------------------------------- */

struct feedback_options {
    const char *customer;
    int64_t score;
    const char *comment;
};

static const struct option_spec feedback_argument[] = {
    {.field = {"CUSTOMER", FIELD_TEXT, offsetof(struct feedback_options, customer),
               .required = true, .help = "its id or slug"}},
    OPTION_END,
};

static const struct option_spec feedback_options[] = {
    {.field = {"score", FIELD_INT, offsetof(struct feedback_options, score), .required = true,
               .min = 1, .max = 5, .help = "1 (very dissatisfied) to 5 (very satisfied)"},
     .metavar = "N",
     .key = "score"},
    {.field = {"comment", FIELD_TEXT, offsetof(struct feedback_options, comment),
               .help = "in the customer's words"},
     .metavar = "TEXT",
     .key = "comment"},
    OPTION_END,
};

static const struct column feedback_columns[] = {
    {"created_at", "WHEN", COLUMN_AGO}, {"customer_slug", "CUSTOMER", COLUMN_TEXT},
    {"score", "SCORE", COLUMN_NUMBER},  {"mode", "MODE", COLUMN_TEXT},
    {"plan", "PLAN", COLUMN_TEXT},      {"comment", "COMMENT", COLUMN_LONG},
    {"recorded_by", "BY", COLUMN_TEXT}, COLUMN_END,
};

static enum cli_exit feedback_add_run(struct cli *cli, const struct command *self,
                                      const void *options)
{
    const struct feedback_options *o = options;
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST,
        .path = request_path("/api/customers/{CUSTOMER}/feedback", self->arguments, options,
                             &cli->arena),
        .body = body,
        .command = self,
    };
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, reply);
        return CLI_OK;
    }
    fprintf(cli->out, "The feedback of ");
    put_text(cli->out, o->customer);
    fprintf(cli->out, " is recorded: %lld of 5\n", (long long)o->score);
    return CLI_OK;
}

const struct command command_feedback_add = {
    .name = "feedback add",
    .group = GROUP_CUSTOMERS,
    .summary = "Record how content a customer is",
    .arguments = feedback_argument,
    .options = feedback_options,
    .options_size = sizeof(struct feedback_options),
    .run = feedback_add_run,
    .examples =
        (const struct example[]){
            {"webhost feedback add acme --score 4 --comment \"faster since the move\"",
             "What acme said"},
            {0},
        },
};

const struct command command_feedback_list = {
    .name = "feedback list",
    .group = GROUP_CUSTOMERS,
    .by_default = true,
    .summary = "List what customers said",
    .options = paging_options,
    .options_size = sizeof(struct paging),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/feedback", "feedback", feedback_columns, .pages = true},
};

/* -- outcomes --------------------------------------------------------------------------------- */

struct span_options {
    const char *from, *to;
};

static const struct option_spec span_options[] = {
    {.field = {"from", FIELD_TEXT, offsetof(struct span_options, from),
               .help = "a time, or how long ago; 90d unless told"},
     .metavar = "TIME",
     .key = "from"},
    {.field = {"to", FIELD_TEXT, offsetof(struct span_options, to),
               .help = "likewise; now unless told"},
     .metavar = "TIME",
     .key = "to"},
    OPTION_END,
};

/* A row of the table: a figure by mode. */
struct figure {
    const char *label, *part, *member;
    enum column_kind kind;
};

static const struct figure figures[] = {
    {"Customers now", "customers", "now", COLUMN_NUMBER},
    {"Signed up", "customers", "signed_up", COLUMN_NUMBER},
    {"Left", "retention", "left", COLUMN_NUMBER},
    {"Retained", "retention", "retained", COLUMN_NUMBER},
    {"Decisions settled", "decisions", "settled", COLUMN_NUMBER},
    {"Overridden", "decisions", "overridden", COLUMN_NUMBER},
    {"Reversed", "decisions", "reversed", COLUMN_NUMBER},
    {"Accuracy", "decisions", "accuracy", COLUMN_NUMBER},
    {"Feedback", "satisfaction", "responses", COLUMN_NUMBER},
    {"Average score", "satisfaction", "average", COLUMN_NUMBER},
    {"Satisfied", "satisfaction", "satisfied", COLUMN_NUMBER},
    {"Moves found", "time_to_detect", "count", COLUMN_NUMBER},
    {"Median hours to find", "time_to_detect", "median_s", COLUMN_MONEY},
    {"90 % found within hours", "time_to_detect", "p90_s", COLUMN_MONEY},
    {"Moves made", "time_to_move", "count", COLUMN_NUMBER},
    {"Moves' success", "time_to_move", "success", COLUMN_NUMBER},
    {"Median minutes to move", "time_to_move", "median_s", COLUMN_MONEY},
    {"90 % moved within minutes", "time_to_move", "p90_s", COLUMN_MONEY},
};

static const struct column figure_columns[] = {
    {"figure", "", COLUMN_TEXT},
    {"multi_tenant", "MULTI", COLUMN_NUMBER},
    {"single_tenant", "SINGLE", COLUMN_NUMBER},
    {"all", "ALL", COLUMN_NUMBER},
    COLUMN_END,
};

static const struct column reason_columns[] = {
    {"reason", "LEFT BECAUSE", COLUMN_TEXT},
    {"multi_tenant", "MULTI", COLUMN_NUMBER},
    {"single_tenant", "SINGLE", COLUMN_NUMBER},
    {"total", "ALL", COLUMN_NUMBER},
    COLUMN_END,
};

/* Seconds as the unit that the label names. */
static json_t *in_unit(const struct figure *f, const json_t *value)
{
    if (f->kind != COLUMN_MONEY || !json_is_number(value))
        return value ? json_incref((json_t *)(uintptr_t)value) : json_null();
    double seconds = json_number_value(value);
    char text[32];
    (void)snprintf(text, sizeof(text), "%.2f", seconds / (strstr(f->label, "hours") ? 3600 : 60));
    return json_string(text);
}

static json_t *figure_rows(const json_t *summary)
{
    static const char *const modes[] = {"multi_tenant", "single_tenant", "all"};
    json_t *rows = json_array();
    for (size_t i = 0; i < ARRAY_LEN(figures); i++) {
        const struct figure *f = &figures[i];
        const json_t *part = json_object_get(summary, f->part);
        json_t *row = json_pack("{s:s}", "figure", f->label);
        for (size_t m = 0; m < ARRAY_LEN(modes); m++)
            (void)json_object_set_new(
                row, modes[m],
                in_unit(f, json_object_get(json_object_get(part, modes[m]), f->member)));
        (void)json_array_append_new(rows, row);
    }
    return rows;
}

static enum cli_exit outcomes_run(struct cli *cli, const struct command *self, const void *options)
{
    const char *url = request_query("/api/outcomes", self->options, options, &cli->arena);
    _cleanup_json_ json_t *summary = NULL, *rows = NULL;
    enum cli_exit code = remote_get(cli, self, url, &summary);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, summary);
        return CLI_OK;
    }
    const struct table t = cli_table(cli);
    const json_t *reasons = json_object_get(json_object_get(summary, "cancellations"), "reasons");
    rows = figure_rows(summary);
    table_print(&t, figure_columns, rows);
    if (json_array_size(reasons) > 0) {
        (void)fputc('\n', cli->out);
        table_print(&t, reason_columns, reasons);
    }
    return CLI_OK;
}

const struct command command_outcomes = {
    .name = "outcomes",
    .group = GROUP_DECIDE,
    .summary = "Show what became of decisions",
    .details = "Whether decisions held for 30 days, what customers say, who stays and why others "
               "left, how long it takes to find a move and to make it. Shares are 0 to 1.",
    .options = span_options,
    .options_size = sizeof(struct span_options),
    .run = outcomes_run,
    .examples =
        (const struct example[]){
            {"webhost outcomes --from 365d", "Of the last year"},
            {0},
        },
};

/* -- costs ------------------------------------------------------------------------------------ */

struct costs_options {
    struct paging paging;
    const char *mode;
};

static const struct option_spec costs_options[] = {
    {.field = {"mode", FIELD_TEXT, offsetof(struct costs_options, mode),
               .help = "multi_tenant or single_tenant"},
     .metavar = "MODE",
     .key = "mode"},
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct column cost_columns[] = {
    {"slug", "CUSTOMER", COLUMN_TEXT},
    {"mode", "MODE", COLUMN_TEXT},
    {"plan", "PLAN", COLUMN_TEXT},
    {"price", "PRICE", COLUMN_MONEY},
    {"cost", "COST", COLUMN_MONEY},
    {"margin", "MARGIN", COLUMN_MONEY},
    COLUMN_END,
};

const struct command command_costs = {
    .name = "costs",
    .group = GROUP_CUSTOMERS,
    .summary = "Show what customers cost and what is left",
    .details = "USD a month: the price of the plan, the estimated cost from list prices, and what "
               "is left. -o json has the totals of each mode and the smallest margins too.",
    .options = costs_options,
    .options_size = sizeof(struct costs_options),
    .run = list_view_run,
    .data =
        &(const struct list_view){"/api/outcomes/costs", "customers", cost_columns, .pages = true},
    .examples =
        (const struct example[]){
            {"webhost costs --mode single_tenant --all", "Everybody with an instance"},
            {0},
        },
};
