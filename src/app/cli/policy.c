#include "app/cli/policy.h"

#include "app/cli/commands.h"
#include "app/cli/views.h"

/* -- loading ----------------------------------------------------------------------------------- */

static bool looks_like_a_name(const char *wanted)
{
    return !strchr(wanted, '/') && !strchr(wanted, '.') && access(wanted, F_OK) != 0;
}

static enum cli_exit refuse_name(struct cli *cli, const char *wanted)
{
    const char *all = "";
    for (size_t i = 0; policy_builtin_names[i]; i++)
        all = arena_printf(&cli->arena, "%s%s%s", all, i ? ", " : "", policy_builtin_names[i]);
    cli_say(cli, "there is no policy or file \"%s\"; the built-in policies are %s", wanted, all);
    return CLI_NOT_FOUND;
}

static enum cli_exit policy_from_file(struct cli *cli, const char *path, struct problems *problems,
                                      struct policy **ret_policy)
{
    struct error e;
    struct str text;
    if (cli_read(cli, path, POLICY_FILE_MAX, &text, &e) != OK)
        return cli_fail(cli, &e);
    *ret_policy = policy_parse(text, problems);
    return *ret_policy ? CLI_OK : CLI_USAGE;
}

enum cli_exit policy_load(struct cli *cli, const char *wanted, struct policy **ret_policy)
{
    struct policy *builtin = policy_builtin(wanted ? wanted : "default");
    if (builtin) {
        *ret_policy = builtin;
        return CLI_OK;
    }
    if (looks_like_a_name(wanted))
        return refuse_name(cli, wanted);
    struct problems problems = {.arena = &cli->arena};
    enum cli_exit code = policy_from_file(cli, wanted, &problems, ret_policy);
    if (problems.count > 0)
        (void)cli_fail_problems(cli, cli_path_shown(wanted), &problems);
    return code;
}

/* -- check ------------------------------------------------------------------------------------- */

struct policy_options {
    const char *what; /* FILE or NAME */
};

static const struct option_spec file_argument[] = {
    {.field = {"FILE", FIELD_TEXT, offsetof(struct policy_options, what), .required = true,
               .max_len = 4096, .help = "a policy in YAML; - is standard input"}},
    OPTION_END,
};

static const struct option_spec name_argument[] = {
    {.field = {"POLICY", FIELD_TEXT, offsetof(struct policy_options, what), .required = true,
               .help = "a policy in the program: see webhost policy list"}},
    OPTION_END,
};

/* As a person goes through the file. Stable: several mistakes of one line keep their order. */
static void sort_by_line(struct problems *problems)
{
    for (size_t i = 1; i < problems->count; i++) {
        struct problem moving = problems->items[i];
        size_t at = i;
        for (; at > 0 && problems->items[at - 1].line > moving.line; at--)
            problems->items[at] = problems->items[at - 1];
        problems->items[at] = moving;
    }
}

static json_t *problems_json(const struct problems *problems)
{
    json_t *list = json_array();
    BUG_ON(!list);
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        BUG_ON(json_array_append_new(list, json_pack("{sI ss ss}", "line", (json_int_t)p->line,
                                                     "key", p->path, "text", p->text)) != 0);
    }
    return list;
}

static json_t *policy_summary(const struct policy *p)
{
    json_t *summary =
        json_pack("{ss ss? ss}", "name", p->name, "summary", p->summary, "sha256", p->sha256);
    BUG_ON(!summary);
    return summary;
}

static void print_check(struct cli *cli, const char *path, const struct policy *policy,
                        const struct problems *problems)
{
    if (cli_wants_json(cli)) {
        _cleanup_json_ json_t *report =
            json_pack("{sb so so}", "valid", policy != NULL, "problems", problems_json(problems),
                      "policy", policy ? policy_summary(policy) : json_null());
        print_json(cli, report);
        return;
    }
    if (policy) {
        put_text(cli->out, arena_printf(&cli->arena, "%s is right: policy %s, sha256 %s",
                                        cli_path_shown(path), policy->name, policy->sha256));
        (void)fputc('\n', cli->out);
    } else {
        (void)cli_fail_problems(cli, cli_path_shown(path), problems);
    }
}

static enum cli_exit check_run(struct cli *cli, const struct command *self, const void *options)
{
    (void)self;
    const char *path = ((const struct policy_options *)options)->what;
    struct problems problems = {.arena = &cli->arena};
    struct policy *policy = NULL;
    enum cli_exit code = policy_from_file(cli, path, &problems, &policy);
    if (policy || problems.count > 0) {
        sort_by_line(&problems);
        print_check(cli, path, policy, &problems);
        code = policy ? CLI_OK : CLI_FAILED;
    }
    policy_free(policy);
    return code;
}

/* -- show, list -------------------------------------------------------------------------------- */

static enum cli_exit show_run(struct cli *cli, const struct command *self, const void *options)
{
    (void)self;
    const char *name = ((const struct policy_options *)options)->what;
    struct policy *policy = policy_builtin(name);
    if (!policy)
        return refuse_name(cli, name);
    struct str text = policy_builtin_text(name);
    if (cli_wants_json(cli)) {
        _cleanup_json_ json_t *shown = policy_summary(policy);
        BUG_ON(json_object_set_new(shown, "text", json_stringn(text.ptr, text.len)) != 0);
        print_json(cli, shown);
    } else {
        (void)fwrite(text.ptr, 1, text.len, cli->out);
    }
    policy_free(policy);
    return CLI_OK;
}

static const struct column list_columns[] = {
    {"name", "POLICY", COLUMN_TEXT},
    {"summary", "SUMMARY", COLUMN_LONG},
    {"sha256", "SHA-256", COLUMN_LONG},
    COLUMN_END,
};

static enum cli_exit list_run(struct cli *cli, const struct command *self, const void *options)
{
    (void)self, (void)options;
    _cleanup_json_ json_t *document = json_object();
    json_t *rows = json_array();
    BUG_ON(json_object_set_new(document, "policies", rows) != 0);
    for (size_t i = 0; policy_builtin_names[i]; i++) {
        struct policy *p = policy_builtin(policy_builtin_names[i]);
        BUG_ON(!p || json_array_append_new(rows, policy_summary(p)) != 0);
        policy_free(p);
    }
    const struct table t = cli_table(cli);
    if (cli_wants_json(cli))
        print_json(cli, document);
    else
        table_print(&t, list_columns, rows);
    return CLI_OK;
}

const struct command command_policy_check = {
    .name = "policy check",
    .group = GROUP_DECIDE,
    .summary = "Check a policy file and name every mistake",
    .details = "Prints FILE:LINE: KEY: what is wrong, one line for each mistake, and exits with 1 "
               "when there is one.",
    .arguments = file_argument,
    .options_size = sizeof(struct policy_options),
    .run = check_run,
    .examples =
        (const struct example[]){
            {"webhost policy check policies/ours.yaml", "Before it is put to use"},
            {0},
        },
};

const struct command command_policy_show = {
    .name = "policy show",
    .group = GROUP_DECIDE,
    .shows = true,
    .summary = "Print a built-in policy",
    .arguments = name_argument,
    .options_size = sizeof(struct policy_options),
    .run = show_run,
    .examples =
        (const struct example[]){
            {"webhost policy show plan-v1 > ours.yaml", "Start a policy of your own"},
            {0},
        },
};

const struct command command_policy_list = {
    .name = "policy list",
    .group = GROUP_DECIDE,
    .by_default = true,
    .summary = "List the built-in policies",
    .run = list_run,
};
