#include "sandbox/sandbox.h"
#include "app/daemon/serve.h"
#include "app/daemon/signals.h"
#include "base/record.h"
#include "infra/http/server.h"
#include "infra/secrets/secret.h"

#include <errno.h>
#include <sys/stat.h>

#define ACTION_DELAY_US (700 * USEC_PER_MS)

/* From the file, else from the environment; NULL when there is neither. */
static enum err read_token(const char *path, const char *variable, struct secret **ret_token,
                           struct error *e)
{
    const char *value = getenv(variable);
    if (path)
        return secret_from_file(path, ret_token, e);
    *ret_token = value && *value ? secret_new(str_from(value)) : NULL;
    return OK;
}

static enum err read_duration(const char *option, const char *text, int64_t *duration_us,
                              struct error *e)
{
    if (text && !duration_parse(str_from(text), duration_us))
        return error_set(e, ERR_INVALID, "--%s: %s is no duration; write 700ms, 2s or 0s", option,
                         text);
    return OK;
}

static enum err start(const struct sandbox_run_options *options, struct sandbox_options *sandbox,
                      struct arena *arena, struct sandbox **ret, struct error *e)
{
    const char *listen = options->listen ? options->listen : "127.0.0.1:4100";
    TRY(http_listen_parse(listen, arena, &sandbox->address, &sandbox->port, e));
    TRY(read_duration("action-delay", options->action_delay, &sandbox->action_delay_us, e));
    TRY(read_duration("read-lag", options->read_lag, &sandbox->read_lag_us, e));
    if (mkdir(options->data, 0700) != 0 && errno != EEXIST)
        return error_errno(e, "cannot make the data directory %s", options->data);
    sandbox->db_url = arena_printf(arena, "sqlite:%s/sandbox.db", options->data);
    sandbox->rate_burst = options->rate_limit == 1 ? INT32_MAX : 0;
    sandbox->fly_rate_burst = options->fly_rate_burst == INT_ABSENT ? 0 : options->fly_rate_burst;
    return sandbox_start(sandbox, ret, e);
}

/* The sandbox has its own copies of the tokens. */
static enum err start_with_tokens(const struct sandbox_run_options *options, struct arena *arena,
                                  struct sandbox **ret, struct error *e)
{
    struct secret *hetzner = NULL, *fly = NULL;
    enum err err = read_token(options->hetzner_token_file, "HCLOUD_TOKEN", &hetzner, e);
    if (err == OK)
        err = read_token(options->fly_token_file, "FLY_API_TOKEN", &fly, e);
    struct sandbox_options clouds = {
        .action_delay_us = ACTION_DELAY_US,
        .hetzner_token = hetzner ? secret_expose(hetzner) : NULL,
        .fly_token = fly ? secret_expose(fly) : NULL,
    };
    if (err == OK)
        err = start(options, &clouds, arena, ret, e);
    secret_free(hetzner);
    secret_free(fly);
    return err;
}

enum err sandbox_run(const struct sandbox_run_options *options, struct error *e)
{
    if (!options->data)
        return error_set(e, ERR_INVALID, "say where to keep the sandbox's state: --data DIR");
    signals_block();
    _cleanup_arena_ struct arena arena = {0};
    struct sandbox *sandbox = NULL;
    TRY(start_with_tokens(options, &arena, &sandbox, e));
    printf("sandbox listening on http://127.0.0.1:%u\n", sandbox_port(sandbox));
    (void)fflush(stdout);
    signals_wait();
    sandbox_stop(sandbox);
    return OK;
}
