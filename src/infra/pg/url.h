/*
 * Databases' urls taken apart, by libpq's own rules.
 */
#ifndef WEBHOST_INFRA_PG_URL_H
#define WEBHOST_INFRA_PG_URL_H

#include "base/arena.h"
#include "base/err.h"

/* Texts in the arena, without percent signs; NULL: not in the url. */
struct pg_place {
    const char *host; /* also an address, or the directory of a socket */
    const char *user, *password;
    const char *dbname;
    int64_t port; /* 5432 when it is not in the url */
};

/*
 * "postgres://USER:PASSWORD@HOST:PORT/DBNAME?PARAMETERS". Places in braces (provisioning/tenant.h)
 * are no part of a url: the caller has filled them. ERR_INVALID does not quote the url.
 */
enum err pg_url_parse(const char *url, struct arena *arena, struct pg_place *ret, struct error *e);

#endif
