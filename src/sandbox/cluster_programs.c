#include "sandbox/cluster_parts.h"

#include "base/buf.h"
#include "base/clock.h"
#include "infra/config/yaml.h"
#include "infra/pg/console.h"
#include "infra/pg/session.h"

#include <dirent.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <pwd.h>
#include <signal.h>
#include <sys/wait.h>

#define DEBIAN_FOLDER  "/usr/lib/postgresql"
#define ACCOUNT        "postgres"
#define START_US       (60 * USEC_PER_SEC)
#define STOP_US        (20 * USEC_PER_SEC)
#define LOOK_MS        20 /* between two looks at something that starts or ends */
#define ARGUMENTS_MAX  64
#define OUTPUT_MAX     65536
#define PID_FILE_MAX   4096
#define SEARCH_FOLDERS "/usr/sbin:/usr/bin:/usr/local/sbin:/usr/local/bin"

/* -- where the programs are ------------------------------------------------------------------- */

/* The newest of Debian's versions; NULL when there is none. */
static const char *debian_programs(struct arena *arena)
{
    DIR *folder = opendir(DEBIAN_FOLDER);
    int64_t newest = -1;
    for (struct dirent *entry; folder && (entry = readdir(folder));) {
        int64_t version;
        const char *postgres = arena_printf(arena, DEBIAN_FOLDER "/%s/bin/postgres", entry->d_name);
        if (str_to_i64(str_from(entry->d_name), &version) && version > newest &&
            access(postgres, X_OK) == 0)
            newest = version;
    }
    if (folder)
        (void)closedir(folder);
    return newest < 0 ? NULL : arena_printf(arena, DEBIAN_FOLDER "/%lld/bin", (long long)newest);
}

static const char *find_program(struct arena *arena, const char *folders, const char *name)
{
    struct str rest = str_from(folders);
    while (rest.ptr) {
        struct str folder = str_cut(&rest, ':');
        const char *path = arena_printf(arena, "%.*s/%s", STR_ARG(folder), name);
        if (folder.len > 0 && access(path, X_OK) == 0)
            return path;
    }
    return NULL;
}

static enum err find_account(struct cluster *c, struct error *e)
{
    c->uid = geteuid();
    c->gid = getegid();
    if (c->uid != 0)
        return OK;
    struct passwd entry, *found = NULL;
    char *texts = arena_alloc(&c->arena, PID_FILE_MAX);
    (void)getpwnam_r(ACCOUNT, &entry, texts, PID_FILE_MAX, &found);
    if (!found)
        return error_set(e, ERR_NOT_FOUND,
                         "PostgreSQL does not run as root, and there is no user " ACCOUNT
                         ": install Debian's package postgresql");
    c->account = ACCOUNT;
    c->uid = entry.pw_uid;
    c->gid = entry.pw_gid;
    return OK;
}

enum err cluster_find_programs(struct cluster *c, struct error *e)
{
    const char *path = getenv("PATH"), *debian = debian_programs(&c->arena);
    const char *folders =
        arena_printf(&c->arena, "%s:%s:" SEARCH_FOLDERS, debian ? debian : "", path ? path : "");
    c->initdb = find_program(&c->arena, folders, "initdb");
    c->postgres = find_program(&c->arena, folders, "postgres");
    c->pgbouncer = find_program(&c->arena, folders, "pgbouncer");
    bool has_server = c->initdb && c->postgres;
    if (!has_server || !c->pgbouncer)
        return error_set(e, ERR_NOT_FOUND, "%s not installed: apt-get install postgresql pgbouncer",
                         has_server     ? "PgBouncer is"
                         : c->pgbouncer ? "PostgreSQL is"
                                        : "PostgreSQL and PgBouncer are");
    return find_account(c, e);
}

/* -- running them ----------------------------------------------------------------------------- */

struct command_line {
    const char *items[ARGUMENTS_MAX];
    size_t count;
};

static void add(struct command_line *line, const char *argument)
{
    BUG_ON(line->count + 1 >= ARGUMENTS_MAX); /* the last one stays NULL */
    line->items[line->count++] = argument;
}

