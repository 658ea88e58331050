/* The two long-running commands; app/daemon does the work. */
#include "app/daemon/serve.h"
#include "app/cli/cli.h"
#include "app/cli/commands.h"

#define SERVE(member)   offsetof(struct serve_options, member)
#define SANDBOX(member) offsetof(struct sandbox_run_options, member)

static const char *const log_formats[] = {
    [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL};
static const char *const log_levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL};

static const char *const on_off[] = {"on", "off", NULL};

static const struct option_spec serve_option_table[] = {
    {.field = {"listen", FIELD_TEXT, SERVE(listen),
               .help = "where to listen for HTTP, 127.0.0.1:4000 unless told"},
     .letter = 'l',
     .metavar = "ADDR:PORT"},
    {.field = {"data", FIELD_TEXT, SERVE(data), .max_len = 4096,
               .help = "the directory that keeps the database and keys"},
     .letter = 'd',
     .metavar = "DIR"},
    {.field = {"database", FIELD_TEXT, SERVE(database), .max_len = 4096,
               .help = "sqlite:PATH, or postgres://... when several nodes share the work"},
     .metavar = "URL"},
    {.field = {"config", FIELD_TEXT, SERVE(config), .max_len = 4096,
               .help = "settings in YAML; options given here go before them"},
     .letter = 'c',
     .metavar = "FILE"},
    {.field = {"policy", FIELD_TEXT, SERVE(policy), .max_len = 4096,
               .help = "the placement policy, by name or as a file; default unless told"},
     .metavar = "FILE|NAME"},
    {.field = {"sandbox", FIELD_BOOL, SERVE(sandbox),
               .help = "provision in a sandbox cloud inside this process; costs nothing"}},
    {.field = {"demo", FIELD_BOOL, SERVE(demo),
               .help = "as --sandbox, with some customers to look at"}},
    {.field = {"postgres", FIELD_BOOL, SERVE(postgres),
               .help = "the sandbox's databases are in a PostgreSQL behind a PgBouncer, both its "
                       "own, so that customers move live"}},
    {.field = {"log-format", FIELD_ENUM, SERVE(log_format), .names = log_formats,
               .help = "text unless told"},
     .metavar = "text|json"},
    {.field = {"log-level", FIELD_ENUM, SERVE(log_level), .names = log_levels,
               .help = "the least level that is written, info unless told"},
     .metavar = "debug|info|warn|error"},
    OPTION_END,
};

static const struct option_spec sandbox_option_table[] = {
    {.field = {"listen", FIELD_TEXT, SANDBOX(listen),
               .help = "where to listen for HTTP, 127.0.0.1:4100 unless told"},
     .letter = 'l',
     .metavar = "ADDR:PORT"},
    {.field = {"data", FIELD_TEXT, SANDBOX(data), .max_len = 4096,
               .help = "the directory that keeps the sandbox's state"},
     .letter = 'd',
     .metavar = "DIR"},
    {.field = {"hetzner-token-file", FIELD_TEXT, SANDBOX(hetzner_token_file), .max_len = 4096,
               .help = "the token to demand; else HCLOUD_TOKEN, else any will do"},
     .metavar = "FILE"},
    {.field = {"fly-token-file", FIELD_TEXT, SANDBOX(fly_token_file), .max_len = 4096,
               .help = "the token to demand; else FLY_API_TOKEN, else any will do"},
     .metavar = "FILE"},
    {.field = {"action-delay", FIELD_TEXT, SANDBOX(action_delay),
               .help = "how long a step of a server or machine takes, 700ms unless told"},
     .metavar = "DURATION"},
    {.field = {"read-lag", FIELD_TEXT, SANDBOX(read_lag),
               .help = "how long lists may miss what was written, 0s unless told"},
     .metavar = "DURATION"},
    {.field = {"rate-limit", FIELD_ENUM, SANDBOX(rate_limit), .names = on_off,
               .help = "Hetzner's 3600 requests an hour, on unless told"},
     .metavar = "on|off"},
    {.field = {"fly-rate-burst", FIELD_INT, SANDBOX(fly_rate_burst), .min = 1, .max = 1000000,
               .help = "Fly changes of a machine at once (the real limit is 3), none unless told"},
     .metavar = "N"},
    OPTION_END,
};

static enum cli_exit serve_command_run(struct cli *cli, const struct command *self,
                                       const void *options)
{
    (void)self;
    struct error e;
    return serve_run(options, &e) == OK ? CLI_OK : cli_fail(cli, &e);
}

static enum cli_exit sandbox_command_run(struct cli *cli, const struct command *self,
                                         const void *options)
{
    (void)self;
    struct error e;
    return sandbox_run(options, &e) == OK ? CLI_OK : cli_fail(cli, &e);
}

const struct command command_serve = {
    .name = "serve",
    .group = GROUP_RUN,
    .summary = "Run the control plane",
    .details = "Serves the API, runs the jobs and keeps the database. Stops on SIGINT or SIGTERM "
               "after the jobs that run have finished.\n"
               "The first start makes an admin token and shows it once.",
    .options = serve_option_table,
    .options_size = sizeof(struct serve_options),
    .run = serve_command_run,
    .examples =
        (const struct example[]){
            {"webhost serve --demo --data demo", "try it out: nothing is ordered anywhere"},
            {"webhost serve --config /etc/webhost.yaml", "as a service"},
            {0},
        },
};

const struct command command_sandbox = {
    .name = "sandbox",
    .group = GROUP_RUN,
    .summary = "Run the sandbox clouds alone",
    .details = "Speaks the Hetzner Cloud and the Fly Machines API on one port and keeps what it "
               "was asked to make. It orders nothing and costs nothing.\n"
               "Tools for the real clouds work with it: give them its address as HCLOUD_ENDPOINT "
               "(with /v1) or FLY_FLAPS_BASE_URL (without), and webhost as "
               "provisioning.hetzner.endpoint and provisioning.fly.endpoint (both with /v1).\n"
               "Tests make it fail through /sandbox/faults, set loads, health and availability "
               "through /sandbox/settings, and read what exists from /sandbox/state.",
    .options = sandbox_option_table,
    .options_size = sizeof(struct sandbox_run_options),
    .run = sandbox_command_run,
    .examples =
        (const struct example[]){
            {"webhost sandbox --data clouds", "then point provisioning.hetzner.endpoint at it"},
            {"HCLOUD_ENDPOINT=http://127.0.0.1:4100/v1 HCLOUD_TOKEN=any hcloud server list",
             "look at it with Hetzner's own tool"},
            {"webhost sandbox --data clouds --read-lag 2s --fly-rate-burst 3",
             "as unpleasant as the real ones"},
            {0},
        },
};
