/*
 * A fresh database for one test: a SQLite file in a new directory, or, when WEBHOST_TEST_PG_URL
 * names a PostgreSQL server (tests/support/pgcluster.py), a new database there. testdb_close()
 * removes it. Anything that goes wrong stops the test program with a sentence.
 */
#ifndef WEBHOST_TESTS_SUPPORT_TESTDB_H
#define WEBHOST_TESTS_SUPPORT_TESTDB_H

#include "infra/db/db.h"

struct testdb {
    struct db *db;
    char url[512];             /* for db_open() */
    char path[256];            /* of the SQLite file; "" on PostgreSQL */
    char folder[128];          /* the SQLite file's */
    char name[64];             /* of the database; "" on SQLite */
    const struct clock *clock; /* for db_now(); NULL after testdb_create(): the database's own */
};

/* Makes an empty database, not opened yet. */
void testdb_create(struct testdb *t);

/*
 * Makes one that has these migrations already, so that testdb_open() finds nothing to do. On
 * PostgreSQL it is a copy of a database that this process made once: migrating takes longer.
 */
void testdb_create_migrated(struct testdb *t, const struct db_migration *migrations, size_t count);

/* Opens it (again), with one reader for each thread a test is likely to have. */
void testdb_open(struct testdb *t, const struct db_migration *migrations, size_t count);

/* Closes it when it is open, and removes it. */
void testdb_remove(struct testdb *t);

/* The engine that tests of this process run on. */
enum db_engine testdb_engine(void);

/* What testdb_open() uses, to change. */
struct db_options testdb_options(const struct testdb *t, const struct db_migration *migrations,
                                 size_t count);

#endif
