#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"
#include "app/cli/wait.h"

/* -- sweep ------------------------------------------------------------------------------------- */

struct sweep_options {
    bool dry_run, no_wait;
};

static const struct option_spec sweep_options[] = {
    {.field = {"dry-run", FIELD_BOOL, offsetof(struct sweep_options, dry_run),
               .help = "only tell what a sweep would find; change nothing"},
     .key = "dry_run"},
    {.field = {"no-wait", FIELD_BOOL, offsetof(struct sweep_options, no_wait),
               .help = "return once it is enqueued"}},
    OPTION_END,
};

static const struct column sweep_columns[] = {
    {"started_at", "STARTED", COLUMN_AGO},     {"requested_by", "BY", COLUMN_TEXT},
    {"policy", "POLICY", COLUMN_TEXT},         {"took_us", "TOOK US", COLUMN_NUMBER},
    {"customers", "CUSTOMERS", COLUMN_NUMBER}, {"decided", "DECIDED", COLUMN_NUMBER},
    {"changed", "CHANGED", COLUMN_NUMBER},     {"due", "DUE", COLUMN_NUMBER},
    {"error", "ERROR", COLUMN_LONG},           COLUMN_END,
};

static const struct column sweep_card[] = {
    {"customers", "Customers", COLUMN_TEXT}, {"decided", "Decided", COLUMN_TEXT},
    {"changed", "Changed", COLUMN_TEXT},     {"due", "Due", COLUMN_TEXT},
    {"took_us", "Took (us)", COLUMN_TEXT},   {"policy", "Policy", COLUMN_TEXT},
    {"error", "Error", COLUMN_TEXT},         COLUMN_END,
};

static const struct column outcome_columns[] = {
    {"outcome", "OUTCOME", COLUMN_TEXT},
    {"customers", "CUSTOMERS", COLUMN_NUMBER},
    COLUMN_END,
};

static void print_sweep(struct cli *cli, const json_t *sweep)
{
    const struct table t = cli_table(cli);
    _cleanup_json_ json_t *rows = json_array();
    const char *name;
    json_t *count;
    json_object_foreach (json_object_get(sweep, "outcomes"), name, count)
        (void)json_array_append_new(rows,
                                    json_pack("{s:s, s:O}", "outcome", name, "customers", count));
    card_print(&t, sweep_card, sweep);
    if (json_array_size(rows) > 0) {
        (void)fputc('\n', cli->out);
        table_print(&t, outcome_columns, rows);
    }
}

/* The newest sweep, which the job made. */
static enum cli_exit show_newest(struct cli *cli, const struct command *self)
{
    _cleanup_json_ json_t *reply = NULL;
    enum cli_exit code = remote_get(cli, self, "/api/sweeps?limit=1", &reply);
    if (code != CLI_OK)
        return code;
    const json_t *sweep = json_array_get(json_object_get(reply, "sweeps"), 0);
    if (cli_wants_json(cli))
        print_json(cli, sweep);
    else
        print_sweep(cli, sweep);
    return CLI_OK;
}

static enum cli_exit sweep_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct sweep_options *o = options;
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST, .path = "/api/admin/sweep", .body = body, .command = self};
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    int64_t job = json_get_int(reply, "job_id");
    if (!o->dry_run && !o->no_wait) {
        code = wait_for_job(cli, self, job, "the sweep");
        return code == CLI_OK ? show_newest(cli, self) : code;
    }
    if (cli_wants_json(cli))
        print_json(cli, reply);
    else if (o->dry_run)
        print_sweep(cli, reply);
    else
        (void)fprintf(cli->out, "job %lld judges all customers\n", (long long)job);
    return CLI_OK;
}

