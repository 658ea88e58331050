#include "domain/accounts/export_file.h"

#include "export_file.sql.h"
#include "infra/archive/targz.h"
#include "infra/json/json.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <sys/stat.h>

#define EXPORT_SUFFIX    ".tar.gz"
#define UNFINISHED       ".unfinished-" /* then random letters; never the name of an export */
#define UNFINISHED_US    USEC_PER_DAY
#define MANIFEST_MAX     ((size_t)1 << 20)
#define LINE_MAX_BYTES   ((size_t)16 << 20)
#define WRITE_BYTES      65536
#define MANIFEST_VERSION 1

const struct export_table export_tables[EXPORT_TABLES] = {
    {"tenants", &export_tenants, {"customer_id", "slug", "name", "created_at"}},
    {"vehicles", &export_vehicles, {"customer_id", "id", "name", "created_at"}},
    {"gps_points",
     &export_points,
     {"customer_id", "id", "vehicle_id", "at", "latitude", "longitude", "speed"}},
};

struct part {
    int fd; /* -1: not open */
    int64_t rows, bytes;
    char sha256[HASH_TEXT_MAX];
};

struct exporting {
    const struct export_source *source;
    struct arena *arena;
    struct part parts[EXPORT_TABLES];

    /* The table that is being read. */
    const struct export_table *table;
    struct part *part;
    struct sha256 hash;
    struct buf line, pending;
};

const char *export_file_path(const char *directory, const char *customer_id, struct arena *arena)
{
    return arena_printf(arena, "%s/%s" EXPORT_SUFFIX, directory, customer_id);
}

/* -- files ------------------------------------------------------------------------------------- */

static enum err write_all(int fd, struct str bytes, struct error *e)
{
    while (bytes.len > 0) {
        ssize_t n = write(fd, bytes.ptr, bytes.len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, "cannot write the export");
        bytes.ptr += n;
        bytes.len -= (size_t)n;
    }
    return OK;
}

/* A new file with mode 0600 in the directory; the name is for renaming or unlinking it. */
static enum err make_file(const char *directory, struct arena *arena, int *ret_fd,
                          const char **ret_path, struct error *e)
{
    char *path = arena_printf(arena, "%s/" UNFINISHED "XXXXXX", directory);
    int fd = mkostemp(path, O_CLOEXEC);
    if (fd < 0)
        return error_errno(e, "cannot make a file in the directory of exports %s", directory);
    *ret_fd = fd;
    *ret_path = path;
    return OK;
}

/* One that is gone when it is closed. */
static enum err make_nameless(const char *directory, struct arena *arena, int *ret_fd,
                              struct error *e)
{
    const char *path = NULL;
    TRY(make_file(directory, arena, ret_fd, &path, e));
    (void)unlink(path);
    return OK;
}

static enum err sync_directory(const char *directory, struct error *e)
{
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    bool synced = fd >= 0 && fsync(fd) == 0;
    int saved = errno;
    if (fd >= 0)
        (void)close(fd);
    errno = saved;
    return synced ? OK : error_errno(e, "cannot sync the directory of exports %s", directory);
}

/* -- reading ----------------------------------------------------------------------------------- */

static enum err flush_rows(struct exporting *x, struct error *e)
{
    struct str bytes = buf_str(&x->pending);
    sha256_add(&x->hash, bytes);
    TRY(write_all(x->part->fd, bytes, e));
    x->part->bytes += (int64_t)bytes.len;
    buf_reset(&x->pending);
    return OK;
}

static json_t *value_json(const struct db_value *v)
{
    switch (v->type) {
    case DB_INT:
        return json_integer(v->number);
    case DB_TEXT:
        return json_from_text(v->text);
    case DB_NULL:
        break;
    }
    return json_null();
}

static enum err take_row(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    struct exporting *x = arg;
    _cleanup_json_ json_t *row = json_object();
    for (size_t i = 0; i < count; i++) {
        BUG_ON(i == EXPORT_COLUMNS_MAX || !x->table->columns[i]);
        BUG_ON(json_object_set_new(row, x->table->columns[i], value_json(&columns[i])) != 0);
    }
    buf_reset(&x->line);
    if (!json_write(row, 0, &x->line) || !buf_append_char(&x->line, '\n'))
        return error_set(e, ERR_TOO_LARGE, "a row of %s of customer %s is too large to export",
                         x->table->name, x->source->customer_id);
    BUG_ON(!buf_append_str(&x->pending, buf_str(&x->line)));
    x->part->rows++;
    return x->pending.len < WRITE_BYTES ? OK : flush_rows(x, e);
}

