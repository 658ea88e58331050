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
    bool on_screen;
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

/* What a round printed, to be freed; on a screen its complaints too. */
static enum cli_exit gather(const struct watched *w, char **ret_text, size_t *ret_len)
{
    FILE *memory = open_memstream(ret_text, ret_len);
    BUG_ON(!memory);
    w->cli->out = memory;
    w->cli->err = w->on_screen ? memory : w->err;
    if (w->on_screen)
        put_heading(w, memory);
    enum cli_exit code = round_run(w);
    w->cli->out = w->out;
    w->cli->err = w->err;
    BUG_ON(fclose(memory) != 0);
    return code;
}

/* After what is there; what is as it was is not said again. */
static void append(const struct watched *w, struct str text, struct buf *last)
{
    if (str_eq(text, buf_str(last)))
        return;
    if (!cli_wants_json(w->cli))
        put_heading(w, w->out);
    (void)fwrite(text.ptr, 1, text.len, w->out);
    if (!cli_wants_json(w->cli))
        (void)fputc('\n', w->out);
    buf_reset(last);
    BUG_ON(!buf_append_str(last, text));
}

static enum cli_exit show_round(const struct watched *w, bool first, struct buf *last)
{
    char *text = NULL;
    size_t len = 0;
    enum cli_exit code = gather(w, &text, &len);
    bool failed = first && code != CLI_OK;
    if (failed)
        (void)fwrite(text, 1, len, w->on_screen ? w->err : w->out);
    else if (w->on_screen && first)
        enter_screen(w->out);
    if (w->on_screen && !failed)
        draw(w, (struct str){text, len});
    else if (!failed)
        append(w, (struct str){text, len}, last);
    free(text);
    return failed ? code : CLI_OK;
}

/* When --timeout has passed, the screen is given back as on an interrupt. */
static enum cli_exit leave(const struct watched *w, enum cli_exit code)
{
    if (w->on_screen)
        (void)fputs(SCREEN_LEAVE, w->out);
    return code;
}

enum cli_exit watch(struct cli *cli, const struct command *command, const void *options)
{
    int64_t interval = cli->globals.interval_us, allowed = cli->globals.timeout_us;
    int64_t end = allowed == INT_ABSENT ? INT64_MAX : clock_now(cli->clock) + allowed;
    const struct watched w = {
        .cli = cli,
        .command = command,
        .options = options,
        .out = cli->out,
        .err = cli->err,
        .interval_us = interval == INT_ABSENT ? INTERVAL_DEFAULT : interval,
        .on_screen = cli_terminal(cli, cli->out).is_tty,
    };
    _cleanup_buf_ struct buf last = BUF_INIT(SIZE_MAX / 2);
    for (bool first = true;; first = false) {
        enum cli_exit code = show_round(&w, first, &last);
        if (code != CLI_OK)
            return code;
        if (fflush(w.out) != 0 || ferror(w.out))
            return CLI_FAILED; /* nobody reads any more */
        if (clock_now(cli->clock) >= end)
            return leave(&w, CLI_OK);
        pause_for(w.interval_us);
    }
}
