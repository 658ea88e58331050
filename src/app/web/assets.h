/*
 * The dashboard's files, in the binary (tools/webassets.py): served with strong validators, gzipped
 * for those who take it.
 *
 * One page answers every address of the dashboard; its scripts find out which. It names the others
 * by a folder that has the hash of all of them in its name, so those are kept for ever and a new
 * binary's are other addresses. Nothing comes from anywhere else: the policy (CSP) allows scripts,
 * styles, images and requests of this server only, nothing inline, and no text as a script.
 */
#ifndef WEBHOST_APP_WEB_ASSETS_H
#define WEBHOST_APP_WEB_ASSETS_H

#include "infra/http/server.h"

struct asset_form {
    const char *bytes;
    size_t len;
};

struct asset {
    const char *name; /* "pages/jobs.js"; NULL ends the table */
    const char *type;
    const char *etag, *etag_gzip;
    struct asset_form plain, gzip;
};

extern const struct asset assets[];
extern const char assets_version[];

/* The page and its files, for the server; they ask for no token. */
extern const struct http_route web_routes[];
extern const size_t web_route_count;

#endif
