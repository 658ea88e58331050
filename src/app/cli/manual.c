/* `webhost man`: the manual pages (man.h), for a reader or as files. */
#include "app/cli/commands.h"
#include "app/cli/man.h"

#include <errno.h>

struct manual_options {
    const char *first, *second, *out;
};

#define AT(member) offsetof(struct manual_options, member)

static const struct option_spec manual_arguments[] = {
    {.field = {"COMMAND", FIELD_TEXT, AT(first), .help = "the command's first word"}},
    {.field = {"WORD", FIELD_TEXT, AT(second), .help = "its second word, if it has two"}},
    OPTION_END,
};

static const struct option_spec manual_options[] = {
    {.field = {"out", FIELD_TEXT, AT(out), .max_len = 4096,
               .help = "write all pages into this folder, which must exist"},
     .letter = 'O',
     .metavar = "DIR"},
    OPTION_END,
};

/* Today, or what SOURCE_DATE_EPOCH says, so that two builds make the same pages. */
static const char *date_of(struct cli *cli)
{
    int64_t seconds = clock_now(cli->clock) / USEC_PER_SEC;
    const char *epoch = getenv("SOURCE_DATE_EPOCH");
    if (epoch)
        (void)str_to_i64(str_from(epoch), &seconds);
    time_t time = (time_t)seconds;
    struct tm tm;
    char *text = arena_alloc(&cli->arena, 64);
    BUG_ON(!gmtime_r(&time, &tm) || strftime(text, 64, "%B %e, %Y", &tm) == 0);
    return text;
}

static enum err write_page(struct cli *cli, const char *folder, const struct command *command,
                           const char *date, struct error *e)
{
    const char *path = arena_printf(&cli->arena, "%s/%s.1", folder, man_name(command, &cli->arena));
    FILE *file = fopen(path, "we");
    if (!file)
        return error_errno(e, "cannot write %s", path);
    man_page(file, command, date);
    bool written = ferror(file) == 0;
    if (fclose(file) != 0 || !written)
        return error_errno(e, "cannot write %s", path);
    return OK;
}

static enum cli_exit write_pages(struct cli *cli, const char *folder, const char *date)
{
    struct error e;
    enum err err = write_page(cli, folder, NULL, date, &e);
    for (const struct command *const *c = commands; *c && err == OK; c++)
        err = write_page(cli, folder, *c, date, &e);
    return err == OK ? CLI_OK : cli_fail(cli, &e);
}

static enum cli_exit manual_run(struct cli *cli, const struct command *self, const void *options)
{
    const struct manual_options *o = options;
    const char *words[] = {o->first, o->second};
    const struct command *command = NULL;
    struct error e;
    int used, count = o->second ? 2 : 1;
    if (o->out && o->first)
        return cli_usage(cli, self, "--out writes all pages; give it or a command");
    if (o->out)
        return write_pages(cli, o->out, date_of(cli));
    if (o->first) {
        command = command_find(count, (char *const *)(void *)words, &used, &e);
        if (!command)
            return cli_usage(cli, self, "%s", e.text);
    }
    man_page(cli->out, command, date_of(cli));
    return CLI_OK;
}

const struct command command_man = {
    .name = "man",
    .group = GROUP_SHELL,
    .summary = "Print a manual page",
    .details =
        "In the source form that man(1) and mandoc(1) format. Packages and \"meson install\" "
        "put the pages where man looks for them.",
    .arguments = manual_arguments,
    .options = manual_options,
    .options_size = sizeof(struct manual_options),
    .run = manual_run,
    .examples =
        (const struct example[]){
            {"webhost man jobs retry | man -l -", "read one"},
            {0},
        },
};
