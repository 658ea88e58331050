#include "base/clock.h"
#include "infra/db/driver.h"
#include "migrations.sql.h"

/*
 * One transaction applies one schema file and records it, under a lock that lives as long as the
 * transaction: a crash leaves a file applied and recorded, or neither, and of several processes
 * that start at once each finds the others' work done.
 */
struct migrate_step {
    const struct db_options *options;
    size_t applied; /* recorded in the database, this step's included */
};

static enum err known_name(const struct db_value *columns, size_t count, void *arg, struct error *e)
{
    struct migrate_step *step = arg;
    const struct db_options *options = step->options;
    BUG_ON(count != 1);
    size_t i = step->applied++;
    if (i < options->migration_count && text_eq(columns[0].text, options->migrations[i].name))
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "the database has the schema change %s, which this program does not know%s; "
                     "start the newer version that made it",
                     columns[0].text, i < options->migration_count ? " in this place" : "");
}

static enum err apply_next(struct db_tx *tx, void *arg, struct error *e)
{
    struct migrate_step *step = arg;
    step->applied = 0;
    TRY(db_exec(tx, &migrations_fresh, DB_NO_ARGS, NULL, e));
    TRY(db_exec(tx, &migrations_lock, DB_NO_ARGS, NULL, e));
    TRY(db_exec(tx, &migrations_create, DB_NO_ARGS, NULL, e));
    TRY(db_each(tx, &migrations_applied, DB_NO_ARGS, known_name, step, e));
    if (step->applied == step->options->migration_count)
        return OK;

    const struct db_migration *next = &step->options->migrations[step->applied];
    const struct db_driver *driver = tx->db->driver;
    TRY(driver->script(tx, next->name, next->text[driver->engine], e));
    struct db_args record = DB_ARGS(db_text(next->name), db_int(clock_now(&clock_system)));
    TRY(db_exec(tx, &migrations_record, record, NULL, e));
    step->applied++;
    return OK;
}

enum err db_migrate(struct db *db, const struct db_options *options, struct error *e)
{
    struct migrate_step step = {.options = options};
    do {
        TRY(db_write(db, apply_next, &step, e));
    } while (step.applied < options->migration_count);
    return OK;
}
