#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"

struct list_options {
    struct paging paging;
    const char *state, *customer;
};

static const struct option_spec list_options[] = {
    {.field = {"state", FIELD_TEXT, offsetof(struct list_options, state),
               .help = "pending, approved, rejected, expired or superseded"},
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
    {"id", "PROPOSAL", COLUMN_TEXT},
    {"customer_slug", "CUSTOMER", COLUMN_TEXT},
    {"to_mode", "TO", COLUMN_TEXT},
    {"state", "STATE", COLUMN_STATE},
    {"confidence", "CONFIDENCE", COLUMN_NUMBER},
    {"monthly_saving", "SAVES", COLUMN_MONEY},
    {"expires_at", "ENDS", COLUMN_AGO},
    {"decided_by", "BY", COLUMN_TEXT},
    {"reason", "BECAUSE", COLUMN_LONG},
    COLUMN_END,
};

const struct command command_proposals_list = {
    .name = "proposals list",
    .group = GROUP_CUSTOMERS,
    .by_default = true,
    .shows = true,
    .summary = "List moves that wait for a person, or did",
    .details = "SAVES is USD a month; below 0 it costs that much more.",
    .options = list_options,
    .options_size = sizeof(struct list_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/proposals", "proposals", columns, .pages = true},
    .examples =
        (const struct example[]){
            {"webhost proposals --state pending", "What waits for an answer"},
            {0},
        },
};

struct answer_options {
    const char *id, *comment;
};

static const struct option_spec answer_argument[] = {
    {.field = {"PROPOSAL", FIELD_TEXT, offsetof(struct answer_options, id), .required = true,
               .help = "its id"}},
    OPTION_END,
};

static const struct option_spec reject_options[] = {
    {.field = {"comment", FIELD_TEXT, offsetof(struct answer_options, comment), .max_len = 500,
               .help = "why, for those who read it later"},
     .metavar = "TEXT",
     .key = "comment"},
    OPTION_END,
};

const struct command command_proposals_approve = {
    .name = "proposals approve",
    .group = GROUP_CUSTOMERS,
    .summary = "Agree to a proposed move and start it",
    .details = "It is refused when the policy does not recommend the move any more, or when the "
               "customer is being moved.",
    .arguments = answer_argument,
    .options_size = sizeof(struct answer_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/proposals/{PROPOSAL}/approve",
                                        "is approved; the move has started"},
};

static enum cli_exit reject_run(struct cli *cli, const struct command *self, const void *options)
{
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST,
        .path =
            request_path("/api/proposals/{PROPOSAL}/reject", self->arguments, options, &cli->arena),
        .body = body,
        .command = self,
    };
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli))
        print_json(cli, reply);
    else
        (void)fprintf(cli->out, "%s is rejected\n", json_get_text(reply, "id"));
    return CLI_OK;
}

const struct command command_proposals_reject = {
    .name = "proposals reject",
    .group = GROUP_CUSTOMERS,
    .summary = "Say no to a proposed move",
    .details = "The same is not proposed again for a while (tracker.rejected_days).",
    .arguments = answer_argument,
    .options = reject_options,
    .options_size = sizeof(struct answer_options),
    .run = reject_run,
};
