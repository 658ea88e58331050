/*
 * A sandbox on a free port with a clock that the test moves, and the product's own HTTP client to
 * talk to it. Anything that goes wrong on the way fails the test with a sentence.
 */
#ifndef WEBHOST_TESTS_SANDBOX_SUPPORT_H
#define WEBHOST_TESTS_SANDBOX_SUPPORT_H

#include "infra/http/client.h"
#include "infra/json/json.h"
#include "sandbox/sandbox.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#define DELAY_US USEC_PER_SEC /* action_delay_us of every test's sandbox */
#define START_US INT64_C(1795000000000000)
#define CALL_US  (20 * USEC_PER_SEC)
#define GET      HTTP_GET
#define POST     HTTP_POST
#define PUT      HTTP_PUT
#define PATCH    HTTP_PATCH
#define DELETE   HTTP_DELETE

struct cloud {
    char folder[64];
    char db_url[128];
    struct clock_virtual clock;
    struct sandbox_options options; /* change before cloud_restart() */
    struct sandbox *sandbox;
    struct http_client *client;
    struct secret *token;
    struct arena arena;
    json_t *kept; /* every reply's body, until the test ends */
};

int cloud_setup(void **state);
int cloud_teardown(void **state);

/* Stops the sandbox and starts it with the same file. */
void cloud_restart(struct cloud *c);

/* Moves the clock past everything that is under way. */
void cloud_settle(struct cloud *c);

struct seen {
    int status;
    json_t *body; /* NULL: none. Borrowed until the test ends */
    struct http_reply reply;
};

/* One call; `body` is JSON text or NULL. */
struct seen ask(struct cloud *c, enum http_method method, const char *path, const char *body);

/* The same with one more header. */
struct seen ask_with(struct cloud *c, enum http_method method, const char *path, const char *body,
                     const char *header, const char *value);

/* ask(), and the status must be that. */
struct seen expect(struct cloud *c, int status, enum http_method method, const char *path,
                   const char *body);

/* A value by its path: "server.public_net.ipv4.ip", "servers.0.name". NULL when not there. */
const json_t *at(const json_t *value, const char *path);
const char *text_at(const struct seen *seen, const char *path);
int64_t int_at(const struct seen *seen, const char *path);

/* The length of the list at `path`. */
size_t count_at(const struct seen *seen, const char *path);

/* printf into the cloud's arena. */
const char *text(struct cloud *c, const char *fmt, ...) __attribute__((format(printf, 2, 3)));

#endif
