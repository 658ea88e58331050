#include "app/cli/commands.h"
#include "app/cli/views.h"

struct routes_options {
    struct paging paging;
    bool haproxy;
};

static const struct option_spec list_options[] = {
    PAGING_OPTIONS,
    {.field = {"haproxy", FIELD_BOOL, offsetof(struct routes_options, haproxy),
               .help = "all as a map file for HAProxy"}},
    OPTION_END,
};

static const struct column list_columns[] = {
    {"slug", "CUSTOMER", COLUMN_TEXT},
    {"version", "VERSION", COLUMN_NUMBER},
    {"mode", "MODE", COLUMN_TEXT},
    {"application", "APPLICATION", COLUMN_TEXT},
    {"database.engine", "DATABASE", COLUMN_TEXT},
    {"database.host", "HOST", COLUMN_TEXT},
    {"database.dbname", "NAME", COLUMN_TEXT},
    {"changed_at", "CHANGED", COLUMN_AGO},
    COLUMN_END,
};

static void print_map(struct cli *cli, const json_t *rows)
{
    size_t i;
    const json_t *row;
    json_array_foreach (rows, i, row) {
        const char *application = json_get_text(row, "application");
        if (application)
            (void)fprintf(cli->out, "%s %s\n", json_get_text(row, "slug"), application);
    }
}

static const struct list_view list_view = {"/api/routes", "routes", list_columns, .pages = true};
static const struct list_view map_view = {"/api/routes", "routes", .print = print_map,
                                          .pages = true};

static enum cli_exit list_run(struct cli *cli, const struct command *self, const void *options)
{
    struct routes_options o = *(const struct routes_options *)options;
    if (!o.haproxy)
        return list_view_run(cli, self, options);
    struct command map = *self;
    map.data = &map_view;
    o.paging.all = true;
    return list_view_run(cli, &map, &o);
}

const struct command command_routes_list = {
    .name = "routes list",
    .group = GROUP_FLEET,
    .by_default = true,
    .summary = "List where customers' clients go",
    .details = "A route is where a customer's application and database are. Its version grows with "
               "every change, so that whoever keeps it can ask cheaply whether it still holds.",
    .options = list_options,
    .options_size = sizeof(struct routes_options),
    .run = list_run,
    .data = &list_view,
    .examples =
        (const struct example[]){
            {"webhost routes --haproxy > webhost.map",
             "The map that HAProxy looks customers up in"},
            {0},
        },
};

struct show_options {
    const char *slug;
};

static const struct option_spec show_arguments[] = {
    {.field = {"SLUG", FIELD_TEXT, offsetof(struct show_options, slug), .required = true,
               .help = "the customer's slug"}},
    OPTION_END,
};

static const struct column card_columns[] = {
    {"slug", "Customer", COLUMN_TEXT},
    {"version", "Version", COLUMN_TEXT},
    {"changed_at", "Changed", COLUMN_AGO},
    {"mode", "Mode", COLUMN_TEXT},
    {"regions", "Regions", COLUMN_TEXT},
    {"application", "Application", COLUMN_TEXT},
    {"database.engine", "Database", COLUMN_TEXT},
    {"database.url", "Url", COLUMN_TEXT},
    {"database.host", "Host", COLUMN_TEXT},
    {"database.port", "Port", COLUMN_TEXT},
    {"database.dbname", "Name", COLUMN_TEXT},
    {"database.user", "User", COLUMN_TEXT},
    {"database.alias", "PgBouncer alias", COLUMN_TEXT},
    {"deployment_id", "Deployment", COLUMN_TEXT},
    COLUMN_END,
};

const struct command command_routes_show = {
    .name = "routes show",
    .group = GROUP_FLEET,
    .summary = "Show where a customer's clients go",
    .arguments = show_arguments,
    .options_size = sizeof(struct show_options),
    .run = item_view_run,
    .data = &(const struct item_view){"/api/routes/{SLUG}", card_columns},
};
