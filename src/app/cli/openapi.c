/* `webhost openapi`: the API's description, without a server. */
#include "app/api/openapi.h"

#include "app/cli/commands.h"
#include "app/cli/views.h"

static enum cli_exit openapi_run(struct cli *cli, const struct command *self, const void *options)
{
    (void)self;
    (void)options;
    _cleanup_json_ json_t *document = openapi_document();
    print_json(cli, document);
    return CLI_OK;
}

const struct command command_openapi = {
    .name = "openapi",
    .group = GROUP_RUN,
    .summary = "Print the description of the HTTP API",
    .details = "OpenAPI 3.1, for generators of clients and for readers. It needs no server; a "
               "server gives the same at /api/openapi.json.",
    .run = openapi_run,
    .examples =
        (const struct example[]){
            {"webhost openapi >webhost.json", "the description as a file"},
            {0},
        },
};
