#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"

struct hosts_options {
    struct paging paging;
    const char *status;
};

static const char *const status_names[] = {"creating", "active",  "draining", "failed",
                                           "retiring", "retired", NULL};

static const char *status_check(const char *text)
{
    return enum_from_text(status_names, str_from(text)) >= 0
               ? NULL
               : "must be creating, active, draining, failed, retiring or retired";
}

static const struct option_spec list_options[] = {
    PAGING_OPTIONS,
    {.field = {"status", FIELD_TEXT, offsetof(struct hosts_options, status), .check = status_check,
               .help = "those of one status; all that are not retired unless told"},
     .metavar = "STATUS",
     .key = "status"},
    OPTION_END,
};

static const struct column host_columns[] = {
    {"name", "HOST", COLUMN_TEXT},
    {"location", "LOCATION", COLUMN_TEXT},
    {"server_type", "TYPE", COLUMN_TEXT},
    {"status", "STATUS", COLUMN_STATE},
    {"slots_used", "USED", COLUMN_NUMBER},
    {"capacity", "SLOTS", COLUMN_NUMBER},
    {"load", "LOAD", COLUMN_NUMBER},
    {"address", "ADDRESS", COLUMN_TEXT},
    {"created_at", "CREATED", COLUMN_AGO},
    {"error", "ERROR", COLUMN_LONG},
    COLUMN_END,
};

static const struct column location_columns[] = {
    {"location", "LOCATION", COLUMN_TEXT},
    {"hosts", "HOSTS", COLUMN_NUMBER},
    {"hosts_max", "MAX", COLUMN_NUMBER},
    {"slots_used", "USED", COLUMN_NUMBER},
    {"slots", "SLOTS", COLUMN_NUMBER},
    {"free", "FREE", COLUMN_NUMBER},
    {"reserve", "RESERVE", COLUMN_NUMBER},
    {"shortfall", "SHORT", COLUMN_NUMBER},
    COLUMN_END,
};

const struct command command_hosts_list = {
    .name = "hosts list",
    .group = GROUP_FLEET,
    .by_default = true,
    .shows = true,
    .summary = "List shared servers, and the room in each location",
    .details = "A host's load is the share of its CPUs that was in use when it was last measured. "
               "SHORT is how many free slots a location lacks for its reserve.",
    .options = list_options,
    .options_size = sizeof(struct hosts_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/hosts", "hosts", host_columns, .pages = true,
                                      .also = "locations", .also_columns = location_columns},
};

/* -- one --------------------------------------------------------------------------------------- */

struct host_options {
    const char *host;
};

static const struct option_spec host_argument[] = {
    {.field = {"HOST", FIELD_TEXT, offsetof(struct host_options, host), .required = true,
               .help = "the host's name or id"}},
    OPTION_END,
};

static const struct column card_columns[] = {
    {"name", "Host", COLUMN_TEXT},
    {"id", "Id", COLUMN_TEXT},
    {"status", "Status", COLUMN_STATE},
    {"error", "Error", COLUMN_TEXT},
    {"location", "Location", COLUMN_TEXT},
    {"serves", "Ordered for", COLUMN_TEXT},
    {"server_type", "Type", COLUMN_TEXT},
    {"address", "Address", COLUMN_TEXT},
    {"slots_used", "Slots used", COLUMN_TEXT},
    {"capacity", "Slots", COLUMN_TEXT},
    {"load", "Load", COLUMN_TEXT},
    {"load_at", "Measured", COLUMN_AGO},
    {"drain.left", "To move", COLUMN_TEXT},
    {"drain.moving", "Moving now", COLUMN_TEXT},
    {"drain.failed", "Moves failed", COLUMN_TEXT},
    {"empty_since", "Empty since", COLUMN_AGO},
    {"created_at", "Created", COLUMN_AGO},
    {"active_at", "Active", COLUMN_AGO},
    COLUMN_END,
};

static const struct column tenant_columns[] = {
    {"customer", "CUSTOMER", COLUMN_TEXT},
    {"status", "STATUS", COLUMN_STATE},
    {"migration", "MIGRATION", COLUMN_STATE},
    {"deployment_id", "DEPLOYMENT", COLUMN_TEXT},
    COLUMN_END,
};

const struct command command_hosts_show = {
    .name = "hosts show",
    .group = GROUP_FLEET,
    .shows = true,
    .summary = "Show a host and who lives on it",
    .arguments = host_argument,
    .options_size = sizeof(struct host_options),
    .run = item_view_run,
    .data = &(const struct item_view){"/api/hosts/{HOST}", card_columns, .also = "tenants",
                                      .also_columns = tenant_columns},
};

