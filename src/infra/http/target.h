/*
 * The request target: path and query decoded, and the route that the path matches.
 */
#ifndef WEBHOST_INFRA_HTTP_TARGET_H
#define WEBHOST_INFRA_HTTP_TARGET_H

#include "infra/http/message.h"
#include "infra/http/server.h"

#define HTTP_TARGET_MAX   8192 /* bytes */
#define HTTP_SEGMENTS_MAX 16
#define HTTP_QUERY_MAX    64 /* parameters */

struct http_target {
    const char *segments[HTTP_SEGMENTS_MAX]; /* of the path, percent-decoded one by one */
    size_t segment_count;                    /* 0: more segments than any route has */
};

/*
 * Fills path and query of `r`. Percent-encoding is undone after cutting at '/', '&' and '=', so
 * that %2F stays inside its segment. Returns NULL, or the sentence that goes with a 400: every
 * decoded text must be UTF-8 without control characters.
 */
const char *http_target_parse(struct str raw, struct http_request *r, struct http_target *ret);

/*
 * Sets the route and params of `r` to the first route in the table that fits method and path.
 * When only the path fits, fills `ret_allow` with the value of an Allow header; otherwise it is
 * set to NULL.
 */
bool http_route_find(const struct http_server_options *options, const struct http_target *target,
                     struct http_request *r, const char **ret_allow);

/* Stops the process when a pattern in the table is malformed. */
void http_routes_check(const struct http_server_options *options);

#endif
