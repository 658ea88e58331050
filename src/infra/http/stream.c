#include "infra/http/stream.h"

#include "base/clock.h"

#include <errno.h>
#include <microhttpd.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <sys/eventfd.h>
#include <sys/socket.h>

#define BLOCK_SIZE ((size_t)16 << 10)
#define HEARTBEAT  ":\n\n"

struct http_stream {
    struct http_stream *next;
    struct http_pump *pump;
    struct MHD_Connection *connection;
    struct http_source *source;
    int fd;
    size_t place;     /* in the pump's polls; NOWHERE when it is not polled */
    struct buf first; /* sent before anything in `out` */
    struct buf out;
    int64_t filled_us; /* when something was last put into `out` */
    bool waiting;      /* suspended: nothing to send */
    bool over;         /* nothing more will come */
    bool cut;          /* the client is gone or too slow */
};

#define NOWHERE SIZE_MAX

struct http_pump {
    struct http_stream_options options;
    int wake_fd;
    pthread_t thread;
    bool running;

    pthread_mutex_t lock; /* guards what follows, and the streams but for `first` */
    struct http_stream *streams;
    unsigned count;
    bool stopping;
    struct pollfd *polls; /* the pump's thread alone; the first is wake_fd */
};

/* -- events ------------------------------------------------------------------------------------ */

void http_event_write(struct buf *out, const char *id, const char *name, const char *data)
{
    BUG_ON(strpbrk(data, "\r\n") != NULL);
    if (id)
        (void)buf_printf(out, "id: %s\n", id);
    if (name)
        (void)buf_printf(out, "event: %s\n", name);
    (void)buf_printf(out, "data: %s\n\n", data);
}

void http_event_retry(struct buf *out, int64_t ms)
{
    (void)buf_printf(out, "retry: %lld\n\n", (long long)ms);
}

/* -- one stream -------------------------------------------------------------------------------- */

static void lock(struct http_pump *p)
{
    BUG_ON(pthread_mutex_lock(&p->lock) != 0);
}

static void unlock(struct http_pump *p)
{
    BUG_ON(pthread_mutex_unlock(&p->lock) != 0);
}

static void wake(struct http_pump *p)
{
    uint64_t one = 1;
    BUG_ON(write(p->wake_fd, &one, sizeof(one)) != sizeof(one) && errno != EAGAIN);
}

/* With the lock: there is something to send, or to end. */
static void resume(struct http_stream *s)
{
    if (!s->waiting)
        return;
    s->waiting = false;
    MHD_resume_connection(s->connection);
}

/* With the lock, under which the descriptor is still its own: ends a send that waits, too. */
static void cut(struct http_stream *s)
{
    s->cut = true;
    (void)shutdown(s->fd, SHUT_RDWR);
    resume(s);
}

static ssize_t take(struct buf *from, char *to, size_t max)
{
    size_t n = from->len < max ? from->len : max;
    memcpy(to, from->ptr, n);
    buf_consume(from, n);
    return (ssize_t)n;
}

/* libmicrohttpd can send up to `max` bytes. */
static ssize_t read_stream(void *cls, uint64_t at, char *to, size_t max)
{
    (void)at;
    struct http_stream *s = cls;
    ssize_t result = 0;
    if (s->first.len > 0)
        return take(&s->first, to, max);
    lock(s->pump);
    if (s->cut)
        result = MHD_CONTENT_READER_END_WITH_ERROR;
    else if (s->out.len > 0)
        result = take(&s->out, to, max);
    else if (s->over)
        result = MHD_CONTENT_READER_END_OF_STREAM;
    else {
        s->waiting = true;
        MHD_suspend_connection(s->connection);
    }
    unlock(s->pump);
    return result;
}

/* The connection is done with it. */
static void free_stream(void *cls)
{
    struct http_stream *s = cls;
    struct http_pump *p = s->pump;
    lock(p);
    struct http_stream **link = &p->streams;
    while (*link != s)
        link = &(*link)->next;
    *link = s->next;
    p->count--;
    unlock(p);
    s->source->free(s->source);
    buf_release(&s->first);
    buf_release(&s->out);
    free(s);
}

/* With the lock. False when there are too many. */
static bool add(struct http_pump *p, struct http_stream *s)
{
    if (p->count >= p->options.max)
        return false;
    s->next = p->streams;
    p->streams = s;
    p->count++;
    s->over = p->stopping;
    return true;
}

struct MHD_Response *http_pump_reply(struct http_pump *pump, struct MHD_Connection *connection,
                                     struct buf *first, struct http_source *source)
{
    const union MHD_ConnectionInfo *info =
        MHD_get_connection_info(connection, MHD_CONNECTION_INFO_CONNECTION_FD);
    struct http_stream *s = calloc(1, sizeof(*s));
    BUG_ON(!s || !info);
    *s = (struct http_stream){
        .pump = pump,
        .connection = connection,
        .source = source,
        .fd = info->connect_fd,
        .place = NOWHERE,
        .first = *first,
        .out = BUF_INIT(pump->options.buffer_max),
        .filled_us = monotonic_us(),
    };
    lock(pump);
    bool added = add(pump, s);
    unlock(pump);
    if (!added) {
        free(s);
        return NULL;
    }
    *first = BUF_INIT(first->max);
    struct MHD_Response *reply = MHD_create_response_from_callback(MHD_SIZE_UNKNOWN, BLOCK_SIZE,
                                                                   read_stream, s, free_stream);
    BUG_ON(!reply);
    wake(pump);
    return reply;
}

