/* A real server on a free port of 127.0.0.1, and plain sockets to talk to it byte for byte. */
#ifndef WEBHOST_TESTS_HTTP_SUPPORT_H
#define WEBHOST_TESTS_HTTP_SUPPORT_H

#include "base/clock.h"
#include "infra/http/client.h"
#include "infra/http/server.h"

#include <pthread.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define SMALL_BODY_MAX (1u << 20)

struct fixture {
    struct http_server *server;
    uint16_t port;
    struct http_client *client;
    struct arena arena;

    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    int calls;    /* handlers that ran */
    int held;     /* handlers of /hold that have started */
    bool release; /* lets them go on */
    int done;     /* replies reported */
    int last_status;
    char last_path[128];
};

int fixture_setup(void **state);
int fixture_setup_refusing(void **state); /* with a `refuse` callback that writes JSON */
int fixture_teardown(void **state);

int fixture_calls(struct fixture *f);
void fixture_wait_held(struct fixture *f, int count);
void fixture_release(struct fixture *f);
void fixture_wait_done(struct fixture *f, int count);

/* One call with the real client; fails the test when no reply comes. */
struct http_reply fixture_call(struct fixture *f, enum http_method method, const char *target,
                               struct str body);

int raw_open(uint16_t port);
void raw_send(int fd, struct str bytes);

/* True when the other side took all of it before it closed. */
bool raw_try_send(int fd, struct str bytes);

/* Everything until the other side closes, in the arena. Fails the test after 20 s of silence. */
struct str raw_read_all(int fd, struct arena *arena);

/* One reply with a Content-Length; the connection stays open. */
struct str raw_read_reply(int fd, struct arena *arena);

/* Sends one request on a new connection and returns all that comes back until it is closed. */
struct str raw_exchange(struct fixture *f, struct str request);

#endif
