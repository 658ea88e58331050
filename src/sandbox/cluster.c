#include "sandbox/cluster_parts.h"

#include "base/clock.h"
#include "infra/pg/session.h"

#include <errno.h>
#include <limits.h>
#include <sys/stat.h>

#define STATEMENT_MS  60000
#define DATABASES_MAX 10000

/* Absolute, because the programs work elsewhere. */
static enum err name_places(struct cluster *c, const char *folder, struct error *e)
{
    if (mkdir(folder, 0700) != 0 && errno != EEXIST)
        return error_errno(e, "cannot make the folder %s", folder);
    char path[PATH_MAX];
    if (!realpath(folder, path))
        return error_errno(e, "cannot find the folder %s", folder);
    struct arena *a = &c->arena;
    c->folder = arena_text(a, path);
    c->data = arena_printf(a, "%s/data", path);
    c->log = arena_printf(a, "%s/log", path);
    c->routes = arena_printf(a, "%s/routes", path);
    c->databases_file = arena_printf(a, "%s/databases.ini", c->routes);
    c->password_file = arena_printf(a, "%s/pgpass", path);
    return OK;
}

static enum err start(struct cluster *c, const char *folder, struct error *e)
{
    TRY(cluster_find_programs(c, e));
    TRY(name_places(c, folder, e));
    TRY(cluster_make_folders(c, e));
    TRY(cluster_init_data(c, e));
    TRY(cluster_stop_left_over(c, e));
    TRY(cluster_choose_ports(c, e));
    TRY(cluster_write_files(c, e));
    TRY(cluster_start_server(c, e));
    return cluster_start_pooler(c, e);
}

enum err cluster_start(const struct cluster_options *options, struct cluster **ret, struct error *e)
{
    struct cluster *c = calloc(1, sizeof(*c));
    BUG_ON(!c);
    c->password = options->password;
    enum err err = start(c, options->folder, e);
    if (err != OK) {
        cluster_stop(c);
        return err;
    }
    *ret = c;
    return OK;
}

void cluster_stop(struct cluster *c)
{
    if (!c)
        return;
    cluster_end_programs(c);
    arena_release(&c->arena);
    free(c);
}

const char *cluster_url(const struct cluster *c, int64_t port, const char *database,
                        struct arena *arena)
{
    return arena_printf(arena, "postgres://" CLUSTER_USER ":%s@127.0.0.1:%lld/%s",
                        secret_expose(c->password), (long long)port, database);
}

const char *cluster_pooler_url(const struct cluster *c, const char *database, struct arena *arena)
{
    return cluster_url(c, c->pooler_port, database, arena);
}

const char *cluster_console_url(const struct cluster *c, struct arena *arena)
{
    return cluster_pooler_url(c, "pgbouncer", arena);
}

uint16_t cluster_port(const struct cluster *c)
{
    return (uint16_t)c->port;
}

uint16_t cluster_pooler_port(const struct cluster *c)
{
    return (uint16_t)c->pooler_port;
}

const char *cluster_databases_file(const struct cluster *c)
{
    return c->databases_file;
}

const char *cluster_password_file(const struct cluster *c)
{
    return c->password_file;
}

/* -- databases -------------------------------------------------------------------------------- */

static bool is_among(const char *name, const struct texts *names)
{
    for (size_t i = 0; i < names->count; i++) {
        if (text_eq(names->items[i], name))
            return true;
    }
    return false;
}

static bool is_there(const char *name, const struct pg_rows *rows)
{
    for (size_t i = 0; i < rows->count; i++) {
        if (text_eq(pg_cell(rows, i, 0), name))
            return true;
    }
    return false;
}

/* One that cannot be dropped yet keeps no other from being dropped, or made. */
static enum err have(struct pg_session *s, const struct texts *names, struct arena *arena,
                     struct error *e)
{
    struct pg_rows rows;
    enum err dropped = OK;
    TRY(pg_query(s,
                 "SELECT datname FROM pg_catalog.pg_database"
                 " WHERE NOT datistemplate AND datname <> 'postgres'",
                 NULL, 0, DATABASES_MAX, arena, &rows, e));
    for (size_t i = 0; i < names->count; i++) {
        if (!is_there(names->items[i], &rows))
            TRY(pg_runf(s, e, "CREATE DATABASE %s TEMPLATE template0",
                        pg_name(arena, names->items[i])));
    }
    for (size_t i = 0; i < rows.count; i++) {
        const char *name = pg_cell(&rows, i, 0);
        enum err err = is_among(name, names)
                           ? OK
                           : pg_runf(s, e, "DROP DATABASE %s WITH (FORCE)", pg_name(arena, name));
        dropped = err != OK ? err : dropped;
    }
    return dropped;
}

enum err cluster_have(struct cluster *c, struct texts names, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_session *s;
    struct pg_options options = {
        .url = cluster_url(c, c->port, "postgres", &arena),
        .name = "webhost sandbox",
        .timeout_ms = STATEMENT_MS,
    };
    TRY(pg_open(&options, &s, e));
    enum err err = have(s, &names, &arena, e);
    pg_close(s);
    return err;
}
