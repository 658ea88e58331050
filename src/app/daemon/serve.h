/*
 * The two long-running commands: the control plane, and the sandbox cloud it can be tried with.
 *
 * Both return when a signal asks them to stop (SIGINT, SIGTERM) or when they cannot start; then the
 * error says what is wrong. Texts that are NULL take the default named beside them; the option
 * tables that fill these structs are in app/cli/serve.c.
 */
#ifndef WEBHOST_APP_DAEMON_SERVE_H
#define WEBHOST_APP_DAEMON_SERVE_H

#include "base/err.h"
#include "base/log.h"

struct serve_options {
    const char *listen;   /* "ADDR:PORT"; 127.0.0.1:4000 */
    const char *data;     /* directory of the database and keys; /var/lib/webhost or ~/.local/... */
    const char *database; /* "sqlite:PATH" or "postgres://..."; DATA/webhost.db */
    const char *config;   /* YAML file; none */
    const char *policy;   /* a name or a file; "default" */
    bool sandbox;         /* run the sandbox cloud too, and provision there */
    bool demo;            /* --sandbox, an empty database and some customers to look at */
    bool postgres;        /* the sandbox's databases are in a PostgreSQL of its own */
    int log_format;       /* enum log_format; -1: text */
    int log_level;        /* enum log_level; -1: info */
};

enum err serve_run(const struct serve_options *options, struct error *e);

struct sandbox_run_options {
    const char *listen;                              /* "ADDR:PORT"; 127.0.0.1:4100 */
    const char *data;                                /* directory that keeps its state */
    const char *hetzner_token_file, *fly_token_file; /* NULL: HCLOUD_TOKEN, FLY_API_TOKEN; or any */
    const char *action_delay, *read_lag;             /* durations: "700ms" */
    int rate_limit;                                  /* 0 on, 1 off; -1: on */
    int64_t fly_rate_burst;                          /* INT_ABSENT: no limit */
};

enum err sandbox_run(const struct sandbox_run_options *options, struct error *e);

#endif
