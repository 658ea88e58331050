/*
 * Files that the build writes into the binary (tools/embed.py), as a table that ends with a NULL
 * name. The bytes end with a NUL that `len` does not count.
 */
#ifndef WEBHOST_BASE_EMBEDDED_H
#define WEBHOST_BASE_EMBEDDED_H

#include <stddef.h>

struct embedded_file {
    const char *name;
    const char *bytes;
    size_t len;
};

#endif
