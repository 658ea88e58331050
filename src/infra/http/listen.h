/*
 * The listening socket. It is made here and not by libmicrohttpd, so that a failure says which of
 * its steps failed and what to do.
 */
#ifndef WEBHOST_INFRA_HTTP_LISTEN_H
#define WEBHOST_INFRA_HTTP_LISTEN_H

#include "base/err.h"

#include <stdint.h>

/* Listens on a numeric address; port 0 is any free one. The caller closes the socket. */
enum err http_listen_open(const char *address, uint16_t port, int *ret_fd, uint16_t *ret_port,
                          struct error *e);

#endif
