#include "sandbox/sandbox.h"
#include "app/daemon/serve.h"
#include "app/daemon/signals.h"
#include "infra/http/server.h"

#include <errno.h>
#include <sys/stat.h>

#define ACTION_DELAY_US (700 * USEC_PER_MS)

static enum err start(const struct sandbox_run_options *options, struct arena *arena,
                      struct sandbox **ret, struct error *e)
{
    struct sandbox_options sandbox = {.action_delay_us = ACTION_DELAY_US};
    const char *listen = options->listen ? options->listen : "127.0.0.1:4100";
    TRY(http_listen_parse(listen, arena, &sandbox.address, &sandbox.port, e));
    if (mkdir(options->data, 0700) != 0 && errno != EEXIST)
        return error_errno(e, "cannot make the data directory %s", options->data);
    sandbox.db_url = arena_printf(arena, "sqlite:%s/sandbox.db", options->data);
    return sandbox_start(&sandbox, ret, e);
}

enum err sandbox_run(const struct sandbox_run_options *options, struct error *e)
{
    if (!options->data)
        return error_set(e, ERR_INVALID, "say where to keep the sandbox's state: --data DIR");
    signals_block();
    _cleanup_arena_ struct arena arena = {0};
    struct sandbox *sandbox = NULL;
    TRY(start(options, &arena, &sandbox, e));
    printf("sandbox listening on http://127.0.0.1:%u\n", sandbox_port(sandbox));
    (void)fflush(stdout);
    signals_wait();
    sandbox_stop(sandbox);
    return OK;
}
