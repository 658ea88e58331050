#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"

static const char *const role_names[] = {"admin", "viewer", "ingest", NULL};

struct create_options {
    const char *name;
    int role;
    const char *customer;
};

struct revoke_options {
    const char *id;
};

static const struct option_spec create_options[] = {
    {.field = {"name", FIELD_TEXT, offsetof(struct create_options, name), .required = true,
               .help = "who or what will use it"},
     .metavar = "NAME",
     .key = "name"},
    {.field = {"role", FIELD_ENUM, offsetof(struct create_options, role), .required = true,
               .names = role_names,
               .help = "admin may do everything, viewer may read, ingest sends usage"},
     .metavar = "admin|viewer|ingest",
     .key = "role"},
    {.field = {"customer", FIELD_TEXT, offsetof(struct create_options, customer),
               .help = "let an ingest token send this customer's usage only"},
     .metavar = "CUSTOMER",
     .key = "customer"},
    OPTION_END,
};

static const struct option_spec revoke_argument[] = {
    {.field = {"TOKEN-ID", FIELD_TEXT, offsetof(struct revoke_options, id), .required = true,
               .help = "the token's id, not its text"}},
    OPTION_END,
};

static const struct column token_columns[] = {
    {"id", "ID", COLUMN_TEXT},
    {"name", "NAME", COLUMN_TEXT},
    {"role", "ROLE", COLUMN_TEXT},
    {"customer_id", "CUSTOMER", COLUMN_TEXT},
    {"created_at", "CREATED", COLUMN_AGO},
    {"revoked_at", "REVOKED", COLUMN_AGO},
    COLUMN_END,
};

/* The text alone goes to standard output, so that `> FILE` makes a file for --token-file. */
static enum cli_exit create_run(struct cli *cli, const struct command *self, const void *options)
{
    _cleanup_json_ json_t *body = json_object();
    request_body(self->options, options, body);
    _cleanup_json_ json_t *reply = NULL;
    const struct remote_call call = {
        .method = HTTP_POST, .path = "/api/tokens", .body = body, .command = self};
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, reply);
        return CLI_OK;
    }
    const char *text = json_get_text(reply, "token");
    if (!text) {
        cli_say(cli, "the server's reply has no token in it");
        return CLI_FAILED;
    }
    put_text(cli->out, text);
    (void)fputc('\n', cli->out);
    cli_note(cli, "This is the only time the token is shown; keep it in a file with mode 0600.");
    return CLI_OK;
}

const struct command command_token_create = {
    .name = "token create",
    .group = GROUP_ACCESS,
    .summary = "Make an API token and print it once",
    .options = create_options,
    .options_size = sizeof(struct create_options),
    .run = create_run,
    .examples =
        (const struct example[]){
            {"(umask 077; webhost token create --name ci --role viewer > ci.token)",
             "A token in a file that --token-file accepts"},
            {"webhost token create --name acme-api --role ingest --customer acme",
             "A token with which acme's servers send acme's usage"},
            {0},
        },
};

const struct command command_token_list = {
    .name = "token list",
    .group = GROUP_ACCESS,
    .by_default = true,
    .shows = true,
    .summary = "List tokens, without their texts",
    .options = paging_options,
    .options_size = sizeof(struct paging),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/tokens", "tokens", token_columns, .pages = true},
};

const struct command command_token_revoke = {
    .name = "token revoke",
    .group = GROUP_ACCESS,
    .summary = "Make a token useless from now on",
    .arguments = revoke_argument,
    .options_size = sizeof(struct revoke_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_DELETE, "/api/tokens/{TOKEN-ID}", "is revoked"},
};
