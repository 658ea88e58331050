#include "driver.h"

#include "base/clock.h"

#define LINE_MAX_BYTES 128
#define COMMAND_ARGS   3

enum err bench_marks_init(struct bench_marks *marks, struct error *e)
{
    *marks = (struct bench_marks){.seen = calloc(BENCH_JOBS_MAX, sizeof(*marks->seen))};
    return marks->seen ? OK : error_set(e, ERR_IO, "no memory for %d marks", BENCH_JOBS_MAX);
}

void bench_marks_release(struct bench_marks *marks)
{
    free(marks->seen);
    marks->seen = NULL;
}

void bench_mark(struct bench_marks *marks, int64_t number)
{
    BUG_ON(number < 0 || number >= BENCH_JOBS_MAX);
    if (atomic_exchange(&marks->seen[number], 1))
        atomic_fetch_add(&marks->twice, 1);
    else
        atomic_fetch_add(&marks->ran, 1);
}

int64_t bench_now_us(void)
{
    struct timespec ts;
    BUG_ON(clock_gettime(CLOCK_MONOTONIC, &ts));
    return (int64_t)ts.tv_sec * USEC_PER_SEC + ts.tv_nsec / 1000;
}

static double seconds_since(int64_t start_us)
{
    return (double)(bench_now_us() - start_us) / (double)USEC_PER_SEC;
}

static int compare_i64(const void *a, const void *b)
{
    int64_t left = *(const int64_t *)a, right = *(const int64_t *)b;
    return (left > right) - (left < right);
}

/* The smallest sample that at least `percent` of them do not exceed. */
static int64_t percentile(const int64_t *sorted, int64_t count, int64_t percent)
{
    int64_t rank = (count * percent + 99) / 100;
    return sorted[rank > 0 ? rank - 1 : 0];
}

/* -- commands ---------------------------------------------------------------------------------- */

struct command {
    const struct bench_subject *subject;
    int64_t args[COMMAND_ARGS];
    int64_t *next_number; /* of the job to insert next */
};

static enum err take_numbers(struct command *c, struct bench_jobs *ret_jobs, struct error *e)
{
    struct bench_jobs jobs = {*c->next_number, c->args[0]};
    if (jobs.count > BENCH_JOBS_MAX - jobs.first)
        return error_set(e, ERR_TOO_LARGE, "%d jobs are the most for one process", BENCH_JOBS_MAX);
    *c->next_number += jobs.count;
    *ret_jobs = jobs;
    return OK;
}

static enum err do_insert(struct command *c, struct error *e)
{
    struct bench_jobs jobs;
    TRY(take_numbers(c, &jobs, e));
    int64_t start = bench_now_us();
    TRY(c->subject->insert(c->subject->ctx, jobs, c->args[1], e));
    printf("{\"op\":\"insert\",\"asked\":%lld,\"jobs\":%lld,\"batch\":%lld,\"seconds\":%.6f}\n",
           (long long)jobs.count, (long long)jobs.count, (long long)c->args[1],
           seconds_since(start));
    return OK;
}

static enum err do_run(struct command *c, struct error *e)
{
    struct bench_marks *marks = c->subject->marks;
    int64_t ran = atomic_load(&marks->ran), twice = atomic_load(&marks->twice);
    int64_t start = bench_now_us();
    TRY(c->subject->run(c->subject->ctx, c->args[0], c->args[1], start + c->args[2] * USEC_PER_SEC,
                        e));
    double seconds = seconds_since(start);
    printf("{\"op\":\"run\",\"asked\":%lld,\"jobs\":%lld,\"batch\":%lld,\"seconds\":%.6f,"
           "\"twice\":%lld}\n",
           (long long)c->args[0], (long long)(atomic_load(&marks->ran) - ran),
           (long long)c->args[1], seconds, (long long)(atomic_load(&marks->twice) - twice));
    return OK;
}

static enum err do_latency(struct command *c, struct error *e)
{
    struct bench_jobs jobs;
    TRY(take_numbers(c, &jobs, e));
    int64_t *samples = calloc((size_t)jobs.count, sizeof(*samples)), taken = 0;
    BUG_ON(!samples);
    enum err err = c->subject->latency(
        c->subject->ctx, jobs, bench_now_us() + c->args[1] * USEC_PER_SEC, samples, &taken, e);
    if (err == OK && taken == 0)
        err = error_set(e, ERR_TIMEOUT, "no job started within %lld s", (long long)c->args[1]);
    if (err == OK) {
        qsort(samples, (size_t)taken, sizeof(*samples), compare_i64);
        printf("{\"op\":\"latency\",\"asked\":%lld,\"jobs\":%lld,\"p50_us\":%lld,"
               "\"p99_us\":%lld}\n",
               (long long)jobs.count, (long long)taken, (long long)percentile(samples, taken, 50),
               (long long)percentile(samples, taken, 99));
    }
    free(samples);
    return err;
}

static const struct {
    const char *name;
    size_t args;
    enum err (*run)(struct command *c, struct error *e);
} commands[] = {
    {"insert", 2, do_insert},
    {"run", 3, do_run},
    {"latency", 2, do_latency},
};

static enum err answer(struct command *c, struct str line, struct error *e)
{
    struct str rest = str_trim(line);
    struct str name = str_cut(&rest, ' ');
    for (size_t i = 0; i < ARRAY_LEN(commands); i++) {
        if (!str_eq(name, str_from(commands[i].name)))
            continue;
        for (size_t arg = 0; arg < commands[i].args; arg++) {
            if (!str_to_i64(str_cut(&rest, ' '), &c->args[arg]) || c->args[arg] < 1)
                return error_set(e, ERR_INVALID, "%s takes %zu positive numbers", commands[i].name,
                                 commands[i].args);
        }
        return commands[i].run(c, e);
    }
    return error_set(e, ERR_INVALID, "no command %.*s", STR_ARG(name));
}

enum err bench_serve(const struct bench_subject *subject, struct error *e)
{
    int64_t next_number = 0;
    struct command c = {.subject = subject, .next_number = &next_number};
    char line[LINE_MAX_BYTES];
    puts("{\"op\":\"ready\"}");
    while (fflush(stdout) == 0 && fgets(line, sizeof(line), stdin))
        TRY(answer(&c, str_from(line), e));
    return ferror(stdout) ? error_errno(e, "standard output") : OK;
}
