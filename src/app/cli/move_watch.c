#include "app/cli/move_watch.h"

#include "app/cli/move_view.h"
#include "app/cli/remote.h"
#include "app/cli/request.h"
#include "app/cli/wait.h"
#include "base/buf.h"

#include <signal.h>
#include <unistd.h>

#define EVENT_MAX ((size_t)1 << 20)
#define AGAIN_US  USEC_PER_SEC

struct watching {
    struct cli *cli;
    struct buf line;  /* of the stream, until its end is here */
    json_t *move;     /* the newest state; NULL: none yet */
    const char *told; /* the state that was told last; off a terminal */
    size_t drawn;     /* lines that the next drawing replaces */
    bool arrived;
};

/* -- the interrupt ------------------------------------------------------------------------------
 */

static char farewell[256]; /* for the handler of signals: what is safe there is little */

static void leave(int number)
{
    ssize_t ignored = write(STDERR_FILENO, farewell, strlen(farewell));
    (void)ignored;
    (void)signal(number, SIG_DFL);
    (void)raise(number);
}

static void say_farewell_on_interrupt(const char *id)
{
    struct sigaction action = {.sa_handler = leave};
    (void)snprintf(farewell, sizeof(farewell),
                   "\nwebhost: the move goes on without this command; see it again with: webhost "
                   "migrations watch %s\n",
                   id);
    BUG_ON(sigaction(SIGINT, &action, NULL) != 0 || sigaction(SIGTERM, &action, NULL) != 0);
}

/* -- showing ------------------------------------------------------------------------------------
 */

static size_t lines_in(const char *text)
{
    size_t count = 0;
    for (; (text = strchr(text, '\n')); text++)
        count++;
    return count;
}

/* Over what was drawn before. What is longer than the terminal shows its end. */
static void draw(struct watching *w)
{
    FILE *out = w->cli->out, *memory;
    char *text = NULL;
    size_t len, height = w->cli->terminal.height;
    memory = open_memstream(&text, &len);
    BUG_ON(!memory);
    move_print(memory, &w->cli->terminal, w->move);
    BUG_ON(fclose(memory) != 0);
    size_t lines = lines_in(text);
    const char *shown = text;
    for (; height > 1 && lines >= height; lines--)
        shown = strchr(shown, '\n') + 1;
    if (w->drawn > 0)
        (void)fprintf(out, "\033[%zuA\033[J", w->drawn);
    (void)fputs(shown, out);
    (void)fflush(out);
    w->drawn = lines;
    free(text);
}

static void tell(struct watching *w)
{
    char now[TIME_TEXT_MAX];
    const char *state = json_get_text(w->move, "state");
    if (text_eq(state, w->told))
        return;
    w->told = arena_text(&w->cli->arena, state);
    (void)fprintf(w->cli->out, "%.19s %s\n", time_text(clock_now(w->cli->clock), now), state);
    (void)fflush(w->cli->out);
}

static void show(struct watching *w, json_t *move)
{
    _cleanup_arena_ struct arena arena = {0};
    json_decref(w->move);
    w->move = move;
    w->arrived = move_has_arrived(move);
    if (cli_wants_json(w->cli)) {
        (void)fprintf(w->cli->out, "%s\n", json_text(move, &arena));
        (void)fflush(w->cli->out);
    } else if (w->cli->terminal.is_tty) {
        draw(w);
    } else {
        tell(w);
    }
}

/* -- the stream ---------------------------------------------------------------------------------
 */

static void take_line(struct watching *w, struct str line)
{
    json_t *move = NULL;
    struct error ignored;
    if (!str_starts_with(line, STR("data: ")))
        return;
    line.ptr += strlen("data: ");
    line.len -= strlen("data: ");
    if (json_parse(line, &move, &ignored) == OK)
        show(w, move);
}

/* False ends the stream. */
static bool take(void *ctx, struct str bytes)
{
    struct watching *w = ctx;
    while (bytes.len > 0) {
        const char *end = memchr(bytes.ptr, '\n', bytes.len);
        size_t len = end ? (size_t)(end - bytes.ptr) : bytes.len;
        if (!buf_append(&w->line, bytes.ptr, len))
            return false;
        if (end) {
            take_line(w, buf_str(&w->line));
            buf_reset(&w->line);
            len++;
        }
        bytes.ptr += len;
        bytes.len -= len;
    }
    return !w->arrived;
}

static enum cli_exit follow(struct watching *w, const struct command *command, const char *path)
{
    int64_t allowed = w->cli->globals.timeout_us;
    int64_t end = allowed == INT_ABSENT ? INT64_MAX : clock_now(w->cli->clock) + allowed;
    const char *events = arena_printf(&w->cli->arena, "%s/events", path);
    enum cli_exit code = remote_get(w->cli, command, path, &w->move);
    if (code != CLI_OK)
        return code;
    show(w, json_incref(w->move));
    while (!w->arrived) {
        buf_reset(&w->line);
        code = remote_follow(w->cli, command, events, take, w);
        if (code != CLI_OK && code != CLI_UNREACHABLE)
            return code;
        if (!w->arrived && clock_now(w->cli->clock) >= end) {
            cli_say(w->cli, "the move is not done yet; it goes on without this command");
            return CLI_TIMEOUT;
        }
        if (!w->arrived)
            pause_for(AGAIN_US);
    }
    return move_exit(w->move);
}

enum cli_exit move_watch(struct cli *cli, const struct command *command, const char *id)
{
    struct watching w = {.cli = cli, .line = BUF_INIT(EVENT_MAX)};
    const char *path = arena_printf(&cli->arena, "/api/migrations/%s", url_escape(id, &cli->arena));
    say_farewell_on_interrupt(id);
    enum cli_exit code = follow(&w, command, path);
    bool drawn = cli->terminal.is_tty || cli_wants_json(cli);
    if (w.move && !drawn)
        move_print(cli->out, &cli->terminal, w.move);
    json_decref(w.move);
    buf_release(&w.line);
    return code;
}
