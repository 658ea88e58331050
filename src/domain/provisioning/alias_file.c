#include "domain/provisioning/alias_file.h"

#include "base/clock.h"
#include "base/str.h"
#include "infra/config/yaml.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <time.h>
#include <uthash.h>

#define LOCK_LOOK_NS (2 * 1000 * 1000)
#define FILE_MODE    0640

static const char heading[] =
    "; WebHost writes this file, and writes over what others change in it.\n"
    "[databases]\n";
static const char between[] = " = ";
static const char was[] = ";was ";

/* -- text ------------------------------------------------------------------------------------- */

static bool append_value(struct buf *out, const char *name, const char *value)
{
    (void)buf_printf(out, "%s%s='", out->len ? " " : "", name);
    for (const char *p = value; *p; p++) {
        if (*p == '\n' || *p == '\r')
            return false;
        if (*p == '\'')
            (void)buf_append_char(out, '\'');
        (void)buf_append_char(out, *p);
    }
    return buf_append_char(out, '\'');
}

enum err alias_target_text(const struct alias_target *target, struct arena *arena, const char **ret,
                           struct error *e)
{
    _cleanup_buf_ struct buf out = BUF_INIT(1 << 16);
    char port[24];
    (void)snprintf(port, sizeof(port), "%" PRId64, target->port);
    const char *const parts[][2] = {
        {"host", target->host},         {"port", port},
        {"dbname", target->dbname},     {"user", target->user},
        {"password", target->password},
    };
    for (size_t i = 0; i < ARRAY_LEN(parts); i++) {
        if (parts[i][1] && !append_value(&out, parts[i][0], parts[i][1]))
            return error_set(e, ERR_INVALID,
                             "the %s of a database has a line break or is too long: PgBouncer's "
                             "file cannot hold it",
                             parts[i][0]);
    }
    *ret = arena_text(arena, buf_text(&out));
    return OK;
}

/* Splits "ALIAS = TARGET". */
static bool is_alias_line(struct str line, struct str *ret_alias, struct str *ret_target)
{
    const char *at = line.len > 0 && line.ptr[0] != ';' && line.ptr[0] != '['
                         ? memmem(line.ptr, line.len, between, strlen(between))
                         : NULL;
    if (!at)
        return false;
    size_t len = (size_t)(at - line.ptr);
    *ret_alias = (struct str){line.ptr, len};
    *ret_target = (struct str){at + strlen(between), line.len - len - strlen(between)};
    return true;
}

static void append_line(struct buf *out, const char *alias, struct str target, struct str before)
{
    (void)buf_append_text(out, alias);
    (void)buf_append_text(out, between);
    (void)buf_append_str(out, target);
    if (before.len > 0) {
        (void)buf_append_char(out, '\n');
        (void)buf_append_text(out, was);
        (void)buf_append_str(out, before);
    }
    (void)buf_append_char(out, '\n');
}

const char *alias_file_target(const char *content, const char *alias, struct arena *arena)
{
    struct str rest = str_from(content), name, target;
    while (rest.ptr && rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (is_alias_line(line, &name, &target) && str_eq(name, str_from(alias)))
            return arena_text_n(arena, target.ptr, target.len);
    }
    return NULL;
}

void alias_file_point(const char *content, const char *alias, const char *target, struct buf *out,
                      bool *ret_changed)
{
    struct str rest = str_from(*content ? content : heading), wanted = str_from(target);
    bool found = false, replaced = false;
    *ret_changed = false;
    while (rest.ptr && rest.len > 0) {
        struct str line = str_cut(&rest, '\n'), name, old;
        bool ours = is_alias_line(line, &name, &old) && str_eq(name, str_from(alias));
        if (replaced && str_starts_with(line, str_from(was)))
            continue; /* what it was before the last time */
        replaced = ours && !str_eq(old, wanted);
        found |= ours;
        *ret_changed |= replaced;
        if (replaced) {
            append_line(out, alias, wanted, old);
        } else {
            (void)buf_append_str(out, line);
            (void)buf_append_char(out, '\n');
        }
    }
    if (!found)
        append_line(out, alias, wanted, (struct str){0});
    *ret_changed |= !found;
}

/* -- anew ------------------------------------------------------------------------------------- */

struct alias_line {
    struct str alias, target, before;
    UT_hash_handle hh;
};

