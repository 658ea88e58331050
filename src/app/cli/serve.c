#include "app/cli/serve.h"

#include "app/cli/cli.h"

#define SERVE(member)   offsetof(struct serve_options, member)
#define SANDBOX(member) offsetof(struct sandbox_options, member)

static const char *const log_formats[] = {
    [LOG_FORMAT_TEXT] = "text", [LOG_FORMAT_JSON] = "json", NULL};
static const char *const log_levels[] = {
    [LOG_DEBUG] = "debug", [LOG_INFO] = "info", [LOG_WARN] = "warn", [LOG_ERROR] = "error", NULL};

const struct option_spec serve_option_table[] = {
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
    {.field = {"log-format", FIELD_ENUM, SERVE(log_format), .names = log_formats,
               .help = "text unless told"},
     .metavar = "text|json"},
    {.field = {"log-level", FIELD_ENUM, SERVE(log_level), .names = log_levels,
               .help = "the least level that is written, info unless told"},
     .metavar = "debug|info|warn|error"},
    OPTION_END,
};

const struct option_spec sandbox_option_table[] = {
    {.field = {"listen", FIELD_TEXT, SANDBOX(listen),
               .help = "where to listen for HTTP, 127.0.0.1:4100 unless told"},
     .letter = 'l',
     .metavar = "ADDR:PORT"},
    {.field = {"data", FIELD_TEXT, SANDBOX(data), .max_len = 4096,
               .help = "keep the sandbox's state in this directory, not only in memory"},
     .letter = 'd',
     .metavar = "DIR"},
    OPTION_END,
};