const struct command command_sweep = {
    .name = "sweep",
    .group = GROUP_CUSTOMERS,
    .summary = "Judge all customers now",
    .details = "This also happens by itself every six hours. Whoever is due becomes a job, which "
               "starts the move or asks a person: see webhost proposals. webhost explain CUSTOMER "
               "tells what a sweep made of one.",
    .options = sweep_options,
    .options_size = sizeof(struct sweep_options),
    .run = sweep_run,
    .examples =
        (const struct example[]){
            {"webhost sweep --dry-run", "How many would stay, wait and move"},
            {0},
        },
};

const struct command command_sweeps = {
    .name = "sweeps",
    .group = GROUP_CUSTOMERS,
    .shows = true,
    .summary = "List sweeps and what they came to",
    .options = paging_options,
    .options_size = sizeof(struct paging),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/sweeps", "sweeps", sweep_columns, .pages = true},
};

/* -- explain ----------------------------------------------------------------------------------- */

struct explain_options {
    const char *customer;
};

static const struct option_spec explain_argument[] = {
    {.field = {"CUSTOMER", FIELD_TEXT, offsetof(struct explain_options, customer), .required = true,
               .help = "its slug or its id"}},
    OPTION_END,
};

static const struct column explain_columns[] = {
    {"customer", "Customer", COLUMN_TEXT},
    {"tracker.outcome", "Outcome", COLUMN_STATE},
    {"tracker.why", "Why", COLUMN_TEXT},
    {"tracker.since", "Since", COLUMN_AGO},
    {"tracker.recommended", "Recommended", COLUMN_TEXT},
    {"tracker.confidence", "Confidence", COLUMN_TEXT},
    {"tracker.margin", "Margin", COLUMN_TEXT},
    {"tracker.monthly_saving", "Saves a month", COLUMN_MONEY},
    {"tracker.repeats", "Sweeps in a row", COLUMN_TEXT},
    {"proposal.id", "Proposal", COLUMN_TEXT},
    {"facts.mode_since", "In its mode", COLUMN_AGO},
    {"facts.moved_at", "Moved", COLUMN_AGO},
    {"facts.measured_at", "Measured", COLUMN_AGO},
    COLUMN_END,
};

const struct command command_explain = {
    .name = "explain",
    .group = GROUP_CUSTOMERS,
    .shows = true,
    .summary = "Tell why a customer was or was not moved",
    .details = "What the last sweep made of it, with the figures. webhost evaluate CUSTOMER tells "
               "what would be decided now, with every factor.",
    .arguments = explain_argument,
    .options_size = sizeof(struct explain_options),
    .run = item_view_run,
    .data = &(const struct item_view){"/api/customers/{CUSTOMER}/tracker", explain_columns},
};

/* -- simulate ---------------------------------------------------------------------------------- */

#define POLICY_MAX ((size_t)256 << 10)

struct simulate_options {
    struct paging paging;
    const char *policy;
};