/* -- the pump ---------------------------------------------------------------------------------- */

/* What to poll: the streams whose clients are there, for their leaving. */
static nfds_t gather(struct http_pump *p)
{
    nfds_t n = 1;
    lock(p);
    for (struct http_stream *s = p->streams; s; s = s->next) {
        s->place = s->cut || s->over ? NOWHERE : n;
        if (s->place != NOWHERE)
            p->polls[n++] = (struct pollfd){.fd = s->fd, .events = POLLRDHUP};
    }
    unlock(p);
    return n;
}

/* A descriptor that was closed meanwhile and given to another connection is nobody's place. */
static void cut_those_who_left(struct http_pump *p)
{
    lock(p);
    for (struct http_stream *s = p->streams; s; s = s->next) {
        if (s->place != NOWHERE && p->polls[s->place].revents != 0)
            cut(s);
    }
    unlock(p);
}

static void fill(struct http_stream *s, int64_t now)
{
    size_t before = s->out.len;
    s->over = !s->source->fill(s->source, &s->out);
    if (s->out.len == before && now - s->filled_us >= s->pump->options.heartbeat_us)
        (void)buf_append_text(&s->out, HEARTBEAT);
    if (s->out.len > before)
        s->filled_us = now;
    if (buf_is_full(&s->out))
        cut(s);
    else if (s->out.len > 0 || s->over)
        resume(s);
}

static void fill_all(struct http_pump *p)
{
    if (p->options.tick)
        p->options.tick(p->options.ctx);
    int64_t now = monotonic_us();
    lock(p);
    for (struct http_stream *s = p->streams; s; s = s->next) {
        if (!s->over && !s->cut)
            fill(s, now);
    }
    unlock(p);
}

/* Waits for a stream to begin, a client to leave or the next tick. */
static void wait_for_something(struct http_pump *p, int64_t next_us)
{
    p->polls[0] = (struct pollfd){.fd = p->wake_fd, .events = POLLIN};
    nfds_t n = gather(p);
    int64_t left_ms = (next_us - monotonic_us() + USEC_PER_MS - 1) / USEC_PER_MS;
    int timeout = n == 1 ? -1 : left_ms > 0 ? (int)left_ms : 0;
    int ready = poll(p->polls, n, timeout);
    BUG_ON(ready < 0 && errno != EINTR);
    if (ready <= 0)
        return;
    uint64_t count;
    if (p->polls[0].revents)
        BUG_ON(read(p->wake_fd, &count, sizeof(count)) < 0 && errno != EAGAIN);
    cut_those_who_left(p);
}

/* True when the pump is to stop; then every stream is over. */
static bool is_stopping(struct http_pump *p)
{
    lock(p);
    bool stopping = p->stopping;
    for (struct http_stream *s = p->streams; s && stopping; s = s->next) {
        s->over = true;
        resume(s);
    }
    unlock(p);
    return stopping;
}

static void *run(void *arg)
{
    struct http_pump *p = arg;
    int64_t next_us = monotonic_us() + p->options.tick_us;
    while (!is_stopping(p)) {
        wait_for_something(p, next_us);
        if (monotonic_us() < next_us)
            continue;
        fill_all(p);
        next_us = monotonic_us() + p->options.tick_us;
    }
    return NULL;
}

enum err http_pump_start(const struct http_stream_options *options, struct http_pump **ret_pump,
                         struct error *e)
{
    BUG_ON(options->max == 0 || options->buffer_max == 0 || options->tick_us <= 0);
    struct http_pump *p = calloc(1, sizeof(*p));
    BUG_ON(!p);
    p->options = *options;
    p->polls = calloc(options->max + 1, sizeof(*p->polls));
    BUG_ON(!p->polls || pthread_mutex_init(&p->lock, NULL) != 0);
    p->wake_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (p->wake_fd >= 0) {
        errno = pthread_create(&p->thread, NULL, run, p);
        p->running = errno == 0;
    }
    if (!p->running) {
        enum err err = error_errno(e, "cannot start the thread for streams");
        http_pump_free(p);
        return err;
    }
    *ret_pump = p;
    return OK;
}

void http_pump_stop(struct http_pump *pump)
{
    if (!pump || !pump->running)
        return;
    lock(pump);
    pump->stopping = true;
    unlock(pump);
    wake(pump);
    BUG_ON(pthread_join(pump->thread, NULL) != 0);
    pump->running = false;
}

void http_pump_free(struct http_pump *pump)
{
    if (!pump)
        return;
    BUG_ON(pump->running || pump->streams);
    if (pump->wake_fd >= 0)
        (void)close(pump->wake_fd);
    BUG_ON(pthread_mutex_destroy(&pump->lock) != 0);
    free(pump->polls);
    free(pump);
}
