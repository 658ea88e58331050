#include "app/cli/chart.h"
#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"

struct usage_options {
    const char *customer;
    int64_t since_us; /* INT_ABSENT: not given */
    int step;         /* index into step_names; -1: not given */
};

static const char *const step_names[] = {"hour", "day", NULL};

static const struct option_spec usage_arguments[] = {
    {.field = {"CUSTOMER", FIELD_TEXT, offsetof(struct usage_options, customer), .required = true,
               .help = "slug or id"}},
    OPTION_END,
};

static const struct option_spec usage_options[] = {
    {.field = {"since", FIELD_INT, offsetof(struct usage_options, since_us),
               .help = "how far back, 7d unless told"},
     .metavar = "TIME",
     .duration = true},
    {.field = {"step", FIELD_ENUM, offsetof(struct usage_options, step), .names = step_names,
               .help = "hour up to 7 days and day from there on, unless told"},
     .metavar = "hour|day",
     .key = "step"},
    OPTION_END,
};

static const struct column total_columns[] = {
    {"totals.api_calls", "API calls", COLUMN_TEXT},
    {"shown.error_rate", "Error rate", COLUMN_TEXT},
    {"totals.average_response_time_ms", "Response ms", COLUMN_TEXT},
    {"totals.p50_response_time_ms", "p50 ms", COLUMN_TEXT},
    {"totals.p95_response_time_ms", "p95 ms", COLUMN_TEXT},
    {"totals.p99_response_time_ms", "p99 ms", COLUMN_TEXT},
    {"totals.gps_points", "GPS points", COLUMN_TEXT},
    {"totals.real_time_operations", "Real-time", COLUMN_TEXT},
    {"totals.batch_operations", "Batch", COLUMN_TEXT},
    {"totals.peak_concurrent_users", "Peak users", COLUMN_TEXT},
    {"totals.vehicle_count", "Vehicles", COLUMN_TEXT},
    {"totals.storage_used_mb", "Storage MB", COLUMN_TEXT},
    {"shown.cpu_utilization", "CPU", COLUMN_TEXT},
    {"shown.memory_utilization", "Memory", COLUMN_TEXT},
    {"shown.disk_utilization", "Disk", COLUMN_TEXT},
    {"shown.growth_rate", "Growth", COLUMN_TEXT},
    {"shown.regions", "Regions", COLUMN_TEXT},
    {"shown.peaks", "Peak hours", COLUMN_TEXT},
    {"patterns.seasonal_patterns", "Seasons", COLUMN_TEXT},
    {"shown.forecast", "Slot", COLUMN_TEXT},
    COLUMN_END,
};

/* -- in words --------------------------------------------------------------------------------- */

static const char *regions_in_words(const json_t *report, struct arena *arena)
{
    const json_t *region;
    const char *text = NULL;
    size_t i;
    json_array_foreach (json_object_get(report, "regions"), i, region) {
        text = arena_printf(arena, "%s%s%s %.0f%%", text ? text : "", text ? ", " : "",
                            json_get_text(region, "region"),
                            100 * json_number_value(json_object_get(region, "share")));
    }
    return text;
}

/* "9-11, 14": hours of the day in UTC, neighbours as a range. */
static const char *peaks_in_words(const json_t *report, struct arena *arena)
{
    const json_t *peaks = json_at(report, "patterns.peak_hours");
    const char *text = NULL;
    if (!json_is_array(peaks))
        return NULL;
    size_t count = json_array_size(peaks);
    for (size_t i = 0; i < count;) {
        size_t end = i + 1;
        int64_t first = json_integer_value(json_array_get(peaks, i)), last = first;
        for (; end < count && json_integer_value(json_array_get(peaks, end)) == last + 1; end++)
            last++;
        const char *before = text ? text : "", *comma = text ? ", " : "";
        text = last > first ? arena_printf(arena, "%s%s%d-%d", before, comma, (int)first, (int)last)
                            : arena_printf(arena, "%s%s%d", before, comma, (int)first);
        i = end;
    }
    return text ? arena_printf(arena, "%s o'clock UTC", text) : "none";
}

static const char *forecast_in_words(const json_t *report, struct arena *arena)
{
    const json_t *forecast = json_object_get(report, "forecast");
    const char *outcome = json_get_text(forecast, "outcome");
    const char *resource = json_get_text(forecast, "resource");
    const char *sure = json_get_text(forecast, "confidence");
    if (text_eq(outcome, "now"))
        return arena_printf(arena, "outgrown by its %s", resource);
    if (text_eq(outcome, "at"))
        return arena_printf(arena, "outgrown by its %s on %.10s (%s confidence)", resource,
                            json_get_text(forecast, "at"), sure ? sure : "low");
    if (text_eq(outcome, "not_within_a_year"))
        return arena_printf(arena, "not outgrown within a year (%s confidence)",
                            sure ? sure : "low");
    return text_eq(outcome, "steady") ? "not outgrown: its load does not grow" : NULL;
}

