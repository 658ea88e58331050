/* `webhost context`: the servers that a person works with (contexts.h). */
#include "app/cli/commands.h"
#include "app/cli/contexts.h"
#include "app/cli/views.h"

#include <unistd.h>

struct context_options {
    const char *name, *url;
    bool use;
};

#define AT(member) offsetof(struct context_options, member)

static const struct option_spec name_argument[] = {
    {.field = {"CONTEXT", FIELD_TEXT, AT(name), .required = true, .check = context_name_check,
               .help = "its name"}},
    OPTION_END,
};

/* "http://x" would be taken as it is; anything else would fail at the first use only. */
static const char *url_check(const char *text)
{
    struct str s = str_from(text);
    return str_starts_with(s, STR("http://")) || str_starts_with(s, STR("https://"))
               ? NULL
               : "must begin with http:// or https://";
}

static const struct option_spec add_options[] = {
    {.field = {"url", FIELD_TEXT, AT(url), .required = true, .check = url_check,
               .help = "the server"},
     .metavar = "URL"},
    {.field = {"use", FIELD_BOOL, AT(use), .help = "talk to it from now on"}},
    OPTION_END,
};

static const struct column context_columns[] = {
    {"current", "", COLUMN_TEXT},
    {"name", "CONTEXT", COLUMN_TEXT},
    {"url", "URL", COLUMN_TEXT},
    {"token_file", "TOKEN FILE", COLUMN_LONG},
    COLUMN_END,
};

/* Relative to where the person is now, which later commands need not be. */
static const char *absolute(struct cli *cli, const char *path)
{
    char folder[4096];
    if (!path || path[0] == '/' || !getcwd(folder, sizeof(folder)))
        return path;
    return arena_printf(&cli->arena, "%s/%s", folder, path);
}

static enum cli_exit save(struct cli *cli, const struct contexts *contexts, const char *name,
                          const char *done)
{
    struct error e;
    if (contexts_write(cli, contexts, &e) != OK)
        return cli_fail(cli, &e);
    cli_note(cli, "%s %s", name, done);
    return CLI_OK;
}

static enum cli_exit add_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct context_options *o = options;
    struct contexts contexts;
    struct error e;
    if (contexts_read(cli, &contexts, &e) != OK)
        return cli_fail(cli, &e);
    struct context *found = context_find(&contexts, o->name);
    size_t count = contexts.items.count;
    if (!found && count == CONTEXTS_MAX)
        return cli_usage(cli, self, "there are %d contexts already; remove one first",
                         CONTEXTS_MAX);
    struct context *items = arena_new_array(&cli->arena, count + 1, struct context);
    for (size_t i = 0; i < count; i++)
        items[i] = ((const struct context *)contexts.items.items)[i];
    size_t place = found ? (size_t)(found - (struct context *)contexts.items.items) : count;
    items[place] = (struct context){o->name, o->url, absolute(cli, cli->globals.token_file)};
    contexts.items = (struct records){items, found ? count : count + 1};
    if (o->use || !contexts.current)
        contexts.current = o->name;
    bool used = text_eq(contexts.current, o->name);
    return save(cli, &contexts, o->name,
                used ? "is known and in use" : "is known; webhost context use takes it");
}

static enum cli_exit not_there(struct cli *cli, const char *name)
{
    cli_say(cli, "there is no context %s; webhost context list shows those there are", name);
    return CLI_NOT_FOUND;
}

static enum cli_exit use_run(struct cli *cli, const struct command *self, const void *options)
{
    (void)self;
    const struct context_options *o = options;
    struct contexts contexts;
    struct error e;
    if (contexts_read(cli, &contexts, &e) != OK)
        return cli_fail(cli, &e);
    if (!context_find(&contexts, o->name))
        return not_there(cli, o->name);
    contexts.current = o->name;
    return save(cli, &contexts, o->name, "is in use");
}

static enum cli_exit remove_run(struct cli *cli, const struct command *self, const void *options)
{
    (void)self;
    const struct context_options *o = options;
    struct contexts contexts;
    struct error e;
    if (contexts_read(cli, &contexts, &e) != OK)
        return cli_fail(cli, &e);
    struct context *found = context_find(&contexts, o->name), *items = contexts.items.items;
    if (!found)
        return not_there(cli, o->name);
    for (size_t i = (size_t)(found - items); i + 1 < contexts.items.count; i++)
        items[i] = items[i + 1];
    contexts.items.count--;
    if (text_eq(contexts.current, o->name))
        contexts.current = NULL;
    return save(cli, &contexts, o->name, "is forgotten; its token's file is still there");
}

static enum cli_exit list_run(struct cli *cli, const struct command *self, const void *options)
{
    (void)self;
    (void)options;
    struct contexts contexts;
    struct error e;
    if (contexts_read(cli, &contexts, &e) != OK)
        return cli_fail(cli, &e);
    bool json = cli_wants_json(cli);
    _cleanup_json_ json_t *list = json_array();
    const struct context *items = contexts.items.items;
    for (size_t i = 0; i < contexts.items.count; i++) {
        bool current = text_eq(items[i].name, contexts.current);
        (void)json_array_append_new(
            list, json_pack("{s:o, s:s, s:s, s:s?}", "current",
                            json ? json_boolean(current) : json_string(current ? "*" : ""), "name",
                            items[i].name, "url", items[i].url, "token_file", items[i].token_file));
    }
    if (json) {
        _cleanup_json_ json_t *document = json_pack("{s:O}", "contexts", list);
        print_json(cli, document);
        return CLI_OK;
    }
    const struct table t = cli_table(cli);
    table_print(&t, context_columns, list);
    if (contexts.items.count == 0)
        cli_note(cli, "No contexts; webhost context add makes one.");
    return CLI_OK;
}

const struct command command_context_list = {
    .name = "context list",
    .group = GROUP_SHELL,
    .by_default = true,
    .shows = true,
    .summary = "List the servers that you work with",
    .run = list_run,
};

const struct command command_context_add = {
    .name = "context add",
    .group = GROUP_SHELL,
    .summary = "Name a server and the file with its token",
    .details = "The first one is in use at once. A name that is known gets the new server. Names "
               "stand in ~/.config/webhost/contexts.yaml; the token stays in the file that "
               "--token-file names.\n\n"
               "--server and --token-file go before a context, and so do WEBHOST_SERVER and "
               "WEBHOST_TOKEN unless --context names one. The token of a context's file is sent "
               "to the context's server alone.",
    .arguments = name_argument,
    .options = add_options,
    .options_size = sizeof(struct context_options),
    .run = add_run,
    .examples =
        (const struct example[]){
            {"webhost context add prod --url https://webhost.example --token-file ~/.prod",
             "a server and where its token is"},
            {"webhost --context prod jobs", "one command there"},
            {0},
        },
};

const struct command command_context_use = {
    .name = "context use",
    .group = GROUP_SHELL,
    .summary = "Talk to this server from now on",
    .arguments = name_argument,
    .options_size = sizeof(struct context_options),
    .run = use_run,
};

const struct command command_context_remove = {
    .name = "context remove",
    .group = GROUP_SHELL,
    .summary = "Forget a server",
    .arguments = name_argument,
    .options_size = sizeof(struct context_options),
    .run = remove_run,
};
