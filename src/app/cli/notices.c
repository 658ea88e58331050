#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/text.h"
#include "app/cli/views.h"

struct list_options {
    struct paging paging;
    const char *customer, *kind;
};

static const struct option_spec list_options[] = {
    {.field = {"customer", FIELD_TEXT, offsetof(struct list_options, customer),
               .help = "only what is about this customer"},
     .metavar = "CUSTOMER",
     .key = "customer"},
    {.field = {"kind", FIELD_TEXT, offsetof(struct list_options, kind),
               .help = "only this kind, such as proposal.created"},
     .metavar = "KIND",
     .key = "kind"},
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct column columns[] = {
    {"id", "NOTICE", COLUMN_TEXT},
    {"created_at", "TOLD", COLUMN_AGO},
    {"severity", "SEVERITY", COLUMN_STATE},
    {"kind", "KIND", COLUMN_TEXT},
    {"count", "TIMES", COLUMN_NUMBER},
    {"text", "TEXT", COLUMN_LONG},
    COLUMN_END,
};

const struct command command_notices_list = {
    .name = "notices list",
    .group = GROUP_WORK,
    .by_default = true,
    .summary = "List what people were told",
    .options = list_options,
    .options_size = sizeof(struct list_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/notices", "notices", columns, .pages = true},
    .examples =
        (const struct example[]){
            {"webhost notices --kind proposal.created", "who was asked for approval"},
            {0},
        },
};

struct notice_options {
    const char *id, *target;
};

static const struct option_spec notice_argument[] = {
    {.field = {"NOTICE", FIELD_TEXT, offsetof(struct notice_options, id), .required = true,
               .help = "its id"}},
    OPTION_END,
};

static const struct column delivery_columns[] = {
    {"target", "TARGET", COLUMN_TEXT},
    {"state", "STATE", COLUMN_STATE},
    {"due_at", "DUE", COLUMN_AGO},
    {"sent_at", "SENT", COLUMN_AGO},
    {"attempts", "TRIED", COLUMN_NUMBER},
    {"error", "ERROR", COLUMN_LONG},
    COLUMN_END,
};

const struct command command_notices_show = {
    .name = "notices show",
    .group = GROUP_WORK,
    .summary = "Show whether a notice arrived at each target",
    .arguments = notice_argument,
    .options_size = sizeof(struct notice_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/notices/{NOTICE}", "deliveries", delivery_columns},
};

static const struct option_spec replay_options[] = {
    {.field = {"target", FIELD_TEXT, offsetof(struct notice_options, target),
               .help = "only to this target of the configuration; all, unless told"},
     .metavar = "NAME",
     .key = "target"},
    OPTION_END,
};

static enum cli_exit post(struct cli *cli, const struct command *self, const char *path,
                          const json_t *body, const char *done)
{
    _cleanup_json_ json_t *reply = NULL;
    const struct remote_call call = {
        .method = HTTP_POST, .path = path, .body = body, .command = self};
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli))
        print_json(cli, reply);
    else
        (void)fprintf(cli->out, "%s %s: webhost notices show %s tells whether it arrived\n",
                      json_get_text(reply, "kind"), done, json_get_text(reply, "id"));
    return CLI_OK;
}

static enum cli_exit replay_run(struct cli *cli, const struct command *self, const void *options)
{
    _cleanup_json_ json_t *body = json_object();
    request_body(self->options, options, body);
    const char *path =
        request_path("/api/notices/{NOTICE}/replay", self->arguments, options, &cli->arena);
    return post(cli, self, path, body, "is sent again");
}

const struct command command_notices_replay = {
    .name = "notices replay",
    .group = GROUP_WORK,
    .summary = "Send a notice again, at once",
    .details = "Receivers see the same id as before, so that they can tell that it is the same.",
    .arguments = notice_argument,
    .options = replay_options,
    .options_size = sizeof(struct notice_options),
    .run = replay_run,
};

static const struct option_spec target_argument[] = {
    {.field = {"TARGET", FIELD_TEXT, offsetof(struct notice_options, target), .required = true,
               .help = "its name in the configuration"}},
    OPTION_END,
};

static enum cli_exit test_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct notice_options *o = options;
    _cleanup_json_ json_t *body = json_pack("{s:s}", "target", o->target);
    return post(cli, self, "/api/notices/test", body, "is sent");
}

const struct command command_notices_test = {
    .name = "notices test",
    .group = GROUP_WORK,
    .summary = "Send a test to a target, to see that it arrives",
    .arguments = target_argument,
    .options_size = sizeof(struct notice_options),
    .run = test_run,
};
