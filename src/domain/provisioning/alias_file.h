/*
 * The file of PgBouncer's databases, which WebHost owns wholly: one line for each customer,
 *
 *     tenant_acme = host='10.0.0.7' port='5432' dbname='fleet' user='webhost'
 *
 * and under it, when a move pointed it elsewhere and the routes do not say so yet, what it was:
 *
 *     ;was host='10.0.0.6' port='5432' dbname='fleet' user='webhost'
 *
 * That is how the file is right between a cutover and the commit of its route, also when the
 * process dies in between: a line that a move pointed stays for as long as the route still says
 * what the line was. As soon as the route says anything else, the route is right.
 *
 * The file is replaced as a whole: written beside it, fsync, rename; so a reader and a crash see
 * the old one or the new one. It keeps its group, so that PgBouncer can read it. Who changes it
 * holds its lock (FILE.lock), which holds between threads and processes.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_ALIAS_FILE_H
#define WEBHOST_DOMAIN_PROVISIONING_ALIAS_FILE_H

#include "base/arena.h"
#include "base/buf.h"
#include "base/err.h"

#define ALIAS_FILE_MAX ((size_t)64 << 20)

/* What stands behind "ALIAS = ". */
struct alias_target {
    const char *host; /* NULL: as PgBouncer finds it */
    int64_t port;
    const char *dbname;
    const char *user, *password; /* NULL: the client's own */
};

/*
 * The target as PgBouncer reads it, with every value in quotes. ERR_INVALID, without quoting it,
 * for a value that no line can hold (line breaks).
 */
enum err alias_target_text(const struct alias_target *target, struct arena *arena, const char **ret,
                           struct error *e);

/* Held until alias_file_unlock(). ERR_TIMEOUT when others keep it until then (CLOCK_MONOTONIC). */
enum err alias_file_lock(const char *path, int64_t deadline_us, int *ret_lock, struct error *e);
void alias_file_unlock(int lock);

/* The content; "" when there is no file. */
enum err alias_file_read(const char *path, struct arena *arena, const char **ret, struct error *e);

/* Replaces it; on disk when this returns. */
enum err alias_file_write(const char *path, const struct buf *content, struct error *e);

/*
 * `content` with the alias pointed to `target`, appended when it is not in there, into `out` (which
 * is empty). `ret_changed` is false when it says so already.
 */
void alias_file_point(const char *content, const char *alias, const char *target, struct buf *out,
                      bool *ret_changed);

/* The target of an alias, in the arena; NULL when there is none. */
const char *alias_file_target(const char *content, const char *alias, struct arena *arena);

/*
 * The whole file anew from the routes: begin, then each alias, then the end. Lines that a move
 * pointed in `old` stay as said above; what is not given is gone.
 */
struct alias_render {
    const char *old;
    struct buf *out;
    struct alias_line *lines; /* of the old content, by alias */
    struct arena arena;
};

void alias_render_begin(struct alias_render *r, const char *old, struct buf *out);
void alias_render_add(struct alias_render *r, const char *alias, const char *target);
void alias_render_end(struct alias_render *r); /* frees what it needed */

#endif
