#include "app/cli/cli.h"

#include "app/cli/complete.h"
#include "app/cli/contexts.h"
#include "app/cli/help.h"
#include "app/cli/options.h"
#include "app/cli/remote.h"
#include "app/cli/views.h"
#include "app/cli/watch.h"
#include "infra/config/yaml.h"

#include <errno.h>

static const char *const output_names[] = {"table", "json", NULL};
static const char *const color_names[] = {"auto", "always", "never", NULL};

#define GLOBAL(member) offsetof(struct cli_globals, member)

const struct option_spec cli_global_options[] = {
    {.field = {"server", FIELD_TEXT, GLOBAL(server),
               .help = "the server to talk to; WEBHOST_SERVER, or else http://127.0.0.1:4000"},
     .metavar = "URL"},
    {.field = {"context", FIELD_TEXT, GLOBAL(context), .check = context_name_check,
               .help = "a server that \"webhost context\" knows, and its token"},
     .metavar = "NAME"},
    {.field = {"token-file", FIELD_TEXT, GLOBAL(token_file),
               .help = "a file with the API token that only you may read; else WEBHOST_TOKEN"},
     .metavar = "FILE"},
    {.field = {"output", FIELD_ENUM, GLOBAL(output), .names = output_names,
               .help = "table for people (the default), json for programs"},
     .letter = 'o',
     .metavar = "table|json"},
    {.field = {"color", FIELD_ENUM, GLOBAL(color), .names = color_names,
               .help = "colours on a terminal only (the default), always or never"},
     .metavar = "auto|always|never"},
    {.field = {"no-color", FIELD_BOOL, GLOBAL(no_color), .help = "the same as --color never"}},
    {.field = {"timeout", FIELD_INT, GLOBAL(timeout_us),
               .help = "how long to wait for an answer, 30s unless told; with --wait for the "
                       "outcome, 15m unless told"},
     .metavar = "TIME",
     .duration = true},
    {.field = {"watch", FIELD_BOOL, GLOBAL(watch),
               .help = "show it again and again until interrupted; for commands that only show"}},
    {.field = {"interval", FIELD_INT, GLOBAL(interval_us),
               .help = "how long --watch pauses, 2s unless told"},
     .metavar = "TIME",
     .duration = true},
    {.field = {"version", FIELD_BOOL, GLOBAL(version), .help = "print the version and stop"}},
    {.field = {"help", FIELD_BOOL, GLOBAL(help), .help = "explain the command and stop"},
     .letter = 'h'},
    OPTION_END,
};

/* -- failing ----------------------------------------------------------------------------------- */

/* Flushes `out` first: where both go to one place, they are read in the order of writing. */
static void put_line(struct cli *cli, const char *prefix, const char *text)
{
    (void)fflush(cli->out);
    (void)fputs(prefix, cli->err);
    put_text(cli->err, text);
    (void)fputc('\n', cli->err);
}

void cli_say(struct cli *cli, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put_line(cli, "webhost: ", arena_vprintf(&cli->arena, fmt, ap));
    va_end(ap);
}

void cli_note(struct cli *cli, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    put_line(cli, "", arena_vprintf(&cli->arena, fmt, ap));
    va_end(ap);
}

enum cli_exit cli_exit_of(enum err code)
{
    switch (code) {
    case OK:
        return CLI_OK;
    case ERR_INVALID:
        return CLI_USAGE;
    case ERR_NOT_FOUND:
        return CLI_NOT_FOUND;
    case ERR_DENIED:
        return CLI_DENIED;
    case ERR_CONFLICT:
        return CLI_CONFLICT;
    case ERR_TIMEOUT:
        return CLI_TIMEOUT;
    case ERR_UNAVAILABLE:
    case ERR_BUSY:
        return CLI_UNREACHABLE;
    case ERR_TOO_LARGE:
    case ERR_CAPACITY:
    case ERR_CORRUPT:
    case ERR_IO:
        return CLI_FAILED;
    }
    BUG_ON(true);
}

enum cli_exit cli_fail(struct cli *cli, const struct error *e)
{
    cli_say(cli, "%s", e->text);
    return cli_exit_of(e->code);
}

enum cli_exit cli_fail_problems(struct cli *cli, const char *source,
                                const struct problems *problems)
{
    for (size_t i = 0; i < problems->count; i++) {
        const struct problem *p = &problems->items[i];
        struct arena *a = &cli->arena;
        const char *line = p->line ? arena_printf(a, ":%zu", p->line) : "";
        put_text(cli->err, arena_printf(a, "%s%s: %s%s%s", source, line, p->path,
                                        p->path[0] ? ": " : "", p->text));
        (void)fputc('\n', cli->err);
    }
    if (problems->dropped > 0)
        (void)fprintf(cli->err, "%s: and %zu more\n", source, problems->dropped);
    return CLI_USAGE;
}

enum cli_exit cli_usage(struct cli *cli, const struct command *self, const char *fmt, ...)
{
    va_list ap;
    va_start(ap, fmt);
    const char *text = arena_vprintf(&cli->arena, fmt, ap);
    va_end(ap);
    cli_say(cli, "%s", text);
    if (self) {
        help_usage(cli->err, "usage: ", self);
        (void)fprintf(cli->err, "Try: webhost %s --help\n", self->name);
    } else {
        (void)fputs("Try: webhost help\n", cli->err);
    }
    return CLI_USAGE;
}

/* -- reading ----------------------------------------------------------------------------------- */

const char *cli_path_shown(const char *path)
{
    return text_eq(path, "-") ? "<stdin>" : path;
}

