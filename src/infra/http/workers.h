/*
 * The threads that run handlers. libmicrohttpd's own threads read and send; a handler may block for
 * a database transaction, and those who block together share a commit, however their connections
 * are spread over libmicrohttpd's threads.
 */
#ifndef WEBHOST_INFRA_HTTP_WORKERS_H
#define WEBHOST_INFRA_HTTP_WORKERS_H

#include "base/err.h"

/* Something to be done once: part of what it is about. */
struct http_work {
    struct http_work *next;
};

typedef void http_work_fn(struct http_work *work);

struct http_workers;

/* Each piece of work is given to `fn` on one of the threads, in the order in which they are free.
 */
enum err http_workers_start(unsigned threads, http_work_fn *fn, struct http_workers **ret_workers,
                            struct error *e);

void http_workers_push(struct http_workers *workers, struct http_work *work);

/* Does what was pushed, then ends the threads. Nobody pushes any more. NULL is fine. */
void http_workers_stop(struct http_workers *workers);

#endif
