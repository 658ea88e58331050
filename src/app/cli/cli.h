/*
 * One run of the command line: its streams, its global options, and how it fails.
 *
 * cli_main() finds the command, reads its options and runs it; a command prints to `out` and
 * returns its exit code, which cli_fail() and its neighbours choose. Everything is allocated in one
 * arena that ends with the run. Diagnostics go to `err` as "webhost: SENTENCE".
 */
#ifndef WEBHOST_APP_CLI_CLI_H
#define WEBHOST_APP_CLI_CLI_H

#include "app/cli/command.h"
#include "app/cli/text.h"
#include "base/clock.h"

enum output_format { OUTPUT_TABLE, OUTPUT_JSON };

struct cli_globals {
    const char *server;
    const char *token_file;
    int output; /* enum output_format */
    int color;  /* enum color_choice; -1: auto */
    bool no_color;
    const char *context; /* of contexts.h; NULL: WEBHOST_CONTEXT, or the one in use */
    int64_t timeout_us;  /* INT_ABSENT: each use has its own */
    bool watch;
    int64_t interval_us; /* of --watch; INT_ABSENT: its own */
    bool help;
    bool version;
};

extern const struct option_spec cli_global_options[];

struct cli {
    FILE *in, *out, *err;
    const struct clock *clock;
    struct arena arena;
    struct cli_globals globals;
    struct terminal terminal; /* what `out` is */
    struct remote *remote;    /* the server; made by the first call to it */
};

/*
 * Runs `webhost ARGS...` (argv[0] is the program) and returns the exit code. Reads the environment:
 * WEBHOST_SERVER, WEBHOST_TOKEN, WEBHOST_CONTEXT, NO_COLOR, TERM, COLUMNS, XDG_CONFIG_HOME, HOME.
 */
enum cli_exit cli_main(int argc, char *const *argv, FILE *in, FILE *out, FILE *err,
                       const struct clock *clock);

/* "webhost: SENTENCE" on `err`. */
void cli_say(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* A remark on `err` that is no failure, in its place behind what was printed so far. */
void cli_note(struct cli *cli, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

/* Prints the error and returns the exit code of its class. */
enum cli_exit cli_fail(struct cli *cli, const struct error *e);

/* Prints one line for each problem, "SOURCE:LINE: path: text", and returns CLI_USAGE. */
enum cli_exit cli_fail_problems(struct cli *cli, const char *source,
                                const struct problems *problems);

/* A mistake in how the command was used: the sentence and where to read more. */
enum cli_exit cli_usage(struct cli *cli, const struct command *self, const char *fmt, ...)
    __attribute__((format(printf, 3, 4)));

enum cli_exit cli_exit_of(enum err code);

/* What `stream` is, by the options and the environment. */
struct terminal cli_terminal(const struct cli *cli, FILE *stream);

static inline bool cli_wants_json(const struct cli *cli)
{
    return cli->globals.output == OUTPUT_JSON;
}

/* How messages call a file that was named on the command line: "<stdin>" for "-". */
const char *cli_path_shown(const char *path);

/* The content of a file, or of standard input for "-"; at most `max` bytes. */
enum err cli_read(struct cli *cli, const char *path, size_t max, struct str *ret_text,
                  struct error *e);

#endif
