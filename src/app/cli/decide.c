#include "app/cli/batch.h"
#include "app/cli/commands.h"
#include "app/cli/decision_view.h"
#include "app/cli/options.h"
#include "app/cli/policy.h"
#include "app/cli/profile_flags.h"
#include "app/cli/request.h"
#include "app/cli/views.h"
#include "domain/placement/explain.h"

#include <fcntl.h>

#define PROFILE_FILE_MAX ((size_t)1 << 20)
#define PRICES_FILE_MAX  ((size_t)1 << 20)

struct decide_options {
    struct profile_flags profile;
    const char *policy, *prices;
    bool batch;
    const char *file;
};

static const struct option_spec decide_options[] = {
    PROFILE_OPTIONS(struct decide_options, profile, ""),
    {.field = {"policy", FIELD_TEXT, offsetof(struct decide_options, policy), .max_len = 4096,
               .help = "a built-in policy or a file; default unless told"},
     .letter = 'p',
     .metavar = "FILE|NAME"},
    {.field = {"prices", FIELD_TEXT, offsetof(struct decide_options, prices), .max_len = 4096,
               .help = "what servers and machines cost; the built-in table unless told"},
     .metavar = "FILE"},
    {.field = {"batch", FIELD_BOOL, offsetof(struct decide_options, batch),
               .help = "read one profile a line, write one decision a line"}},
    OPTION_END,
};

static const struct option_spec decide_argument[] = {
    {.field = {"FILE", FIELD_TEXT, offsetof(struct decide_options, file), .max_len = 4096,
               .help = "a profile in JSON (with --batch one a line); - is standard input"}},
    OPTION_END,
};

/* -- where the profile comes from -------------------------------------------------------------- */

static bool any_flag(const struct option_spec *specs, const void *options)
{
    for (const struct option_spec *o = specs; o->field.name; o++) {
        if (o->key && option_is_given(o, options))
            return true;
    }
    return false;
}

/* The flags as an object go through the same reader as a file, so the same words are refused. */
static enum cli_exit profile_from_flags(struct cli *cli, const struct command *self,
                                        const void *options, struct profile *ret_profile)
{
    struct problems problems = {.arena = &cli->arena};
    _cleanup_json_ json_t *object = json_object();
    request_body(self->options, options, object);
    if (profile_decode(object, "", NULL, &cli->arena, &problems, ret_profile))
        return CLI_OK;
    for (size_t i = 0; i < problems.count; i++) {
        const struct problem *p = &problems.items[i];
        cli_say(cli, "%s %s", command_name_of_key(self, p->path, &cli->arena), p->text);
    }
    return CLI_USAGE;
}

static enum cli_exit profile_from_file(struct cli *cli, const char *path,
                                       struct profile *ret_profile)
{
    struct error e;
    struct str text;
    struct problems problems = {.arena = &cli->arena};
    if (cli_read(cli, path, PROFILE_FILE_MAX, &text, &e) != OK)
        return cli_fail(cli, &e);
    _cleanup_json_ json_t *object = NULL;
    if (json_parse(text, &object, &e) != OK) {
        (void)error_prefix(&e, "%s", cli_path_shown(path));
        return cli_fail(cli, &e);
    }
    if (profile_decode(object, "", NULL, &cli->arena, &problems, ret_profile))
        return CLI_OK;
    return cli_fail_problems(cli, cli_path_shown(path), &problems);
}

static enum cli_exit profile_find(struct cli *cli, const struct command *self,
                                  const struct decide_options *o, struct profile *ret_profile)
{
    bool flags = any_flag(self->options, o);
    const char *path = o->file;
    if (!path && !flags) {
        if (isatty(fileno(cli->in)))
            return cli_usage(cli, self,
                             "there is no profile; describe the customer with options such as "
                             "--budget and --vehicles, or name a FILE");
        path = "-";
    }
    struct profile file, given;
    profile_clear(&file);
    enum cli_exit code = path ? profile_from_file(cli, path, &file) : CLI_OK;
    if (code != CLI_OK)
        return code;
    code = profile_from_flags(cli, self, o, &given);
    if (code == CLI_OK)
        *ret_profile = profile_merge(&file, &given);
    return code;
}

