/* Moves: planned, asked for, watched, steered. */
#include "app/cli/commands.h"
#include "app/cli/move_view.h"
#include "app/cli/move_watch.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"
#include "app/cli/wait.h"
#include "domain/placement/vocabulary.h"

/* -- migrate ----------------------------------------------------------------------------------- */

struct migrate_options {
    const char *customer, *reason;
    int to;
    bool dry_run, wait;
};

static const struct option_spec migrate_argument[] = {
    {.field = {"CUSTOMER", FIELD_TEXT, offsetof(struct migrate_options, customer), .required = true,
               .help = "its slug or its id"},
     .key = "customer_id"},
    OPTION_END,
};

static const struct option_spec migrate_options[] = {
    {.field = {"to", FIELD_ENUM, offsetof(struct migrate_options, to), .required = true,
               .names = mode_names, .help = "where to"},
     .metavar = "multi_tenant|single_tenant",
     .key = "target_mode"},
    {.field = {"dry-run", FIELD_BOOL, offsetof(struct migrate_options, dry_run),
               .help = "show what it would take and cost, and change nothing"},
     .key = "dry_run"},
    {.field = {"reason", FIELD_TEXT, offsetof(struct migrate_options, reason), .max_len = 500,
               .help = "why, for those who read it later"},
     .metavar = "TEXT",
     .key = "reason"},
    {.field = {"wait", FIELD_BOOL, offsetof(struct migrate_options, wait),
               .help = "until the customer runs there"},
     .letter = 'w'},
    OPTION_END,
};

static enum cli_exit show_plan(struct cli *cli, const json_t *plan)
{
    if (cli_wants_json(cli))
        print_json(cli, plan);
    else
        move_plan_print(cli, plan);
    return json_is_true(json_object_get(plan, "possible")) ? CLI_OK : CLI_CONFLICT;
}

static enum cli_exit migrate_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct migrate_options *o = options;
    _cleanup_json_ json_t *body = json_pack("{ss}", "customer_id", o->customer), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {.method = HTTP_POST,
                                     .path = "/api/admin/deployment/migrate",
                                     .body = body,
                                     .command = self};
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (o->dry_run)
        return show_plan(cli, reply);
    const char *message = json_get_text(reply, "message"),
               *id = json_get_text(reply, "migration_id");
    if (cli_wants_json(cli) && !cli->globals.watch) {
        print_json(cli, reply);
    } else if (!cli_wants_json(cli)) {
        put_text(cli->out, message ? message : "The move has started");
        (void)fputc('\n', cli->out);
    }
    if (cli->globals.watch && id) /* a move that waits for somebody has none */
        return move_watch(cli, self, id);
    _cleanup_json_ json_t *status = NULL;
    return o->wait ? wait_for_active(cli, self, o->customer, mode_names[o->to], &status) : CLI_OK;
}

const struct command command_migrate = {
    .name = "migrate",
    .group = GROUP_CUSTOMERS,
    .follows = true,
    .summary = "Move a customer to the other mode",
    .details =
        "The customer keeps working meanwhile. Until the cutover everything can be undone (webhost "
        "migrations cancel), during the soak behind it the customer can be taken back without "
        "losing a row (webhost migrations rollback).\n"
        "--watch shows it as it goes, until it soaks and both sides are proven equal; an "
        "interrupt ends the watching and not the move.",
    .arguments = migrate_argument,
    .options = migrate_options,
    .options_size = sizeof(struct migrate_options),
    .run = migrate_run,
    .examples =
        (const struct example[]){
            {"webhost migrate acme --to single_tenant --dry-run", "What it would take and cost"},
            {"webhost migrate acme --to single_tenant --watch", "And see it go"},
            {"webhost migrate acme --to single_tenant --wait", "And wait for the end of the move"},
            {0},
        },
};

/* -- list, show, watch ------------------------------------------------------------------------- */

struct list_options {
    struct paging paging;
    const char *state, *customer;
};

