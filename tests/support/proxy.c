#include "proxy.h"

#include "base/err.h"
#include "base/str.h"

#include <arpa/inet.h>
#include <errno.h>
#include <poll.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <unistd.h>

enum { PAIRS_MAX = 64, CHUNK_BYTES = 65536, NAME_BYTES = 16 };

struct pair {
    int client, server;
    char commit[NAME_BYTES]; /* the name under which COMMIT is prepared */
    bool with_seen;          /* the text of the order, since the last COMMIT */
    bool cut_at_answer;
};

struct proxy {
    int listener, stop;
    struct sockaddr_in server;
    struct pair pairs[PAIRS_MAX];
    size_t count;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    enum proxy_cut cut;
    char with[64];
};

static bool send_all(int fd, const char *bytes, size_t size)
{
    while (size > 0) {
        ssize_t sent = send(fd, bytes, size, MSG_NOSIGNAL);
        if (sent <= 0)
            return false;
        bytes += sent;
        size -= (size_t)sent;
    }
    return true;
}

/* Whether the bytes run COMMIT: as text where it is prepared, later by its name. */
static bool holds_commit(struct pair *pair, const char *bytes, size_t size)
{
    static const char sql[] = "\0COMMIT"; /* with the zeros on both sides */
    const char *parse = memmem(bytes, size, sql, sizeof(sql));
    if (parse) {
        const char *name = parse; /* "q17", behind a length */
        while (name > bytes && *name != 'q')
            name--;
        size_t length = (size_t)(parse - name);
        BUG_ON(length >= sizeof(pair->commit));
        memcpy(pair->commit, name, length);
        pair->commit[length] = '\0';
        return true;
    }
    char bound[NAME_BYTES + 1] = "";
    size_t length = strlen(pair->commit);
    memcpy(bound + 1, pair->commit, length + 1);
    return length > 0 && memmem(bytes, size, bound, length + 2);
}

/* What to do with these bytes; an order is carried out once. */
static enum proxy_cut take_order(struct proxy *proxy, struct pair *pair, const char *bytes,
                                 size_t size)
{
    enum proxy_cut cut = CUT_NOTHING;
    bool commit = holds_commit(pair, bytes, size);
    pthread_mutex_lock(&proxy->lock);
    if (memmem(bytes, size, proxy->with, strlen(proxy->with)))
        pair->with_seen = true;
    if (commit && pair->with_seen) {
        cut = proxy->cut;
        proxy->cut = CUT_NOTHING;
    }
    pthread_mutex_unlock(&proxy->lock);
    if (commit)
        pair->with_seen = false;
    return cut;
}

/* False when the connection is over. */
static bool from_client(struct proxy *proxy, struct pair *pair)
{
    char bytes[CHUNK_BYTES];
    ssize_t got = recv(pair->client, bytes, sizeof(bytes), 0);
    if (got <= 0)
        return false;
    enum proxy_cut cut = take_order(proxy, pair, bytes, (size_t)got);
    pair->cut_at_answer = cut == CUT_AFTER;
    return cut != CUT_BEFORE && send_all(pair->server, bytes, (size_t)got);
}

static bool from_server(struct pair *pair)
{
    char bytes[CHUNK_BYTES];
    ssize_t got = recv(pair->server, bytes, sizeof(bytes), 0);
    return got > 0 && !pair->cut_at_answer && send_all(pair->client, bytes, (size_t)got);
}

static void accept_one(struct proxy *proxy)
{
    BUG_ON(proxy->count == PAIRS_MAX);
    struct pair pair = {.client = accept(proxy->listener, NULL, NULL)};
    pair.server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    BUG_ON(pair.client < 0 || pair.server < 0);
    const struct sockaddr *address = (const struct sockaddr *)&proxy->server;
    BUG_ON(connect(pair.server, address, sizeof(proxy->server)) != 0);
    proxy->pairs[proxy->count++] = pair;
}

static void *proxy_main(void *arg)
{
    struct proxy *proxy = arg;
    for (;;) {
        struct pollfd fds[2 + 2 * PAIRS_MAX] = {{proxy->stop, POLLIN, 0},
                                                {proxy->listener, POLLIN, 0}};
        size_t count = proxy->count;
        for (size_t i = 0; i < count; i++) {
            fds[2 + 2 * i] = (struct pollfd){proxy->pairs[i].client, POLLIN, 0};
            fds[3 + 2 * i] = (struct pollfd){proxy->pairs[i].server, POLLIN, 0};
        }
        BUG_ON(poll(fds, 2 + 2 * count, -1) < 0 && errno != EINTR);
        if (fds[0].revents)
            return NULL;
        if (fds[1].revents)
            accept_one(proxy);
        for (size_t i = count; i-- > 0;) {
            struct pair *pair = &proxy->pairs[i];
            if ((!fds[2 + 2 * i].revents || from_client(proxy, pair)) &&
                (!fds[3 + 2 * i].revents || from_server(pair)))
                continue;
            (void)close(pair->client);
            (void)close(pair->server);
            *pair = proxy->pairs[--proxy->count];
        }
    }
}

/* postgres://USER@127.0.0.1:PORT/NAME, as pgcluster.py makes it. */
struct proxy *proxy_start(const char *url, char *ret_url, size_t size)
{
    struct proxy *proxy = calloc(1, sizeof(*proxy));
    BUG_ON(!proxy);
    const char *colon = strrchr(url, ':'), *slash = strrchr(url, '/');
    int64_t port;
    BUG_ON(!colon || !slash || slash < colon ||
           !str_to_i64((struct str){colon + 1, (size_t)(slash - colon - 1)}, &port));
    proxy->server = (struct sockaddr_in){.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    proxy->server.sin_addr.s_addr = htonl(INADDR_LOOPBACK);

    struct sockaddr_in own = proxy->server;
    socklen_t length = sizeof(own);
    own.sin_port = 0;
    proxy->listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    proxy->stop = eventfd(0, EFD_CLOEXEC);
    BUG_ON(proxy->listener < 0 || proxy->stop < 0 ||
           bind(proxy->listener, (struct sockaddr *)&own, length) != 0 ||
           listen(proxy->listener, PAIRS_MAX) != 0 ||
           getsockname(proxy->listener, (struct sockaddr *)&own, &length) != 0);
    (void)snprintf(ret_url, size, "%.*s:%u%s", (int)(colon - url), url, ntohs(own.sin_port), slash);
    BUG_ON(pthread_mutex_init(&proxy->lock, NULL) != 0 ||
           pthread_create(&proxy->thread, NULL, proxy_main, proxy) != 0);
    return proxy;
}

void proxy_stop(struct proxy *proxy)
{
    const uint64_t one = 1;
    BUG_ON(write(proxy->stop, &one, sizeof(one)) != sizeof(one));
    (void)pthread_join(proxy->thread, NULL);
    for (size_t i = 0; i < proxy->count; i++) {
        (void)close(proxy->pairs[i].client);
        (void)close(proxy->pairs[i].server);
    }
    (void)close(proxy->listener);
    (void)close(proxy->stop);
    (void)pthread_mutex_destroy(&proxy->lock);
    free(proxy);
}

void proxy_cut_commit(struct proxy *proxy, enum proxy_cut cut, const char *with)
{
    pthread_mutex_lock(&proxy->lock);
    proxy->cut = cut;
    (void)snprintf(proxy->with, sizeof(proxy->with), "%s", with);
    pthread_mutex_unlock(&proxy->lock);
}
