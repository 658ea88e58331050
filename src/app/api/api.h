/*
 * The HTTP API: one table of routes, one way through for every request.
 *
 * api_handle() does what all routes share, in this order: authenticate (by a bearer token, or by a
 * session's cookie, whose writes have to prove that a page of ours sent them), check the role,
 * check the query by the route's table of parameters, decode the body through its record table
 * (every mistake named), open a transaction, call the route's handler, and turn its result or its
 * error into a reply. A handler is thin: it calls the domain and puts JSON into call->reply.
 *
 * A write route runs in one transaction together with its Idempotency-Key: the key's first use
 * stores the reply, a repetition gets the stored reply and changes nothing.
 */
#ifndef WEBHOST_APP_API_API_H
#define WEBHOST_APP_API_API_H

#include "app/api/events.h"
#include "app/api/shape.h"
#include "domain/accounts/exports.h"
#include "domain/accounts/offboarding.h"
#include "domain/accounts/sessions.h"
#include "domain/accounts/tokens.h"
#include "domain/jobs/runner.h"
#include "domain/migration/workers.h"
#include "domain/notify/settings.h"
#include "domain/placement/policy.h"
#include "domain/provisioning/prices.h"
#include "domain/provisioning/provider.h"
#include "domain/usage/ingest.h"
#include "domain/usage/sweep.h"
#include "infra/http/server.h"
#include "infra/json/json.h"

struct api_meters;

/* What the handlers of one process share. Everything is borrowed. */
struct api {
    const struct env *env;
    const struct provisioning *provisioning;
    const struct policy *policy; /* the active one */
    struct price_book *prices;
    struct runner *runner; /* woken after writes that enqueue */
    const struct job_queue *queues;
    size_t queue_count;
    const struct offboarding_settings *offboarding;
    const struct exports *exports;
    const struct tracker *tracker;
    const struct notify_settings *notify;
    struct ingest *ingest;
    struct event_hub *hub;
    const struct move_context *moves;
    const struct session_settings *sessions;
    struct attempts *attempts;       /* to sign in */
    struct overview_cache *overview; /* NULL: counted for each request */
    struct api_meters *meters;       /* of requests, for the metrics */
    const struct secret *key;        /* the installation's */
};

/* A file instead of a reply. */
struct api_file {
    bool given;
    int fd; /* handed to the server, which closes it */
    uint64_t size;
    const char *type, *name;
};

struct api_call {
    const struct api *api;
    const struct http_request *request;
    struct arena *arena;
    struct token token;  /* who calls */
    const char *session; /* the cookie's text, when that stands for the token; else NULL */
    const char *actor;   /* "token:NAME", for the audit record */
    bool authorised;     /* its role allows this route */
    void *body;          /* the decoded record; NULL for routes without fields */
    struct problems problems;
    int status;            /* 200 when the handler starts */
    json_t *reply;         /* set by the handler, owned by the call */
    struct buf text;       /* instead of a reply: plain text, owned by the call */
    const char *json;      /* instead of a reply: its text */
    const char *etag;      /* of the reply, in quotes; who has it (If-None-Match) gets 304 */
    bool replayed;         /* the reply is an earlier one's, under the same Idempotency-Key */
    int error_status;      /* what a failure is told with; 0: what its class is */
    int64_t retry_after_s; /* told with a failure unless 0 */
    const char *cookie;    /* a Set-Cookie for the reply, or NULL */
    struct api_file file;
    struct http_source *source; /* instead of a reply: a stream of events */
    struct buf events;          /* its first ones */
    void *found;                /* what the route's `before` hands to its handler */
    const char *text_type;      /* of `text`; NULL: the metrics' */
    /* The member of the reply that is a secret, or NULL: it is told once and kept nowhere. */
    const char *secret_member;
};

/* `tx` is NULL for API_PLAIN routes. On ERR_INVALID, call->problems may name the fields. */
typedef enum err api_handler(struct db_tx *tx, struct api_call *call, struct error *e);

/* A request body's record. */
struct api_body {
    const struct field *fields;
    size_t size;
    const char *example; /* a body that is accepted, for the documentation; NULL: {} is */
};

/* A reply of a request that succeeds. */
struct api_answer {
    int status;
    const struct shape *shape; /* NULL: it is not JSON */
    const char *type;          /* its Content-Type then; with a shape: it may be either */
};

/* A body that is not read through a record table. */
struct api_media {
    const char *type;
    const struct shape *shape; /* NULL: text */
    bool is_list;
    const char *example;
};

/* Ingest tokens may call API_INGEST and nothing else, which viewers may not. */
enum api_access { API_OPEN, API_VIEWER, API_ADMIN, API_INGEST };

enum api_transaction {
    API_READ,  /* a snapshot */
    API_WRITE, /* committed when the handler returns OK; the runner is woken after it */
    API_PLAIN, /* none: the handler opens its own, because it looks outside too */
};

