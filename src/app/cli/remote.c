#include "app/cli/remote.h"

#include "app/cli/contexts.h"

#define SERVER_DEFAULT  "http://127.0.0.1:4000"
#define TIMEOUT_DEFAULT (30 * USEC_PER_SEC)
#define DOWNLOAD_MAX_US (3600 * USEC_PER_SEC)
#define REPLY_MAX       (16u << 20)

struct remote {
    struct http_client *http;
    struct secret *token; /* NULL: none was given */
    const char *url;      /* without a trailing slash; in the run's arena */
};

void remote_free(struct remote *remote)
{
    if (!remote)
        return;
    http_client_free(remote->http);
    secret_free(remote->token);
    free(remote);
}

/*
 * Where from, in this order: --server, --context, WEBHOST_SERVER, WEBHOST_CONTEXT, the context in
 * use, loopback. `ret_context` is the one that the URL is from, or NULL.
 */
static enum err choose_server(struct cli *cli, const char **ret_url, const char **ret_from,
                              const struct context **ret_context, struct error *e)
{
    const char *url = getenv("WEBHOST_SERVER");
    *ret_from = cli->globals.server ? "--server" : "WEBHOST_SERVER";
    *ret_url = cli->globals.server ? cli->globals.server : url;
    *ret_context = NULL;
    if (cli->globals.server || (!cli->globals.context && url && url[0]))
        return OK;
    TRY(context_chosen(cli, ret_context, e));
    *ret_url = *ret_context ? (*ret_context)->url : SERVER_DEFAULT;
    *ret_from = "the context's url";
    return OK;
}

static enum err server_url(struct cli *cli, const char **ret_url,
                           const struct context **ret_context, struct error *e)
{
    const char *url, *from;
    TRY(choose_server(cli, &url, &from, ret_context, e));
    struct str s = str_from(url);
    if (!str_starts_with(s, STR("http://")) && !str_starts_with(s, STR("https://")))
        return error_set(e, ERR_INVALID, "%s must begin with http:// or https://, not \"%s\"", from,
                         url);
    while (str_ends_with(s, STR("/")))
        s.len--;
    *ret_url = arena_text_n(&cli->arena, s.ptr, s.len);
    return OK;
}

/* A context's token goes to its own server alone, so it counts only when the URL is from there. */
static enum err token_read(struct cli *cli, const struct context *context,
                           struct secret **ret_token, struct error *e)
{
    if (cli->globals.token_file)
        return secret_from_file(cli->globals.token_file, ret_token, e);
    const char *text = getenv("WEBHOST_TOKEN");
    if (!(text && text[0]) && context && context->token_file)
        return secret_from_file(context->token_file, ret_token, e);
    *ret_token = text && text[0] ? secret_new(str_from(text)) : NULL;
    return OK;
}

static enum err remote_open(struct cli *cli, struct error *e)
{
    if (cli->remote)
        return OK;
    const char *url = NULL;
    struct secret *token;
    const struct context *context;
    TRY(server_url(cli, &url, &context, e));
    TRY(token_read(cli, context, &token, e));
    struct remote *r = calloc(1, sizeof(*r));
    BUG_ON(!r);
    *r = (struct remote){.http = http_client_new(), .token = token, .url = url};
    cli->remote = r;
    return OK;
}

/* -- failures ---------------------------------------------------------------------------------- */

static enum cli_exit exit_of_status(int status)
{
    switch (status) {
    case 400:
    case 413:
    case 422:
        return CLI_USAGE;
    case 401:
    case 403:
        return CLI_DENIED;
    case 404:
        return CLI_NOT_FOUND;
    case 409:
        return CLI_CONFLICT;
    case 429:
    case 502:
    case 503:
        return CLI_UNREACHABLE;
    case 504:
        return CLI_TIMEOUT;
    default:
        return CLI_FAILED;
    }
}

static void say_fields(struct cli *cli, const struct command *command, const json_t *errors)
{
    size_t i;
    const json_t *one;
    json_array_foreach (errors, i, one) {
        const char *field = json_get_text(one, "field");
        const char *detail = json_get_text(one, "detail");
        cli_say(cli, "%s%s%s", field ? command_name_of_key(command, field, &cli->arena) : "",
                field && field[0] ? " " : "", detail ? detail : "is wrong");
    }
}

static const char *advice(const struct remote *r, const struct http_reply *reply,
                          struct arena *arena)
{
    if (reply->status == 401 && !r->token)
        return "; set WEBHOST_TOKEN or give --token-file, or keep both with webhost context add";
    const char *after = http_reply_header(reply, "Retry-After");
    if (reply->status == 503 && after)
        return arena_printf(arena, "; try again in %s s", after);
    return "";
}

static enum cli_exit fail_reply(struct cli *cli, const struct remote_call *call,
                                const struct http_reply *reply)
{
    _cleanup_json_ json_t *problem = NULL;
    (void)json_parse(reply->body, &problem, NULL);
    const json_t *errors = json_object_get(problem, "errors");
    const char *detail = json_get_text(problem, "detail");
    if (!detail)
        detail = json_get_text(problem, "title");
    if (json_array_size(errors) > 0)
        say_fields(cli, call->command, errors);
    else if (detail)
        cli_say(cli, "%s%s", detail, advice(cli->remote, reply, &cli->arena));
    else
        cli_say(cli, "%s answered %d %s%s", cli->remote->url, reply->status,
                http_status_text(reply->status), advice(cli->remote, reply, &cli->arena));
    return exit_of_status(reply->status);
}

