/* A database with the tables of 0001-things.sql, and single statements on it. */
#ifndef WEBHOST_TESTS_INFRA_DB_FIXTURE_H
#define WEBHOST_TESTS_INFRA_DB_FIXTURE_H

#include "check.h"
#include "testdb.h"

struct fixture {
    struct testdb t;
    struct arena arena;
    struct error e;
    struct pg_conn *other; /* postgres_test.c: a connection beside ours to the same database */
};

/* For cmocka: a fresh database, opened; the state is a struct fixture. */
int setup(void **state);
int teardown(void **state);

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

void close_db(struct fixture *f);

/* One statement: work for db_write() and db_read(). */
struct statement {
    const struct db_query *query;
    struct db_args args;
    int64_t result; /* the changes, or the number */
};

enum err exec_work(struct db_tx *tx, void *arg, struct error *e);
enum err int_work(struct db_tx *tx, void *arg, struct error *e);

/* Adds a thing; the argument, a text, is its id and its slug. */
enum err add_work(struct db_tx *tx, void *arg, struct error *e);

/* One statement in a transaction of its own. */
enum err exec(struct fixture *f, const struct db_query *query, struct db_args args);
int64_t number(struct fixture *f, const struct db_query *query, struct db_args args);
int64_t count_things(struct fixture *f);

#endif
