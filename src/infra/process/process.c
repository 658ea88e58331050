#include "infra/process/process.h"

#include "base/arena.h"
#include "base/clock.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <spawn.h>
#include <sys/socket.h>
#include <sys/wait.h>

#define ASK_EVERY_US   USEC_PER_SEC
#define COMPLAINTS_MAX 65536
#define COMPLAINT_MAX  600 /* of it in a sentence */
#define READ_SIZE      65536
#define REAP_EVERY_US  (2 * USEC_PER_MS)

extern char **environ;

static void close_fd(int *fd)
{
    if (*fd >= 0)
        (void)close(*fd);
    *fd = -1;
}

/* -- starting --------------------------------------------------------------------------------- */

struct pipes {
    int ours[3], theirs[3];
};

static void pipes_close(struct pipes *p)
{
    for (int i = 0; i < 3; i++) {
        close_fd(&p->ours[i]);
        close_fd(&p->theirs[i]);
    }
}

/* Sockets, because writing to one whose reader is gone need not raise a signal. */
static enum err pipes_open(struct pipes *p, struct error *e)
{
    *p = (struct pipes){{-1, -1, -1}, {-1, -1, -1}};
    for (int i = 0; i < 3; i++) {
        int pair[2];
        if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0) {
            pipes_close(p);
            return error_errno(e, "making a pipe for another program");
        }
        p->ours[i] = pair[0];
        p->theirs[i] = pair[1];
    }
    return OK;
}

static bool is_replaced(const char *variable, const char *const *by)
{
    size_t name = strcspn(variable, "=");
    for (; by && *by; by++) {
        if (strncmp(variable, *by, name) == 0 && (*by)[name] == '=')
            return true;
    }
    return false;
}

static char **environment_of(const struct process_options *options, struct arena *arena)
{
    size_t count = 0, at = 0;
    for (char **v = environ; *v; v++)
        count++;
    for (const char *const *v = options->environment; v && *v; v++)
        count++;
    char **all = arena_new_array(arena, count + 1, char *);
    for (char **v = environ; *v; v++) {
        if (!is_replaced(*v, options->environment))
            all[at++] = *v;
    }
    for (const char *const *v = options->environment; v && *v; v++)
        all[at++] = arena_text(arena, *v);
    return all;
}

static void attributes_init(posix_spawnattr_t *attributes)
{
    sigset_t none, all;
    BUG_ON(sigemptyset(&none) != 0 || sigfillset(&all) != 0);
    BUG_ON(posix_spawnattr_init(attributes) != 0);
    BUG_ON(posix_spawnattr_setsigmask(attributes, &none) != 0);
    BUG_ON(posix_spawnattr_setsigdefault(attributes, &all) != 0);
    BUG_ON(posix_spawnattr_setflags(attributes, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
                                                    POSIX_SPAWN_SETSID) != 0);
}

static int spawn(const struct process_options *options, const struct pipes *pipes, pid_t *ret_pid)
{
    _cleanup_arena_ struct arena arena = {0};
    posix_spawn_file_actions_t actions;
    posix_spawnattr_t attributes;
    BUG_ON(posix_spawn_file_actions_init(&actions) != 0);
    for (int i = 0; i < 3; i++)
        BUG_ON(posix_spawn_file_actions_adddup2(&actions, pipes->theirs[i], i) != 0);
    BUG_ON(posix_spawn_file_actions_addclosefrom_np(&actions, 3) != 0);
    attributes_init(&attributes);
    int failed =
        posix_spawnp(ret_pid, options->argv[0], &actions, &attributes,
                     (char *const *)(uintptr_t)options->argv, environment_of(options, &arena));
    (void)posix_spawnattr_destroy(&attributes);
    (void)posix_spawn_file_actions_destroy(&actions);
    return failed;
}