static enum cli_exit fail_call(struct cli *cli, const struct remote_call *call, enum err code,
                               bool sent, const struct error *e)
{
    cli_say(cli, "%s", e->text);
    if (sent && call->method != HTTP_GET)
        cli_say(cli, call->idempotency_key
                         ? "it may have been done; the same --idempotency-key makes it safe to try "
                           "again"
                         : "it may have been done; look before you try again");
    else if (code == ERR_UNAVAILABLE)
        cli_say(cli, "is \"webhost serve\" running at %s? --server URL names another server",
                cli->remote->url);
    return cli_exit_of(code);
}

/* -- calls ------------------------------------------------------------------------------------- */

static enum cli_exit take_reply(struct cli *cli, const struct http_reply *reply, json_t **ret_reply)
{
    struct error e;
    json_t *value = NULL;
    if (reply->body.len > 0 && json_parse(reply->body, &value, &e) != OK) {
        cli_say(cli, "%s answered something that is not JSON (%s); is it a webhost server?",
                cli->remote->url, e.text);
        return CLI_FAILED;
    }
    *ret_reply = value;
    return CLI_OK;
}

enum cli_exit remote_call(struct cli *cli, const struct remote_call *call, json_t **ret_reply)
{
    struct error e;
    if (remote_open(cli, &e) != OK)
        return cli_fail(cli, &e);
    const struct remote *r = cli->remote;
    const struct http_pair headers[] = {
        {"Accept", "application/json"},
        {"Idempotency-Key", call->idempotency_key},
    };
    int64_t timeout = cli->globals.timeout_us;
    const struct http_call http = {
        .method = call->method,
        .url = arena_printf(&cli->arena, "%s%s", r->url, call->path),
        .headers = headers,
        .header_count = call->idempotency_key ? 2 : 1,
        .bearer = r->token,
        .body = call->body ? str_from(json_text(call->body, &cli->arena)) : (struct str){NULL, 0},
        .timeout_us = timeout == INT_ABSENT ? TIMEOUT_DEFAULT : timeout,
        .reply_max = REPLY_MAX,
    };
    struct http_reply reply;
    bool sent = false;
    enum err code = http_client_call(r->http, &http, &cli->arena, &reply, &sent, &e);
    if (code != OK)
        return fail_call(cli, call, code, sent, &e);
    if (reply.status < 200 || reply.status > 299)
        return fail_reply(cli, call, &reply);
    return take_reply(cli, &reply, ret_reply);
}

enum cli_exit remote_get(struct cli *cli, const struct command *command, const char *path,
                         json_t **ret_reply)
{
    return remote_call(cli,
                       &(struct remote_call){.method = HTTP_GET, .path = path, .command = command},
                       ret_reply);
}

struct large_get {
    const char *path;
    const struct command *command;
    bool (*sink)(void *ctx, struct str bytes);
    void *ctx;
};

/* A connection that fails is told, unless `ret_code` asks for it: then it is the caller's affair.
 */
static enum cli_exit get_large(struct cli *cli, const struct large_get *get, enum err *ret_code)
{
    struct error e;
    if (remote_open(cli, &e) != OK)
        return cli_fail(cli, &e);
    const struct remote *r = cli->remote;
    const struct remote_call call = {
        .method = HTTP_GET, .path = get->path, .command = get->command};
    int64_t timeout = cli->globals.timeout_us;
    const struct http_call http = {
        .method = HTTP_GET,
        .url = arena_printf(&cli->arena, "%s%s", r->url, get->path),
        .bearer = r->token,
        .timeout_us = timeout == INT_ABSENT ? DOWNLOAD_MAX_US : timeout,
        .sink = get->sink,
        .sink_ctx = get->ctx,
    };
    struct http_reply reply;
    bool sent = false;
    enum err code = http_client_call(r->http, &http, &cli->arena, &reply, &sent, &e);
    if (ret_code)
        *ret_code = code;
    if (code != OK)
        return ret_code ? CLI_UNREACHABLE : fail_call(cli, &call, code, sent, &e);
    return reply.status == 200 ? CLI_OK : fail_reply(cli, &call, &reply);
}

static bool to_file(void *ctx, struct str bytes)
{
    return fwrite(bytes.ptr, 1, bytes.len, ctx) == bytes.len;
}

enum cli_exit remote_download(struct cli *cli, const struct command *command, const char *path,
                              FILE *file)
{
    return get_large(cli, &(struct large_get){path, command, to_file, file}, NULL);
}

enum cli_exit remote_follow(struct cli *cli, const struct command *command, const char *path,
                            bool (*sink)(void *ctx, struct str bytes), void *ctx)
{
    enum err code = OK;
    enum cli_exit exit = get_large(cli, &(struct large_get){path, command, sink, ctx}, &code);
    return code == ERR_IO ? CLI_OK : exit; /* the sink has seen enough */
}

bool remote_has_token(struct cli *cli)
{
    struct error e;
    return remote_open(cli, &e) == OK && cli->remote->token;
}
