/*
 * Moves between SQLite files whose mover is killed, at every moment when it waits for a disk and
 * around every call of its router: the states in between that another process can find.
 */
#include "sqlite_files.h"

#include "sqlite_files.sql.h"

#include <signal.h>
#include <sys/mman.h>
#include <sys/wait.h>

/* What outlives the process that is killed. */
struct shared {
    struct model acme, neighbour;
    enum mover_side side; /* where the client believes acme to be */
    size_t stage;
    int64_t points; /* passed so far */
    bool paused;
    char pointed_at[512];
};

static struct files f;
static struct shared *shared;
static int64_t kill_at; /* in the child; 0: never */

static void point(void)
{
    if (++shared->points == kill_at)
        (void)raise(SIGKILL);
}

/*
 * SQLite's, in this program: everything that it keeps comes by here. A process that is killed loses
 * nothing that the disk has not got yet, so that the disk need not be waited for.
 */
int fdatasync(int fd)
{
    (void)fd;
    if (shared)
        point();
    return 0;
}

static enum err router_pause(const struct mover_router *self, const char *slug, int64_t deadline_us,
                             struct error *e)
{
    (void)self, (void)slug, (void)deadline_us, (void)e;
    point();
    shared->paused = true;
    point();
    return OK;
}

static enum err router_point(const struct mover_router *self, const char *slug, const char *url,
                             int64_t deadline_us, struct error *e)
{
    (void)self, (void)slug, (void)deadline_us, (void)e;
    point();
    (void)snprintf(shared->pointed_at, sizeof(shared->pointed_at), "%s", url);
    return OK;
}

static enum err router_resume(const struct mover_router *self, const char *slug,
                              int64_t deadline_us, struct error *e)
{
    (void)self, (void)slug, (void)deadline_us, (void)e;
    point();
    shared->paused = false;
    point();
    return OK;
}

static const struct mover_router router = {
    .pause = router_pause, .point = router_point, .resume = router_resume};

static enum err write_on(void *ctx, struct error *e)
{
    (void)ctx;
    (void)e;
    files_write(&f, &shared->acme, ACME, &shared->side);
    files_write(&f, &shared->neighbour, NEIGHBOUR, &(enum mover_side){SIDE_SOURCE});
    return OK;
}

/* -- the whole of a move ----------------------------------------------------------------------- */

static enum err copy(struct error *e)
{
    int64_t rows, bytes;
    return sqlite_mover.copy(&f.run, &rows, &bytes, e);
}

static enum err prepare(struct error *e)
{
    return sqlite_mover.prepare(&f.run, e);
}

static enum err catch_up(struct error *e)
{
    return sqlite_mover.catch_up(&f.run, e);
}

static enum err verify(struct error *e)
{
    return sqlite_mover.verify(&f.run, e);
}

static enum err cut_to(enum mover_side to, struct error *e)
{
    struct mover_cut *cut;
    const char *proof;
    int64_t stall_us;
    TRY(sqlite_mover.cut_over(&f.run, to, &cut, &stall_us, e));
    return sqlite_mover.prove(&f.run, cut, &proof, e);
}

static enum err cut_to_target(struct error *e)
{
    return cut_to(SIDE_TARGET, e);
}

static enum err cut_to_source(struct error *e)
{
    return cut_to(SIDE_SOURCE, e);
}

static enum err watch(struct error *e)
{
    int64_t lag;
    return sqlite_mover.watch(&f.run, &lag, e);
}

static enum err finish(struct error *e)
{
    return sqlite_mover.finish(&f.run, e);
}

static enum err (*const stages[])(struct error *e) = {
    prepare,       copy,  catch_up,      verify, cut_to_target, watch,
    cut_to_source, watch, cut_to_target, watch,  finish,
};

#define FINISH (ARRAY_LEN(stages) - 1)

static enum err go_through(struct error *e)
{
    for (; shared->stage < ARRAY_LEN(stages); shared->stage++) {
        TRY(write_on(NULL, e));
        TRY(stages[shared->stage](e));
    }
    return OK;
}

/* -- killing ----------------------------------------------------------------------------------- */

static void begin(void)
{
    struct shared *fresh = shared;
    shared = NULL; /* the preparations are not counted */
    memset(fresh, 0, sizeof(*fresh));
    files_create(&f, &fresh->acme, &fresh->neighbour);
    files_let_go(&f);
    f.run.router = &router;
    f.run.go_on = write_on;
    shared = fresh;
}

