#include "infra/archive/gunzip.h"

#include <limits.h>
#include <zlib.h>

#define PIECE       65536
#define GZIP_WINDOW (15 + 16) /* zlib's largest window, with gzip's head and tail only */

static enum err unpack(z_stream *z, struct buf *out, struct error *e)
{
    unsigned char piece[PIECE];
    for (;;) {
        z->next_out = piece;
        z->avail_out = sizeof(piece);
        int rc = inflate(z, Z_NO_FLUSH);
        BUG_ON(rc == Z_STREAM_ERROR || rc == Z_MEM_ERROR);
        if (rc != Z_OK && rc != Z_STREAM_END)
            return error_set(e, ERR_INVALID, "is not gzip, or not all of it");
        if (!buf_append(out, piece, sizeof(piece) - z->avail_out))
            return error_set(e, ERR_TOO_LARGE, "is over %zu bytes when it is unpacked", out->max);
        if (rc == Z_STREAM_END && z->avail_in == 0)
            return OK;
        /* Members may follow each other (RFC 1952, 2.2). */
        if (rc == Z_STREAM_END)
            BUG_ON(inflateReset(z) != Z_OK);
    }
}

enum err gunzip(struct str packed, struct buf *out, struct error *e)
{
    BUG_ON(packed.len > UINT_MAX);
    z_stream z = {
        .next_in = (unsigned char *)(uintptr_t)packed.ptr,
        .avail_in = (unsigned)packed.len,
    };
    BUG_ON(inflateInit2(&z, GZIP_WINDOW) != Z_OK);
    enum err err = unpack(&z, out, e);
    (void)inflateEnd(&z);
    return err;
}