struct api_route {
    const char *summary;
    enum api_access access;
    enum api_transaction transaction;
    api_handler *handler;
    api_handler *before; /* of API_WRITE: looks outside, ahead of the transaction; may be NULL */
    const struct api_body *body;      /* NULL: the route takes no body */
    const struct api_media *media;    /* instead of a body; ends with type NULL */
    const struct field *query;        /* its parameters; NULL: none. Offsets mean nothing */
    const struct api_answer *answers; /* what it says when it goes well; ends with status 0 */
    const int *refusals;              /* statuses besides those that openapi.h tells; ends with 0 */
    bool reads;                       /* changes nothing, whatever its method: not audited */
};

/* The table, for the server: each route's data is its struct api_route, its handler api_handle. */
extern const struct http_route api_routes[];
extern const size_t api_route_count;

http_handler api_handle;
http_refusal api_refuse;

/* -- for the handlers ---------------------------------------------------------------------- */

/* The Idempotency-Key, or NULL; ERR_INVALID with the problem named. */
enum err api_idempotency_key(struct api_call *call, const char **ret_key, struct error *e);

/* The parameters of the query, which are checked by the route's table before its handler runs. */
struct page api_page(const struct api_call *call); /* what `limit` and `cursor` ask for */
int64_t api_limit(const struct api_call *call);    /* alone, where cursors are no UUIDs */
int64_t api_query_time(const struct api_call *call, const char *name);  /* or INT_ABSENT */
int64_t api_query_since(const struct api_call *call, const char *name); /* or how long ago */
int64_t api_query_int(const struct api_call *call, const char *name, int64_t unless);
int api_query_enum(const struct api_call *call, const char *name, const char *const *names);

/* {NAME: [...], "next_cursor": ...} as the reply. */
void api_reply_list(struct api_call *call, const char *name, json_t *items, const char *next);

/* Sets or replaces call->reply; steals `reply`. */
void api_reply(struct api_call *call, json_t *reply);

/* ERR_INVALID with every parameter named that is unknown or wrong. */
enum err api_check_query(struct api_call *call, const struct field *fields, struct error *e);

/* What a parameter of the query may say (field_check). */
field_check api_cursor_check, api_job_cursor_check, api_since_check, api_link_check;

#define API_HEADER_KEPT_MAX 255

/* Whether the audit record is to have the call: an admin's that changes something, or tried to. */
bool api_call_is_recorded(const struct api_route *route, const struct api_call *call);

/* Writes it, in the transaction of the deed or, when there is none, alone. */
enum err api_record_call(struct db_tx *tx, struct api_call *call, int status, struct error *e);
void api_record_call_alone(struct api_call *call, int status);

/* Adds `offboarding` to a reply about a customer: its newest, or null. */
enum err api_add_offboarding(struct db_tx *tx, struct api_call *call, const char *customer_id,
                             json_t *reply, struct error *e);

/* Handlers by file. */
api_handler api_signup, api_plans, api_customers, api_customer, api_customer_change,
    api_customer_decisions, api_decision, api_customer_usage;
api_handler api_offboard, api_offboard_cancel, api_export_request, api_export;
api_handler api_evaluate, api_status, api_migrate, api_plan_move, api_look_at_move, api_migrations,
    api_migration, api_migration_cancel, api_migration_roll_back, api_migration_finish,
    api_migration_retry;
api_handler api_events, api_migration_events;
api_handler api_sweep, api_sweeps, api_customer_tracker, api_simulate;
api_handler api_notices, api_notice, api_notice_replay, api_notice_test;
api_handler api_proposals, api_proposal, api_recheck_proposal, api_proposal_approve,
    api_proposal_reject;
api_handler api_jobs, api_job, api_job_retry, api_job_cancel, api_jobs_retry;
api_handler api_queues, api_queue_pause, api_queue_resume, api_queue_scale, api_metrics;
api_handler api_instances, api_instance, api_instance_scale;
api_handler api_hosts, api_host, api_host_add, api_host_drain, api_host_undrain, api_hosts_reap;
api_handler api_provider_calls, api_drift, api_reconcile, api_prices;
api_handler api_policies, api_policy;
api_handler api_audit, api_audit_verify, api_audit_export;
api_handler api_feedback, api_feedback_add, api_customer_feedback, api_outcomes, api_costs;
api_handler api_routes_list, api_route_show;
api_handler api_tokens, api_token_create, api_token_revoke;
api_handler api_overview, api_fleet_days, api_fleet_tops, api_fleet_moves;
api_handler api_sign_in, api_sign_out, api_session;
api_handler api_usage_events;
api_handler api_healthz, api_readyz, api_openapi;

extern const struct api_body api_signup_body, api_evaluate_body, api_migrate_body, api_token_body,
    api_plan_move_body, api_jobs_retry_body, api_queue_scale_body, api_instance_scale_body,
    api_reconcile_body, api_customer_change_body, api_offboard_body, api_host_add_body,
    api_hosts_reap_body, api_sweep_body, api_feedback_body, api_simulate_body,
    api_proposal_reject_body, api_notice_target_body, api_notice_test_body, api_sign_in_body;

#endif
