#include "app/cli/commands.h"
#include "app/cli/customer_view.h"
#include "app/cli/decision_view.h"
#include "app/cli/profile_flags.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"
#include "app/cli/wait.h"

#define PROFILE_FILE_MAX ((size_t)1 << 20)
#define STATUS_PATH      "/api/admin/deployment/status/{CUSTOMER}"

static const char *const mode_words[] = {"multi_tenant", "single_tenant", NULL};

/* Every option struct of this file that names a customer has it first. */
struct customer_options {
    const char *customer;
};

static const struct option_spec customer_argument[] = {
    {.field = {"CUSTOMER", FIELD_TEXT, offsetof(struct customer_options, customer),
               .required = true, .help = "its slug or its id"},
     .key = "customer_id"},
    OPTION_END,
};

/* -- signup ------------------------------------------------------------------------------------ */

struct signup_options {
    const char *name, *slug, *email, *company, *billing_email, *plan;
    struct profile_flags flags;
    const char *profile;
    const char *idempotency_key;
    bool wait;
};

#define SIGNUP(member) offsetof(struct signup_options, member)

static const struct option_spec signup_options[] = {
    {.field = {"name", FIELD_TEXT, SIGNUP(name), .required = true, .help = "the customer's name"},
     .metavar = "NAME",
     .key = "name"},
    {.field = {"slug", FIELD_TEXT, SIGNUP(slug), .required = true,
               .help = "its short name: lower-case letters, digits and -"},
     .metavar = "SLUG",
     .key = "slug"},
    {.field = {"email", FIELD_TEXT, SIGNUP(email), .required = true, .help = "whom to write to"},
     .metavar = "ADDRESS",
     .key = "email"},
    {.field = {"plan", FIELD_TEXT, SIGNUP(plan), .required = true,
               .help = "hobby, starter, professional or business"},
     .metavar = "PLAN",
     .key = "plan_slug"},
    {.field = {"company", FIELD_TEXT, SIGNUP(company), .help = "the company's name"},
     .metavar = "NAME",
     .key = "company_name"},
    {.field = {"billing-email", FIELD_TEXT, SIGNUP(billing_email), .help = "where bills go"},
     .metavar = "ADDRESS",
     .key = "billing_email"},
    PROFILE_OPTIONS(struct signup_options, flags, "profile_overrides."),
    {.field = {"profile", FIELD_TEXT, SIGNUP(profile), .max_len = PROFILE_FILE_MAX,
               .help = "the whole profile as JSON, or @FILE; the options above go before it"},
     .metavar = "JSON|@FILE"},
    {.field = {"idempotency-key", FIELD_TEXT, SIGNUP(idempotency_key), .max_len = 255,
               .help = "trying again with the same key signs up once"},
     .metavar = "KEY"},
    {.field = {"wait", FIELD_BOOL, SIGNUP(wait), .help = "until the customer is set up"},
     .letter = 'w'},
    OPTION_END,
};

/* Puts --profile into the body; options that say the same go over it afterwards. */
static enum cli_exit add_profile(struct cli *cli, const char *profile, json_t *body)
{
    struct error e;
    struct str text = str_from(profile);
    if (profile[0] == '@' && cli_read(cli, profile + 1, PROFILE_FILE_MAX, &text, &e) != OK)
        return cli_fail(cli, &e);
    json_t *value = NULL;
    if (json_parse(text, &value, &e) != OK) {
        (void)error_prefix(&e, "--profile");
        return cli_fail(cli, &e);
    }
    if (!json_is_object(value)) {
        json_decref(value);
        cli_say(cli, "--profile must be a JSON object such as {\"budget\": 30}");
        return CLI_USAGE;
    }
    BUG_ON(json_object_set_new(body, "profile_overrides", value) != 0);
    return CLI_OK;
}

