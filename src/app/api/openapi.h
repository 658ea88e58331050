/*
 * The API's own description: OpenAPI 3.1, made from the table of routes, its tables of parameters,
 * the record tables of bodies and the shapes of replies. Nothing is said twice, so nothing can be
 * out of date; what is missing in a table is missing here, and tests/contract/openapi_test.py says
 * so.
 *
 * What a route may refuse with follows from its line: 401 and 403 unless it is open, 404 when its
 * path, body or query names something, 400 and 413 when it takes a body, 409 when it writes, 422,
 * 500 and 503 always. `refusals` of struct api_route adds to these.
 *
 * An operation's id is its method and path, get_customers_customer_usage: it stays while they do.
 */
#ifndef WEBHOST_APP_API_OPENAPI_H
#define WEBHOST_APP_API_OPENAPI_H

#include "app/api/api.h"

/* The document of api_routes; the caller owns it. */
json_t *openapi_document(void);

#endif
