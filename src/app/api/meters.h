/*
 * Meters of the API's own requests, for /metrics: how many, how they ended, how long they took.
 *
 * One meter for each route of the table, so their number is fixed; what no route took is counted
 * under one more. They are this node's, since it started. Thread-safe.
 */
#ifndef WEBHOST_APP_API_METERS_H
#define WEBHOST_APP_API_METERS_H

#include "infra/http/server.h"

struct api_meters;

/* The routes must outlive it. */
struct api_meters *api_meters_new(const struct http_route *routes, size_t count);
void api_meters_free(struct api_meters *meters); /* NULL is fine */

void api_meters_note(struct api_meters *meters, const struct http_request *request,
                     const struct http_response *response, int64_t duration_us);

/* webhost_http_requests_total{method,route,status} and webhost_http_request_duration_seconds. */
void api_meters_write(struct api_meters *meters, struct buf *out);

#endif