static const struct option_spec list_options[] = {
    {.field = {"state", FIELD_TEXT, offsetof(struct list_options, state),
               .help = "requested, copying, soaking, completed, failed, ..."},
     .metavar = "STATE",
     .key = "state"},
    {.field = {"customer", FIELD_TEXT, offsetof(struct list_options, customer),
               .help = "only this customer's"},
     .metavar = "CUSTOMER",
     .key = "customer"},
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct column columns[] = {
    {"id", "MIGRATION", COLUMN_TEXT},    {"customer_slug", "CUSTOMER", COLUMN_TEXT},
    {"to_mode", "TO", COLUMN_TEXT},      {"state", "STATE", COLUMN_STATE},
    {"created_at", "SINCE", COLUMN_AGO}, {"finished_at", "ENDED", COLUMN_AGO},
    {"error", "WHY", COLUMN_LONG},       COLUMN_END,
};

const struct command command_migrations_list = {
    .name = "migrations list",
    .group = GROUP_CUSTOMERS,
    .by_default = true,
    .shows = true,
    .summary = "List moves, the newest first",
    .options = list_options,
    .options_size = sizeof(struct list_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/migrations", "migrations", columns, .pages = true},
    .examples =
        (const struct example[]){
            {"webhost migrations --state failed", "What did not work, and why"},
            {"webhost migrations --customer acme", "All of one customer"},
            {0},
        },
};

struct one_options {
    const char *id;
};

static const struct option_spec one_argument[] = {
    {.field = {"MIGRATION", FIELD_TEXT, offsetof(struct one_options, id), .required = true,
               .help = "its id"}},
    OPTION_END,
};

static void print_move(const struct table *t, const json_t *move)
{
    move_print(t->out, &t->terminal, move);
}

const struct command command_migrations_show = {
    .name = "migrations show",
    .group = GROUP_CUSTOMERS,
    .shows = true,
    .summary = "Show a move, and what can be done about it",
    .arguments = one_argument,
    .options_size = sizeof(struct one_options),
    .run = item_view_run,
    .data = &(const struct item_view){"/api/migrations/{MIGRATION}", .print = print_move},
};

static enum cli_exit watch_run(struct cli *cli, const struct command *self, const void *options)
{
    return move_watch(cli, self, ((const struct one_options *)options)->id);
}

const struct command command_migrations_watch = {
    .name = "migrations watch",
    .group = GROUP_CUSTOMERS,
    .follows = true,
    .summary = "See a move go, to its soak or its end",
    .details = "An interrupt ends the watching and not the move.",
    .arguments = one_argument,
    .options_size = sizeof(struct one_options),
    .run = watch_run,
};

/* -- steering ---------------------------------------------------------------------------------- */

const struct command command_migrations_cancel = {
    .name = "migrations cancel",
    .group = GROUP_CUSTOMERS,
    .summary = "Undo a move that has not cut over",
    .arguments = one_argument,
    .options_size = sizeof(struct one_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/migrations/{MIGRATION}/cancel",
                                        "is being undone"},
};

const struct command command_migrations_rollback = {
    .name = "migrations rollback",
    .group = GROUP_CUSTOMERS,
    .summary = "Take a customer back during the soak of its move",
    .details = "With everything that it has written since; no row is lost.",
    .arguments = one_argument,
    .options_size = sizeof(struct one_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/migrations/{MIGRATION}/roll-back",
                                        "goes back"},
};

const struct command command_migrations_finish = {
    .name = "migrations finish",
    .group = GROUP_CUSTOMERS,
    .summary = "End the soak of a move now",
    .details = "The old place is removed, and with it the way back.",
    .arguments = one_argument,
    .options_size = sizeof(struct one_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/migrations/{MIGRATION}/finish",
                                        "is being finished"},
};

const struct command command_migrations_retry = {
    .name = "migrations retry",
    .group = GROUP_CUSTOMERS,
    .summary = "Ask again for a move that failed or was undone",
    .arguments = one_argument,
    .options_size = sizeof(struct one_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/migrations/{MIGRATION}/retry",
                                        "is tried again, as a new move"},
};
