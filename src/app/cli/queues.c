#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"

struct queue_options {
    const char *name;
    int64_t limit; /* INT_ABSENT: not given */
    bool unset;
};

static const struct option_spec queue_argument[] = {
    {.field = {"QUEUE", FIELD_TEXT, offsetof(struct queue_options, name), .required = true,
               .help = "the queue's name"}},
    OPTION_END,
};

static const struct option_spec scale_options[] = {
    {.field = {"limit", FIELD_INT, offsetof(struct queue_options, limit), .min = 1, .max = 1000,
               .help = "how many of its jobs each node runs at a time"},
     .letter = 'n',
     .metavar = "N",
     .key = "node_limit"},
    {.field = {"default", FIELD_BOOL, offsetof(struct queue_options, unset),
               .help = "as many as each node's configuration says"}},
    OPTION_END,
};

static const struct column queue_columns[] = {
    {"name", "NAME", COLUMN_TEXT},
    {"paused", "PAUSED", COLUMN_TEXT},
    {"node_limit", "LIMIT", COLUMN_NUMBER},
    {"available", "AVAILABLE", COLUMN_NUMBER},
    {"scheduled", "SCHEDULED", COLUMN_NUMBER},
    {"executing", "EXECUTING", COLUMN_NUMBER},
    {"retryable", "RETRYABLE", COLUMN_NUMBER},
    {"oldest_at", "OLDEST", COLUMN_AGO},
    {"this_node.wait.p50_ms", "WAIT P50", COLUMN_TOOK},
    {"this_node.run.p50_ms", "RUN P50", COLUMN_TOOK},
    COLUMN_END,
};

const struct command command_queues_list = {
    .name = "queues list",
    .group = GROUP_WORK,
    .by_default = true,
    .shows = true,
    .summary = "List the queues, what waits in them and how long",
    .details = "The counts are those of the whole installation. The times, from a job's time until "
               "it began and how long it ran, are those of the node that answers, since it "
               "started.",
    .run = list_view_run,
    .data = &(const struct list_view){"/api/queues", "queues", queue_columns, .pages = false},
};

const struct command command_queues_pause = {
    .name = "queues pause",
    .group = GROUP_WORK,
    .summary = "Begin no more jobs of a queue, on every node",
    .arguments = queue_argument,
    .options_size = sizeof(struct queue_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/queues/{QUEUE}/pause", "is paused"},
};

const struct command command_queues_resume = {
    .name = "queues resume",
    .group = GROUP_WORK,
    .summary = "Begin jobs of a queue again",
    .arguments = queue_argument,
    .options_size = sizeof(struct queue_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/queues/{QUEUE}/resume", "is resumed"},
};

static enum cli_exit scale_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct queue_options *o = options;
    if ((o->limit != INT_ABSENT) == o->unset)
        return cli_usage(cli, self, "give either --limit N or --default");
    _cleanup_json_ json_t *body = json_pack("{sn}", "node_limit"), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST,
        .path = request_path("/api/queues/{QUEUE}/scale", self->arguments, options, &cli->arena),
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
    put_text(cli->out, o->name);
    if (o->unset)
        (void)fputs(" runs as many jobs at a time as each node's configuration says\n", cli->out);
    else
        (void)fprintf(cli->out, " runs at most %lld jobs at a time on each node\n",
                      (long long)o->limit);
    return CLI_OK;
}

const struct command command_queues_scale = {
    .name = "queues scale",
    .group = GROUP_WORK,
    .summary = "Set how many jobs of a queue each node runs",
    .arguments = queue_argument,
    .options = scale_options,
    .options_size = sizeof(struct queue_options),
    .run = scale_run,
    .examples =
        (const struct example[]){
            {"webhost queues scale provisioning --limit 8", "Eight at a time on each node"},
            {"webhost queues scale provisioning --default", "What each node's configuration says"},
            {0},
        },
};
