/* Customers who leave, and their data as a file. */
#include "app/cli/commands.h"
#include "app/cli/customer_view.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"
#include "app/cli/wait.h"

#include <fcntl.h>

#define ANSWER_MAX 256

/* Both option structs of this file have it first. */
struct customer_options {
    const char *customer;
};

static const struct option_spec customer_argument[] = {
    {.field = {"CUSTOMER", FIELD_TEXT, offsetof(struct customer_options, customer),
               .required = true, .help = "its slug or its id"}},
    OPTION_END,
};

/* -- offboard ---------------------------------------------------------------------------------- */

struct offboard_options {
    const char *customer;
    bool now, no_export, cancel, yes;
    int64_t retention_us;
    const char *reason, *comment;
};

#define OFFBOARD(member) offsetof(struct offboard_options, member)

static const struct option_spec offboard_options[] = {
    {.field = {"now", FIELD_BOOL, OFFBOARD(now), .help = "delete at once, without a retention"}},
    {.field = {"retention", FIELD_INT, OFFBOARD(retention_us),
               .help = "keep everything so long, as the server is set unless told"},
     .metavar = "DAYS",
     .key = "retention_days",
     .duration = true},
    {.field = {"reason", FIELD_TEXT, OFFBOARD(reason),
               .help = "price, features, performance, reliability, support, switched, closed"},
     .metavar = "REASON",
     .key = "reason"},
    {.field = {"comment", FIELD_TEXT, OFFBOARD(comment), .max_len = 2000, .help = "in words"},
     .metavar = "TEXT",
     .key = "comment"},
    {.field = {"no-export", FIELD_BOOL, OFFBOARD(no_export), .help = "keep no file of the data"}},
    {.field = {"cancel", FIELD_BOOL, OFFBOARD(cancel),
               .help = "keep the customer after all; possible until the deletion begins"}},
    {.field = {"yes", FIELD_BOOL, OFFBOARD(yes), .help = "do not ask"}, .letter = 'y'},
    OPTION_END,
};

/* CLI_OK when the person means it. */
static enum cli_exit confirm(struct cli *cli, const struct command *self,
                             const struct offboard_options *o)
{
    char answer[ANSWER_MAX];
    if (o->yes)
        return CLI_OK;
    if (!isatty(fileno(cli->in)))
        return cli_usage(cli, self, "this ends in the deletion of %s: say --yes", o->customer);
    cli_note(cli, "%s loses access, and everything it has is deleted%s. Type its name to go on:",
             o->customer, o->now ? " at once" : " after the retention");
    if (fgets(answer, sizeof(answer), cli->in) &&
        str_eq(str_trim(str_from(answer)), str_from(o->customer)))
        return CLI_OK;
    cli_say(cli, "nothing was done");
    return CLI_FAILED;
}

/* Days in the body; a duration that is none is the person's mistake. */
static enum cli_exit add_retention(struct cli *cli, const struct command *self,
                                   const struct offboard_options *o, json_t *body)
{
    bool given = o->retention_us != INT_ABSENT;
    if (given && o->now)
        return cli_usage(cli, self, "--now and --retention exclude each other");
    if (given && o->retention_us % USEC_PER_DAY)
        return cli_usage(cli, self, "--retention must be whole days, such as 30d");
    if (given || o->now)
        (void)json_object_set_new(body, "retention_days",
                                  json_integer(o->now ? 0 : o->retention_us / USEC_PER_DAY));
    return CLI_OK;
}

static enum cli_exit offboard_body(struct cli *cli, const struct command *self,
                                   const struct offboard_options *o, json_t *body)
{
    if (o->cancel)
        return CLI_OK;
    if (o->reason)
        (void)json_object_set_new(body, "reason", json_from_text(o->reason));
    if (o->comment)
        (void)json_object_set_new(body, "comment", json_from_text(o->comment));
    if (o->no_export)
        (void)json_object_set_new(body, "export", json_false());
    enum cli_exit code = add_retention(cli, self, o, body);
    return code == CLI_OK ? confirm(cli, self, o) : code;
}

