#include "sandbox/sandbox_int.h"

#include "sandbox_schema.h"

#define THREADS_DEFAULT     16
#define CONNECTIONS_MAX     512
#define IDLE_TIMEOUT_S      120
#define BODY_MAX            (1024 * 1024)
#define RESPONSE_MAX        (64 * 1024 * 1024)
#define READERS             4
#define BUSY_TIMEOUT_US     (30 * USEC_PER_SEC)
#define WAIT_MAX_DEFAULT_US (5 * USEC_PER_SEC)
#define RATE_BURST_DEFAULT  3600

static void set_defaults(struct sandbox_options *o)
{
    o->address = o->address ? o->address : "127.0.0.1";
    o->threads = o->threads ? o->threads : THREADS_DEFAULT;
    o->clock = o->clock ? o->clock : &clock_system;
    o->rng = o->rng ? o->rng : &rng_system;
    o->wait_max_us = o->wait_max_us ? o->wait_max_us : WAIT_MAX_DEFAULT_US;
    o->rate_burst = o->rate_burst ? o->rate_burst : RATE_BURST_DEFAULT;
    o->postgres_host = o->postgres_host ? o->postgres_host : "127.0.0.1";
    o->postgres_port = o->postgres_port ? o->postgres_port : 5432;
}

static struct sandbox *sandbox_new(const struct sandbox_options *options)
{
    struct sandbox *s = calloc(1, sizeof(*s));
    BUG_ON(!s);
    s->options = *options;
    struct sandbox_options *o = &s->options;
    set_defaults(o);
    o->address = arena_text(&s->arena, o->address);
    o->hetzner_token = arena_text(&s->arena, o->hetzner_token);
    o->fly_token = arena_text(&s->arena, o->fly_token);
    o->postgres_host = arena_text(&s->arena, o->postgres_host);
    o->db_url = NULL; /* only db_open() needs it */

    pthread_condattr_t monotonic;
    BUG_ON(pthread_condattr_init(&monotonic) != 0);
    BUG_ON(pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC) != 0);
    BUG_ON(pthread_cond_init(&s->changed, &monotonic) != 0);
    (void)pthread_condattr_destroy(&monotonic);
    BUG_ON(pthread_mutex_init(&s->lock, NULL) != 0);
    BUG_ON(pthread_mutex_init(&s->following, NULL) != 0);
    s->hetzner_limiter = limiter_new(o->rate_burst);
    s->fly_limiter = o->fly_rate_burst ? limiter_new(o->fly_rate_burst) : NULL;
    s->faults = faults_new();
    s->settings = settings_new();
    return s;
}

static enum err serve(struct sandbox *s, struct error *e)
{
    struct http_server_options http = {
        .address = s->options.address,
        .port = s->options.port,
        .threads = s->options.threads,
        .connections_max = CONNECTIONS_MAX,
        .idle_timeout_s = IDLE_TIMEOUT_S,
        .body_max = BODY_MAX,
        .response_max = RESPONSE_MAX,
        .routes = sandbox_routes,
        .route_count = sandbox_route_count,
        .refuse = sandbox_refuse,
        .ctx = s,
    };
    return http_server_start(&http, &s->server, e);
}

enum err sandbox_start(const struct sandbox_options *options, struct sandbox **ret_sandbox,
                       struct error *e)
{
    BUG_ON(!options->db_url);
    BUG_ON(options->action_delay_us < 0);
    struct sandbox *s = sandbox_new(options);
    struct db_options db = {
        .url = options->db_url,
        .migrations = sandbox_schema,
        .migration_count = ARRAY_LEN(sandbox_schema),
        .readers = READERS,
        .busy_timeout_us = BUSY_TIMEOUT_US,
    };
    enum err err = db_open(&db, &s->db, e);
    if (err == OK)
        err = sandbox_follow_machines(s, e);
    if (err == OK)
        err = serve(s, e);
    if (err != OK) {
        sandbox_stop(s);
        return err;
    }
    *ret_sandbox = s;
    return OK;
}

uint16_t sandbox_port(const struct sandbox *s)
{
    return http_server_port(s->server);
}

void sandbox_stop(struct sandbox *s)
{
    if (!s)
        return;
    (void)pthread_mutex_lock(&s->lock);
    s->stopping = true;
    (void)pthread_cond_broadcast(&s->changed);
    (void)pthread_mutex_unlock(&s->lock);
    http_server_stop(s->server);
    db_close(s->db);
    faults_free(s->faults);
    settings_free(s->settings);
    limiter_free(s->hetzner_limiter);
    limiter_free(s->fly_limiter);
    (void)pthread_cond_destroy(&s->changed);
    (void)pthread_mutex_destroy(&s->lock);
    (void)pthread_mutex_destroy(&s->following);
    arena_release(&s->arena);
    free(s);
}
