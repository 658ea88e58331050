/*
 * The sweep over a database of customers that were made up.
 *
 *     sweep_ours make URL CUSTOMERS     a new database; each customer lives where its words put it,
 *                                       and what was measured of it differs from its words
 *     sweep_ours run URL POLICY         one sweep, by a file or a policy in the program
 *
 * `run` answers with one JSON object on one line: what the sweep found, and what it took of this
 * process, reading the schema and the policy not counted.
 */
#include "domain/usage/sweep.h"
#include "driver.h"
#include "infra/config/yaml.h"
#include "sweep.sql.h"

#include <inttypes.h>
#include <sys/resource.h>

#define BATCH     10000
#define ROW_WIDTH 13
#define MADE_AT   (INT64_C(1790000000) * USEC_PER_SEC)
#define SEED      20

static enum err open_database(const char *url, struct db **ret, struct error *e)
{
    struct db_options options = {
        .url = url,
        .migrations = core_migrations,
        .migration_count = core_migration_count,
        .readers = 2,
        .busy_timeout_us = 10 * USEC_PER_SEC,
    };
    return db_open(&options, ret, e);
}

/* -- making ------------------------------------------------------------------------------------ */

struct making {
    struct rng_seeded rng;
    struct env env;
    const struct policy *policy;
    struct db_value *rows;
    size_t count;
};

static int64_t chance(struct making *m, int64_t below)
{
    return rng_below(&m->rng.rng, below);
}

/* Around every threshold of the scoring table, as bench/decide. */
static void make_up(struct making *m, struct facts *f)
{
    static const int64_t compliance[] = {
        0, 0, 0, 0, 0, 0, 1 << COMPLIANCE_SOC2, 1 << COMPLIANCE_HIPAA, 1 << COMPLIANCE_GDPR,
    };
    uint8_t regions[GEOGRAPHY_COUNT] = {GEOGRAPHY_US, GEOGRAPHY_EU, GEOGRAPHY_APAC};
    uint8_t first = (uint8_t)chance(m, GEOGRAPHY_COUNT), swap = regions[first];
    regions[first] = regions[0];
    regions[0] = swap;
    *f = (struct facts){
        .active = 1,
        .plan = chance(m, PLAN_COUNT),
        .price = 29 * DECIMAL_ONE,
        .budget = chance(m, 300) * DECIMAL_ONE,
        .latency = (1 + chance(m, 200)) * DECIMAL_ONE,
        .vehicles_told = chance(m, 150),
        .users_told = chance(m, 200),
        .compliance = compliance[chance(m, ARRAY_LEN(compliance))],
        .regions = regions_pack(regions, 1 + (size_t)chance(m, GEOGRAPHY_COUNT)),
        .vehicles = INT_ABSENT,
        .peak_users = INT_ABSENT,
        .regions_used = INT_ABSENT,
    };
    struct profile profile;
    struct decide_context context;
    struct decision decision;
    facts_profile(f, &profile, &context);
    decide(m->policy, &profile, &context, &decision);
    f->mode = decision.placement.mode;
    f->vehicles = f->vehicles_told * (80 + chance(m, 60)) / 100;
    f->peak_users = f->users_told * (80 + chance(m, 60)) / 100;
    f->regions_used = f->regions;
}

static void put_row(struct db_value *row, const char *id, const struct facts *f)
{
    const int64_t numbers[] = {f->plan,          f->price,      f->budget,     f->latency,
                               f->vehicles_told, f->users_told, f->compliance, f->regions,
                               f->mode,          f->vehicles,   f->peak_users, f->regions_used};
    _Static_assert(ARRAY_LEN(numbers) + 1 == ROW_WIDTH, "a value for each column");
    row[0] = db_text(id);
    for (size_t i = 0; i < ARRAY_LEN(numbers); i++)
        row[i + 1] = db_int(numbers[i]);
}

static enum err add_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct making *m = arg;
    return db_exec_rows(tx, &bench_facts_add, DB_ARGS(db_int(MADE_AT)), m->rows, ROW_WIDTH,
                        m->count, NULL, e);
}

