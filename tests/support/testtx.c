#include "testtx.h"

/* Any class will do: it only says that nothing is to be kept. */
#define UNDO ERR_BUSY

static enum err lend(struct db_tx *tx, void *arg, struct error *e)
{
    struct testtx *t = arg;
    pthread_mutex_lock(&t->lock);
    BUG_ON(t->ended); /* run again: what the test did is lost */
    t->tx = tx;
    pthread_cond_broadcast(&t->changed);
    while (!t->ended)
        pthread_cond_wait(&t->changed, &t->lock);
    bool commit = t->commit;
    pthread_mutex_unlock(&t->lock);
    return commit ? OK : error_set(e, UNDO, "the test rolls back");
}

static void *transact(void *arg)
{
    struct testtx *t = arg;
    t->result = db_write(t->db, lend, t, &t->e);
    return NULL;
}

struct db_tx *testtx_begin(struct testtx *t, struct db *db)
{
    BUG_ON(t->tx);
    *t = (struct testtx){.db = db};
    BUG_ON(pthread_mutex_init(&t->lock, NULL) || pthread_cond_init(&t->changed, NULL));
    BUG_ON(pthread_create(&t->thread, NULL, transact, t));
    pthread_mutex_lock(&t->lock);
    while (!t->tx)
        pthread_cond_wait(&t->changed, &t->lock);
    pthread_mutex_unlock(&t->lock);
    return t->tx;
}

static void end(struct testtx *t, bool commit)
{
    pthread_mutex_lock(&t->lock);
    t->commit = commit;
    t->ended = true;
    pthread_cond_broadcast(&t->changed);
    pthread_mutex_unlock(&t->lock);
    BUG_ON(pthread_join(t->thread, NULL));
    (void)pthread_cond_destroy(&t->changed);
    (void)pthread_mutex_destroy(&t->lock);
    t->tx = NULL;
}

enum err testtx_commit(struct testtx *t, struct error *e)
{
    end(t, true);
    if (t->result != OK)
        *e = t->e;
    return t->result;
}

void testtx_rollback(struct testtx *t)
{
    end(t, false);
}

void testtx_release(struct testtx *t)
{
    if (t->tx)
        testtx_rollback(t);
}
