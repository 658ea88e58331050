#include "app/cli/watch.h"

#include "app/cli/remote.h"
#include "app/cli/wait.h"

#include <signal.h>
#include <unistd.h>

#define INTERVAL_DEFAULT (2 * USEC_PER_SEC)

/* xterm's, which every terminal of today knows: another screen, no cursor; and back. */
#define SCREEN_ENTER "\033[?1049h\033[?25l"
#define SCREEN_LEAVE "\033[?25h\033[?1049l"

struct watched {
    struct cli *cli;
    const struct command *command;
    const void *options;
    FILE *out, *err; /* the run's own */
    int64_t interval_us;
};

/* -- the screen ------------------------------------------------------------------------------- */

static int screen_fd = -1; /* for the handler of signals */

/* Only what is safe in a handler; then the signal does what it does without us. */
static void leave_screen(int number)
{
    static const char leave[] = SCREEN_LEAVE;
    ssize_t ignored = write(screen_fd, leave, sizeof(leave) - 1);
    (void)ignored;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void enter_screen(FILE *out)
{
    static const int ends[] = {SIGINT, SIGTERM, SIGHUP, SIGQUIT};
    screen_fd = fileno(out);
    struct sigaction action = {.sa_handler = leave_screen};
    for (size_t i = 0; i < ARRAY_LEN(ends); i++)
        BUG_ON(sigaction(ends[i], &action, NULL) != 0);
    (void)fputs(SCREEN_ENTER, out);
}

/* From the top; what an earlier round left behind a line, or below the last one, is cleared. */
static void draw(const struct watched *w, struct str text)
{
    size_t left = w->cli->terminal.height > 1 ? w->cli->terminal.height - 1 : SIZE_MAX;
    (void)fputs("\033[H", w->out);
    while (text.len > 0 && left > 0) {
        struct str line = str_cut(&text, '\n');
        (void)fwrite(line.ptr, 1, line.len, w->out);
        (void)fputs("\033[K\n", w->out);
        left--;
    }
    (void)fputs("\033[J", w->out);
}

/* -- rounds ----------------------------------------------------------------------------------- */

/* With memory and a connection of its own, which end with it. */
static enum cli_exit round_run(const struct watched *w)
{
    struct cli *cli = w->cli;
    struct arena kept = cli->arena;
    cli->arena = (struct arena){0};
    cli->terminal = cli_terminal(cli, w->out);
    enum cli_exit code = w->command->run(cli, w->command, w->options);
    remote_free(cli->remote);
    cli->remote = NULL;
    arena_release(&cli->arena);
    cli->arena = kept;
    return code;
}

static void put_heading(const struct watched *w, FILE *out)
{
    char now[TIME_TEXT_MAX];
    (void)fprintf(out, "%s  webhost %s, every %g s\n\n", time_text(clock_now(w->cli->clock), now),
                  w->command->name, (double)w->interval_us / USEC_PER_SEC);
}

/*
 * What it and its mistakes print is gathered first, so that a round appears at once. The first one
 * takes the screen, unless it failed.
 */
static enum cli_exit round_on_screen(const struct watched *w, bool first)
{
    char *text = NULL;
    size_t len = 0;
    FILE *memory = open_memstream(&text, &len);
    BUG_ON(!memory);
    w->cli->out = w->cli->err = memory;
    if (!first)
        put_heading(w, memory);
    enum cli_exit code = round_run(w);
    w->cli->out = w->out;
    w->cli->err = w->err;
    BUG_ON(fclose(memory) != 0);
    if (first && code != CLI_OK)
        (void)fwrite(text, 1, len, w->err);
    else if (first)
        enter_screen(w->out);
    else
        draw(w, (struct str){text, len});
    free(text);
    return code;
}

static enum cli_exit round_appended(const struct watched *w)
{
    if (!cli_wants_json(w->cli))
        put_heading(w, w->out);
    enum cli_exit code = round_run(w);
    if (!cli_wants_json(w->cli))
        (void)fputc('\n', w->out);
    return code;
}

enum cli_exit watch(struct cli *cli, const struct command *command, const void *options)
{
    int64_t interval = cli->globals.interval_us;
    const struct watched w = {cli,      command,
                              options,  cli->out,
                              cli->err, interval == INT_ABSENT ? INTERVAL_DEFAULT : interval};
    bool on_screen = cli_terminal(cli, cli->out).is_tty;
    bool first = true;
    do {
        enum cli_exit code = on_screen ? round_on_screen(&w, first) : round_appended(&w);
        if (first && code != CLI_OK)
            return code;
        if (!first || !on_screen)
            pause_for(w.interval_us);
        first = false;
    } while (fflush(w.out) == 0 && !ferror(w.out));
    return CLI_FAILED; /* nobody reads any more */
}
