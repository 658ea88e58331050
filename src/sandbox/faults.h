/*
 * Faults on command: what a test wants to go wrong, and when.
 *
 *     POST /sandbox/faults
 *     [{"match": {"method": "POST", "path_prefix": "/v1/servers"},
 *       "effect": {"kind": "lost_reply"}, "skip": 0, "count": 1}]
 *
 * An effect is one of {"kind": NAME} (fault_kinds.h: the reply that the API in question would
 * give),
 * {"latency_ms": N} (of real time, before the request is looked at), {"status": N, "body": any
 * JSON} (nothing else happens) and {"drop_reply_after_effect": true} (the request does what it
 * does, then the connection is closed without a reply). The first fault that matches applies; it
 * lets `skip` requests pass, then applies `count` times (absent: for ever). A kind that does not
 * fit a request (no capacity for a deletion) does not match it.
 *
 *     POST /sandbox/faults
 *     {"rate": 0.2, "seed": 7, "kinds": ["rate_limited", "lost_reply"], "latency_ms": 50}
 *
 * gives faults at random to that share of all requests, evenly among the kinds that fit (absent:
 * all kinds). The n-th request meets the same fate whenever the seed is the same.
 *
 * POST of a list adds to it, of an object replaces the random mode; GET shows both and how many of
 * each kind were given; DELETE ends both and counts from 0 again. Kept in memory only.
 */
#ifndef WEBHOST_SANDBOX_FAULTS_H
#define WEBHOST_SANDBOX_FAULTS_H

#include "sandbox/call.h"
#include "sandbox/fault_kinds.h"

struct faults;

struct faults *faults_new(void);
void faults_free(struct faults *faults); /* NULL is fine */

struct fault_effect {
    int64_t latency_ms; /* INT_ABSENT: none */
    int64_t status;     /* INT_ABSENT: none */
    const char *body;   /* JSON text in the request's arena, or NULL */
    bool drop_reply;
    int kind; /* an enum fault_kind; -1: none */
};

#define FAULT_NONE                                                                                 \
    ((struct fault_effect){.latency_ms = INT_ABSENT, .status = INT_ABSENT, .kind = -1})

/* The effect on this request, used up by asking. Thread-safe. */
struct fault_effect faults_take(struct faults *faults, enum api api,
                                const struct http_request *request);

struct faults *call_faults(const struct call *c);

operation faults_add, faults_show, faults_clear;

#endif
