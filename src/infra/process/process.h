/*
 * Other programs, and ourselves once more: started, talked to through pipes, waited for.
 *
 * A child inherits no descriptor but its three pipes, no signal mask and no handlers, and leads a
 * session of its own, so that what a terminal or a service manager sends to our group does not
 * reach it by chance. Secrets go through its standard input or its environment, never through
 * arguments: those can be read by everyone on the machine.
 *
 * Either process_run(), which does everything, or process_start() .. process_end() for one that
 * lives beside its owner.
 */
#ifndef WEBHOST_INFRA_PROCESS_PROCESS_H
#define WEBHOST_INFRA_PROCESS_PROCESS_H

#include "base/buf.h"
#include "base/err.h"

struct process_options {
    const char *const *argv;        /* ends with NULL; the program is looked for in PATH */
    const char *const *environment; /* "NAME=VALUE", instead of ours of that name; NULL: none */
};

struct process {
    int pid;
    int in;  /* its standard input; -1: closed */
    int out; /* its standard output */
    int err; /* its standard error */
};

/* ERR_NOT_FOUND when there is no such program. */
enum err process_start(const struct process_options *options, struct process *ret, struct error *e);

/* Writes all of it. A child that reads no more is ERR_UNAVAILABLE, and no signal comes of it. */
enum err process_write(struct process *p, const void *bytes, size_t len, struct error *e);

/* Its standard input ends. */
void process_close_in(struct process *p);

/* One line of its standard output without the line feed, into `line` behind what is there. Until
 * `deadline_us` of CLOCK_MONOTONIC: ERR_TIMEOUT. ERR_UNAVAILABLE when it says no more. */
enum err process_read_line(struct process *p, int64_t deadline_us, struct buf *line,
                           struct error *e);

/* Closes the pipes and waits until it has ended, `deadline_us` at most; then it is killed. Returns
 * its exit status, or 128 and the signal's number. One that was never started (pid 0) is fine. */
int process_end(struct process *p, int64_t deadline_us);

/*
 * Runs a program to its end. `out` gets what it says; what it complains of is in the sentence when
 * its status is not 0 (ERR_UNAVAILABLE). `go_on` (may be NULL) is asked once a second; what it
 * returns but OK kills the child and is returned. ERR_TOO_LARGE when `out` is full.
 */
struct process_watch {
    int64_t deadline_us; /* of CLOCK_MONOTONIC; ERR_TIMEOUT. 0: none */
    enum err (*go_on)(void *ctx, struct error *e);
    void *ctx;
};

enum err process_run(const struct process_options *options, struct str in, struct buf *out,
                     const struct process_watch *watch, struct error *e);

#endif
