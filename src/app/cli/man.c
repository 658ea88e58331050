#include "app/cli/man.h"

#include "app/cli/help.h"

#include <ctype.h>

const char *man_name(const struct command *command, struct arena *arena)
{
    char *name =
        arena_printf(arena, "webhost%s%s", command ? "-" : "", command ? command->name : "");
    for (char *p = name; *p; p++) {
        if (*p == ' ')
            *p = '-';
    }
    return name;
}

/* -- text ------------------------------------------------------------------------------------- */

static void put_escaped(FILE *out, struct str word)
{
    if (word.len > 0 && (word.ptr[0] == '.' || word.ptr[0] == '\''))
        (void)fputs("\\&", out); /* else it may be taken for a macro */
    for (size_t i = 0; i < word.len; i++) {
        if (word.ptr[i] == '\\')
            (void)fputs("\\e", out);
        else if (word.ptr[i] == '-')
            (void)fputs("\\-", out);
        else
            (void)fputc(word.ptr[i], out);
    }
}

/* Words on lines of a page's source, which ends a sentence where a line ends with a full stop. */
static void put_paragraph(FILE *out, struct str text)
{
    size_t column = 0;
    while (text.ptr) {
        struct str word = str_cut(&text, ' ');
        if (column > 0)
            (void)fputc(column + word.len > 70 ? '\n' : ' ', out);
        column = column + word.len > 70 ? word.len : column + word.len + 1;
        put_escaped(out, word);
        if (word.len > 1 && word.ptr[word.len - 1] == '.' && text.ptr && text.len > 0) {
            (void)fputc('\n', out);
            column = 0;
        }
    }
    (void)fputc('\n', out);
}

static void put_paragraphs(FILE *out, const char *text)
{
    struct str rest = str_from(text);
    for (bool first = true; rest.ptr; first = false) {
        struct str line = str_cut(&rest, '\n');
        if (line.len == 0)
            continue;
        if (!first)
            (void)fputs(".Pp\n", out);
        put_paragraph(out, line);
    }
}

/* An argument of a macro: quoted, so that a word in it is not taken for a macro's name. */
static void put_argument(FILE *out, const char *text)
{
    (void)fputs(" \"", out);
    for (const char *p = text; *p; p++) {
        if (*p == '"')
            (void)fputs("\"\"", out);
        else
            put_escaped(out, (struct str){p, 1});
    }
    (void)fputc('"', out);
}

/* -- parts ------------------------------------------------------------------------------------ */

static void put_head(FILE *out, const char *name, const char *summary, const char *date)
{
    (void)fprintf(out, ".Dd %s\n.Dt ", date);
    for (const char *p = name; *p; p++)
        (void)fputc(toupper((unsigned char)*p), out);
    (void)fprintf(out, " 1\n.Os\n.Sh NAME\n.Nm %s\n.Nd %c", name,
                  tolower((unsigned char)summary[0]));
    put_escaped(out, str_from(summary + 1));
    (void)fputc('\n', out);
}

static void put_option_label(FILE *out, const struct option_spec *spec)
{
    if (spec->letter)
        (void)fprintf(out, "Fl %c , ", spec->letter);
    (void)fputs("Fl -", out);
    put_escaped(out, str_from(spec->field.name));
    if (spec->field.type != FIELD_BOOL) {
        (void)fputs(" Ar", out);
        put_argument(out, spec->metavar ? spec->metavar : "VALUE");
    }
}

static void put_options(FILE *out, const struct option_spec *specs)
{
    (void)fputs(".Bl -tag -width Ds\n", out);
    for (; specs->field.name; specs++) {
        (void)fputs(".It ", out);
        put_option_label(out, specs);
        (void)fputc('\n', out);
        put_paragraph(out, str_from(specs->field.help ? specs->field.help : ""));
    }
    (void)fputs(".El\n", out);
}

static void put_arguments(FILE *out, const struct option_spec *specs)
{
    (void)fputs(".Bl -tag -width Ds\n", out);
    for (; specs->field.name; specs++) {
        (void)fputs(".It Ar", out);
        put_argument(out, specs->field.name);
        (void)fputc('\n', out);
        put_paragraph(out, str_from(specs->field.help ? specs->field.help : ""));
    }
    (void)fputs(".El\n", out);
}