/* People who wait want to see where it ended; a program gets the reply, and waits for the code. */
static enum cli_exit signup_print(struct cli *cli, const struct command *self,
                                  const struct signup_options *o, const json_t *reply)
{
    _cleanup_json_ json_t *status = NULL;
    bool json = cli_wants_json(cli);
    if (json)
        print_json(cli, reply);
    enum cli_exit code = o->wait ? wait_for_active(cli, self, o->slug, NULL, &status) : CLI_OK;
    if (code != CLI_OK || json)
        return code;
    const struct table t = cli_table(cli);
    customer_print(&t, status ? status : reply);
    return CLI_OK;
}

static enum cli_exit signup_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct signup_options *o = options;
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    enum cli_exit code = o->profile ? add_profile(cli, o->profile, body) : CLI_OK;
    if (code != CLI_OK)
        return code;
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST,
        .path = "/api/signup",
        .body = body,
        .idempotency_key = o->idempotency_key,
        .command = self,
    };
    code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    return signup_print(cli, self, o, reply);
}

const struct command command_signup = {
    .name = "signup",
    .group = GROUP_CUSTOMERS,
    .summary = "Sign a customer up, decide its place and set it up",
    .options = signup_options,
    .options_size = sizeof(struct signup_options),
    .run = signup_run,
    .examples =
        (const struct example[]){
            {"webhost signup --name Acme --slug acme --email ops@acme.example \\\n"
             "      --plan hobby --budget 30 --vehicles 2 --wait",
             "A small customer, and wait until it runs"},
            {0},
        },
};

/* -- status ------------------------------------------------------------------------------------ */

const struct command command_status = {
    .name = "status",
    .group = GROUP_CUSTOMERS,
    .shows = true,
    .summary = "Show where a customer is and what is being done",
    .arguments = customer_argument,
    .options_size = sizeof(struct customer_options),
    .run = item_view_run,
    .data = &(const struct item_view){STATUS_PATH, .print = customer_print},
    .examples =
        (const struct example[]){
            {"webhost status acme --watch", "Follow a customer while it is set up"},
            {0},
        },
};

/* -- evaluate ---------------------------------------------------------------------------------- */

struct evaluate_options {
    const char *customer;
    struct profile_flags flags;
};

static const struct option_spec evaluate_options[] = {
    PROFILE_OPTIONS(struct evaluate_options, flags, ""),
    OPTION_END,
};

static enum cli_exit evaluate_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct evaluate_options *o = options;
    _cleanup_json_ json_t *body = json_pack("{ss}", "customer_id", o->customer), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {.method = HTTP_POST,
                                     .path = "/api/admin/deployment/evaluate",
                                     .body = body,
                                     .command = self};
    enum cli_exit code = remote_call(cli, &call, &reply);
    if (code != CLI_OK)
        return code;
    if (cli_wants_json(cli)) {
        print_json(cli, reply);
        return CLI_OK;
    }
    const struct table t = cli_table(cli);
    const char *now = json_get_text(json_object_get(reply, "current_deployment"), "mode");
    decision_print(&t, json_object_get(reply, "recommended"));
    (void)fprintf(cli->out, "%-13s", "Now");
    put_text(cli->out, now ? now : "no deployment");
    (void)fputs(json_get_bool(reply, "migration_due") ? "; a move is due\n" : "; no move is due\n",
                cli->out);
    return CLI_OK;
}

const struct command command_evaluate = {
    .name = "evaluate",
    .group = GROUP_CUSTOMERS,
    .summary = "Decide again for a customer; changes nothing",
    .details = "What is not given takes the customer's recorded value, then the default.",
    .arguments = customer_argument,
    .options = evaluate_options,
    .options_size = sizeof(struct evaluate_options),
    .run = evaluate_run,
    .examples =
        (const struct example[]){
            {"webhost evaluate acme --vehicles 40", "What if its fleet grew to 40?"},
            {0},
        },
};

/* -- list, show -------------------------------------------------------------------------------- */