enum err process_start(const struct process_options *options, struct process *ret, struct error *e)
{
    struct pipes pipes;
    TRY(pipes_open(&pipes, e));
    pid_t pid = 0;
    int failed = spawn(options, &pipes, &pid);
    if (failed) {
        pipes_close(&pipes);
        errno = failed;
        enum err err = error_errno(e, "starting %s", options->argv[0]);
        if (failed == ENOENT && e)
            e->code = ERR_NOT_FOUND;
        return failed == ENOENT ? ERR_NOT_FOUND : err;
    }
    *ret = (struct process){pid, pipes.ours[0], pipes.ours[1], pipes.ours[2]};
    for (int i = 0; i < 3; i++)
        close_fd(&pipes.theirs[i]);
    return OK;
}

/* -- talking ---------------------------------------------------------------------------------- */

enum err process_write(struct process *p, const void *bytes, size_t len, struct error *e)
{
    const char *at = bytes;
    while (len > 0) {
        ssize_t n = send(p->in, at, len, MSG_NOSIGNAL);
        if (n < 0 && errno == EINTR)
            continue;
        if (n < 0)
            return error_set(e, ERR_UNAVAILABLE, "a program that was started reads no more");
        at += n;
        len -= (size_t)n;
    }
    return OK;
}

void process_close_in(struct process *p)
{
    close_fd(&p->in);
}

/* Waits for something to read; at most until `deadline_us`, when it is not 0. */
static enum err wait_readable(int fd, int64_t deadline_us, struct error *e)
{
    for (;;) {
        int64_t left = deadline_us - monotonic_us();
        if (deadline_us != 0 && left <= 0)
            return error_set(e, ERR_TIMEOUT, "a program that was started did not answer in time");
        struct pollfd watched = {.fd = fd, .events = POLLIN};
        int n = poll(&watched, 1, deadline_us ? (int)(left / USEC_PER_MS) + 1 : -1);
        if (n > 0)
            return OK;
        if (n < 0 && errno != EINTR)
            return error_errno(e, "waiting for another program");
    }
}

enum err process_read_line(struct process *p, int64_t deadline_us, struct buf *line,
                           struct error *e)
{
    for (;;) {
        char c;
        TRY(wait_readable(p->out, deadline_us, e));
        ssize_t n = recv(p->out, &c, 1, MSG_DONTWAIT);
        if (n < 0 && (errno == EINTR || errno == EAGAIN))
            continue;
        if (n <= 0)
            return error_set(e, ERR_UNAVAILABLE, "a program that was started ended too early");
        if (c == '\n')
            return OK;
        if (!buf_append_char(line, c))
            return error_set(e, ERR_TOO_LARGE, "a program that was started says too much");
    }
}

/* -- ending ----------------------------------------------------------------------------------- */

static int exit_status(int status)
{
    return WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
}

static bool has_ended(int pid, int flags, int *ret_status)
{
    int status;
    pid_t done;
    do {
        done = waitpid(pid, &status, flags);
    } while (done < 0 && errno == EINTR);
    BUG_ON(done < 0);
    if (done == pid)
        *ret_status = exit_status(status);
    return done == pid;
}

int process_end(struct process *p, int64_t deadline_us)
{
    int status = 0;
    if (p->pid == 0)
        return 0;
    close_fd(&p->in);
    close_fd(&p->out);
    close_fd(&p->err);
    while (!has_ended(p->pid, WNOHANG, &status)) {
        if (monotonic_us() >= deadline_us) {
            (void)kill(p->pid, SIGKILL);
            (void)has_ended(p->pid, 0, &status);
            break;
        }
        (void)poll(NULL, 0, (int)(REAP_EVERY_US / USEC_PER_MS));
    }
    p->pid = 0;
    return status;
}

/* -- all at once ------------------------------------------------------------------------------ */

struct errand {
    struct process child;
    struct str in; /* what is not written yet */
    struct buf *out, complaints;
    const struct process_watch *watch;
    int64_t asked_us;
};