/* The file is emptied first: a work may run again. */
static enum err read_table(struct db_tx *tx, struct exporting *x, size_t i, struct error *e)
{
    x->table = &export_tables[i];
    x->part = &x->parts[i];
    x->part->rows = x->part->bytes = 0;
    buf_reset(&x->pending);
    sha256_begin(&x->hash);
    if (ftruncate(x->part->fd, 0) != 0 || lseek(x->part->fd, 0, SEEK_SET) != 0)
        return error_errno(e, "cannot empty a file of the export");
    TRY(db_each(tx, x->table->rows, DB_ARGS(db_text(x->source->customer_id)), take_row, x, e));
    TRY(flush_rows(x, e));
    (void)sha256_end(&x->hash, x->part->sha256);
    return OK;
}

static enum err read_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct exporting *x = arg;
    for (size_t i = 0; i < EXPORT_TABLES; i++)
        TRY(read_table(tx, x, i, e));
    if (x->parts[0].rows == 1)
        return OK;
    return error_set(e, ERR_NOT_FOUND, "customer %s is not in its database", x->source->slug);
}

static enum err read_all(struct exporting *x, struct error *e)
{
    struct db *db;
    for (size_t i = 0; i < EXPORT_TABLES; i++)
        TRY(make_nameless(x->source->directory, x->arena, &x->parts[i].fd, e));
    TRY(tenant_store_get(x->source->stores, x->source->database_url, &db, e));
    x->line = BUF_INIT(LINE_MAX_BYTES);
    x->pending = BUF_INIT(LINE_MAX_BYTES + WRITE_BYTES);
    enum err err = db_read(db, read_work, x, e);
    buf_release(&x->line);
    buf_release(&x->pending);
    tenant_store_put(x->source->stores, db);
    return err;
}

/* -- writing ----------------------------------------------------------------------------------- */

static const char *part_name(const struct exporting *x, size_t i)
{
    return arena_printf(x->arena, "%s.ndjson", export_tables[i].name);
}

static json_t *manifest_json(const struct exporting *x)
{
    char at[TIME_TEXT_MAX];
    const struct export_source *s = x->source;
    json_t *tables = json_array();
    for (size_t i = 0; i < EXPORT_TABLES; i++) {
        json_t *columns = json_array();
        for (const char *const *c = export_tables[i].columns; *c; c++)
            (void)json_array_append_new(columns, json_string(*c));
        (void)json_array_append_new(
            tables, json_pack("{s:s, s:s, s:I, s:I, s:s, s:o}", "name", export_tables[i].name,
                              "file", part_name(x, i), "rows", (json_int_t)x->parts[i].rows,
                              "bytes", (json_int_t)x->parts[i].bytes, "sha256", x->parts[i].sha256,
                              "columns", columns));
    }
    return json_pack("{s:i, s:s, s:s, s:s, s:{s:s, s:s, s:s}, s:o}", "version", MANIFEST_VERSION,
                     "format", "ndjson", "schema", tenant_schema_name(), "exported_at",
                     time_text(s->now, at), "customer", "id", s->customer_id, "slug", s->slug,
                     "name", s->name, "tables", tables);
}

static enum err add_manifest(const struct exporting *x, struct targz *out, struct error *e)
{
    _cleanup_json_ json_t *manifest = manifest_json(x);
    _cleanup_buf_ struct buf text = BUF_INIT(MANIFEST_MAX);
    BUG_ON(!manifest || !json_write(manifest, 2, &text) || !buf_append_char(&text, '\n'));
    int fd = -1;
    TRY(make_nameless(x->source->directory, x->arena, &fd, e));
    enum err err = write_all(fd, buf_str(&text), e);
    if (err == OK)
        err = targz_add(out, "manifest.json", fd, x->source->now, e);
    (void)close(fd);
    return err;
}

static enum err add_all(const struct exporting *x, struct targz *out, struct error *e)
{
    TRY(add_manifest(x, out, e));
    for (size_t i = 0; i < EXPORT_TABLES; i++)
        TRY(targz_add(out, part_name(x, i), x->parts[i].fd, x->source->now, e));
    return targz_end(out, e);
}