/* -- one decision, many decisions -------------------------------------------------------------- */

static enum cli_exit decide_one(struct cli *cli, const struct command *self,
                                const struct decide_options *o, const struct policy *policy,
                                const struct prices *prices)
{
    struct profile profile;
    enum cli_exit code = profile_find(cli, self, o, &profile);
    if (code != CLI_OK)
        return code;
    struct decision decision;
    const struct decide_context context = {0};
    decide(policy, &profile, &context, &decision);
    _cleanup_json_ json_t *document =
        decision_json(&(struct decided){policy, prices, &profile, &context, &decision});
    const struct table t = cli_table(cli);
    if (cli_wants_json(cli))
        print_json(cli, document);
    else
        decision_print(&t, document);
    return CLI_OK;
}

static enum cli_exit decide_batch(struct cli *cli, const struct decide_options *o,
                                  const struct policy *policy, const struct prices *prices)
{
    struct error e;
    bool own = o->file && !text_eq(o->file, "-");
    int in = own ? open(o->file, O_RDONLY | O_CLOEXEC) : fileno(cli->in);
    if (in < 0) {
        (void)error_errno(&e, "cannot open %s", o->file);
        return cli_fail(cli, &e);
    }
    enum err code = batch_run(in, cli->out, policy, prices, &e);
    if (own)
        (void)close(in);
    return code == OK ? CLI_OK : cli_fail(cli, &e);
}

static enum cli_exit prices_load(struct cli *cli, const char *path, struct prices **ret_prices)
{
    struct error e;
    struct str text;
    struct problems problems = {.arena = &cli->arena};
    if (!path) {
        *ret_prices = prices_builtin();
        return CLI_OK;
    }
    if (cli_read(cli, path, PRICES_FILE_MAX, &text, &e) != OK)
        return cli_fail(cli, &e);
    struct prices *prices = prices_parse(text, &problems);
    if (!prices)
        return cli_fail_problems(cli, cli_path_shown(path), &problems);
    *ret_prices = prices;
    return CLI_OK;
}

static enum cli_exit decide_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct decide_options *o = options;
    struct policy *policy;
    if (o->batch && any_flag(self->options, o))
        return cli_usage(cli, self,
                         "--batch reads its profiles from lines; leave the options that describe "
                         "one customer away");
    enum cli_exit code = policy_load(cli, o->policy, &policy);
    if (code != CLI_OK)
        return code;
    struct prices *prices = NULL;
    code = prices_load(cli, o->prices, &prices);
    if (code == CLI_OK)
        code = o->batch ? decide_batch(cli, o, policy, prices)
                        : decide_one(cli, self, o, policy, prices);
    prices_free(prices);
    policy_free(policy);
    return code;
}

const struct command command_decide = {
    .name = "decide",
    .group = GROUP_DECIDE,
    .summary = "Decide where a customer should run, and explain why",
    .details =
        "The profile comes from options, from FILE, or from both: options go before what FILE "
        "says. "
        "With neither it is read from standard input. What is not given adds nothing to either "
        "score.\n\n"
        "With --batch each line is one profile and gets one line of JSON, in order: a decision, or "
        "{\"error\": ..., \"line\": N} for a line that is wrong or longer than 1 MiB. Blank lines "
        "are skipped. The exit code is 0 even when lines were wrong, and 1 only when reading or "
        "writing failed.",
    .arguments = decide_argument,
    .options = decide_options,
    .options_size = sizeof(struct decide_options),
    .run = decide_run,
    .examples =
        (const struct example[]){
            {"webhost decide --budget 30 --vehicles 2 --compliance \"\" --regions US",
             "A small customer"},
            {"webhost decide --compliance hipaa --policy plan-v1 -o json profile.json",
             "A file with one value changed, for a program"},
            {"webhost decide --batch < profiles.ndjson > decisions.ndjson",
             "As many as there are, in bounded memory"},
            {0},
        },
};
