#include "app/cli/commands.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/views.h"

struct instance_options {
    const char *instance;
    const char *plan;
    struct texts regions;
};

static const struct option_spec instance_argument[] = {
    {.field = {"INSTANCE", FIELD_TEXT, offsetof(struct instance_options, instance),
               .required = true, .help = "a customer's slug, an app, or a deployment's id"}},
    OPTION_END,
};

static const struct option_spec scale_options[] = {
    {.field = {"plan", FIELD_TEXT, offsetof(struct instance_options, plan),
               .help = "starter, professional or business"},
     .letter = 'p',
     .metavar = "PLAN",
     .key = "plan"},
    {.field = {"regions", FIELD_TEXTS, offsetof(struct instance_options, regions),
               .help = "Fly's codes, with the database's region: iad,fra"},
     .metavar = "LIST",
     .key = "regions"},
    OPTION_END,
};

static const struct column instance_columns[] = {
    {"app", "APP", COLUMN_TEXT},           {"customer", "CUSTOMER", COLUMN_TEXT},
    {"plan", "PLAN", COLUMN_TEXT},         {"status", "STATUS", COLUMN_STATE},
    {"health", "HEALTH", COLUMN_STATE},    {"regions", "REGIONS", COLUMN_LIST},
    {"created_at", "CREATED", COLUMN_AGO}, COLUMN_END,
};

static const struct column resource_columns[] = {
    {"kind", "KIND", COLUMN_TEXT},      {"slot", "FOR", COLUMN_TEXT},
    {"region", "REGION", COLUMN_TEXT},  {"provider_id", "ID", COLUMN_TEXT},
    {"status", "STATUS", COLUMN_STATE}, {"size", "SIZE", COLUMN_TEXT},
    {"health", "HEALTH", COLUMN_STATE}, {"checked_at", "LOOKED AT", COLUMN_AGO},
    {"error", "ERROR", COLUMN_LONG},    COLUMN_END,
};

static const struct column certificate_columns[] = {
    {"hostname", "HOSTNAME", COLUMN_TEXT},
    {"status", "CERTIFICATE", COLUMN_STATE},
    {"dns.type", "DNS", COLUMN_TEXT},
    {"dns.value", "MUST LEAD TO", COLUMN_TEXT},
    COLUMN_END,
};

const struct command command_instances_list = {
    .name = "instances list",
    .group = GROUP_FLEET,
    .by_default = true,
    .shows = true,
    .summary = "List dedicated apps and how they do",
    .options = paging_options,
    .options_size = sizeof(struct paging),
    .run = list_view_run,
    .data =
        &(const struct list_view){"/api/instances", "instances", instance_columns, .pages = true},
};

/* -- show -------------------------------------------------------------------------------------- */

static void put_line(FILE *out, const char *label, const char *text)
{
    if (!text)
        return;
    (void)fprintf(out, "%-10s ", label);
    put_text(out, text);
    (void)fputc('\n', out);
}

static void print_instance(const struct table *t, const json_t *instance)
{
    const json_t *certificates = json_object_get(instance, "certificates");
    put_line(t->out, "App", json_get_text(instance, "app"));
    put_line(t->out, "Customer", json_get_text(instance, "customer"));
    put_line(t->out, "Plan", json_get_text(instance, "plan"));
    put_line(t->out, "Status", json_get_text(instance, "status"));
    put_line(t->out, "Health", json_get_text(instance, "health"));
    if (json_get_bool(instance, "scaling"))
        put_line(t->out, "Scaling", "under way");
    put_line(t->out, "Not scaled", json_get_text(instance, "scale_error"));
    put_line(t->out, "Error", json_get_text(instance, "error"));
    (void)fputc('\n', t->out);
    table_print(t, resource_columns, json_object_get(instance, "resources"));
    if (json_array_size(certificates) == 0)
        return;
    (void)fputc('\n', t->out);
    table_print(t, certificate_columns, certificates);
}

const struct command command_instances_show = {
    .name = "instances show",
    .group = GROUP_FLEET,
    .shows = true,
    .summary = "Show a dedicated app, its machines and their health",
    .arguments = instance_argument,
    .options_size = sizeof(struct instance_options),
    .run = item_view_run,
    .data = &(const struct item_view){"/api/instances/{INSTANCE}", .print = print_instance},
};

/* -- scale ------------------------------------------------------------------------------------- */

static enum cli_exit scale_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct instance_options *o = options;
    _cleanup_json_ json_t *body = json_object(), *reply = NULL;
    request_body(self->options, options, body);
    const struct remote_call call = {
        .method = HTTP_POST,
        .path =
            request_path("/api/instances/{INSTANCE}/scale", self->arguments, options, &cli->arena),
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
    put_text(cli->out, o->instance);
    (void)fprintf(cli->out, " is being scaled by job %lld\n",
                  (long long)json_get_int(json_object_get(reply, "job"), "id"));
    return CLI_OK;
}

const struct command command_instances_scale = {
    .name = "instances scale",
    .group = GROUP_FLEET,
    .summary = "Give an app the size of a plan, or other regions",
    .details = "New machines come first, then the present ones are changed one after the other, "
               "and what is no longer wanted goes last. Volumes only grow. The subscription stays "
               "what it is. Without options the instance is looked through and repaired.",
    .arguments = instance_argument,
    .options = scale_options,
    .options_size = sizeof(struct instance_options),
    .run = scale_run,
    .examples =
        (const struct example[]){
            {"webhost instances scale acme --plan professional", "The machines of that plan"},
            {"webhost instances scale acme --regions iad,fra,sin", "Three regions, same machines"},
            {0},
        },
};
