/*
 * Errors as application/problem+json (RFC 9457).
 */
#ifndef WEBHOST_APP_API_PROBLEM_H
#define WEBHOST_APP_API_PROBLEM_H

#include "infra/http/message.h"
#include "infra/json/json.h"

/* The status that an error class is told with. */
int problem_status(enum err err);

/* Fills the response; `problems` (may be NULL) become "errors": [{field, detail}]. */
void problem_write(struct http_response *response, int status, const char *detail,
                   const struct problems *problems);

#endif
