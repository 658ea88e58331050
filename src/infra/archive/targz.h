/*
 * Writes a tar.gz, file by file, in bounded memory. The only code that names libarchive.
 *
 * The archive is POSIX pax, so sizes and names have no limits of old tars. Nothing in it depends on
 * who writes it: files belong to 0:0 with mode 0600.
 *
 * Lifecycle: targz_new() -> targz_add() for each file -> targz_end(), which writes what is buffered
 * -> targz_free(), also after an error. The caller owns the descriptors and makes the result
 * durable.
 */
#ifndef WEBHOST_INFRA_ARCHIVE_TARGZ_H
#define WEBHOST_INFRA_ARCHIVE_TARGZ_H

#include "base/err.h"

#include <stdint.h>

struct targz;

/* Writes to `fd`, which must stay open until targz_end(). */
enum err targz_new(int fd, struct targz **ret, struct error *e);

/* Adds the whole content of `content_fd` as `name`. */
enum err targz_add(struct targz *t, const char *name, int content_fd, int64_t modified_us,
                   struct error *e);

enum err targz_end(struct targz *t, struct error *e);
void targz_free(struct targz *t); /* NULL is fine */

#endif
