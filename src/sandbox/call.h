/*
 * One request on its way through the emulator. routes.c says which function answers it; serve.c
 * does what all have in common (faults, rate limit, token, body, transaction, reply); the resource
 * files hold one function for each operation.
 *
 * An operation runs inside a transaction that may be repeated from the start, so it does nothing
 * but read and write rows and fill the reply. A refusal is a failure too: it undoes the
 * transaction.
 */
#ifndef WEBHOST_SANDBOX_CALL_H
#define WEBHOST_SANDBOX_CALL_H

#include "infra/db/db.h"
#include "infra/http/server.h"
#include "infra/json/json.h"
#include "sandbox/sandbox.h"

enum api { API_HETZNER, API_FLY, API_ADMIN };

enum access {
    ACCESS_READ,  /* db_read() around the operation */
    ACCESS_WRITE, /* db_write() around it; the reply leaves after the commit */
    ACCESS_OWN,   /* the operation opens its own transactions, or needs none */
};

struct call;
typedef enum err operation(struct call *c, struct error *e);

struct endpoint {
    enum api api;
    enum access access;
    operation *run;
    const void *about; /* for operations that serve several kinds: which one */
};

struct reply {
    int status;
    json_t *body;          /* owned; NULL: no body */
    const char *link;      /* Hetzner's paging header; NULL: none */
    bool machines_changed; /* a server or app came or went: their databases follow (cluster.h) */

    bool refused;
    const char *code;    /* Hetzner's error.code, Fly's status; NULL: none */
    const char *message; /* in the arena */
    json_t *details;     /* owned; Hetzner's error.details; NULL: null */
};

struct call {
    struct sandbox *sandbox;
    const struct http_request *request;
    const struct endpoint *endpoint;
    struct arena *arena;
    struct db_tx *tx;
    json_t *body;   /* owned by serve.c; an object, or an array for API_ADMIN; {} when none came */
    int64_t now_us; /* of the request's arrival; waiting moves it on */
    const json_t *settings; /* owned by serve.c: what tests have set (settings.h) */
    bool must_fail; /* a fault: the action or machine that this request starts ends in an error */
    struct reply reply;
};

/* -- replies ---------------------------------------------------------------------------------- */

/* Takes the body over. */
enum err call_answer(struct call *c, int status, json_t *body);

/*
 * Refuses in the API's own form. The class only undoes the transaction; what the client sees is the
 * status, the code and the sentence.
 */
enum err call_refuse(struct call *c, int status, const char *code, const char *fmt, ...)
    __attribute__((format(printf, 4, 5)));

/* json_pack() that cannot fail: a wrong format or text that is not UTF-8 is our own mistake. */
json_t *json_packed(const char *fmt, ...);

json_t *json_time(int64_t time_us); /* RFC 3339; null when absent */

/* Adds to an object or array, which takes the value over. */
void json_put(json_t *object, const char *key, json_t *value);
void json_push(json_t *array, json_t *value);

/* -- requests --------------------------------------------------------------------------------- */

/* Reads the body through a table; the mistakes are refused as the API does (422 or 400). */
enum err call_decode(struct call *c, const struct field *fields, void *record);

/* The whole number in a {name} part of the path, or -1, which no row has. */
int64_t call_id(const struct call *c, const char *name);

/* True for "true" and "1". */
bool call_flag(const struct call *c, const char *name);

/* Runs the operation in a reading transaction; for ACCESS_OWN. */
enum err call_read(struct call *c, operation *run, struct error *e);

/* -- the sandbox's parts, for operations ------------------------------------------------------ */

int64_t call_delay_us(const struct call *c);

/* When what is written now shows in lists (read_lag_us). */
int64_t call_listed_at(const struct call *c);

/* `len` random characters of [0-9a-f] or of [0-9a-z] in the call's arena. */
const char *call_random_hex(struct call *c, size_t len);
const char *call_random_text(struct call *c, size_t len);

/* The next number of a named counter: 1, 2, ... Numbers are never given twice. */
enum err call_next_number(struct call *c, const char *counter, int64_t first, int64_t *ret_number,
                          struct error *e);

/*
 * Waits until something is written, `up_to_us` of real time passed or the sandbox stops (false);
 * moves now_us on.
 */
bool call_pause(struct call *c, int64_t up_to_us);

/* Room for one more waiting request; every true needs a call_wait_end(). */
bool call_wait_begin(struct call *c);
void call_wait_end(struct call *c);

const struct sandbox_options *call_options(const struct call *c);

/* -- routes.c and serve.c --------------------------------------------------------------------- */

extern const struct http_route sandbox_routes[];
extern const size_t sandbox_route_count;

http_handler sandbox_serve;
http_refusal sandbox_refuse;

#endif
