/*
 * Faults on command: what a test wants to go wrong, and when.
 *
 *     POST /sandbox/faults
 *     [{"match": {"method": "POST", "path_prefix": "/v1/servers"},
 *       "effect": {"drop_reply_after_effect": true}, "skip": 0, "count": 1}]
 *
 * An effect is one of {"latency_ms": N} (of real time, before the request is looked at),
 * {"status": N, "body": any JSON} (nothing else happens) and {"drop_reply_after_effect": true} (the
 * request does what it does, then the connection is closed without a reply). The first fault that
 * matches applies; it lets `skip` requests pass, then applies `count` times (absent: for ever).
 * POST adds to the list, GET shows it, DELETE empties it. Faults are kept in memory only.
 */
#ifndef WEBHOST_SANDBOX_FAULTS_H
#define WEBHOST_SANDBOX_FAULTS_H

#include "sandbox/call.h"

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults); /* NULL is fine */

struct fault_effect {
    int64_t latency_ms; /* INT_ABSENT: none */
    int64_t status;     /* INT_ABSENT: none */
    const char *body;   /* JSON text in the request's arena, or NULL */
    bool drop_reply;
};

#define FAULT_NONE ((struct fault_effect){.latency_ms = INT_ABSENT, .status = INT_ABSENT})

/* The effect on this request, used up by asking. Thread-safe. */
struct fault_effect faults_take(struct faults *faults, const struct http_request *request);

struct faults *call_faults(const struct call *c);

operation faults_add, faults_show, faults_clear;

#endif
