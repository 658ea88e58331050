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

/* False when it comes too late: the threads are being stopped, and nobody will do it. */
bool http_workers_push(struct http_workers *workers, struct http_work *work);

/* Does what was pushed, then ends the threads. Afterwards work may still be pushed, in vain. */
void http_workers_stop(struct http_workers *workers);
void http_workers_free(struct http_workers *workers); /* stopped; NULL is fine */

#endif
