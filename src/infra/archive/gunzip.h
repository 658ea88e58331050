/* Unpacks gzip (RFC 1952) into a buffer whose maximum bounds what a small body can become. */
#ifndef WEBHOST_INFRA_ARCHIVE_GUNZIP_H
#define WEBHOST_INFRA_ARCHIVE_GUNZIP_H

#include "base/buf.h"
#include "base/err.h"

/* ERR_TOO_LARGE when it does not fit, ERR_INVALID when it is not gzip, or not all of it. */
enum err gunzip(struct str packed, struct buf *out, struct error *e);

#endif