static void put_synopsis(FILE *out, const struct command *c)
{
    struct str second = str_from(c->name), first = str_cut(&second, ' ');
    (void)fputs(".Sh SYNOPSIS\n.Nm webhost\n.Cm", out);
    (void)fprintf(out, " %.*s\n", STR_ARG(first));
    if (second.ptr)
        (void)fprintf(out, c->by_default ? ".Op Cm %.*s\n" : ".Cm %.*s\n", STR_ARG(second));
    for (const struct option_spec *a = c->arguments; a && a->field.name; a++) {
        (void)fputs(a->field.required ? ".Ar" : ".Op Ar", out);
        put_argument(out, a->field.name);
        (void)fputc('\n', out);
    }
    for (const struct option_spec *o = c->options; o && o->field.name; o++) {
        if (!o->field.required)
            continue;
        (void)fputs(".", out);
        put_option_label(out, o);
        (void)fputc('\n', out);
    }
    (void)fputs(".Op Ar OPTIONS\n", out);
}

static void put_examples(FILE *out, const struct example *examples)
{
    (void)fputs(".Sh EXAMPLES\n", out);
    for (const struct example *e = examples; e->line; e++) {
        (void)fputs(e == examples ? "" : ".Pp\n", out);
        (void)fprintf(out, "%c", toupper((unsigned char)e->what[0]));
        put_escaped(out, str_from(e->what + 1));
        (void)fputs(":\n.Bd -literal -offset indent\n", out);
        put_escaped(out, str_from(e->line));
        (void)fputs("\n.Ed\n", out);
    }
}

static void put_command_page(FILE *out, const struct command *c)
{
    put_synopsis(out, c);
    (void)fputs(".Sh DESCRIPTION\n", out);
    if (c->details)
        put_paragraphs(out, c->details);
    else
        (void)fprintf(out, "%s.\n", c->summary);
    if (c->arguments) {
        (void)fputs(".Pp\nThe arguments are:\n", out);
        put_arguments(out, c->arguments);
    }
    if (c->options) {
        (void)fputs(".Pp\nThe options are:\n", out);
        put_options(out, c->options);
    }
    (void)fputs(".Pp\nOptions of every command, the environment and the exit codes are in\n"
                ".Xr webhost 1 .\n",
                out);
    if (c->examples)
        put_examples(out, c->examples);
    (void)fputs(".Sh SEE ALSO\n.Xr webhost 1\n", out);
}

/* -- the program's own page ------------------------------------------------------------------- */

static void put_commands(FILE *out)
{
    _cleanup_arena_ struct arena arena = {0};
    for (int group = 0; group < COMMAND_GROUPS; group++) {
        (void)fprintf(out, ".Ss %s\n.Bl -tag -width Ds\n", command_group_titles[group]);
        for (const struct command *const *c = commands; *c; c++) {
            if ((int)(*c)->group != group)
                continue;
            (void)fprintf(out, ".It Xr %s 1\n", man_name(*c, &arena));
            put_paragraph(out, str_from((*c)->summary));
        }
        (void)fputs(".El\n", out);
    }
}

static void put_exit_codes(FILE *out)
{
    (void)fputs(".Sh EXIT STATUS\n.Bl -tag -width Ds\n", out);
    for (size_t i = 0; i < CLI_EXITS; i++) {
        (void)fprintf(out, ".It %zu\n", i);
        put_paragraph(out, str_from(cli_exit_meanings[i]));
    }
    (void)fputs(".El\n", out);
}

static void put_own_page(FILE *out)
{
    (void)fputs(".Sh SYNOPSIS\n.Nm\n.Op Ar OPTIONS\n.Ar COMMAND\n.Op Ar ARGUMENTS\n"
                ".Sh DESCRIPTION\n"
                "WebHost decides where each customer runs, sets it up, moves it, and says why.\n"
                "It is one program: the server, and the command line that talks to it.\n"
                ".Sh COMMANDS\n",
                out);
    put_commands(out);
    (void)fputs(".Sh OPTIONS\nEvery command takes these:\n", out);
    put_options(out, cli_global_options);
    (void)fputs(".Sh ENVIRONMENT\n.Bl -tag -width Ds\n", out);
    for (const struct example *e = cli_environment; e->line; e++) {
        (void)fprintf(out, ".It Ev %s\n", e->line);
        put_paragraph(out, str_from(e->what));
    }
    (void)fputs(".El\n.Sh FILES\n.Bl -tag -width Ds\n"
                ".It Pa ~/.config/webhost/contexts.yaml\n"
                "The servers that\n.Cm webhost context\nknows.\n.El\n",
                out);
    put_exit_codes(out);
    (void)fputs(".Sh EXAMPLES\nA place for a customer, without a server:\n"
                ".Bd -literal -offset indent\n"
                "webhost decide \\-\\-vehicles 50 \\-\\-compliance soc2\n.Ed\n",
                out);
}

void man_page(FILE *out, const struct command *command, const char *date)
{
    _cleanup_arena_ struct arena arena = {0};
    put_head(out, man_name(command, &arena),
             command ? command->summary : "Decide where customers run, and set them up", date);
    if (command)
        put_command_page(out, command);
    else
        put_own_page(out);
}