enum err cli_read(struct cli *cli, const char *path, size_t max, struct str *ret_text,
                  struct error *e)
{
    if (!text_eq(path, "-"))
        return file_read(path, max, &cli->arena, ret_text, e);
    _cleanup_buf_ struct buf all = BUF_INIT(max);
    char piece[16384];
    size_t n;
    while ((n = fread(piece, 1, sizeof(piece), cli->in)) > 0) {
        if (!buf_append(&all, piece, n))
            return error_set(e, ERR_TOO_LARGE, "standard input is larger than %zu bytes", max);
    }
    if (ferror(cli->in))
        return error_errno(e, "cannot read standard input");
    *ret_text = (struct str){arena_text_n(&cli->arena, buf_text(&all), all.len), all.len};
    return OK;
}

struct terminal cli_terminal(const struct cli *cli, FILE *stream)
{
    int color = cli->globals.color < 0 ? COLOR_AUTO : cli->globals.color;
    return terminal_of(stream, cli->globals.no_color ? COLOR_NEVER : (enum color_choice)color);
}

/* -- running ----------------------------------------------------------------------------------- */

static enum cli_exit run_help(struct cli *cli, struct texts words)
{
    if (words.count == 0) {
        help_overview(cli->out);
        return CLI_OK;
    }
    if (words.count == 1 && text_eq(words.items[0], "options")) {
        help_globals(cli->out);
        return CLI_OK;
    }
    if (words.count == 1 && text_eq(words.items[0], "exit-codes")) {
        help_exit_codes(cli->out);
        return CLI_OK;
    }
    if (words.count == 1 && command_is_group_word(words.items[0])) {
        help_group_word(cli->out, words.items[0]);
        return CLI_OK;
    }
    struct error e;
    int used;
    const struct command *c =
        command_find((int)words.count, (char *const *)(void *)words.items, &used, &e);
    if (!c)
        return cli_usage(cli, NULL, "%s", e.text);
    help_command(cli->out, c);
    return CLI_OK;
}

static enum cli_exit run_version(struct cli *cli)
{
    (void)fprintf(cli->out, "webhost %s\n", WEBHOST_VERSION);
    return CLI_OK;
}

/* "complete -- WORD...", which shells ask (complete.h). */
static enum cli_exit run_complete(struct cli *cli, struct texts words)
{
    size_t skip = words.count > 1 && text_eq(words.items[1], "--") ? 2 : 1;
    complete(cli, (struct texts){words.items + skip, words.count - skip});
    return CLI_OK;
}

/* Everything behind the command's words. */
static enum cli_exit run_command(struct cli *cli, const struct command *c, int argc,
                                 char *const *argv)
{
    struct error e;
    struct texts words;
    void *options = arena_alloc(&cli->arena, c->options_size + 1);
    options_clear(c->options, options);
    options_clear(c->arguments, options);
    const struct option_target targets[OPTION_TARGETS_MAX] = {
        {c->options, options},
        {cli_global_options, &cli->globals},
    };
    if (options_parse(argc, argv, false, targets, &cli->arena, &words, &e) != OK)
        return cli_usage(cli, c, "%s", e.text);
    if (cli->globals.help) {
        help_command(cli->out, c);
        return CLI_OK;
    }
    if (cli->globals.version)
        return run_version(cli);
    if (arguments_parse(c->arguments, words, &cli->arena, options, &e) != OK ||
        options_require(c->options, options, &e) != OK)
        return cli_usage(cli, c, "%s", e.text);
    cli->terminal = cli_terminal(cli, cli->out);
    if (!cli->globals.watch || c->follows)
        return c->run(cli, c, options);
    if (!c->shows && c->run != list_view_run)
        return cli_usage(cli, c, "--watch is for commands that only show, which %s does not",
                         c->name);
    return watch(cli, c, options);
}

/* "webhost customers --help" asks about all of them, not about the default one. */
static bool asks_about_group(struct texts words)
{
    return command_is_group_word(words.items[0]) && words.count == 2 &&
           (text_eq(words.items[1], "--help") || text_eq(words.items[1], "-h"));
}

static enum cli_exit dispatch(struct cli *cli, int argc, char *const *argv)
{
    struct error e;
    struct texts words;
    const struct option_target targets[OPTION_TARGETS_MAX] = {
        {cli_global_options, &cli->globals},
    };
    if (options_parse(argc - 1, argv + 1, true, targets, &cli->arena, &words, &e) != OK)
        return cli_usage(cli, NULL, "%s", e.text);
    if (cli->globals.version)
        return run_version(cli);
    if (words.count > 0 && text_eq(words.items[0], "help")) {
        words.items++;
        words.count--;
        return run_help(cli, words);
    }
    if (words.count > 0 && text_eq(words.items[0], "complete"))
        return run_complete(cli, words);
    if (words.count == 0 || cli->globals.help)
        return run_help(cli, words);
    if (asks_about_group(words)) {
        words.count = 1;
        return run_help(cli, words);
    }
    char *const *rest = (char *const *)(void *)words.items;
    int used;
    const struct command *c = command_find((int)words.count, rest, &used, &e);
    if (!c)
        return cli_usage(cli, NULL, "%s", e.text);
    return run_command(cli, c, (int)words.count - used, rest + used);
}

enum cli_exit cli_main(int argc, char *const *argv, FILE *in, FILE *out, FILE *err,
                       const struct clock *clock)
{
    struct cli cli = {.in = in, .out = out, .err = err, .clock = clock};
    options_clear(cli_global_options, &cli.globals);
    enum cli_exit code = dispatch(&cli, argc, argv);
    /* A full disk shows itself only here; without this check the output would be cut silently. */
    if ((fflush(out) != 0 || ferror(out)) && code == CLI_OK) {
        cli_say(&cli, "cannot write the output: %s", strerror(errno));
        code = CLI_FAILED;
    }
    remote_free(cli.remote);
    arena_release(&cli.arena);
    return code;
}