static enum err fingerprint(int fd, struct export_result *ret, struct error *e)
{
    char bytes[WRITE_BYTES];
    struct sha256 hash;
    sha256_begin(&hash);
    for (;;) {
        ssize_t n = pread(fd, bytes, sizeof(bytes), ret->bytes);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, "cannot read the export back");
        if (n == 0)
            break;
        sha256_add(&hash, (struct str){bytes, (size_t)n});
        ret->bytes += n;
    }
    (void)sha256_end(&hash, ret->sha256);
    return OK;
}

static enum err write_archive(const struct exporting *x, int fd, struct export_result *ret,
                              struct error *e)
{
    struct targz *out;
    TRY(targz_new(fd, &out, e));
    enum err err = add_all(x, out, e);
    targz_free(out);
    TRY(err);
    if (fsync(fd) != 0)
        return error_errno(e, "cannot sync the export");
    return fingerprint(fd, ret, e);
}

/* The archive under a name of its own, then under its name. */
static enum err publish(const struct exporting *x, struct export_result *ret, struct error *e)
{
    const struct export_source *s = x->source;
    const char *path = NULL, *last = export_file_path(s->directory, s->customer_id, x->arena);
    int fd = -1;
    TRY(make_file(s->directory, x->arena, &fd, &path, e));
    enum err err = write_archive(x, fd, ret, e);
    if (err == OK && rename(path, last) != 0)
        err = error_errno(e, "cannot rename the export to %s", last);
    if (err != OK)
        (void)unlink(path);
    (void)close(fd);
    TRY(err);
    return sync_directory(s->directory, e);
}

enum err export_file_write(const struct export_source *source, struct arena *arena,
                           struct export_result *ret, struct error *e)
{
    if (mkdir(source->directory, 0700) != 0 && errno != EEXIST)
        return error_errno(e, "cannot make the directory of exports %s", source->directory);
    struct exporting x = {.source = source, .arena = arena};
    struct export_result result = {0};
    for (size_t i = 0; i < EXPORT_TABLES; i++)
        x.parts[i].fd = -1;
    enum err err = read_all(&x, e);
    if (err == OK)
        err = publish(&x, &result, e);
    for (size_t i = 0; i < EXPORT_TABLES; i++) {
        result.rows += x.parts[i].rows;
        if (x.parts[i].fd >= 0)
            (void)close(x.parts[i].fd);
    }
    if (err == OK)
        *ret = result;
    return err;
}

/* -- what is there ----------------------------------------------------------------------------- */

enum err export_file_open(const char *directory, const char *customer_id, struct arena *arena,
                          int *ret_fd, int64_t *ret_size, struct error *e)
{
    const char *path = export_file_path(directory, customer_id, arena);
    int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
    if (fd < 0 && errno == ENOENT)
        return error_set(e, ERR_NOT_FOUND, "there is no export %s", path);
    if (fd < 0)
        return error_errno(e, "cannot open the export %s", path);
    struct stat st;
    if (fstat(fd, &st) != 0) {
        enum err err = error_errno(e, "cannot tell the size of the export %s", path);
        (void)close(fd);
        return err;
    }
    *ret_fd = fd;
    *ret_size = st.st_size;
    return OK;
}

static bool is_old(int directory_fd, const char *name, int64_t before, int64_t now)
{
    struct str s = str_from(name);
    bool is_unfinished = str_starts_with(s, STR(UNFINISHED));
    if (!is_unfinished && !str_ends_with(s, STR(EXPORT_SUFFIX)))
        return false; /* not ours */
    struct stat st;
    if (fstatat(directory_fd, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
        return false;
    return (int64_t)st.st_mtim.tv_sec * USEC_PER_SEC <
           (is_unfinished ? now - UNFINISHED_US : before);
}

enum err export_files_prune(const char *directory, int64_t before, int64_t now,
                            int64_t *ret_deleted, struct error *e)
{
    DIR *dir = opendir(directory);
    int64_t deleted = 0;
    if (!dir && errno != ENOENT)
        return error_errno(e, "cannot look into the directory of exports %s", directory);
    for (struct dirent *d = dir ? readdir(dir) : NULL; d; d = readdir(dir)) {
        if (is_old(dirfd(dir), d->d_name, before, now) && unlinkat(dirfd(dir), d->d_name, 0) == 0)
            deleted++;
    }
    if (dir)
        (void)closedir(dir);
    *ret_deleted = deleted;
    return OK;
}
