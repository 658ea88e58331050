/*
 * Every query of the domain against the schema it is for, on the engine that the environment
 * chooses (testdb.h): a query that only one engine understands is found here, not by a customer.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "core-schema.h"
#include "fleet-schema.h"
#include "testdb.h"

#include "audit.sql.h"
#include "calls.sql.h"
#include "capacity.sql.h"
#include "census.sql.h"
#include "claim.sql.h"
#include "collect.sql.h"
#include "cron.sql.h"
#include "customer.sql.h"
#include "decisions.sql.h"
#include "deployment.sql.h"
#include "drain.sql.h"
#include "drift.sql.h"
#include "evaluation.sql.h"
#include "example.sql.h"
#include "export_file.sql.h"
#include "exports.sql.h"
#include "facts.sql.h"
#include "feedback.sql.h"
#include "fleet.sql.h"
#include "host.sql.h"
#include "host_order.sql.h"
#include "hours.sql.h"
#include "ingest.sql.h"
#include "install.sql.h"
#include "instance.sql.h"
#include "job.sql.h"
#include "key.sql.h"
#include "lease.sql.h"
#include "margins.sql.h"
#include "measure.sql.h"
#include "move.sql.h"
#include "notify.sql.h"
#include "offboarding.sql.h"
#include "outcomes.sql.h"
#include "overview.sql.h"
#include "owners.sql.h"
#include "plan.sql.h"
#include "prices.sql.h"
#include "proposal.sql.h"
#include "queue.sql.h"
#include "retention.sql.h"
#include "routing.sql.h"
#include "sessions.sql.h"
#include "signup.sql.h"
#include "simulate.sql.h"
#include "slot.sql.h"
#include "sqlite_side.sql.h"
#include "sqlite_tables.sql.h"
#include "subscription.sql.h"
#include "sweep.sql.h"
#include "tenant.sql.h"
#include "tokens.sql.h"

#include <glob.h>

/* For WebHost's own database. */
static const struct db_query *const *const core_files[] = {
    audit_queries,        drift_queries,      owners_queries,    calls_queries,
    install_queries,      claim_queries,      cron_queries,      customer_queries,
    decisions_queries,    deployment_queries, host_queries,      job_queries,
    move_queries,         plan_queries,       queue_queries,     signup_queries,
    tokens_queries,       instance_queries,   key_queries,       exports_queries,
    offboarding_queries,  capacity_queries,   census_queries,    drain_queries,
    host_order_queries,   slot_queries,       routing_queries,   prices_queries,
    subscription_queries, facts_queries,      simulate_queries,  proposal_queries,
    lease_queries,        sweep_queries,      hours_queries,     measure_queries,
    collect_queries,      example_queries,    retention_queries, ingest_queries,
    sessions_queries,     fleet_queries,      overview_queries,  evaluation_queries,
    feedback_queries,     margins_queries,    outcomes_queries,  notify_queries,
};

/* For the customers' databases. */
static const struct db_query *const *const fleet_files[] = {export_file_queries, tenant_queries};

/* For those of them that are SQLite files. */
static const struct db_query *const *const file_files[] = {sqlite_side_queries,
                                                           sqlite_tables_queries};

struct group {
    const struct db_query *const *const *files;
    size_t count;
};

static enum err prepare_all(struct db_tx *tx, void *arg, struct error *e)
{
    const struct group *group = arg;
    for (size_t i = 0; i < group->count; i++) {
        for (const struct db_query *const *query = group->files[i]; *query; query++)
            TRY(db_prepare_check(tx, *query, e));
    }
    return OK;
}

static void check(const struct db_migration *schema, size_t count, struct group group)
{
    struct testdb t;
    testdb_create(&t);
    testdb_open(&t, schema, count);
    struct error e;
    enum err rc = db_write(t.db, prepare_all, &group, &e);
    testdb_remove(&t);
    if (rc != OK)
        fail_msg("%s", e.text);
}

static void every_query_of_our_database_fits_its_schema(void **state)
{
    (void)state;
    struct group group = {core_files, ARRAY_LEN(core_files)};
    check(core_schema, ARRAY_LEN(core_schema), group);
}

static void every_query_of_a_customers_database_fits_its_schema(void **state)
{
    (void)state;
    struct group group = {fleet_files, ARRAY_LEN(fleet_files)};
    check(fleet_schema, ARRAY_LEN(fleet_schema), group);
}

static void every_query_of_a_move_between_files_fits_their_schema(void **state)
{
    (void)state;
    struct group group = {file_files, ARRAY_LEN(file_files)};
    if (testdb_engine() == DB_SQLITE)
        check(fleet_schema, ARRAY_LEN(fleet_schema), group);
}

static size_t files_matching(const char *pattern)
{
    glob_t found;
    assert_int_equal(glob(pattern, 0, NULL, &found), 0);
    size_t files = found.gl_pathc;
    globfree(&found);
    return files;
}

static void no_file_of_queries_is_forgotten_here(void **state)
{
    (void)state;
    assert_int_equal(files_matching(DOMAIN_FOLDER "/*/*.sql"),
                     ARRAY_LEN(core_files) + ARRAY_LEN(fleet_files));
    assert_int_equal(files_matching(DOMAIN_FOLDER "/migration/sqlite/*.sql"),
                     ARRAY_LEN(file_files));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(every_query_of_our_database_fits_its_schema),
        cmocka_unit_test(every_query_of_a_customers_database_fits_its_schema),
        cmocka_unit_test(every_query_of_a_move_between_files_fits_their_schema),
        cmocka_unit_test(no_file_of_queries_is_forgotten_here),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
