/*
 * What all calls to the clouds share in one process: how often they may be made, what they came to,
 * and where they are recorded. cloud.c is its only user apart from who reads the figures.
 *
 * Several nodes on one account each learn from the replies that they get: every reply tells what
 * all of them have left. So they run into a refusal at most with what they have in flight.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_TRAFFIC_H
#define WEBHOST_DOMAIN_PROVISIONING_TRAFFIC_H

#include "domain/provisioning/limiter.h"
#include "domain/provisioning/recorder.h"
#include "infra/http/message.h"

struct traffic;

/* `interactive_percent` of each budget is left to calls that somebody waits for. */
struct traffic *traffic_new(const struct env *env, int64_t interactive_percent);
void traffic_free(struct traffic *t); /* NULL is fine; stop it first */

/* Starts recording; without it, traffic_flush() does. */
void traffic_start(struct traffic *t);

/* Who waits in here is sent away: the node is stopping. */
void traffic_interrupt(struct traffic *t);

/* Records the rest. Nobody calls any more. */
void traffic_stop(struct traffic *t);

/* Records what is not recorded yet, now. */
enum err traffic_flush(struct traffic *t, struct error *e);

/* -- for cloud.c ------------------------------------------------------------------------------ */

/* Who asks for what. */
struct traffic_call {
    uint64_t account;          /* provider and token */
    uint64_t operation;        /* of the bucket */
    struct bucket_size bucket; /* burst 0: none */
    bool budget;               /* the provider tells what is left */
    bool interactive;
};

/*
 * Waits until the call may be sent, at most `*wait_us`, which becomes less by that. OK: it counts
 * as sent, and traffic_answered() must follow. ERR_BUSY with retry_at otherwise.
 */
enum err traffic_admit(struct traffic *t, const struct traffic_call *call, const char *provider,
                       int64_t *wait_us, struct error *e);

struct traffic_reply {
    int64_t limit, remaining, reset_at; /* INT_ABSENT: not said */
    int64_t refused_until;              /* INT_ABSENT: it was not refused for its rate */
};

void traffic_answered(struct traffic *t, const struct traffic_call *call,
                      enum infrastructure provider, const struct traffic_reply *reply);

/* Counts and records what a call came to. */
void traffic_record(struct traffic *t, const struct provider_call *call);

/* Waits before another attempt: false when that is longer than `*wait_us`, or the node stops. */
bool traffic_pause(struct traffic *t, int64_t delay_us, int64_t *wait_us);

/* A chance value in [0, bound). */
int64_t traffic_chance(struct traffic *t, int64_t bound);

/* -- figures ---------------------------------------------------------------------------------- */

/* Appends all in the Prometheus text format. */
void traffic_metrics(struct traffic *t, struct buf *out);

#endif
