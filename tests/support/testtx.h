/*
 * A transaction that a test steps through.
 *
 * Transactions take a function. A test reads better as one list of steps, so testtx_begin() runs a
 * function on a thread of its own that lends its transaction to the test until it is ended. The
 * test must not use another writing transaction meanwhile: on SQLite it would wait for itself.
 */
#ifndef WEBHOST_TESTS_SUPPORT_TESTTX_H
#define WEBHOST_TESTS_SUPPORT_TESTTX_H

#include "infra/db/db.h"

#include <pthread.h>

struct testtx {
    struct db *db;
    pthread_t thread;
    pthread_mutex_t lock; /* guards what follows */
    pthread_cond_t changed;
    struct db_tx *tx; /* lent to the test; NULL outside */
    bool commit, ended;
    enum err result;
    struct error e;
};

/* Opens a writing transaction. */
struct db_tx *testtx_begin(struct testtx *t, struct db *db);

/* What db_write() returned. */
enum err testtx_commit(struct testtx *t, struct error *e);

void testtx_rollback(struct testtx *t);

/* After a failed assertion a transaction may still be open: rolls it back. */
void testtx_release(struct testtx *t);

#endif
