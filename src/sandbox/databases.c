#include "sandbox/sandbox_int.h"

#include "databases.sql.h"

#define NAMES_MAX 10000

struct names {
    struct arena *arena;
    struct records rows;
};

static const struct field name_fields[] = {
    {"name", FIELD_TEXT, 0},
    FIELD_END,
};

static enum err names_work(struct db_tx *tx, void *arg, struct error *e)
{
    struct names *n = arg;
    return db_list(tx, &database_names, DB_NO_ARGS, name_fields, sizeof(const char *), NAMES_MAX,
                   n->arena, &n->rows, e);
}

enum err sandbox_follow_machines(struct sandbox *s, struct error *e)
{
    _cleanup_arena_ struct arena arena = {0};
    struct names n = {.arena = &arena};
    if (!s->options.cluster)
        return OK;
    (void)pthread_mutex_lock(&s->following);
    enum err err = db_read(s->db, names_work, &n, e);
    if (err == OK)
        err = cluster_have(s->options.cluster, (struct texts){n.rows.items, n.rows.count}, e);
    (void)pthread_mutex_unlock(&s->following);
    return err;
}
