#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
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
    .shows = true,
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

/* -- drift ------------------------------------------------------------------------------------ */

struct drift_options {
    struct paging paging;
    const char *kind;
};

struct reconcile_options {
    bool dry_run;
};

static const struct option_spec drift_options[] = {
    {.field = {"kind", FIELD_TEXT, offsetof(struct drift_options, kind),
               .help = "missing, orphan, changed or foreign"},
     .metavar = "KIND",
     .key = "kind"},
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct option_spec reconcile_options[] = {
    {.field = {"dry-run", FIELD_BOOL, offsetof(struct reconcile_options, dry_run),
               .help = "only look and tell; record and delete nothing"},
     .key = "dry_run"},
    OPTION_END,
};

static void print_text_of(struct cli *cli, const json_t *row, const char *name)
{
    const char *text = json_get_text(row, name);
    put_text(cli->out, text ? text : "-");
}

/* What is the matter, since when, and what to do. */
static void print_drift(struct cli *cli, const json_t *rows)
{
    const struct table t = cli_table(cli);
    const json_t *row;
    size_t i;
    json_array_foreach (rows, i, row) {
        const char *kind = cell_text(&t, COLUMN_STATE, json_object_get(row, "kind"));
        const json_t *since = json_object_get(row, "first_seen");
        put_tone(cli->out, &cli->terminal, tone_of_state(kind), kind);
        (void)fprintf(cli->out, "%*s", strlen(kind) < 9 ? 9 - (int)strlen(kind) : 1, "");
        print_text_of(cli, row, "summary");
        if (since)
            (void)fprintf(cli->out, " (first seen %s)", cell_text(&t, COLUMN_AGO, since));
        (void)fputs("\n      -> ", cli->out);
        print_text_of(cli, row, "advice");
        (void)fputc('\n', cli->out);
    }
}

const struct command command_drift = {
    .name = "drift",
    .group = GROUP_WORK,
    .shows = true,
    .summary = "List where the clouds differ from the database",
    .details = "What the last look at the clouds found (every hour, or webhost reconcile): missing "
               "is recorded and not there, orphan is ours and nobody's, changed is there with "
               "another size, region, address or state, foreign is named like ours or in an app "
               "of ours without our mark. Each with what to do about it.",
    .options = drift_options,
    .options_size = sizeof(struct drift_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/drift", "drift", .print = print_drift, .pages = true},
};

static enum cli_exit reconcile_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct reconcile_options *o = options;
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST, .path = "/api/reconcile", .body = body, .command = self};
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, reply);
    } else if (o->dry_run) {
        const json_t *rows = json_object_get(reply, "drift");
        print_drift(cli, rows);
        if (json_array_size(rows) == 0)
            cli_note(cli, "No drift.");
    } else {
        (void)fprintf(cli->out, "job %lld compares the clouds with the database\n",
                      (long long)json_get_int(reply, "job_id"));
    }
    return CLI_OK;
}

const struct command command_reconcile = {
    .name = "reconcile",
    .group = GROUP_WORK,
    .summary = "Compare the clouds with the database now",
    .details = "Enqueues the job that also runs every hour. It records the differences and deletes "
               "orphans of this installation that are old enough.",
    .options = reconcile_options,
    .options_size = sizeof(struct reconcile_options),
    .run = reconcile_run,
    .examples =
        (const struct example[]){
            {"webhost reconcile --dry-run", "What it would record, from a look at the clouds now"},
            {0},
        },
};
