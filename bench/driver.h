/*
 * The line protocol between bench/jobs and a program that it measures.
 *
 * Commands come on standard input, one a line; each is answered with one JSON object on one line:
 *
 *     insert JOBS BATCH         {"op":"insert","asked":..,"jobs":..,"batch":..,"seconds":..}
 *     run JOBS BATCH SECONDS {"op":"run","asked":..,"jobs":..,"batch":..,"seconds":..,"twice":..}
 *     latency JOBS SECONDS      {"op":"latency","asked":..,"jobs":..,"p50_us":..,"p99_us":..}
 *
 * The end of the input ends the program. A failure ends it too, with status 1 and a sentence on
 * standard error. Between `{"op":"ready"}`, the first line, and the end it holds its connections.
 *
 * Jobs are numbered from 0 on through all commands of one process. Whoever runs a job marks its
 * number, so that a job that ran twice, or never, is seen.
 */
#ifndef WEBHOST_BENCH_DRIVER_H
#define WEBHOST_BENCH_DRIVER_H

#include "base/err.h"

#include <stdatomic.h>
#include <stdint.h>

/* All jobs of one process; bounds the memory of the marks. */
#define BENCH_JOBS_MAX 16000000

struct bench_marks {
    atomic_uchar *seen; /* by job number */
    atomic_llong ran;   /* distinct jobs */
    atomic_llong twice; /* runs beyond a job's first */
};

/* Thread-safe. A number that was never handed out is BUG_ON. */
void bench_mark(struct bench_marks *marks, int64_t number);

/* Microseconds on a clock that nobody sets. */
int64_t bench_now_us(void);

/* `count` jobs with consecutive numbers. */
struct bench_jobs {
    int64_t first, count;
};

struct bench_subject {
    /* Returns when all are durable; `batch` to a transaction. */
    enum err (*insert)(void *ctx, struct bench_jobs jobs, int64_t batch, struct error *e);

    /*
     * Runs until `count` more jobs are marked and durably finished, or the time `until_us` has
     * come; claims at most `batch` at once.
     */
    enum err (*run)(void *ctx, int64_t count, int64_t batch, int64_t until_us, struct error *e);

    /*
     * Each job is enqueued when the one before it has finished. `samples_us` gets the time from
     * the start of the enqueueing to the start of the job, `ret_taken` their number; fewer than
     * asked for only when `until_us` has come.
     */
    enum err (*latency)(void *ctx, struct bench_jobs jobs, int64_t until_us, int64_t *samples_us,
                        int64_t *ret_taken, struct error *e);
    void *ctx;
    struct bench_marks *marks;
};

enum err bench_marks_init(struct bench_marks *marks, struct error *e);
void bench_marks_release(struct bench_marks *marks);

/* Answers commands until the input ends. */
enum err bench_serve(const struct bench_subject *subject, struct error *e);

#endif
