#include "domain/core/install.h"

#include "install.sql.h"

struct install_work {
    const struct env *env;
    struct arena *arena;
    const char *fresh, *id;
};

static enum err find_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct install_work *w = arg;
    return db_get_text(tx, &install_id_get, DB_NO_ARGS, w->arena, &w->id, e);
}

static enum err make_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct install_work *w = arg;
    TRY(db_exec(tx, &install_id_make, DB_ARGS(db_text(w->fresh), db_int(env_now(w->env))), NULL,
                e));
    return find_work(tx, w, e); /* another process may have been faster */
}

enum err install_id(const struct env *env, struct arena *arena, const char **ret_id,
                    struct error *e)
{
    struct install_work w = {.env = env, .arena = arena};
    TRY(db_read(env->db, find_work, &w, e));
    if (!w.id) {
        w.fresh = env_id(env, arena);
        TRY(db_write(env->db, make_work, &w, e));
    }
    *ret_id = w.id;
    return OK;
}
