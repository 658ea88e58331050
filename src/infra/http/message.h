/*
 * What an HTTP server's handler sees and fills. Plain data; no library's names.
 */
#ifndef WEBHOST_INFRA_HTTP_MESSAGE_H
#define WEBHOST_INFRA_HTTP_MESSAGE_H

#include "base/arena.h"
#include "base/buf.h"

enum http_method { HTTP_GET, HTTP_POST, HTTP_PUT, HTTP_PATCH, HTTP_DELETE, HTTP_METHODS };

extern const char *const http_method_names[]; /* "GET", ..., NULL */

#define HTTP_PARAMS_MAX  4
#define HTTP_HEADERS_MAX 8

struct http_pair {
    const char *name, *value;
};

struct http_route;
struct http_source;

struct http_request {
    enum http_method method;                  /* HTTP_METHODS: another one (a refusal sees it) */
    const char *path;                         /* percent-decoded, without the query */
    const struct http_route *route;           /* the one that matched; NULL in the error handler */
    struct http_pair params[HTTP_PARAMS_MAX]; /* {name} parts of the route's pattern */
    size_t param_count;
    const struct http_pair *query; /* percent-decoded, in order */
    size_t query_count;
    const struct http_pair *headers;
    size_t header_count;
    struct str body;
    size_t body_readable; /* bytes behind the body that may be read; they mean nothing */
    const char *peer;     /* the client's address */
    struct arena *arena;  /* lives until the response is sent */
};

struct http_response {
    int status; /* 200 when the handler starts */
    const char *content_type;
    struct http_pair headers[HTTP_HEADERS_MAX]; /* texts in the request's arena, or literals */
    size_t header_count;
    struct buf body;
    bool is_file;       /* instead of a body, everything in file_fd is sent; the server closes it */
    int file_fd;        /* a regular file, or something that sendfile() reads */
    uint64_t file_size; /* bytes, from its beginning */
    struct http_source *source; /* the body goes on with what it tells (stream.h); owned */
    bool abort; /* close the connection instead of replying; what the client sees is a lost reply */
};

/* The first of that name; NULL when not there. Header names are matched without case. */
const char *http_header(const struct http_request *r, const char *name);
const char *http_query(const struct http_request *r, const char *name);
const char *http_param(const struct http_request *r, const char *name);

/* Replaces a header of the same name. More than HTTP_HEADERS_MAX stop the process. */
void http_set_header(struct http_response *response, const char *name, const char *value);

/* "Not Found" for 404; "Unknown" for what neither RFC 9110 nor RFC 6585 names. */
const char *http_status_text(int status);

#endif
