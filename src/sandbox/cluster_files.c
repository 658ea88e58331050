#include "sandbox/cluster_parts.h"

#include "base/clock.h"
#include "base/rng.h"
#include "infra/config/yaml.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/stat.h>

/* Outside of what the system gives to clients: nobody gets one by chance between two starts. */
#define PORT_FIRST    10000
#define PORT_END      32000
#define PORT_ATTEMPTS 100
#define PORTS_MAX     64 /* bytes of the file */

static const char pooler_settings[] = "; Written by webhost at each start.\n"
                                      "[databases]\n"
                                      "%%include %s\n"
                                      "[pgbouncer]\n"
                                      "listen_addr = 127.0.0.1\n"
                                      "listen_port = %lld\n"
                                      "unix_socket_dir =\n"
                                      "auth_type = scram-sha-256\n"
                                      "auth_file = %s/userlist.txt\n"
                                      "admin_users = " CLUSTER_USER "\n"
                                      "pool_mode = transaction\n"
                                      "default_pool_size = 10\n"
                                      "max_client_conn = 200\n"
                                      /* Nobody finds what another transaction has set. */
                                      "server_reset_query = DISCARD ALL\n"
                                      "server_reset_query_always = 1\n"
                                      "ignore_startup_parameters = extra_float_digits,options\n"
                                      "log_connections = 0\n"
                                      "log_disconnections = 0\n"
                                      "log_stats = 0\n"
                                      "logfile = %s/pgbouncer.log\n"
                                      "pidfile = %s/pgbouncer.pid\n";

/* -- folders and files ------------------------------------------------------------------------ */

static enum err make_folder(const char *path, mode_t mode, uid_t uid, gid_t gid, struct error *e)
{
    if (mkdir(path, mode) != 0 && errno != EEXIST)
        return error_errno(e, "cannot make the folder %s", path);
    if (geteuid() == 0 && chown(path, uid, gid) != 0)
        return error_errno(e, "cannot give the folder %s to its user", path);
    if (chmod(path, mode) != 0) /* chown takes the set-group-id bit away, and umask some others */
        return error_errno(e, "cannot set the mode of %s", path);
    return OK;
}

/* The account passes through the folder above, which is ours; it cannot list or read it. */
static enum err open_way(const struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *above = arena_printf(&arena, "%s/..", c->folder);
    struct stat now;
    if (!c->account)
        return OK;
    if (stat(above, &now) != 0 ||
        ((now.st_mode & S_IXOTH) == 0 && chmod(above, (now.st_mode & 07777) | S_IXOTH) != 0))
        return error_errno(e, "cannot let the user %s through the folder above %s", c->account,
                           c->folder);
    return OK;
}

/* WebHost writes the routes and PgBouncer reads them: the files there get the folder's group. */
enum err cluster_make_folders(struct cluster *c, struct error *e)
{
    TRY(open_way(c, e));
    TRY(make_folder(c->folder, 0700, c->uid, c->gid, e));
    TRY(make_folder(c->log, 0700, c->uid, c->gid, e));
    return make_folder(c->routes, c->account ? 02750 : 0700, geteuid(), c->gid, e);
}

static enum err write_all(int fd, const char *path, const char *text, struct error *e)
{
    size_t len = strlen(text);
    while (len > 0) {
        ssize_t n = write(fd, text, len);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_errno(e, "cannot write %s", path);
        text += n;
        len -= (size_t)n;
    }
    return OK;
}

enum err cluster_write_file(const struct cluster *c, const char *path, const char *text,
                            bool theirs, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *fresh = arena_printf(&arena, "%s.new", path);
    int fd = open(fresh, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC | O_NOFOLLOW, 0600);
    if (fd < 0)
        return error_errno(e, "cannot write %s", fresh);
    enum err err = write_all(fd, fresh, text, e);
    if (err == OK && theirs && c->account && fchown(fd, c->uid, c->gid) != 0)
        err = error_errno(e, "cannot give %s to its user", fresh);
    (void)close(fd);
    if (err == OK && rename(fresh, path) != 0)
        err = error_errno(e, "cannot replace %s", path);
    return err;
}

static enum err write_routes(const struct cluster *c, struct error *e)
{
    int fd = open(c->databases_file, O_WRONLY | O_CREAT | O_CLOEXEC, 0640);
    if (fd < 0)
        return error_errno(e, "cannot make %s", c->databases_file);
    (void)close(fd);
    return OK;
}

enum err cluster_write_files(struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *password = secret_expose(c->password), *f = c->folder;
    const char *path = arena_printf(&arena, "%s/pgbouncer.ini", f);
    const char *text = arena_printf(&arena, pooler_settings, c->databases_file,
                                    (long long)c->pooler_port, f, c->log, f);
    TRY(write_routes(c, e));
    TRY(cluster_write_file(c, path, text, true, e));
    path = arena_printf(&arena, "%s/userlist.txt", f);
    text = arena_printf(&arena, "\"" CLUSTER_USER "\" \"%s\"\n", password);
    TRY(cluster_write_file(c, path, text, true, e));
    text = arena_printf(&arena, "127.0.0.1:*:*:" CLUSTER_USER ":%s\n", password);
    return cluster_write_file(c, c->password_file, text, false, e);
}

/* -- ports ------------------------------------------------------------------------------------ */

static bool is_free(int64_t port)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_port = htons((uint16_t)port)};
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;
    /* What a server that has ended left of its connections is in nobody's way. */
    bool is = fd >= 0 && setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof(on)) == 0 &&
              bind(fd, (const struct sockaddr *)&address, sizeof(address)) == 0;
    if (fd >= 0)
        (void)close(fd);
    return is;
}

static int64_t free_port(int64_t other)
{
    for (int i = 0; i < PORT_ATTEMPTS; i++) {
        int64_t port = PORT_FIRST + rng_below(&rng_system, PORT_END - PORT_FIRST);
        if (port != other && is_free(port))
            return port;
    }
    return 0;
}

static enum err check_free(const struct cluster *c, int64_t port, struct error *e)
{
    if (is_free(port))
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "port %lld, where the databases in %s have always been, is used by another "
                     "program: stop that one, or give another directory with --data",
                     (long long)port, c->folder);
}

/* "PORT POOLER_PORT" */
static bool read_ports(struct cluster *c, struct str text)
{
    text = str_trim(text);
    struct str port = str_cut(&text, ' ');
    return str_to_i64(port, &c->port) && str_to_i64(text, &c->pooler_port) && c->port > 0 &&
           c->port <= UINT16_MAX && c->pooler_port > 0 && c->pooler_port <= UINT16_MAX;
}

enum err cluster_choose_ports(struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    const char *path = arena_printf(&arena, "%s/ports", c->folder);
    struct str text;
    if (access(path, F_OK) == 0) {
        TRY(file_read(path, PORTS_MAX, &arena, &text, e));
        if (!read_ports(c, text))
            return error_set(e, ERR_CORRUPT, "%s does not hold two ports", path);
        TRY(check_free(c, c->port, e));
        return check_free(c, c->pooler_port, e);
    }
    c->port = free_port(0);
    c->pooler_port = free_port(c->port);
    if (c->port == 0 || c->pooler_port == 0)
        return error_set(e, ERR_UNAVAILABLE, "no port of 127.0.0.1 is free");
    const char *line =
        arena_printf(&arena, "%lld %lld\n", (long long)c->port, (long long)c->pooler_port);
    return cluster_write_file(c, path, line, false, e);
}