static const struct option_spec simulate_options[] = {
    {.field = {"policy", FIELD_TEXT, offsetof(struct simulate_options, policy), .required = true,
               .max_len = 4096, .help = "a policy file, or the name of one in the program"},
     .letter = 'p',
     .metavar = "FILE|NAME"},
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct column total_columns[] = {
    {"totals.customers", "Customers", COLUMN_TEXT},
    {"totals.moves.single_tenant", "Would move to single-tenant", COLUMN_TEXT},
    {"totals.moves.multi_tenant", "Would move to multi-tenant", COLUMN_TEXT},
    {"totals.required", "By a constraint", COLUMN_TEXT},
    {"totals.monthly_cost_now", "Costs a month now", COLUMN_MONEY},
    {"totals.monthly_cost_then", "Would cost", COLUMN_MONEY},
    {"totals.monthly_difference", "Difference", COLUMN_MONEY},
    COLUMN_END,
};

static const struct column simulated_columns[] = {
    {"slug", "CUSTOMER", COLUMN_TEXT},
    {"from_mode", "FROM", COLUMN_TEXT},
    {"to_mode", "TO", COLUMN_TEXT},
    {"plan", "PLAN", COLUMN_TEXT},
    {"confidence", "CONFIDENCE", COLUMN_NUMBER},
    {"cost_now", "NOW", COLUMN_MONEY},
    {"cost_then", "THEN", COLUMN_MONEY},
    {"reason", "BECAUSE", COLUMN_LONG},
    COLUMN_END,
};

/* A file that is there goes before a name, as policies may be called like one in the program. */
static enum cli_exit policy_text(struct cli *cli, const char *wanted, const char **ret)
{
    struct error e;
    struct str text;
    if (!strchr(wanted, '/') && !strchr(wanted, '.') && !text_eq(wanted, "-") &&
        access(wanted, F_OK) != 0) {
        *ret = wanted;
        return CLI_OK;
    }
    if (cli_read(cli, wanted, POLICY_MAX, &text, &e) != OK)
        return cli_fail(cli, &e);
    *ret = arena_text_n(&cli->arena, text.ptr, text.len);
    return CLI_OK;
}

static int64_t wanted_rows(const struct paging *paging)
{
    return paging->all ? INT64_MAX : paging->limit != INT_ABSENT ? paging->limit : 50;
}

/* Page after page into the first one's list, which has the totals. */
static enum cli_exit simulate_all(struct cli *cli, const struct command *self, const json_t *body,
                                  int64_t wanted, json_t **ret)
{
    _cleanup_json_ json_t *whole = NULL;
    const char *cursor = NULL;
    int64_t have = 0;
    do {
        int64_t left = wanted - have;
        const char *url = arena_printf(&cli->arena, "/api/policies/simulate?limit=%d",
                                       left < 200 ? (int)left : 200);
        _cleanup_json_ json_t *page = NULL;
        const struct remote_call call = {
            .method = HTTP_POST,
            .path = cursor ? url_add(url, "cursor", cursor, &cli->arena) : url,
            .body = body,
            .command = self,
        };
        enum cli_exit code = remote_call(cli, &call, &page);
        if (code != CLI_OK)
            return code;
        json_t *moves = json_object_get(page, "moves");
        have += (int64_t)json_array_size(moves);
        cursor = arena_text(&cli->arena, json_get_text(page, "next_cursor"));
        if (!whole) {
            whole = json_incref(page);
            continue;
        }
        BUG_ON(json_array_extend(json_object_get(whole, "moves"), moves) != 0);
        BUG_ON(json_object_set(whole, "next_cursor", json_object_get(page, "next_cursor")) != 0);
    } while (cursor && have < wanted);
    *ret = json_incref(whole);
    return CLI_OK;
}

static enum cli_exit simulate_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct simulate_options *o = options;
    const char *text;
    _cleanup_json_ json_t *reply = NULL;
    enum cli_exit code = policy_text(cli, o->policy, &text);
    if (code != CLI_OK)
        return code;
    _cleanup_json_ json_t *body = json_pack("{s:o}", "policy", json_from_text(text));
    code = simulate_all(cli, self, body, wanted_rows(&o->paging), &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, reply);
        return CLI_OK;
    }
    const struct table t = cli_table(cli);
    card_print(&t, total_columns, reply);
    if (json_array_size(json_object_get(reply, "moves")) > 0) {
        (void)fputc('\n', cli->out);
        table_print(&t, simulated_columns, json_object_get(reply, "moves"));
    }
    if (json_get_text(reply, "next_cursor"))
        cli_note(cli, "There are more: --all shows every one, --limit N more of them.");
    return CLI_OK;
}

const struct command command_simulate = {
    .name = "simulate",
    .group = GROUP_DECIDE,
    .summary = "Try a policy on all customers' recorded facts",
    .details = "Tells who would move, why, and what that costs a month. Nothing changes. What "
               "holds the tracker back (cool-down, repeats, margin) is left out: it says when a "
               "customer moves, the policy where it belongs.",
    .options = simulate_options,
    .options_size = sizeof(struct simulate_options),
    .run = simulate_run,
    .examples =
        (const struct example[]){
            {"webhost simulate --policy ours.yaml", "Before a changed policy is put to use"},
            {0},
        },
};