/* Only lines that a move pointed matter. */
void alias_render_begin(struct alias_render *r, const char *old, struct buf *out)
{
    struct str rest = str_from(old), alias = {0}, target = {0};
    *r = (struct alias_render){.old = old, .out = out};
    while (rest.ptr && rest.len > 0) {
        struct str line = str_cut(&rest, '\n');
        if (is_alias_line(line, &alias, &target) || alias.len == 0 ||
            !str_starts_with(line, str_from(was)))
            continue;
        struct alias_line *pointed = arena_alloc(&r->arena, sizeof(*pointed));
        *pointed = (struct alias_line){.alias = alias, .target = target};
        pointed->before = (struct str){line.ptr + strlen(was), line.len - strlen(was)};
        HASH_ADD_KEYPTR(hh, r->lines, pointed->alias.ptr, pointed->alias.len, pointed);
        alias = (struct str){0};
    }
    (void)buf_append_text(out, heading);
}

void alias_render_add(struct alias_render *r, const char *alias, const char *target)
{
    struct alias_line *pointed;
    HASH_FIND(hh, r->lines, alias, strlen(alias), pointed);
    if (pointed && str_eq(pointed->before, str_from(target)))
        append_line(r->out, alias, pointed->target, pointed->before);
    else
        append_line(r->out, alias, str_from(target), (struct str){0});
}

void alias_render_end(struct alias_render *r)
{
    HASH_CLEAR(hh, r->lines);
    arena_release(&r->arena);
}

/* -- disk ------------------------------------------------------------------------------------- */

enum err alias_file_lock(const char *path, int64_t deadline_us, int *ret_lock, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *lock_path = arena_printf(&arena, "%s.lock", path);
    int fd = open(lock_path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
    if (fd < 0)
        return error_errno(e, "cannot make %s", lock_path);
    while (flock(fd, LOCK_EX | LOCK_NB) != 0) {
        bool late = monotonic_us() >= deadline_us;
        if (errno == EWOULDBLOCK && !late) {
            (void)nanosleep(&(struct timespec){0, LOCK_LOOK_NS}, NULL);
            continue;
        }
        enum err err = late ? error_set(e, ERR_TIMEOUT, "others are writing %s just now", path)
                            : error_errno(e, "cannot lock %s", lock_path);
        (void)close(fd);
        return err;
    }
    *ret_lock = fd;
    return OK;
}

void alias_file_unlock(int lock)
{
    (void)close(lock);
}

enum err alias_file_read(const char *path, struct arena *arena, const char **ret, struct error *e)
{
    struct str text;
    if (access(path, F_OK) != 0 && errno == ENOENT) {
        *ret = "";
        return OK;
    }
    TRY(file_read(path, ALIAS_FILE_MAX, arena, &text, e));
    *ret = arena_text_n(arena, text.ptr, text.len);
    return OK;
}

static enum err write_all(int fd, struct str text, const char *path, struct error *e)
{
    while (text.len > 0) {
        ssize_t n = write(fd, text.ptr, text.len);
        if (n < 0 && errno != EINTR)
            return error_errno(e, "cannot write %s", path);
        if (n > 0)
            text = (struct str){text.ptr + n, text.len - (size_t)n};
    }
    return fsync(fd) == 0 ? OK : error_errno(e, "cannot write %s to disk", path);
}

/* The rename is on disk when its directory is. */
static enum err sync_directory(const char *path, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *slash = strrchr(path, '/');
    const char *directory = slash ? arena_text_n(&arena, path, (size_t)(slash - path) + 1) : ".";
    int fd = open(directory, O_RDONLY | O_DIRECTORY | O_CLOEXEC);
    if (fd < 0)
        return error_errno(e, "cannot open %s", directory);
    enum err err = fsync(fd) == 0 ? OK : error_errno(e, "cannot write %s to disk", directory);
    (void)close(fd);
    return err;
}

enum err alias_file_write(const char *path, const struct buf *content, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct stat old;
    if (buf_is_full(content))
        return error_set(e, ERR_TOO_LARGE, "%s would be larger than %zu bytes", path, content->max);
    const char *beside = arena_printf(&arena, "%s.new", path); /* one: its writer has the lock */
    int fd = open(beside, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, FILE_MODE);
    if (fd < 0)
        return error_errno(e, "cannot make %s", beside);
    /* Without the right to do that the directory's group, or our own, has to do. */
    bool had = stat(path, &old) == 0;
    if (had && fchown(fd, (uid_t)-1, old.st_gid) != 0)
        had = false;
    enum err err = fchmod(fd, FILE_MODE) == 0 ? write_all(fd, buf_str(content), beside, e)
                                              : error_errno(e, "cannot set the mode of %s", beside);
    (void)close(fd);
    if (err == OK && rename(beside, path) != 0)
        err = error_errno(e, "cannot replace %s", path);
    return err == OK ? sync_directory(path, e) : err;
}
