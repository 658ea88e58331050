/*
 * The command line as data.
 *
 * Each command is one entry of a static table: what it is called, what it takes, what it says about
 * itself and the function that runs it. Options and arguments are record fields (base/record.h), so
 * one table gives the parser, `--help`, the errors that name the option, the request that is sent
 * to the server and the way back from a field that the server refuses to the option that set it.
 *
 * A command's name is one or two words. `webhost WORD` runs the command "WORD ..." that is marked
 * `by_default`. Options may stand anywhere after the command's words; global ones before it too.
 */
#ifndef WEBHOST_APP_CLI_COMMAND_H
#define WEBHOST_APP_CLI_COMMAND_H

#include "base/record.h"

struct cli;

/* What the process answers; documented by `webhost --help` (help.c prints this table's words). */
enum cli_exit {
    CLI_OK = 0,
    CLI_FAILED = 1,
    CLI_USAGE = 2,
    CLI_NOT_FOUND = 3,
    CLI_DENIED = 4,
    CLI_UNREACHABLE = 5,
    CLI_CONFLICT = 6,
    CLI_TIMEOUT = 7,
    CLI_ENDED_BADLY = 8,
    CLI_EXITS,
};

/* What each of them means, in a line. */
extern const char *const cli_exit_meanings[CLI_EXITS];

enum command_group {
    GROUP_DECIDE,
    GROUP_CUSTOMERS,
    GROUP_WORK,
    GROUP_FLEET,
    GROUP_ACCESS,
    GROUP_RUN,
    GROUP_SHELL,
    COMMAND_GROUPS,
};

extern const char *const command_group_titles[COMMAND_GROUPS];

/*
 * An option ("--budget 30", field.name "budget") or an argument (field.name "CUSTOMER"). The field
 * may be text, number, decimal, switch (FIELD_BOOL), enum, or texts: a comma-separated list that
 * may be given several times.
 */
struct option_spec {
    struct field field; /* offset into the command's option struct; help is one line */
    char letter;        /* "-o"; 0: none */
    const char *metavar;
    const char *key; /* in a request's body ("profile_overrides.budget") or query; NULL: not sent */
    bool duration;   /* a FIELD_INT in microseconds, written "30s" */
};

#define OPTION_END                                                                                 \
    {                                                                                              \
        .field = FIELD_END                                                                         \
    }

struct example {
    const char *line; /* what to type */
    const char *what; /* what it does */
};

struct command {
    const char *name;
    enum command_group group;
    bool by_default;
    bool shows;          /* it changes nothing, so --watch may repeat it; every list does */
    bool follows;        /* what --watch means to it, it does by itself */
    const char *summary; /* without a full stop; at most 55 columns */
    const char *details; /* paragraphs for --help, wrapped there; may be NULL */
    const struct option_spec *arguments; /* required ones first; NULL: none */
    const struct option_spec *options;   /* NULL: none */
    size_t options_size;                 /* of the struct that both tables fill */
    enum cli_exit (*run)(struct cli *cli, const struct command *self, const void *options);
    const void *data;               /* what `run` wants to know about this entry */
    const struct example *examples; /* ends with {0}; may be NULL */
};

/* All commands in the order of the help. */
extern const struct command *const commands[]; /* ends with NULL */

/*
 * The command that the leading words of `argv` name, and how many of them do. Returns NULL for
 * none; then `e` says which word is wrong and what it may have been meant to be.
 */
const struct command *command_find(int argc, char *const *argv, int *ret_words, struct error *e);

/*
 * How the person set the field that a reader or the server calls `field`: "--compliance" for
 * "profile_overrides.compliance_requirements[1]". The field itself when no option did.
 */
const char *command_name_of_key(const struct command *c, const char *field, struct arena *arena);

/* True when at least one command's first word is `word` (then `webhost WORD --help` lists them). */
bool command_is_group_word(const char *word);

#endif
