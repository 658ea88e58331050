#include "clock.sql.h"
#include "infra/db/driver.h"

enum err db_now(struct db_tx *tx, int64_t *ret_now, struct error *e)
{
    const struct clock *clock = tx->db->clock;
    if (!clock)
        return db_get_int(tx, &clock_read, DB_NO_ARGS, ret_now, e);
    *ret_now = clock_now(clock);
    return OK;
}
