/*
 * The record of what the clouds were asked: one row for each request that was sent or tried, in
 * `provider_calls`. No bodies, no queries, no secrets.
 *
 * recorder.h writes them. They are kept for some days.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_CALLS_H
#define WEBHOST_DOMAIN_PROVISIONING_CALLS_H

#include "domain/core/env.h"
#include "domain/placement/vocabulary.h"

struct provider_call {
    const char *id;
    const char *provider;    /* "hetzner", "flyio" */
    const char *method;      /* "GET" */
    const char *route;       /* "/servers/{id}" */
    const char *subject;     /* the deployment's or host's id; NULL: about all */
    const char *customer_id; /* NULL: about nobody in particular */
    const char *request_id;  /* the provider's own, for its support */
    int64_t status;          /* INT_ABSENT: no reply */
    const char *outcome;     /* "ok", or err_name() */
    const char *error_code;  /* the provider's, or no_connection, no_reply; NULL: none */
    int64_t took_us;
    int64_t attempt; /* from 1, within one call of ours */
    int64_t started_at;
};

extern const struct field provider_call_fields[];

/* What a call came to, as in `outcome`; ends with NULL. */
extern const char *const call_outcome_names[];

/* In one statement, in their order. */
enum err calls_insert(struct db_tx *tx, const struct env *env, const struct provider_call *calls,
                      size_t count, struct arena *arena, struct error *e);

struct calls_filter {
    const char *provider, *outcome; /* NULL: any */
    const char *subject;            /* a host's or deployment's id; NULL: any */
    const char *customer_id;        /* NULL: any */
    int64_t since;                  /* started at or after; INT_ABSENT: any time */
};

/* Newest first: records of struct provider_call. */
enum err calls_list(struct db_tx *tx, const struct calls_filter *filter, struct page page,
                    struct arena *arena, struct records *ret, const char **ret_next,
                    struct error *e);

/* Deletes what started before `before`, at most `max`, oldest first. */
enum err calls_prune(struct db_tx *tx, int64_t before, int64_t max, int64_t *ret_deleted,
                     struct error *e);

#endif