const struct command command_hosts_drain = {
    .name = "hosts drain",
    .group = GROUP_FLEET,
    .summary = "Move all customers off a host; it takes no more",
    .details = "Customers are moved to other hosts a few at a time, and each is read-only while it "
               "is copied. webhost hosts show tells how far it is. Once empty, the host is given "
               "up after a while.",
    .arguments = host_argument,
    .options_size = sizeof(struct host_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/hosts/{HOST}/drain", "is being drained"},
};

const struct command command_hosts_undrain = {
    .name = "hosts undrain",
    .group = GROUP_FLEET,
    .summary = "Stop to drain a host; it takes customers again",
    .arguments = host_argument,
    .options_size = sizeof(struct host_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/hosts/{HOST}/undrain",
                                        "takes customers again"},
};

/* -- ordering ---------------------------------------------------------------------------------- */

struct add_options {
    const char *location, *server_type;
};

static const struct option_spec add_arguments[] = {
    {.field = {"LOCATION", FIELD_TEXT, offsetof(struct add_options, location), .required = true,
               .help = "a Hetzner location, as fsn1"},
     .key = "location"},
    OPTION_END,
};

static const struct option_spec add_options[] = {
    {.field = {"type", FIELD_TEXT, offsetof(struct add_options, server_type),
               .help = "the server type; the first that is configured there unless told"},
     .metavar = "TYPE",
     .key = "server_type"},
    OPTION_END,
};

static enum cli_exit add_run(struct cli *cli, const struct command *self, const void *options)
{
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    request_body(self->arguments, options, body);
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST, .path = "/api/hosts", .body = body, .command = self};
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, reply);
        return CLI_OK;
    }
    put_text(cli->out, json_get_text(reply, "name"));
    (void)fputs(" is ordered\n", cli->out);
    return CLI_OK;
}

const struct command command_hosts_add = {
    .name = "hosts add",
    .group = GROUP_FLEET,
    .summary = "Order a host now",
    .arguments = add_arguments,
    .options = add_options,
    .options_size = sizeof(struct add_options),
    .run = add_run,
    .examples =
        (const struct example[]){
            {"webhost hosts add fsn1", "One more in Falkenstein, of the type configured there"},
            {0},
        },
};

/* -- giving up --------------------------------------------------------------------------------- */

struct reap_options {
    bool dry_run;
};

static const struct option_spec reap_options[] = {
    {.field = {"dry-run", FIELD_BOOL, offsetof(struct reap_options, dry_run),
               .help = "tell what would be removed and remove nothing"},
     .key = "dry_run"},
    OPTION_END,
};

static const struct column reap_columns[] = {
    {"name", "HOST", COLUMN_TEXT},      {"location", "LOCATION", COLUMN_TEXT},
    {"status", "STATUS", COLUMN_STATE}, {"verdict", "VERDICT", COLUMN_TEXT},
    {"reason", "BECAUSE", COLUMN_TEXT}, COLUMN_END,
};

static enum cli_exit reap_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct reap_options *o = options;
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST, .path = "/api/hosts/reap", .body = body, .command = self};
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, reply);
        return CLI_OK;
    }
    size_t i, removed = 0;
    json_t *row, *rows = json_object_get(reply, "hosts");
    json_array_foreach (rows, i, row) {
        bool remove = json_is_true(json_object_get(row, "remove"));
        removed += remove;
        (void)json_object_set_new(row, "verdict", json_string(remove ? "remove" : "keep"));
    }
    const struct table t = cli_table(cli);
    table_print(&t, reap_columns, rows);
    cli_note(cli, o->dry_run ? "%zu would be removed." : "%zu will be removed, if nothing changes.",
             removed);
    return CLI_OK;
}

const struct command command_hosts_reap = {
    .name = "hosts reap",
    .group = GROUP_FLEET,
    .summary = "Give up hosts that nobody needs",
    .details = "This also happens by itself every ten minutes. Each host is looked at again right "
               "before its server is deleted, and stays when a customer has come meanwhile.",
    .options = reap_options,
    .options_size = sizeof(struct reap_options),
    .run = reap_run,
    .examples =
        (const struct example[]){
            {"webhost hosts reap --dry-run", "What would go, and why every other host stays"},
            {0},
        },
};
