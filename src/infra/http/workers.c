#include "infra/http/workers.h"

#include <errno.h>
#include <pthread.h>
#include <stdlib.h>

struct http_workers {
    http_work_fn *fn;
    pthread_mutex_t lock; /* guards the queue and `stopping` */
    pthread_cond_t pushed;
    struct http_work *first, **end;
    bool stopping;
    unsigned count;
    pthread_t threads[];
};

/* The next piece of work; NULL when there is none and there will be none. */
static struct http_work *take(struct http_workers *w)
{
    BUG_ON(pthread_mutex_lock(&w->lock) != 0);
    while (!w->first && !w->stopping)
        BUG_ON(pthread_cond_wait(&w->pushed, &w->lock) != 0);
    struct http_work *work = w->first;
    if (work)
        w->first = work->next;
    if (!w->first)
        w->end = &w->first;
    BUG_ON(pthread_mutex_unlock(&w->lock) != 0);
    return work;
}

static void *run(void *arg)
{
    struct http_workers *w = arg;
    for (struct http_work *work = take(w); work; work = take(w))
        w->fn(work);
    return NULL;
}

enum err http_workers_start(unsigned threads, http_work_fn *fn, struct http_workers **ret_workers,
                            struct error *e)
{
    struct http_workers *w = calloc(1, sizeof(*w) + threads * sizeof(w->threads[0]));
    BUG_ON(!w);
    w->fn = fn;
    w->end = &w->first;
    BUG_ON(pthread_mutex_init(&w->lock, NULL) != 0 || pthread_cond_init(&w->pushed, NULL) != 0);
    while (w->count < threads) {
        errno = pthread_create(&w->threads[w->count], NULL, run, w);
        if (errno) {
            enum err err = error_errno(e, "cannot start %u threads for requests", threads);
            http_workers_stop(w);
            http_workers_free(w);
            return err;
        }
        w->count++;
    }
    *ret_workers = w;
    return OK;
}

bool http_workers_push(struct http_workers *workers, struct http_work *work)
{
    work->next = NULL;
    BUG_ON(pthread_mutex_lock(&workers->lock) != 0);
    bool takes = !workers->stopping;
    if (takes) {
        *workers->end = work;
        workers->end = &work->next;
        BUG_ON(pthread_cond_signal(&workers->pushed) != 0);
    }
    BUG_ON(pthread_mutex_unlock(&workers->lock) != 0);
    return takes;
}

void http_workers_stop(struct http_workers *workers)
{
    BUG_ON(pthread_mutex_lock(&workers->lock) != 0);
    workers->stopping = true;
    BUG_ON(pthread_cond_broadcast(&workers->pushed) != 0);
    BUG_ON(pthread_mutex_unlock(&workers->lock) != 0);
    for (unsigned i = 0; i < workers->count; i++)
        BUG_ON(pthread_join(workers->threads[i], NULL) != 0);
    workers->count = 0;
}

void http_workers_free(struct http_workers *workers)
{
    if (!workers)
        return;
    BUG_ON(workers->count > 0);
    BUG_ON(pthread_cond_destroy(&workers->pushed) != 0);
    BUG_ON(pthread_mutex_destroy(&workers->lock) != 0);
    free(workers);
}