/* A member that is a share, in percent. */
static const char *percent(const json_t *object, const char *key, struct arena *arena)
{
    const json_t *share = json_object_get(object, key);
    return json_is_number(share) ? arena_printf(arena, "%.2f %%", 100 * json_number_value(share))
                                 : NULL;
}

/* What the columns show in other words than the report has; the caller owns it. */
static json_t *words_of(const json_t *report, struct arena *arena)
{
    const json_t *totals = json_object_get(report, "totals");
    return json_pack("{s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?, s:s?}", "error_rate",
                     percent(totals, "error_rate", arena), "cpu_utilization",
                     percent(totals, "cpu_utilization", arena), "memory_utilization",
                     percent(totals, "memory_utilization", arena), "disk_utilization",
                     percent(totals, "disk_utilization", arena), "growth_rate",
                     percent(report, "growth_rate", arena), "regions",
                     regions_in_words(report, arena), "peaks", peaks_in_words(report, arena),
                     "forecast", forecast_in_words(report, arena));
}

/* -- charts ----------------------------------------------------------------------------------- */

static void print_chart(const struct table *t, const json_t *report, const char *key,
                        const char *title, bool largest)
{
    const json_t *series = json_object_get(report, "series"), *step;
    size_t i, count = json_array_size(series);
    if (count == 0)
        return;
    double *values = arena_new_array(t->arena, count, double);
    json_array_foreach (series, i, step)
        values[i] = json_number_value(json_object_get(step, key));
    bool hours = text_eq(json_get_text(report, "step"), "hour");
    int width = hours ? 13 : 10; /* of "2026-03-01T12" */
    const char *first = json_get_text(json_array_get(series, 0), "at");
    const char *last = json_get_text(json_array_get(series, count - 1), "at");
    const struct chart chart = {
        .title = arena_printf(t->arena, "%s by %s", title, hours ? "hour" : "day"),
        .values = values,
        .count = count,
        .largest = largest,
        .first = arena_printf(t->arena, "%.*s", width, first),
        .last = arena_printf(t->arena, "%.*s", width, last),
    };
    chart_print(t, &chart);
}

static void print_report(struct cli *cli, json_t *report)
{
    const struct table t = cli_table(cli);
    (void)json_object_set_new(report, "shown", words_of(report, &cli->arena));
    const json_t *events = json_at(report, "totals.events");
    const json_t *vehicles = json_at(report, "totals.vehicle_count");
    if (json_integer_value(events) == 0 && !json_is_integer(vehicles)) {
        put_text(cli->out, json_get_text(report, "customer"));
        (void)fputs(": nothing is recorded in this time\n", cli->out);
        return;
    }
    card_print(&t, total_columns, report);
    print_chart(&t, report, "api_calls", "API calls", false);
    print_chart(&t, report, "gps_points", "GPS points", false);
    print_chart(&t, report, "users", "Users", true);
}

static enum cli_exit usage_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct usage_options *o = options;
    _cleanup_json_ json_t *report = NULL;
    const char *path =
        request_path("/api/customers/{CUSTOMER}/usage", self->arguments, o, &cli->arena);
    path = request_query(path, self->options, o, &cli->arena);
    if (o->since_us != INT_ABSENT) {
        char text[TIME_TEXT_MAX];
        (void)time_text(clock_now(cli->clock) - o->since_us, text);
        path = url_add(path, "from", text, &cli->arena);
    }
    enum cli_exit code = remote_get(cli, self, path, &report);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli))
        print_json(cli, report);
    else
        print_report(cli, report);
    return CLI_OK;
}

const struct command command_usage = {
    .name = "usage",
    .group = GROUP_CUSTOMERS,
    .shows = true,
    .summary = "Show what a customer uses, with charts",
    .details = "What its events and the looks into its database come to: totals, quantiles, "
               "regions, peak hours, seasons, and when its load outgrows the slot that it has. "
               "Hours of the day are UTC. Hours are kept for 35 days, then days for 400.",
    .arguments = usage_arguments,
    .options = usage_options,
    .options_size = sizeof(struct usage_options),
    .run = usage_run,
    .examples =
        (const struct example[]){
            {"webhost usage acme", "The last seven days"},
            {"webhost usage acme --since 24h", "Since yesterday, by hour"},
            {"webhost usage acme --since 90d -o json", "Three months by day, as JSON"},
            {0},
        },
};