/* Until when poll() may wait; what is due is done before. */
static enum err errand_check(struct errand *r, int *ret_ms, struct error *e)
{
    int64_t now = monotonic_us(), end = r->asked_us + ASK_EVERY_US;
    int64_t deadline = r->watch ? r->watch->deadline_us : 0;
    if (deadline != 0 && now >= deadline)
        return error_set(e, ERR_TIMEOUT, "it did not end in time");
    if (now >= end) {
        r->asked_us = now;
        end = now + ASK_EVERY_US;
        if (r->watch && r->watch->go_on)
            TRY(r->watch->go_on(r->watch->ctx, e));
    }
    if (deadline != 0 && deadline < end)
        end = deadline;
    *ret_ms = (int)((end - now) / USEC_PER_MS) + 1;
    return OK;
}

static void errand_feed(struct errand *r)
{
    ssize_t n = send(r->child.in, r->in.ptr, r->in.len, MSG_NOSIGNAL | MSG_DONTWAIT);
    if (n > 0)
        r->in = (struct str){r->in.ptr + n, r->in.len - (size_t)n};
    if (r->in.len == 0 || (n < 0 && errno != EINTR && errno != EAGAIN))
        process_close_in(&r->child);
}

/* Reads once; closes the descriptor at the end. What it complains of may be cut. */
static enum err errand_read(int *fd, struct buf *into, bool cut, struct error *e)
{
    char bytes[READ_SIZE];
    ssize_t n = recv(*fd, bytes, sizeof(bytes), MSG_DONTWAIT);
    if (n < 0 && (errno == EINTR || errno == EAGAIN))
        return OK;
    if (n <= 0) {
        close_fd(fd);
        return OK;
    }
    if (!buf_append(into, bytes, (size_t)n) && !cut)
        return error_set(e, ERR_TOO_LARGE, "it says more than %zu bytes", into->max);
    return OK;
}

static enum err errand_talk(struct errand *r, struct error *e)
{
    while (r->child.out >= 0 || r->child.err >= 0) {
        int ms;
        TRY(errand_check(r, &ms, e));
        struct pollfd watched[] = {
            {.fd = r->child.out, .events = POLLIN},
            {.fd = r->child.err, .events = POLLIN},
            {.fd = r->child.in, .events = POLLOUT},
        };
        if (poll(watched, ARRAY_LEN(watched), ms) < 0 && errno != EINTR)
            return error_errno(e, "waiting for it");
        if (watched[2].fd >= 0 && watched[2].revents)
            errand_feed(r);
        if (watched[0].fd >= 0 && watched[0].revents)
            TRY(errand_read(&r->child.out, r->out, false, e));
        if (watched[1].fd >= 0 && watched[1].revents)
            TRY(errand_read(&r->child.err, &r->complaints, true, e));
    }
    return OK;
}

/* A child that closed its outputs and goes on is waited for all the same. */
static enum err errand_end(struct errand *r, const char *program, struct error *e)
{
    int status = 0, ms;
    while (!has_ended(r->child.pid, WNOHANG, &status)) {
        TRY(errand_check(r, &ms, e));
        (void)poll(NULL, 0, (int)(REAP_EVERY_US / USEC_PER_MS));
    }
    r->child.pid = 0;
    if (status == 0)
        return OK;
    struct str said = str_trim(buf_str(&r->complaints));
    if (said.len > COMPLAINT_MAX)
        said = (struct str){said.ptr + said.len - COMPLAINT_MAX, COMPLAINT_MAX};
    return error_set(e, ERR_UNAVAILABLE, "%s ended with status %d: %.*s", program, status,
                     STR_ARG(said));
}

enum err process_run(const struct process_options *options, struct str in, struct buf *out,
                     const struct process_watch *watch, struct error *e)
{
    struct errand r = {.in = in, .out = out, .watch = watch, .asked_us = monotonic_us()};
    r.complaints = BUF_INIT(COMPLAINTS_MAX);
    TRY(process_start(options, &r.child, e));
    if (in.len == 0)
        process_close_in(&r.child);
    enum err err = errand_talk(&r, e);
    if (err == OK)
        err = errand_end(&r, options->argv[0], e);
    else if (e)
        err = error_prefix(e, "%s", options->argv[0]);
    if (r.child.pid != 0)
        (void)process_end(&r.child, 0);
    close_fd(&r.child.in);
    buf_release(&r.complaints);
    return err;
}
