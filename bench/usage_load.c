/*
 * Sends the same events to anybody who takes them over HTTP: for bench/usage.
 *
 *     usage_load FORMAT HOST PORT PATH CONNECTIONS EVENTS-PER-REQUEST SECONDS [HEADER]
 *
 *     usage_load FORMAT print EVENTS      one body, to standard output
 *
 * Bodies are rendered beforehand, BODIES of them, and sent in turn over connections that stay open,
 * each by a thread that waits for the answer before it sends again. Requests of `cloudevents` have
 * an Idempotency-Key each. Prints what was answered with 2xx as one JSON object; any other answer
 * ends the program with status 1.
 */
#include "base/buf.h"
#include "base/clock.h"
#include "base/err.h"
#include "base/rng.h"
#include "driver.h"

#include <arpa/inet.h>
#include <errno.h>
#include <inttypes.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <pthread.h>
#include <stdatomic.h>
#include <sys/socket.h>
#include <sys/uio.h>

enum { CUSTOMERS = 1000, USERS = 20, BODIES = 64, BODY_MAX = 1 << 26, REPLY_MAX = 65536 };

struct event {
    int customer, user, region, status, bytes, tenths_ms;
    int64_t at_us;
    int64_t number;
};

static const char *const regions[] = {"US", "EU", "APAC"};

static void render_cloudevent(struct buf *out, const struct event *e)
{
    char time[TIME_TEXT_MAX];
    (void)buf_printf(out,
                     "{\"specversion\":\"1.0\",\"id\":\"%" PRId64 "\",\"source\":\"/api\","
                     "\"type\":\"api_call\",\"subject\":\"c%d\",\"time\":\"%s\",\"data\":{"
                     "\"duration_ms\":%d.%d,\"status\":%d,\"region\":\"%s\",\"user\":\"u%d\","
                     "\"bytes\":%d}}\n",
                     e->number, e->customer, time_text(e->at_us, time), e->tenths_ms / 10,
                     e->tenths_ms % 10, e->status, regions[e->region], e->user, e->bytes);
}

static void render_victoria(struct buf *out, const struct event *e)
{
    (void)buf_printf(out,
                     "{\"metric\":{\"__name__\":\"api_call_duration_ms\",\"customer\":\"c%d\","
                     "\"region\":\"%s\"},\"values\":[%d.%d],\"timestamps\":[%" PRId64 "]}\n",
                     e->customer, regions[e->region], e->tenths_ms / 10, e->tenths_ms % 10,
                     e->at_us / 1000);
}

static void render_influx(struct buf *out, const struct event *e)
{
    (void)buf_printf(out, "api_call,customer=c%d,region=%s duration_ms=%d.%d %" PRId64 "\n",
                     e->customer, regions[e->region], e->tenths_ms / 10, e->tenths_ms % 10,
                     e->at_us * 1000);
}

static const struct format {
    const char *name, *content_type;
    void (*render)(struct buf *out, const struct event *e);
} formats[] = {
    {"cloudevents", "application/x-ndjson", render_cloudevent},
    {"victoria", "application/json", render_victoria},
    {"influx", "text/plain", render_influx},
};

struct load {
    const struct format *format;
    const char *host, *path, *header;
    uint16_t port;
    int64_t per_request, until_us;
    struct buf bodies[BODIES];
    int64_t run; /* makes the keys of this run new */
    atomic_llong requests;
};

struct connection {
    struct load *load;
    int number, fd;
    char reply[REPLY_MAX];
};

static _Noreturn void fail(const char *what, const char *detail)
{
    (void)fprintf(stderr, "usage_load: %s: %.300s\n", what, detail);
    exit(1);
}

static void render_bodies(struct load *l)
{
    struct rng_seeded rng;
    rng_seeded_init(&rng, 20);
    int64_t now = clock_now(&clock_system), number = 0;
    for (int i = 0; i < BODIES; i++) {
        l->bodies[i] = BUF_INIT(BODY_MAX);
        for (int64_t n = 0; n < l->per_request; n++) {
            const struct event e = {
                .customer = (int)rng_below(&rng.rng, CUSTOMERS),
                .user = (int)rng_below(&rng.rng, USERS),
                .region = (int)rng_below(&rng.rng, 3),
                .status = rng_below(&rng.rng, 100) == 0 ? 500 : 200,
                .bytes = (int)rng_below(&rng.rng, 100000),
                .tenths_ms = (int)rng_below(&rng.rng, 5000),
                .at_us = now - rng_below(&rng.rng, 60 * USEC_PER_SEC),
                .number = number++,
            };
            l->format->render(&l->bodies[i], &e);
        }
        if (buf_is_full(&l->bodies[i]))
            fail("too many events in a request", "");
    }
}

static void connect_to(struct connection *c)
{
    struct sockaddr_in at = {.sin_family = AF_INET, .sin_port = htons(c->load->port)};
    int on = 1;
    if (inet_pton(AF_INET, c->load->host, &at.sin_addr) != 1)
        fail("not an address", c->load->host);
    c->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    if (c->fd < 0 || connect(c->fd, (struct sockaddr *)&at, sizeof(at)) != 0 ||
        setsockopt(c->fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on)) != 0)
        fail("cannot connect", strerror(errno));
}