static void add_all(struct command_line *line, const char *const *arguments)
{
    while (*arguments)
        add(line, *arguments++);
}

#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__, NULL})

/*
 * Begins a command line: as the account, in the folder (where the account may be, unlike perhaps in
 * ours), and with `death_signal` when this process ends, however that happens.
 */
static struct command_line as_account(const struct cluster *c, const char *death_signal)
{
    struct command_line line = {0};
    add_all(&line, ARGUMENTS("setpriv", "--pdeathsig", death_signal));
    if (c->account)
        add_all(&line, ARGUMENTS("--reuid", c->account, "--regid", c->account, "--clear-groups"));
    add_all(&line, ARGUMENTS("env", "-C", c->folder));
    return line;
}

static enum err run(const struct command_line *line, struct error *e)
{
    struct buf said = BUF_INIT(OUTPUT_MAX);
    struct process_options options = {.argv = line->items};
    struct process_watch watch = {.deadline_us = monotonic_us() + START_US};
    enum err err = process_run(&options, (struct str){0}, &said, &watch, e);
    buf_release(&said);
    return err;
}

/* What the account cannot reach, PostgreSQL only complains of in its own words. */
static enum err check_reach(const struct cluster *c, struct error *e)
{
    struct command_line line = as_account(c, "KILL");
    add(&line, "true");
    enum err err = run(&line, e);
    if (err == OK || !c->account)
        return err;
    return error_set(e, ERR_INVALID,
                     "the user " ACCOUNT
                     ", as whom PostgreSQL runs when webhost is root, cannot reach %s: give a "
                     "directory that he can with --data, or run webhost as somebody else",
                     c->folder);
}

enum err cluster_init_data(struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    TRY(check_reach(c, e));
    /* initdb removes what it could not finish; who was killed in it left no such file. */
    if (access(arena_printf(&arena, "%s/initialised", c->folder), F_OK) == 0)
        return OK;
    struct command_line line = as_account(c, "KILL");
    const char *first = arena_printf(&arena, "%s/first-password", c->folder);
    TRY(cluster_write_file(c, first, secret_expose(c->password), true, e));
    add_all(&line, ARGUMENTS("rm", "-rf", c->data));
    TRY(run(&line, e));
    line = as_account(c, "KILL");
    add_all(&line,
            ARGUMENTS(c->initdb, "-D", c->data, "-U", CLUSTER_USER, "-A", "scram-sha-256", "-E",
                      "UTF8", "--locale=C", "--no-sync", "--no-instructions", "--pwfile", first));
    enum err err = run(&line, e);
    (void)unlink(first);
    TRY(err);
    return cluster_write_file(c, arena_printf(&arena, "%s/initialised", c->folder), "", false, e);
}

