#include "domain/core/key.h"

#include "key.sql.h"

/* No host or app has a space in its name. */
#define CHECK_NAME "the check of the key"

struct key_work {
    struct arena *arena;
    const char *ours;   /* what follows from our key */
    const char *theirs; /* what the installation's gives; NULL: it has none yet */
};

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct key_work *w = arg;
    return db_get_text(tx, &key_check_get, DB_NO_ARGS, w->arena, &w->theirs, e);
}

static enum err make_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct key_work *w = arg;
    TRY(db_exec(tx, &key_check_make, DB_ARGS(db_text(w->ours)), NULL, e));
    return find_work(tx, w, e); /* another node may have been faster */
}

static enum err check(const struct env *env, const struct secret *key, const char *path,
                      struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct secret *value = secret_derive(key, CHECK_NAME);
    struct key_work w = {.arena = &arena, .ours = arena_text(&arena, secret_expose(value))};
    secret_free(value);
    TRY(db_write(env->db, make_work, &w, e));
    if (text_eq(w.ours, w.theirs))
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "the key file %s is not this installation's: copy the key file of a node that "
                     "works (key_file in its configuration, else webhost.key in its data "
                     "directory) over it and start again",
                     path);
}

/* Only an installation without a key gets a new one: another would open nothing that exists. */
static enum err make(const struct env *env, const char *path, struct secret **ret_key,
                     struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct key_work w = {.arena = &arena};
    TRY(db_read(env->db, find_work, &w, e));
    if (w.theirs)
        return error_set(e, ERR_CONFLICT,
                         "the key file %s does not exist, but this installation has a key: copy "
                         "the key file of a node that works (key_file in its configuration, else "
                         "webhost.key in its data directory) there, or a backup of it, and start "
                         "again",
                         path);
    return secret_make_file(path, env->rng, ret_key, e);
}

enum err key_open(const struct env *env, const char *path, struct secret **ret_key, struct error *e)
{
    struct secret *key;
    enum err err = secret_from_file(path, &key, e);
    if (err == ERR_NOT_FOUND)
        err = make(env, path, &key, e);
    TRY(err);
    err = check(env, key, path, e);
    if (err != OK) {
        secret_free(key);
        return err;
    }
    *ret_key = key;
    return OK;
}
