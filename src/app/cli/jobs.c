#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"

struct jobs_options {
    struct paging paging;
    const char *state, *queue, *worker, *customer;
};

struct job_options {
    const char *id;
};

/* One job or all that the rest describes. */
struct retry_options {
    const char *id;
    int state; /* -1: not given */
    const char *queue, *worker, *customer;
};

static const char *const retry_states[] = {"discarded", "cancelled", "retryable", NULL};

#define LIST(member)  offsetof(struct jobs_options, member)
#define RETRY(member) offsetof(struct retry_options, member)

static const struct option_spec list_options[] = {
    {.field = {"state", FIELD_TEXT, LIST(state),
               .help = "available, scheduled, executing, retryable, completed, cancelled or "
                       "discarded"},
     .metavar = "STATE",
     .key = "state"},
    {.field = {"queue", FIELD_TEXT, LIST(queue), .help = "only this queue"},
     .metavar = "QUEUE",
     .key = "queue"},
    {.field = {"worker", FIELD_TEXT, LIST(worker), .help = "only this worker's"},
     .metavar = "WORKER",
     .key = "worker"},
    {.field = {"customer", FIELD_TEXT, LIST(customer), .help = "only this customer's"},
     .metavar = "CUSTOMER",
     .key = "customer"},
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct option_spec job_argument[] = {
    {.field = {"JOB", FIELD_TEXT, offsetof(struct job_options, id), .required = true,
               .help = "the job's id"}},
    OPTION_END,
};

static const struct option_spec retry_argument[] = {
    {.field = {"JOB", FIELD_TEXT, RETRY(id), .help = "the job's id"}},
    OPTION_END,
};

static const struct option_spec retry_filter[] = {
    {.field = {"state", FIELD_ENUM, RETRY(state), .names = retry_states,
               .help = "all jobs in this state, instead of one"},
     .metavar = "discarded|cancelled|retryable",
     .key = "state"},
    {.field = {"queue", FIELD_TEXT, RETRY(queue), .help = "of those, only this queue's"},
     .metavar = "QUEUE",
     .key = "queue"},
    {.field = {"worker", FIELD_TEXT, RETRY(worker), .help = "of those, only this worker's"},
     .metavar = "WORKER",
     .key = "worker"},
    {.field = {"customer", FIELD_TEXT, RETRY(customer), .help = "of those, only this customer's"},
     .metavar = "CUSTOMER",
     .key = "customer"},
    OPTION_END,
};

static const struct column list_columns[] = {
    {"id", "JOB", COLUMN_TEXT},
    {"state", "STATE", COLUMN_STATE},
    {"queue", "QUEUE", COLUMN_TEXT},
    {"worker", "WORKER", COLUMN_LONG},
    {"attempt", "TRY", COLUMN_NUMBER},
    {"max_attempts", "OF", COLUMN_NUMBER},
    {"inserted_at", "ADDED", COLUMN_AGO},
    {"last_error", "ERROR", COLUMN_LONG},
    COLUMN_END,
};

static const struct column job_columns[] = {
    {"id", "Job", COLUMN_TEXT},
    {"state", "State", COLUMN_STATE},
    {"queue", "Queue", COLUMN_TEXT},
    {"worker", "Worker", COLUMN_TEXT},
    {"customer_id", "Customer", COLUMN_TEXT},
    {"attempt", "Attempt", COLUMN_TEXT},
    {"max_attempts", "Attempts", COLUMN_TEXT},
    {"snoozes", "Waited", COLUMN_TEXT},
    {"priority", "Priority", COLUMN_TEXT},
    {"unique_key", "Unique key", COLUMN_TEXT},
    {"node", "Node", COLUMN_TEXT},
    {"inserted_at", "Added", COLUMN_AGO},
    {"scheduled_at", "Scheduled", COLUMN_AGO},
    {"attempted_at", "Tried", COLUMN_AGO},
    {"finished_at", "Finished", COLUMN_AGO},
    {"args", "Arguments", COLUMN_TEXT},
    COLUMN_END,
};

static const struct column error_columns[] = {
    {"attempt", "TRY", COLUMN_NUMBER},
    {"at", "WHEN", COLUMN_AGO},
    {"error", "ERROR", COLUMN_LONG},
    COLUMN_END,
};

/* The server takes a part of them at a time, each below the one before. */
static enum cli_exit retry_all(struct cli *cli, const struct command *self, json_t *body,
                               int64_t *ret_retried)
{
    const struct remote_call call = {
        .method = HTTP_POST, .path = "/api/jobs/retry", .body = body, .command = self};
    bool more = true;
    while (more) {
        _cleanup_json_ json_t *reply = NULL;
        enum cli_exit code = remote_call(cli, &call, &reply);
        if (code != CLI_OK)
            return code;
        json_t *below = json_object_get(reply, "next_below");
        *ret_retried += json_integer_value(json_object_get(reply, "retried"));
        more = json_is_integer(below);
        (void)json_object_set(body, "below", below);
    }
    return CLI_OK;
}

static enum cli_exit retry_many(struct cli *cli, const struct command *self, const void *options)
{
    _cleanup_json_ json_t *body = json_object();
    int64_t retried = 0;
    request_body(self->options, options, body);
    enum cli_exit code = retry_all(cli, self, body, &retried);
    if (code != CLI_OK && retried > 0)
        cli_say(cli, "%lld jobs were queued again before that", (long long)retried);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        _cleanup_json_ json_t *result = json_pack("{sI}", "retried", (json_int_t)retried);
        print_json(cli, result);
        return CLI_OK;
    }
    (void)fprintf(cli->out, "%lld %s queued again\n", (long long)retried,
                  retried == 1 ? "job is" : "jobs are");
    return CLI_OK;
}

