/*
 * Talking to the server: one call, and failures told in the words of the command line.
 *
 * A reply that is an error (problem+json) is printed here, one sentence for each mistake; a field
 * that the server refuses is named as the option that set it. Commands only pass the exit code on.
 */
#ifndef WEBHOST_APP_CLI_REMOTE_H
#define WEBHOST_APP_CLI_REMOTE_H

#include "app/cli/cli.h"
#include "infra/http/client.h"
#include "infra/json/json.h"

struct remote_call {
    enum http_method method;
    const char *path;              /* escaped, with its query: "/api/jobs?state=failed" */
    const json_t *body;            /* NULL: none */
    const char *idempotency_key;   /* NULL: none */
    const struct command *command; /* whose options the request was made from */
};

/*
 * CLI_OK and the reply (NULL when it has no body), which the caller owns; or, after printing what
 * is wrong, the exit code.
 */
enum cli_exit remote_call(struct cli *cli, const struct remote_call *call, json_t **ret_reply);

/* remote_call() with GET. */
enum cli_exit remote_get(struct cli *cli, const struct command *command, const char *path,
                         json_t **ret_reply);

/*
 * GET of something large, which goes into `file` as it comes. --timeout bounds it, an hour unless
 * told.
 */
enum cli_exit remote_download(struct cli *cli, const struct command *command, const char *path,
                              FILE *file);

/*
 * GET of a stream, handed to `sink` as it comes, until either of them ends it (CLI_OK). A server
 * that cannot be reached, or goes away meanwhile, is CLI_UNREACHABLE and not told: the caller asks
 * again.
 */
enum cli_exit remote_follow(struct cli *cli, const struct command *command, const char *path,
                            bool (*sink)(void *ctx, struct str bytes), void *ctx);

/* True when there is a server to ask and a token for it. */
bool remote_has_token(struct cli *cli);

void remote_free(struct remote *remote); /* NULL is fine */

#endif
