#include "app/daemon/config.h"

#include "infra/config/yaml.h"

#define CONFIG_FILE_MAX ((size_t)1 << 20)
#define DEMO_SOAK_US    (180 * USEC_PER_SEC)
#define LIMIT           .min = 1, .max = 1000

static const char *const log_formats[] = {"text", "json", NULL};
static const char *const log_levels[] = {"debug", "info", "warn", "error", NULL};

static const struct field log_fields[] = {
    {"format", FIELD_ENUM, .offset = 0, .names = log_formats},
    {"level", FIELD_ENUM, .offset = sizeof(int), .names = log_levels},
    FIELD_END,
};

#define JOBS(member)                                                                               \
    .offset = offsetof(struct config, jobs.member) - offsetof(struct config, jobs.lease_ms)

static const struct field jobs_fields[] = {
    {"lease_ms", FIELD_INT, JOBS(lease_ms), .min = 500, .max = 3600000},
    {"poll_ms", FIELD_INT, JOBS(poll_ms), .min = 10, .max = 60000},
    {"drain_ms", FIELD_INT, JOBS(drain_ms), .min = 0, .max = 3600000},
    {"provisioning", FIELD_INT, JOBS(provisioning), LIMIT},
    {"migration_evaluation", FIELD_INT, JOBS(migration_evaluation), LIMIT},
    {"migration", FIELD_INT, JOBS(migration), LIMIT},
    {"notifications", FIELD_INT, JOBS(notifications), LIMIT},
    {"maintenance", FIELD_INT, JOBS(maintenance), LIMIT},
    {"keep_days", FIELD_INT, JOBS(keep_days), .min = 1, .max = 3650},
    FIELD_END,
};

static const struct field ingest_fields[] = {
    {"memory_mb", FIELD_INT, 0, .min = 1, .max = 65536},
    FIELD_END,
};

static const struct field routing_fields[] = {
    {"pgbouncer", FIELD_OBJECT, 0, .fields = pgbouncer_settings_fields},
    FIELD_END,
};

const struct field config_fields[] = {
    {"listen", FIELD_TEXT, offsetof(struct config, listen)},
    {"data", FIELD_TEXT, offsetof(struct config, data)},
    {"database", FIELD_TEXT, offsetof(struct config, database)},
    {"key_file", FIELD_TEXT, offsetof(struct config, key_file)},
    {"policy", FIELD_TEXT, offsetof(struct config, policy)},
    {"prices", FIELD_TEXT, offsetof(struct config, prices)},
    {"log", FIELD_OBJECT, offsetof(struct config, log), .fields = log_fields},
    {"jobs", FIELD_OBJECT, offsetof(struct config, jobs), .fields = jobs_fields},
    {"ingest", FIELD_OBJECT, offsetof(struct config, ingest), .fields = ingest_fields},
    {"dashboard", FIELD_OBJECT, offsetof(struct config, dashboard),
     .fields = session_settings_fields},
    {"offboarding", FIELD_OBJECT, offsetof(struct config, offboarding),
     .fields = offboarding_settings_fields},
    {"usage", FIELD_OBJECT, offsetof(struct config, usage), .fields = usage_settings_fields},
    {"tracker", FIELD_OBJECT, offsetof(struct config, tracker), .fields = tracker_settings_fields},
    {"moves", FIELD_OBJECT, offsetof(struct config, moves), .fields = move_settings_fields},
    {"audit", FIELD_OBJECT, offsetof(struct config, audit), .fields = audit_settings_fields},
    {"notify", FIELD_OBJECT, offsetof(struct config, notify), .fields = notify_settings_fields},
    {"routing", FIELD_OBJECT, offsetof(struct config, routing), .fields = routing_fields},
    {"provisioning", FIELD_OBJECT, offsetof(struct config, provisioning),
     .fields = provisioning_fields},
    FIELD_END,
};

/* /var/lib/webhost for root, the XDG data directory for others. */
static const char *default_data(struct arena *arena)
{
    const char *home = getenv("HOME"), *xdg = getenv("XDG_DATA_HOME");
    if (geteuid() == 0 || (!home && !xdg))
        return "/var/lib/webhost";
    return xdg && *xdg ? arena_printf(arena, "%s/webhost", xdg)
                       : arena_printf(arena, "%s/.local/share/webhost", home);
}

