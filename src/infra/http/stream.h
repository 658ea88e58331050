/*
 * Streams of server-sent events: replies whose body comes over time
 * (https://html.spec.whatwg.org/multipage/server-sent-events.html).
 *
 * A handler puts a `struct http_source` into its response, with the events that there are already
 * in the body, and returns: its thread is free again. From then on one thread of the server, the
 * pump, asks all sources in turn for what is new. A tick of its own runs before that, so that what
 * several streams tell is looked up once for all of them.
 *
 * Bounds: `max` streams at a time (429 beyond), `buffer_max` bytes that a client has not taken yet.
 * Who takes too little is cut off; browsers come back by themselves with Last-Event-ID. A stream
 * that had nothing to say for `heartbeat_us` sends a comment, so that proxies keep it open. A
 * client that leaves is noticed at once, and when the server stops all streams end.
 */
#ifndef WEBHOST_INFRA_HTTP_STREAM_H
#define WEBHOST_INFRA_HTTP_STREAM_H

#include "base/buf.h"
#include "base/err.h"

#include <stdint.h>

struct http_source {
    /*
     * On the pump's thread: appends what is new. False: that was all, the stream ends when it is
     * sent. It must not wait for anything. What does not fit cuts the client off.
     */
    bool (*fill)(struct http_source *self, struct buf *out);
    /* Once, on any thread, when nobody asks any more. */
    void (*free)(struct http_source *self);
};

struct http_stream_options {
    unsigned max;         /* 0: no route of this server streams */
    size_t buffer_max;    /* of one stream; the first body of a reply may be larger */
    int64_t tick_us;      /* sources are asked that often */
    int64_t heartbeat_us; /* silence after which a comment is sent */
    /* On the pump's thread, before the sources are asked, while there are streams. May be NULL. */
    void (*tick)(void *ctx);
    void *ctx;
};

/* One event: `id` and `name` may be NULL; `data` is one line of text. */
void http_event_write(struct buf *out, const char *id, const char *name, const char *data);

/* How long a browser is to wait before it comes back; for the beginning of a stream. */
void http_event_retry(struct buf *out, int64_t ms);

/* -- for the server ---------------------------------------------------------------------------- */

struct http_pump;
struct http_stream;
struct MHD_Connection;
struct MHD_Response;

enum err http_pump_start(const struct http_stream_options *options, struct http_pump **ret_pump,
                         struct error *e);

/*
 * The reply that sends `first` (its bytes are taken over) and then what `source` has to say; the
 * source is freed with it. NULL when there are too many streams; then both are still the caller's.
 */
struct MHD_Response *http_pump_reply(struct http_pump *pump, struct MHD_Connection *connection,
                                     struct buf *first, struct http_source *source);

/* Lets all streams end and the thread with them; later ones send their first body only. */
void http_pump_stop(struct http_pump *pump);
void http_pump_free(struct http_pump *pump); /* stopped, its replies are gone; NULL is fine */

#endif
