#include "app/cli/help.h"

#include "app/cli/cli.h"
#include "base/buf.h"

#define WIDTH        80
#define NAME_COLUMN  20
#define LABEL_COLUMN 30

const char *const command_group_titles[COMMAND_GROUPS] = {
    [GROUP_DECIDE] = "Decide (no server needed)",
    [GROUP_CUSTOMERS] = "Customers",
    [GROUP_WORK] = "Work in progress",
    [GROUP_FLEET] = "Fleet and prices",
    [GROUP_ACCESS] = "Access",
    [GROUP_RUN] = "Run",
    [GROUP_SHELL] = "Your shell",
};

const char *const cli_exit_meanings[CLI_EXITS] = {
    [CLI_OK] = "done",
    [CLI_FAILED] = "it failed, or what was checked is wrong",
    [CLI_USAGE] = "the command line, or an input given with it, is wrong",
    [CLI_NOT_FOUND] = "the named thing does not exist",
    [CLI_DENIED] = "no valid token, or its role does not allow this",
    [CLI_UNREACHABLE] = "the server cannot be reached or cannot work now",
    [CLI_CONFLICT] = "it exists already, or its state forbids this now",
    [CLI_TIMEOUT] = "no answer, or not done, in the time allowed",
    [CLI_ENDED_BADLY] = "what was waited for has failed or was stopped",
};

const struct example cli_environment[] = {
    {"WEBHOST_SERVER", "the server, when --server and --context are not given"},
    {"WEBHOST_CONTEXT", "the context, when none of these three is given"},
    {"WEBHOST_TOKEN",
     "the API token, when --token-file is not given, even with a context; there is no option for "
     "it because other users can see a process's command line"},
    {"NO_COLOR", "no colours when it is set to anything"},
    {0},
};

static void put_command_line(FILE *out, const struct command *c)
{
    (void)fprintf(out, "  %-*s %s\n", NAME_COLUMN, c->name, c->summary);
}

void help_overview(FILE *out)
{
    (void)fputs("webhost decides where each customer runs, sets it up, and says why.\n\n"
                "Usage: webhost [OPTIONS] COMMAND [ARGUMENTS]\n",
                out);
    for (int group = 0; group < COMMAND_GROUPS; group++) {
        bool titled = false;
        for (const struct command *const *c = commands; *c; c++) {
            if ((int)(*c)->group != group)
                continue;
            if (!titled)
                (void)fprintf(out, "\n%s\n", command_group_titles[group]);
            titled = true;
            put_command_line(out, *c);
        }
    }
    (void)fputs(
        "\nwebhost COMMAND --help explains one command; webhost help options the options\n"
        "that every command takes and the environment, webhost help exit-codes the codes.\n",
        out);
}

static bool takes_value(const struct option_spec *spec)
{
    return spec->field.type != FIELD_BOOL;
}

static const char *option_label(const struct option_spec *spec, struct arena *arena)
{
    const char *metavar = spec->metavar ? spec->metavar : "VALUE";
    const char *letter = spec->letter ? arena_printf(arena, "-%c, ", spec->letter) : "    ";
    return arena_printf(arena, "%s--%s%s%s", letter, spec->field.name, takes_value(spec) ? " " : "",
                        takes_value(spec) ? metavar : "");
}

/* "  LABEL        text wrapped in its own column"; a label too wide gets a line of its own. */
static void put_item(FILE *out, const char *label, const char *text)
{
    (void)fprintf(out, "  %-*s", LABEL_COLUMN - 3, label);
    if (strlen(label) > LABEL_COLUMN - 4)
        (void)fprintf(out, "\n%*s", LABEL_COLUMN - 1, "");
    put_wrapped(out, text, LABEL_COLUMN - 1, WIDTH);
    (void)fputc('\n', out);
}

static void put_options(FILE *out, const struct option_spec *specs)
{
    _cleanup_arena_ struct arena a = {0};
    for (; specs->field.name; specs++) {
        const char *help = specs->field.help ? specs->field.help : "";
        put_item(out, option_label(specs, &a),
                 specs->field.required ? arena_printf(&a, "%s (required)", help) : help);
    }
}

