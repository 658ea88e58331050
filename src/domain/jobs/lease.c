#include "domain/jobs/lease.h"

#include "lease.sql.h"

enum err lease_take(struct db_tx *tx, const char *name, int64_t holder, int64_t now,
                    int64_t lease_us, bool *ret_held, struct error *e)
{
    int64_t changes;
    struct db_value who = db_int(holder), until = db_int(now + lease_us);
    TRY(db_exec(tx, &lease_insert, DB_ARGS(db_text(name), who, until), NULL, e));
    TRY(db_exec(tx, &lease_renew, DB_ARGS(db_text(name), who, until, db_int(now)), &changes, e));
    *ret_held = changes > 0;
    return OK;
}

enum err lease_release(struct db_tx *tx, const char *name, int64_t holder, struct error *e)
{
    return db_exec(tx, &lease_delete, DB_ARGS(db_text(name), db_int(holder)), NULL, e);
}
