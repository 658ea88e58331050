/*
 * A queue to test with: the product's database, a clock that stands still, two queues, and one
 * worker that does what the test says and notes what it ran.
 */
#ifndef WEBHOST_TESTS_JOBS_RIG_H
#define WEBHOST_TESTS_JOBS_RIG_H

#include "domain/jobs/queue.h"
#include "domain/jobs/runner.h"
#include "domain/jobs/runner_parts.h"
#include "product.h"

#include <stdatomic.h>

#define LEASE_US (60 * USEC_PER_SEC)

enum { FAST, SLOW }; /* places in rig.queues */
enum { RUNNERS_MAX = 8, RAN_MAX = 4096 };

struct rig {
    struct product p;
    struct job_queue queues[2];
    struct job_worker workers[2]; /* "Worker", which does `result`, and "Other", which succeeds */
    struct cron crons[2];
    struct runner_options options;
    struct runner *runners[RUNNERS_MAX];
    size_t runner_count;

    /* What the worker does. */
    enum job_result result;
    const char *why;
    int64_t snooze_us;
    void (*meanwhile)(struct rig *rig, const struct job_run *run); /* NULL: nothing */
    enum err discard_fails;                                        /* OK: it does not */

    /* What it did. */
    int64_t ran[RAN_MAX]; /* ids */
    size_t ran_count;
    size_t discards; /* calls of discarded() */
    const char *discard_why;
};

int rig_setup(void **state);
int rig_teardown(void **state);

/* Not started; freed with the rig. rig->options may be changed before. */
struct runner *rig_runner(struct rig *rig, const char *name);

/* One round that must not fail; how many jobs ran. */
size_t rig_step(struct rig *rig, struct runner *runner);

void rig_pass(struct rig *rig, int64_t us);

/* A spec of the worker's first queue. */
struct job_spec rig_spec(const char *args);

/* In a transaction of its own. */
int64_t rig_add(struct rig *rig, struct job_spec spec);
int64_t rig_add_plain(struct rig *rig);
struct job rig_job(struct rig *rig, int64_t id);
struct records rig_errors(struct rig *rig, int64_t id);
struct records rig_list(struct rig *rig, struct job_filter filter);
enum err rig_retry(struct rig *rig, int64_t id);
enum err rig_cancel(struct rig *rig, int64_t id);
void rig_pause(struct rig *rig, const char *queue, bool paused);
void rig_scale(struct rig *rig, const char *queue, int64_t limit);

/* What a node claims of the first queue, in this transaction. */
struct records rig_claim(struct rig *rig, struct db_tx *tx, int64_t node, int64_t max);

/* Runs one statement, which may be refused by nothing; how many rows it changed. */
int64_t rig_exec(struct rig *rig, const struct db_query *query, struct db_args args);

#define ASSERT_STATE(rig, id, wanted)                                                              \
    assert_string_equal(job_state_names[rig_job(rig, id).state], job_state_names[wanted])

#define RIG_TEST(name) cmocka_unit_test_setup_teardown(name, rig_setup, rig_teardown)

#endif
