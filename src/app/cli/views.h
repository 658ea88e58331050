/*
 * The shapes that most commands of the server have: print a list, do something.
 *
 * A command's `data` points at one of these; its `run` is the function of the same name.
 */
#ifndef WEBHOST_APP_CLI_VIEWS_H
#define WEBHOST_APP_CLI_VIEWS_H

#include "app/cli/cli.h"
#include "app/cli/table.h"

/* Stands first in the option struct of every list that has pages. */
struct paging {
    int64_t limit; /* INT_ABSENT: one page of the server's size */
    bool all;
};

#define PAGING_OPTIONS                                                                             \
    {.field = {"limit", FIELD_INT, offsetof(struct paging, limit), .min = 1, .max = INT64_MAX,     \
               .help = "how many at most, 50 unless told"},                                        \
     .letter = 'n',                                                                                \
     .metavar = "N"},                                                                              \
    {                                                                                              \
        .field = {"all", FIELD_BOOL, offsetof(struct paging, all), .help = "every one there is"},  \
        .letter = 'a'                                                                              \
    }

extern const struct option_spec paging_options[]; /* for lists without filters of their own */

struct list_view {
    const char *path;  /* "/api/customers/{CUSTOMER}/decisions" */
    const char *array; /* the reply's member: "decisions" */
    const struct column *columns;
    void (*print)(struct cli *cli, const json_t *rows); /* instead of a table; NULL: columns */
    bool pages;                                         /* the options start with struct paging */
    const char *also; /* another array of the reply, in a table of its own; NULL: none */
    const struct column *also_columns;
};

enum cli_exit list_view_run(struct cli *cli, const struct command *self, const void *options);

/* One thing: a card of its members, or what `print` makes of it. */
struct item_view {
    const char *path; /* "/api/jobs/{JOB}" */
    const struct column *columns;
    void (*print)(const struct table *t, const json_t *item); /* instead of a card */
    const char *also; /* an array of it that gets a table when it is not empty; NULL: none */
    const struct column *also_columns;
};

enum cli_exit item_view_run(struct cli *cli, const struct command *self, const void *options);

/* A request without a body whose success is one sentence. */
struct action_view {
    int method; /* enum http_method */
    const char *path;
    const char *done; /* what to say, after the argument: "is queued again" */
};

enum cli_exit action_view_run(struct cli *cli, const struct command *self, const void *options);

/* How tables are printed in this run. */
struct table cli_table(struct cli *cli);

/* The whole value, indented, and a newline. */
void print_json(struct cli *cli, const json_t *value);

#endif