static void send_all(int fd, struct iovec *parts, int count)
{
    while (count > 0) {
        ssize_t sent = writev(fd, parts, count);
        if (sent < 0)
            fail("cannot send", strerror(errno));
        for (size_t left = (size_t)sent; count > 0 && left >= parts->iov_len; count--) {
            left -= parts->iov_len;
            sent -= (ssize_t)parts->iov_len;
            parts++;
        }
        if (count > 0) {
            parts->iov_base = (char *)parts->iov_base + sent;
            parts->iov_len -= (size_t)sent;
        }
    }
}

/* Reads one reply whole; its bytes are in c->reply. */
static void read_reply(struct connection *c)
{
    size_t len = 0, need = SIZE_MAX;
    while (len < need) {
        ssize_t got = recv(c->fd, c->reply + len, sizeof(c->reply) - 1 - len, 0);
        if (got <= 0)
            fail("the connection was closed", c->reply);
        len += (size_t)got;
        c->reply[len] = '\0';
        const char *end = strstr(c->reply, "\r\n\r\n");
        if (!end)
            continue;
        const char *length = strcasestr(c->reply, "\r\nContent-Length:");
        need = (size_t)(end + 4 - c->reply);
        if (length && length < end)
            need += strtoul(length + 17, NULL, 10);
        if (need >= sizeof(c->reply))
            fail("the reply is too long", c->reply);
    }
    if (strncmp(c->reply, "HTTP/1.1 2", 10) != 0 || strstr(c->reply, "\"refused\":1"))
        fail("the answer is", c->reply);
}

static void *run_connection(void *arg)
{
    struct connection *c = arg;
    struct load *l = c->load;
    for (int64_t n = 0; bench_now_us() < l->until_us; n++) {
        struct buf *body = &l->bodies[(c->number * 7 + n) % BODIES];
        char head[1024], key[128] = "";
        if (l->format == &formats[0])
            (void)snprintf(key, sizeof(key), "Idempotency-Key: %" PRIx64 "-%d-%" PRId64 "\r\n",
                           l->run, c->number, n);
        int len = snprintf(head, sizeof(head),
                           "POST %s HTTP/1.1\r\nHost: %s\r\nContent-Type: %s\r\n%s%s%s"
                           "Content-Length: %zu\r\n\r\n",
                           l->path, l->host, l->format->content_type, key, l->header,
                           l->header[0] ? "\r\n" : "", body->len);
        BUG_ON(len < 0 || (size_t)len >= sizeof(head));
        struct iovec parts[] = {{head, (size_t)len}, {body->ptr, body->len}};
        send_all(c->fd, parts, 2);
        read_reply(c);
        atomic_fetch_add(&l->requests, 1);
    }
    (void)close(c->fd);
    return NULL;
}

static int64_t number(const char *text, int64_t max)
{
    int64_t value;
    if (!str_to_i64(str_from(text), &value) || value < 1 || value > max)
        fail("not a number that makes sense", text);
    return value;
}

static void release_bodies(struct load *l)
{
    for (int i = 0; i < BODIES; i++)
        buf_release(&l->bodies[i]);
}

static int print_body(struct load *l, int64_t events)
{
    l->per_request = events;
    render_bodies(l);
    (void)fwrite(l->bodies[0].ptr, 1, l->bodies[0].len, stdout);
    release_bodies(l);
    return 0;
}

int main(int argc, char **argv)
{
    bool prints = argc == 4 && text_eq(argv[2], "print");
    if (argc < 8 && !prints)
        fail("usage", "FORMAT HOST PORT PATH CONNECTIONS EVENTS-PER-REQUEST SECONDS [HEADER]");
    struct load l = {.host = argv[2], .header = argc > 8 ? argv[8] : ""};
    for (size_t i = 0; i < ARRAY_LEN(formats); i++) {
        if (text_eq(argv[1], formats[i].name))
            l.format = &formats[i];
    }
    if (!l.format)
        fail("no such format", argv[1]);
    if (prints)
        return print_body(&l, number(argv[3], 100000));
    l.path = argv[4];
    l.port = (uint16_t)number(argv[3], UINT16_MAX);
    l.per_request = number(argv[6], 100000);
    int64_t connections = number(argv[5], 1000), seconds = number(argv[7], 3600);
    render_bodies(&l);

    struct connection *all = calloc((size_t)connections, sizeof(*all));
    pthread_t *threads = calloc((size_t)connections, sizeof(*threads));
    BUG_ON(!all || !threads);
    for (int64_t i = 0; i < connections; i++) {
        all[i].load = &l;
        all[i].number = (int)i;
        connect_to(&all[i]);
    }
    l.run = clock_now(&clock_system);
    int64_t began = bench_now_us();
    l.until_us = began + seconds * USEC_PER_SEC;
    for (int64_t i = 0; i < connections; i++)
        BUG_ON(pthread_create(&threads[i], NULL, run_connection, &all[i]) != 0);
    for (int64_t i = 0; i < connections; i++)
        BUG_ON(pthread_join(threads[i], NULL) != 0);
    double took = (double)(bench_now_us() - began) / (double)USEC_PER_SEC;
    (void)printf("{\"requests\":%lld,\"events\":%lld,\"body_bytes\":%zu,\"seconds\":%.6f}\n",
                 atomic_load(&l.requests), atomic_load(&l.requests) * (long long)l.per_request,
                 l.bodies[0].len, took);
    release_bodies(&l);
    free(all);
    free(threads);
    return 0;
}