void help_globals(FILE *out)
{
    (void)fputs("Options of every command\n", out);
    put_options(out, cli_global_options);
    (void)fputs("\nEnvironment\n", out);
    for (const struct example *e = cli_environment; e->line; e++)
        put_item(out, e->line, e->what);
    (void)fputc('\n', out);
    help_exit_codes(out);
}

void help_exit_codes(FILE *out)
{
    (void)fputs("Exit codes\n", out);
    for (size_t i = 0; i < CLI_EXITS; i++)
        (void)fprintf(out, "  %zu  %s\n", i, cli_exit_meanings[i]);
    (void)fputc('\n', out);
    put_wrapped(out,
                "A command with --wait ends with 8 when what it waited for failed, and with 7 when "
                "the time that --timeout allows has passed: then the work goes on without it. "
                "doctor has codes of its own: 0 all is well, 1 a warning, 2 something will not "
                "work.",
                0, WIDTH);
    (void)fputc('\n', out);
}

bool command_is_group_word(const char *word)
{
    struct str beginning = str_from(word);
    for (const struct command *const *c = commands; *c; c++) {
        struct str name = str_from((*c)->name);
        struct str first = str_cut(&name, ' ');
        if (name.ptr && str_eq(first, beginning))
            return true;
    }
    return false;
}

void help_group_word(FILE *out, const char *word)
{
    (void)fprintf(out, "Usage: webhost %s COMMAND [ARGUMENTS]\n\n", word);
    for (const struct command *const *c = commands; *c; c++) {
        struct str name = str_from((*c)->name);
        if (str_eq(str_cut(&name, ' '), str_from(word)))
            put_command_line(out, *c);
    }
    (void)fprintf(out, "\nwebhost %s COMMAND --help explains one of them.\n", word);
}

static void append_usage(struct buf *b, const struct command *command)
{
    struct str second = str_from(command->name);
    struct str first = str_cut(&second, ' ');
    if (command->by_default)
        (void)buf_printf(b, "webhost %.*s [%.*s]", STR_ARG(first), STR_ARG(second));
    else
        (void)buf_printf(b, "webhost %s", command->name);
    for (const struct option_spec *a = command->arguments; a && a->field.name; a++)
        (void)buf_printf(b, a->field.required ? " %s" : " [%s]", a->field.name);
    for (const struct option_spec *o = command->options; o && o->field.name; o++) {
        if (o->field.required)
            (void)buf_printf(b, " --%s %s", o->field.name, o->metavar ? o->metavar : "VALUE");
    }
    (void)buf_append_text(b, " [OPTIONS]");
}

void help_usage(FILE *out, const char *label, const struct command *command)
{
    _cleanup_buf_ struct buf text = BUF_INIT(1024);
    append_usage(&text, command);
    (void)fputs(label, out);
    put_wrapped(out, buf_text(&text), strlen(label), WIDTH);
    (void)fputc('\n', out);
}

void help_command(FILE *out, const struct command *command)
{
    (void)fprintf(out, "%s.\n\n", command->summary);
    help_usage(out, "Usage: ", command);
    if (command->details) {
        (void)fputc('\n', out);
        put_wrapped(out, command->details, 0, WIDTH);
        (void)fputc('\n', out);
    }
    if (command->arguments) {
        (void)fputs("\nArguments\n", out);
        for (const struct option_spec *a = command->arguments; a->field.name; a++)
            put_item(out, a->field.name, a->field.help ? a->field.help : "");
    }
    if (command->options) {
        (void)fputs("\nOptions\n", out);
        put_options(out, command->options);
    }
    if (command->examples) {
        (void)fputs("\nExamples\n", out);
        for (const struct example *e = command->examples; e->line; e++)
            (void)fprintf(out, "  # %s\n  %s\n", e->what, e->line);
    }
    (void)fputs("\nwebhost help options: the options of every command, and the exit codes.\n", out);
}
