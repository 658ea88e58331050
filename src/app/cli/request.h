/*
 * From the options of a command to the request that it sends: path, query and body.
 *
 * An option with a `key` goes into the query or the body under that name when it was given; the
 * server's defaults apply to what was not.
 */
#ifndef WEBHOST_APP_CLI_REQUEST_H
#define WEBHOST_APP_CLI_REQUEST_H

#include "app/cli/command.h"
#include "base/url.h"
#include "infra/json/json.h"

/*
 * The path with each {NAME} replaced by the escaped argument of that name: "/api/jobs/{ID}".
 */
const char *request_path(const char *pattern, const struct option_spec *arguments,
                         const void *record, struct arena *arena);

/* Appends "name=value" to a URL, after '?' or '&'. */
const char *url_add(const char *url, const char *name, const char *value, struct arena *arena);

/* The URL with every given option that has a key. */
const char *request_query(const char *url, const struct option_spec *options, const void *record,
                          struct arena *arena);

/*
 * Puts every given option that has a key into the object; "a.b" makes an object a. The caller owns
 * `body`.
 */
void request_body(const struct option_spec *options, const void *record, json_t *body);

#endif