static enum cli_exit retry_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct retry_options *o = options;
    bool filter = o->state >= 0 || o->queue || o->worker || o->customer;
    if (o->id && filter)
        return cli_usage(cli, self, "give either a job or --state, not both");
    if (o->id)
        return action_view_run(cli, self, options);
    if (o->state < 0)
        return cli_usage(cli, self, "give a job, or --state for many");
    return retry_many(cli, self, options);
}

const struct command command_jobs_list = {
    .name = "jobs list",
    .group = GROUP_WORK,
    .by_default = true,
    .shows = true,
    .summary = "List jobs, newest first",
    .options = list_options,
    .options_size = sizeof(struct jobs_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/jobs", "jobs", list_columns, .pages = true},
    .examples =
        (const struct example[]){
            {"webhost jobs --state retryable", "What failed and will be tried again"},
            {"webhost jobs --customer acme -o json", "One customer's jobs for a program"},
            {0},
        },
};

const struct command command_jobs_show = {
    .name = "jobs show",
    .group = GROUP_WORK,
    .shows = true,
    .summary = "Show one job and the error of each attempt",
    .arguments = job_argument,
    .options_size = sizeof(struct job_options),
    .run = item_view_run,
    .data = &(const struct item_view){"/api/jobs/{JOB}", job_columns, .also = "errors",
                                      .also_columns = error_columns},
};

const struct command command_jobs_retry = {
    .name = "jobs retry",
    .group = GROUP_WORK,
    .summary = "Run a job that stopped, or many, again",
    .arguments = retry_argument,
    .options = retry_filter,
    .options_size = sizeof(struct retry_options),
    .run = retry_run,
    .data = &(const struct action_view){HTTP_POST, "/api/jobs/{JOB}/retry", "is queued again"},
    .examples =
        (const struct example[]){
            {"webhost jobs retry 42", "One job"},
            {"webhost jobs retry --state discarded --queue provisioning",
             "All that ran out of attempts in a queue"},
            {0},
        },
};

const struct command command_jobs_cancel = {
    .name = "jobs cancel",
    .group = GROUP_WORK,
    .summary = "Stop a job and do not try it again",
    .arguments = job_argument,
    .options_size = sizeof(struct job_options),
    .run = action_view_run,
    .data = &(const struct action_view){HTTP_POST, "/api/jobs/{JOB}/cancel", "is cancelled"},
};
