/* Urls put together. */
#ifndef WEBHOST_BASE_URL_H
#define WEBHOST_BASE_URL_H

#include "base/arena.h"

/* `text` with everything but unreserved characters (RFC 3986, 2.3) percent-encoded. */
const char *url_escape(const char *text, struct arena *arena);

#endif