static enum cli_exit offboard_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct offboard_options *o = options;
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    enum cli_exit code = offboard_body(cli, self, o, body);
    if (code != CLI_OK)
        return code;
    const struct remote_call call = {
        .method = HTTP_POST,
        .path = request_path(o->cancel ? "/api/customers/{CUSTOMER}/offboard/cancel"
                                       : "/api/customers/{CUSTOMER}/offboard",
                             self->arguments, options, &cli->arena),
        .body = o->cancel ? NULL : body,
        .command = self,
    };
    code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    const struct table t = cli_table(cli);
    if (cli_wants_json(cli))
        print_json(cli, reply);
    else
        offboarding_print(&t, reply);
    return CLI_OK;
}

const struct command command_customers_offboard = {
    .name = "customers offboard",
    .group = GROUP_CUSTOMERS,
    .summary = "Let a customer leave, or keep it after all",
    .details = "Its subscription ends and it is shut out, its data is exported, kept for the "
               "retention and then deleted, with all that it has in a cloud. Until the deletion "
               "begins --cancel takes it all back.",
    .arguments = customer_argument,
    .options = offboard_options,
    .options_size = sizeof(struct offboard_options),
    .run = offboard_run,
    .examples =
        (const struct example[]){
            {"webhost customers offboard acme --reason price --retention 30d", "It left for money"},
            {"webhost customers offboard acme --cancel", "It stays"},
            {0},
        },
};

/* -- export ------------------------------------------------------------------------------------ */

struct export_options {
    const char *customer;
    const char *out;
};

static const struct option_spec export_options[] = {
    {.field = {"out", FIELD_TEXT, offsetof(struct export_options, out), .required = true,
               .max_len = 4096, .help = "where to write the tar.gz"},
     .letter = 'O',
     .metavar = "FILE"},
    OPTION_END,
};

/* Has a new export made, where there is still something to export. */
static enum cli_exit renew_export(struct cli *cli, const struct command *self, const void *options)
{
    _cleanup_json_ json_t *customer = NULL, *reply = NULL;
    const char *path =
        request_path("/api/customers/{CUSTOMER}", self->arguments, options, &cli->arena);
    enum cli_exit code = remote_get(cli, self, path, &customer);
    const char *status = json_get_text(json_object_get(customer, "deployment"), "status");
    if (code != CLI_OK || !text_eq(status, "active"))
        return code;
    const struct remote_call call = {
        .method = HTTP_POST,
        .path = arena_printf(&cli->arena, "%s/export", path),
        .command = self,
    };
    code = remote_call(cli, &call, &reply);
    return code == CLI_OK ? wait_for_job(cli, self, json_get_int(reply, "job_id"), "the export")
                          : code;
}

/* Under another name until it is whole. */
static enum cli_exit download(struct cli *cli, const struct command *self, const void *options)
{
    const struct export_options *o = options;
    const char *unfinished = arena_printf(&cli->arena, "%s.unfinished", o->out);
    int fd = open(unfinished, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    FILE *file = fd < 0 ? NULL : fdopen(fd, "w");
    struct error e;
    if (!file) {
        (void)error_errno(&e, "cannot write %s", unfinished);
        return cli_fail(cli, &e);
    }
    const char *path =
        request_path("/api/customers/{CUSTOMER}/export", self->arguments, options, &cli->arena);
    enum cli_exit code = remote_download(cli, self, path, file);
    bool written = fflush(file) == 0 && fsync(fd) == 0;
    written = fclose(file) == 0 && written;
    if (code == CLI_OK && (!written || rename(unfinished, o->out) != 0)) {
        (void)error_errno(&e, "cannot write %s", o->out);
        code = cli_fail(cli, &e);
    }
    if (code != CLI_OK)
        (void)unlink(unfinished);
    return code;
}

static enum cli_exit export_run(struct cli *cli, const struct command *self, const void *options)
{
    enum cli_exit code = renew_export(cli, self, options);
    return code == CLI_OK ? download(cli, self, options) : code;
}

const struct command command_customers_export = {
    .name = "customers export",
    .group = GROUP_CUSTOMERS,
    .summary = "Fetch all of a customer's data as a tar.gz",
    .details = "A table is a file with a JSON object a line; manifest.json says how many rows each "
               "has and its SHA-256. The data of a customer who left can be fetched until its "
               "export expires.",
    .arguments = customer_argument,
    .options = export_options,
    .options_size = sizeof(struct export_options),
    .run = export_run,
    .examples =
        (const struct example[]){
            {"webhost customers export acme -O acme.tar.gz", "What Acme has, as of now"},
            {0},
        },
};