static bool has_ended(const struct process *p)
{
    siginfo_t info = {0};
    return waitid(P_PID, (id_t)p->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 || info.si_pid != 0;
}

/* Until it answers. `answers` tries once. */
static enum err await(struct cluster *c, struct process *p, const char *name,
                      enum err (*answers)(struct cluster *c, struct error *e), struct error *e)
{
    int64_t deadline = monotonic_us() + START_US;
    struct error last = {0};
    for (;;) {
        if (has_ended(p))
            return error_set(e, ERR_UNAVAILABLE, "%s ended at once: what it said is in %s", name,
                             c->log);
        if (answers(c, &last) == OK)
            return OK;
        if (monotonic_us() >= deadline)
            return error_set(e, ERR_TIMEOUT, "%s does not answer (see %s): %s", name, c->log,
                             last.text);
        (void)poll(NULL, 0, LOOK_MS);
    }
}

static enum err server_answers(struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_session *s;
    struct pg_options options = {
        .url = cluster_url(c, c->port, "postgres", &arena),
        .name = "webhost sandbox",
    };
    TRY(pg_open(&options, &s, e));
    pg_close(s);
    return OK;
}

/*
 * Room for some moves at once: each has slots, senders and workers on both sides. No power cut is
 * to be survived, so nobody waits for the disk.
 */
static const char *const server_settings[] = {
    "listen_addresses=127.0.0.1",
    "unix_socket_directories=",
    "max_connections=300",
    "shared_buffers=64MB",
    "fsync=off",
    "wal_level=logical",
    "max_replication_slots=64",
    "max_wal_senders=64",
    "max_logical_replication_workers=48",
    "max_worker_processes=64",
    "max_sync_workers_per_subscription=2",
    "max_slot_wal_keep_size=1GB",
    "logging_collector=on",
    "log_filename=postgresql-%H.log",
    "log_rotation_age=60",
    "log_truncate_on_rotation=on",
    "log_min_messages=warning",
    NULL,
};

enum err cluster_start_server(struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct command_line line = as_account(c, "INT"); /* a fast shutdown */
    const char *port = arena_printf(&arena, "%lld", (long long)c->port);
    const char *log = arena_printf(&arena, "log_directory=%s", c->log);
    add_all(&line, ARGUMENTS(c->postgres, "-D", c->data, "-p", port, "-c", log));
    for (const char *const *setting = server_settings; *setting; setting++)
        add_all(&line, ARGUMENTS("-c", *setting));
    TRY(process_start(&(struct process_options){.argv = line.items}, &c->server, e));
    process_close_in(&c->server);
    return await(c, &c->server, "PostgreSQL", server_answers, e);
}

static enum err pooler_answers(struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct pg_console *console;
    const char *url = cluster_url(c, c->pooler_port, "pgbouncer", &arena);
    TRY(pg_console_open(url, monotonic_us() + STOP_US, &console, e));
    pg_console_close(console);
    return OK;
}

enum err cluster_start_pooler(struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct command_line line = as_account(c, "TERM");
    add(&line, c->pgbouncer);
    add(&line, "-q");
    add(&line, arena_printf(&arena, "%s/pgbouncer.ini", c->folder));
    TRY(process_start(&(struct process_options){.argv = line.items}, &c->pooler, e));
    process_close_in(&c->pooler);
    return await(c, &c->pooler, "PgBouncer", pooler_answers, e);
}

/* -- ending them ------------------------------------------------------------------------------ */

static void end(struct process *p, int signal)
{
    if (p->pid != 0)
        (void)kill(p->pid, signal);
    (void)process_end(p, monotonic_us() + STOP_US);
}

void cluster_end_programs(struct cluster *c)
{
    end(&c->pooler, SIGTERM);
    end(&c->server, SIGINT);
}

/* The process that a pid file names, if it runs and works in `folder`: another one that was given
 * the number since does not. 0: none. */
static pid_t left_over(const char *pid_file, const char *folder)
{
    _cleanup_arena_ struct arena arena = {0};
    struct str text;
    int64_t pid;
    char where[PATH_MAX];
    if (file_read(pid_file, PID_FILE_MAX, &arena, &text, NULL) != OK)
        return 0;
    if (!str_to_i64(str_trim(str_cut(&text, '\n')), &pid) || pid <= 1 || pid > INT_MAX)
        return 0;
    ssize_t n =
        readlink(arena_printf(&arena, "/proc/%lld/cwd", (long long)pid), where, sizeof(where) - 1);
    if (n <= 0)
        return 0;
    where[n] = '\0';
    return text_eq(where, folder) ? (pid_t)pid : 0;
}

static enum err stop_one(const char *pid_file, const char *folder, int signal, struct error *e)
{
    int64_t deadline = monotonic_us() + STOP_US;
    pid_t pid = left_over(pid_file, folder);
    if (pid != 0)
        (void)kill(pid, signal);
    while ((pid = left_over(pid_file, folder)) != 0) {
        if (monotonic_us() >= deadline)
            return error_set(e, ERR_CONFLICT,
                             "process %d, which an earlier webhost started in %s, does not end: "
                             "stop it and start again",
                             (int)pid, folder);
        (void)poll(NULL, 0, LOOK_MS);
    }
    return OK;
}

enum err cluster_stop_left_over(const struct cluster *c, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    TRY(stop_one(arena_printf(&arena, "%s/pgbouncer.pid", c->folder), c->folder, SIGTERM, e));
    return stop_one(arena_printf(&arena, "%s/postmaster.pid", c->data), c->data, SIGINT, e);
}