static void end(void)
{
    struct shared *kept = shared;
    shared = NULL;
    files_remove(&f);
    shared = kept;
}

/* False: the move came to its end before that. */
static bool run_killed_at(int64_t at)
{
    int status;
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        struct error e;
        kill_at = at;
        files_hold(&f);
        _exit(go_through(&e) == OK ? EXIT_SUCCESS : EXIT_FAILURE);
    }
    assert_int_equal(waitpid(child, &status, 0), child);
    if (!WIFSIGNALED(status) && WEXITSTATUS(status) != EXIT_SUCCESS)
        fail_msg("the move failed by itself in stage %zu", shared->stage);
    return WIFSIGNALED(status);
}

/* Service as it must be once the next run has settled; and nothing that was acknowledged is lost.
 */
static enum mover_side settle(void)
{
    enum mover_side owner;
    files_hold(&f);
    assert_not_both_open(&f);
    f.run.run++;
    ASSERT_OK(&f, sqlite_mover.settle(&f.run, &f.e));
    ASSERT_OK(&f, sqlite_mover.owner(&f.run, &owner, &f.e));
    assert_not_both_open(&f);
    assert_false(shared->paused);
    assert_string_equal(shared->pointed_at, f.db[owner].url);
    assert_as_model(&f, f.db[owner].url, ACME, &shared->acme);
    assert_as_model(&f, f.db[SIDE_SOURCE].url, NEIGHBOUR, &shared->neighbour);
    int64_t serial = shared->acme.serial;
    shared->side = owner;
    (void)write_on(NULL, NULL);
    assert_int_equal(shared->acme.serial, serial + 1);
    assert_int_equal(shared->side, owner);
    return owner;
}

static void go_on_to_the_end(void)
{
    (void)settle();
    if (go_through(&f.e) != OK)
        fail_msg("stage %zu: %s", shared->stage, f.e.text);
    assert_int_equal(files_number(&f, SIDE_TARGET, &files_marks, ACME), 0);
    assert_int_equal(files_number(&f, SIDE_SOURCE, &files_rows, ACME), 0);
    ASSERT_OK(&f, tenant_drop(f.stores, f.run.source_url, ACME, f.run.source_id, &f.e));
    assert_no_marks(&f);
    assert_as_model(&f, f.db[SIDE_TARGET].url, ACME, &shared->acme);
}

static void give_up(void)
{
    enum mover_side owner = settle();
    if (owner == SIDE_TARGET)
        ASSERT_OK(&f, cut_to_source(&f.e));
    ASSERT_OK(&f, sqlite_mover.undo(&f.run, &f.e));
    assert_no_marks(&f);
    assert_as_model(&f, f.db[SIDE_SOURCE].url, ACME, &shared->acme);
    assert_int_equal(files_number(&f, SIDE_TARGET, &files_rows, ACME), 0);
    shared->side = SIDE_SOURCE;
    (void)write_on(NULL, NULL);
    assert_int_equal(shared->side, SIDE_SOURCE);
}

/* Kills at every `step`-th point from the first to the last. */
static void kill_at_points(int64_t step, int64_t first, void (*then)(void), bool with_finish)
{
    bool killed = true;
    int64_t at = first;
    for (; killed; at += step) {
        begin();
        killed = run_killed_at(at);
        if (killed && (with_finish || shared->stage < FINISH))
            then();
        end();
    }
    assert_true(at > 50); /* there were points */
}

static void a_move_killed_anywhere_is_taken_up_and_completed(void **state)
{
    (void)state;
    kill_at_points(5, 1, go_on_to_the_end, true);
}

static void a_move_killed_before_its_end_is_given_up_and_leaves_nothing(void **state)
{
    (void)state;
    kill_at_points(5, 3, give_up, false);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_move_killed_anywhere_is_taken_up_and_completed),
        cmocka_unit_test(a_move_killed_before_its_end_is_given_up_and_leaves_nothing),
    };
    shared = mmap(NULL, sizeof(*shared), PROT_READ | PROT_WRITE, MAP_SHARED | MAP_ANONYMOUS, -1, 0);
    if (shared == MAP_FAILED)
        return EXIT_FAILURE;
    return cmocka_run_group_tests(tests, NULL, NULL);
}
