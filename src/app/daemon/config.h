/*
 * The configuration of `webhost serve`: defaults, then the YAML file, then the command line.
 *
 * Every mistake in the file is reported with its line.
 */
#ifndef WEBHOST_APP_DAEMON_CONFIG_H
#define WEBHOST_APP_DAEMON_CONFIG_H

#include "app/daemon/serve.h"
#include "domain/accounts/offboarding.h"
#include "domain/accounts/sessions.h"
#include "domain/migration/settings.h"
#include "domain/notary/notary.h"
#include "domain/notify/notify.h"
#include "domain/placement/costs.h"
#include "domain/placement/policy.h"
#include "domain/provisioning/pgbouncer.h"
#include "domain/provisioning/settings.h"
#include "domain/usage/settings.h"
#include "domain/usage/tracker.h"

struct config {
    const char *listen;   /* "ADDR:PORT" */
    const char *data;     /* directory */
    const char *database; /* url; NULL: sqlite in the data directory */
    const char *key_file; /* NULL until loaded: webhost.key in the data directory */
    const char *policy;   /* a built-in's name or a file */
    const char *prices;   /* a file; NULL: the built-in table */
    struct {
        int format; /* enum log_format */
        int level;  /* enum log_level */
    } log;
    struct {
        int64_t lease_ms, poll_ms, drain_ms;
        int64_t provisioning, migration_evaluation, migration; /* jobs at a time */
        int64_t notifications, maintenance;
        int64_t keep_days; /* how long finished jobs are kept */
    } jobs;
    struct {
        int64_t memory_mb; /* of usage on its way into the database */
    } ingest;
    struct session_settings dashboard;
    struct offboarding_settings offboarding;
    struct usage_settings usage;
    struct tracker_settings tracker;
    struct move_settings moves;
    struct notify_settings notify;
    struct audit_settings audit;
    struct {
        struct pgbouncer_settings pgbouncer;
    } routing;
    struct provisioning_settings provisioning;
};

/* The file's keys; docs/configuration.md has each, which a test compares. */
extern const struct field config_fields[];

/* Reads the file that `options` name, if any, and lets the options go before it. */
enum err config_load(const struct serve_options *options, struct arena *arena,
                     struct config *ret_config, struct error *e);

/* What `policy` and `prices` name, built in or a file. The caller frees them. */
enum err config_policy(const struct config *config, struct arena *arena, struct policy **ret,
                       struct error *e);
enum err config_prices(const struct config *config, struct arena *arena, struct prices **ret,
                       struct error *e);

#endif
