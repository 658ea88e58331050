#include "infra/config/yaml.h"

#include <errno.h>

static void close_file(FILE **f)
{
    if (*f)
        (void)fclose(*f);
}

enum err file_read(const char *path, size_t max, struct arena *arena, struct str *ret_text,
                   struct error *e)
{
    __attribute__((cleanup(close_file))) FILE *f = fopen(path, "re");
    if (!f) {
        enum err code = errno == ENOENT ? ERR_NOT_FOUND : ERR_IO;
        (void)error_errno(e, "cannot read %s", path);
        if (e)
            e->code = code;
        return code;
    }
    /* Read to the end rather than ask for the size: the path may be a pipe. */
    _cleanup_buf_ struct buf text = BUF_INIT(max);
    char chunk[8192];
    size_t n;
    while ((n = fread(chunk, 1, sizeof(chunk), f)) > 0) {
        if (!buf_append(&text, chunk, n))
            return error_set(e, ERR_TOO_LARGE, "%s is larger than %zu bytes", path, max);
    }
    if (ferror(f))
        return error_errno(e, "cannot read %s", path);
    ret_text->len = text.len;
    ret_text->ptr = arena_text_n(arena, buf_text(&text), text.len);
    return OK;
}