struct list_options {
    struct paging paging;
    int mode;
    const char *status;
};

static const struct option_spec list_options[] = {
    {.field = {"mode", FIELD_ENUM, offsetof(struct list_options, mode), .names = mode_words,
               .help = "only customers in this mode"},
     .metavar = "multi_tenant|single_tenant",
     .key = "mode"},
    {.field = {"status", FIELD_TEXT, offsetof(struct list_options, status),
               .help = "only customers with this status"},
     .metavar = "STATUS",
     .key = "status"},
    PAGING_OPTIONS,
    OPTION_END,
};

static const struct column list_columns[] = {
    {"slug", "CUSTOMER", COLUMN_TEXT},
    {"name", "NAME", COLUMN_LONG},
    {"plan", "PLAN", COLUMN_TEXT},
    {"mode", "MODE", COLUMN_TEXT},
    {"status", "STATUS", COLUMN_STATE},
    {"created_at", "SINCE", COLUMN_AGO},
    COLUMN_END,
};

const struct command command_customers_list = {
    .name = "customers list",
    .group = GROUP_CUSTOMERS,
    .by_default = true,
    .shows = true,
    .summary = "List customers",
    .options = list_options,
    .options_size = sizeof(struct list_options),
    .run = list_view_run,
    .data = &(const struct list_view){"/api/customers", "customers", list_columns, .pages = true},
    .examples =
        (const struct example[]){
            {"webhost customers --mode single_tenant", "Who has machines of its own"},
            {"webhost customers --all -o json | jq -r '.customers[].slug'", "For a program"},
            {0},
        },
};

const struct command command_customers_show = {
    .name = "customers show",
    .group = GROUP_CUSTOMERS,
    .shows = true,
    .summary = "Show one customer, its deployment and last decision",
    .arguments = customer_argument,
    .options_size = sizeof(struct customer_options),
    .run = item_view_run,
    .data = &(const struct item_view){"/api/customers/{CUSTOMER}", .print = customer_print},
};

/* -- plan -------------------------------------------------------------------------------------- */

struct plan_options {
    const char *customer, *plan;
};

static const struct option_spec plan_arguments[] = {
    {.field = {"CUSTOMER", FIELD_TEXT, offsetof(struct plan_options, customer), .required = true,
               .help = "its slug or its id"}},
    {.field = {"PLAN", FIELD_TEXT, offsetof(struct plan_options, plan), .required = true,
               .help = "hobby, starter, professional or business"},
     .key = "plan"},
    OPTION_END,
};

static enum cli_exit plan_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct plan_options *o = options;
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    request_body(self->arguments, options, body);
    const struct remote_call call = {
        .method = HTTP_PATCH,
        .path = request_path("/api/customers/{CUSTOMER}", self->arguments, options, &cli->arena),
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
    put_text(cli->out, o->customer);
    (void)fputs(" has plan ", cli->out);
    put_text(cli->out, json_get_text(json_object_get(reply, "customer"), "plan"));
    int64_t job = json_get_int(json_object_get(reply, "job"), "id");
    if (job != INT_ABSENT)
        (void)fprintf(cli->out, "; its instance is being scaled by job %lld", (long long)job);
    (void)fputc('\n', cli->out);
    return CLI_OK;
}

const struct command command_customers_plan = {
    .name = "customers plan",
    .group = GROUP_CUSTOMERS,
    .summary = "Change a customer's plan",
    .details = "A dedicated instance is scaled to what a decision with the new plan says: at least "
               "the plan, more when the customer needs more. A shared place stays as it is, and "
               "nobody is moved to the other mode: see webhost evaluate and webhost migrate.",
    .arguments = plan_arguments,
    .options_size = sizeof(struct plan_options),
    .run = plan_run,
    .examples =
        (const struct example[]){
            {"webhost customers plan acme business", "More machines, in three regions"},
            {0},
        },
};
