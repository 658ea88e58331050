/*
 * Contexts: the servers that a person works with, each with a name, a URL and perhaps the file that
 * holds the token for it. They stand in contexts.yaml in $XDG_CONFIG_HOME/webhost, or
 * ~/.config/webhost, which is written whole, with mode 0600, and renamed into place:
 *
 *     current: prod
 *     contexts:
 *       - {name: "prod", url: "https://webhost.example", token_file: "/home/me/.webhost-prod"}
 *
 * Tokens themselves are never in it. A context's token is sent to the context's server alone.
 */
#ifndef WEBHOST_APP_CLI_CONTEXTS_H
#define WEBHOST_APP_CLI_CONTEXTS_H

#include "app/cli/cli.h"

#define CONTEXTS_MAX 100

struct context {
    const char *name, *url, *token_file; /* the last one may be NULL */
};

struct contexts {
    const char *current;  /* NULL: none is in use */
    struct records items; /* of struct context */
};

/* The file's; none when there is no file. ERR_INVALID names the line that is wrong. */
enum err contexts_read(struct cli *cli, struct contexts *ret, struct error *e);
enum err contexts_write(struct cli *cli, const struct contexts *contexts, struct error *e);

/* The one of that name, or NULL. */
struct context *context_find(const struct contexts *contexts, const char *name);

/* What --context, WEBHOST_CONTEXT or `webhost context use` chose; NULL when none of them did. */
enum err context_chosen(struct cli *cli, const struct context **ret, struct error *e);

/* field_check of a name: letters, digits, - and _, at most 40. */
field_check context_name_check;

#endif
