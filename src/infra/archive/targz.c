#include "infra/archive/targz.h"

#include "base/clock.h"

#include <archive.h>
#include <archive_entry.h>
#include <errno.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#define COPY_BYTES 65536

struct targz {
    struct archive *archive;
};

static enum err failed(struct targz *t, const char *what, struct error *e)
{
    const char *why = archive_error_string(t->archive);
    return error_set(e, ERR_IO, "%s: %s", what, why ? why : "libarchive does not say why");
}

enum err targz_new(int fd, struct targz **ret, struct error *e)
{
    struct targz *t = calloc(1, sizeof(*t));
    BUG_ON(!t);
    t->archive = archive_write_new();
    BUG_ON(!t->archive);
    BUG_ON(archive_write_set_format_pax_restricted(t->archive) != ARCHIVE_OK);
    BUG_ON(archive_write_add_filter_gzip(t->archive) != ARCHIVE_OK);
    if (archive_write_open_fd(t->archive, fd) == ARCHIVE_OK) {
        *ret = t;
        return OK;
    }
    enum err err = failed(t, "cannot begin the archive", e);
    targz_free(t);
    return err;
}

static enum err copy_content(struct targz *t, int fd, const char *name, struct error *e)
{
    char bytes[COPY_BYTES];
    off_t at = 0;
    for (;;) {
        ssize_t n = pread(fd, bytes, sizeof(bytes), at);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, "cannot read %s for the archive", name);
        if (n == 0)
            return OK;
        if (archive_write_data(t->archive, bytes, (size_t)n) != n)
            return failed(t, "cannot write the archive", e);
        at += n;
    }
}

enum err targz_add(struct targz *t, const char *name, int content_fd, int64_t modified_us,
                   struct error *e)
{
    struct stat st;
    if (fstat(content_fd, &st) != 0)
        return error_errno(e, "cannot tell the size of %s", name);
    struct archive_entry *entry = archive_entry_new();
    BUG_ON(!entry);
    archive_entry_set_pathname(entry, name);
    archive_entry_set_filetype(entry, AE_IFREG);
    archive_entry_set_perm(entry, 0600);
    archive_entry_set_size(entry, st.st_size);
    archive_entry_set_mtime(entry, (time_t)(modified_us / USEC_PER_SEC), 0);
    int wrote = archive_write_header(t->archive, entry);
    archive_entry_free(entry);
    if (wrote != ARCHIVE_OK)
        return failed(t, "cannot write the archive", e);
    return copy_content(t, content_fd, name, e);
}

enum err targz_end(struct targz *t, struct error *e)
{
    return archive_write_close(t->archive) == ARCHIVE_OK
               ? OK
               : failed(t, "cannot finish the archive", e);
}

void targz_free(struct targz *t)
{
    if (!t)
        return;
    /* After an error, closing again would only fail again; the file is thrown away. */
    (void)archive_write_fail(t->archive);
    (void)archive_write_free(t->archive);
    free(t);
}