static struct config config_default(struct arena *arena)
{
    return (struct config){
        .listen = "127.0.0.1:4000",
        .data = default_data(arena),
        .policy = "default",
        .log = {LOG_FORMAT_TEXT, LOG_INFO},
        .jobs = {.lease_ms = 10000,
                 .poll_ms = 200,
                 .drain_ms = 30000,
                 .provisioning = 8,
                 .migration_evaluation = 2,
                 .migration = 2,
                 .notifications = 2,
                 .maintenance = 2,
                 .keep_days = 30},
        .ingest = {.memory_mb = 64},
        .dashboard = session_settings_default(),
        .offboarding = offboarding_settings_default(),
        .usage = usage_settings_default(),
        .tracker = tracker_settings_default(),
        .moves = move_settings_default(),
        .notify = notify_settings_default(),
        .provisioning = provisioning_settings_default(),
    };
}

static enum err read_file(const char *path, struct arena *arena, struct config *config,
                          struct error *e)
{
    struct str text;
    TRY(file_read(path, CONFIG_FILE_MAX, arena, &text, e));
    struct problems problems = {.arena = arena};
    struct yaml_doc *doc = yaml_parse(text, &problems);
    if (doc) {
        (void)json_decode(config_fields, yaml_root(doc), "", yaml_source(doc), arena, config,
                          &problems);
        yaml_doc_free(doc);
    }
    if (problems.count == 0)
        notify_settings_check(&config->notify, &problems);
    if (problems.count == 0)
        return pgbouncer_settings_check(&config->routing.pgbouncer, e) == OK
                   ? OK
                   : error_prefix(e, "%s", path);
    (void)problems_error(&problems, e);
    return error_prefix(e, "%s", path);
}

/* Nobody watches a demonstration for days. */
static void soak_for_demo(struct move_settings *s)
{
    s->soak_hours = move_settings_default().soak_hours;
    s->soak_us = DEMO_SOAK_US;
}

enum err config_load(const struct serve_options *options, struct arena *arena,
                     struct config *ret_config, struct error *e)
{
    struct config config = config_default(arena);
    if (options->demo)
        config.moves.soak_hours = config.tracker.repeats = INT_ABSENT; /* unless the file says it */
    if (options->config)
        TRY(read_file(options->config, arena, &config, e));
    if (config.moves.soak_hours == INT_ABSENT)
        soak_for_demo(&config.moves);
    if (config.tracker.repeats == INT_ABSENT)
        config.tracker.repeats = 1; /* of a demonstration: nobody waits for a second sweep */
    if (options->listen)
        config.listen = options->listen;
    if (options->data)
        config.data = options->data;
    if (options->database)
        config.database = options->database;
    if (options->policy)
        config.policy = options->policy;
    if (options->log_format >= 0)
        config.log.format = options->log_format;
    if (options->log_level >= 0)
        config.log.level = options->log_level;
    if (!config.database)
        config.database = arena_printf(arena, "sqlite:%s/webhost.db", config.data);
    if (!config.key_file)
        config.key_file = arena_printf(arena, "%s/webhost.key", config.data);
    if (!config.offboarding.exports)
        config.offboarding.exports = arena_printf(arena, "%s/exports", config.data);
    *ret_config = config;
    return OK;
}

enum err config_policy(const struct config *config, struct arena *arena, struct policy **ret,
                       struct error *e)
{
    const char *name = config->policy;
    struct policy *policy = policy_builtin(name);
    if (!policy) {
        struct str text;
        struct problems problems = {.arena = arena};
        if (file_read(name, POLICY_FILE_MAX, arena, &text, e) != OK)
            return error_prefix(e, "policy %s is not built in, and as a file", name);
        policy = policy_parse(text, &problems);
        if (!policy) {
            (void)problems_error(&problems, e);
            return error_prefix(e, "policy %s", name);
        }
    }
    *ret = policy;
    return OK;
}

enum err config_prices(const struct config *config, struct arena *arena, struct prices **ret,
                       struct error *e)
{
    if (!config->prices) {
        *ret = prices_builtin();
        return OK;
    }
    struct str text;
    struct problems problems = {.arena = arena};
    TRY(file_read(config->prices, POLICY_FILE_MAX, arena, &text, e));
    struct prices *prices = prices_parse(text, &problems);
    if (!prices) {
        (void)problems_error(&problems, e);
        return error_prefix(e, "prices %s", config->prices);
    }
    *ret = prices;
    return OK;
}