static enum err make(const char *url, int64_t customers, struct error *e)
{
    struct making m = {.policy = policy_builtin("default")};
    struct clock_virtual clock;
    rng_seeded_init(&m.rng, SEED);
    clock_virtual_init(&clock, MADE_AT);
    m.env = (struct env){NULL, &clock.clock, &m.rng.rng};
    TRY(open_database(url, &m.env.db, e));
    m.rows = calloc((size_t)BATCH * ROW_WIDTH, sizeof(*m.rows));
    BUG_ON(!m.rows);
    enum err err = OK;
    while (err == OK && customers > 0) {
        _cleanup_arena_ struct arena arena = {0};
        m.count = (size_t)(customers < BATCH ? customers : BATCH);
        for (size_t i = 0; i < m.count; i++) {
            struct facts f;
            clock_virtual_advance(&clock, 1000); /* ids are in the order of time */
            make_up(&m, &f);
            put_row(m.rows + i * ROW_WIDTH, env_id(&m.env, &arena), &f);
        }
        err = db_write(m.env.db, add_work, &m, e);
        customers -= (int64_t)m.count;
    }
    db_close(m.env.db);
    free(m.rows);
    policy_free((struct policy *)(uintptr_t)m.policy);
    return err;
}

/* -- sweeping ---------------------------------------------------------------------------------- */

static struct policy *load_policy(const char *name, struct arena *arena, struct error *e)
{
    struct str text;
    struct problems problems = {.arena = arena};
    struct policy *policy = policy_builtin(name);
    if (policy || file_read(name, POLICY_FILE_MAX, arena, &text, e) != OK)
        return policy;
    policy = policy_parse(text, &problems);
    if (!policy)
        (void)problems_error(&problems, e);
    return policy;
}

static double seconds_of(struct timeval t)
{
    return (double)t.tv_sec + (double)t.tv_usec / (double)USEC_PER_SEC;
}

static enum err sweep_once(const struct tracker *tracker, struct arena *arena, struct error *e)
{
    struct sweep sweep;
    struct rusage before, after;
    BUG_ON(getrusage(RUSAGE_SELF, &before) != 0);
    int64_t start = bench_now_us();
    TRY(sweep_run(tracker, "bench", false, arena, &sweep, e));
    double seconds = (double)(bench_now_us() - start) / (double)USEC_PER_SEC;
    BUG_ON(getrusage(RUSAGE_SELF, &after) != 0);
    (void)printf("{\"customers\":%" PRId64 ",\"changed\":%" PRId64 ",\"due\":%" PRId64
                 ",\"seconds\":%.3f,\"cpu_seconds\":%.3f,\"peak_mb\":%.1f,\"outcomes\":%s}\n",
                 sweep.customers, sweep.changed, sweep.due, seconds,
                 seconds_of(after.ru_utime) + seconds_of(after.ru_stime) -
                     seconds_of(before.ru_utime) - seconds_of(before.ru_stime),
                 (double)after.ru_maxrss / 1024, sweep.outcomes);
    return OK;
}

static enum err run(const char *url, const char *policy_name, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct env env = {.clock = &clock_system, .rng = &rng_system};
    struct tracker_settings settings = tracker_settings_default();
    struct policy *policy = load_policy(policy_name, &arena, e);
    if (!policy)
        return e->code;
    struct prices *prices = prices_builtin();
    struct tracker tracker = {&env, policy, prices, &settings};
    enum err err = open_database(url, &env.db, e);
    if (err == OK)
        err = sweep_once(&tracker, &arena, e);
    db_close(env.db);
    prices_free(prices);
    policy_free(policy);
    return err;
}

int main(int argc, char **argv)
{
    struct error e;
    int64_t customers;
    enum err err;
    if (argc == 4 && text_eq(argv[1], "make") && str_to_i64(str_from(argv[3]), &customers))
        err = make(argv[2], customers, &e);
    else if (argc == 4 && text_eq(argv[1], "run"))
        err = run(argv[2], argv[3], &e);
    else
        err = error_set(&e, ERR_INVALID, "usage: sweep_ours make URL CUSTOMERS | run URL POLICY");
    if (err == OK)
        return EXIT_SUCCESS;
    (void)fprintf(stderr, "sweep_ours: %s\n", e.text);
    return EXIT_FAILURE;
}
