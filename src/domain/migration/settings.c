#include "domain/migration/settings.h"

#define AT(member) offsetof(struct move_settings, member)

const struct field move_settings_fields[] = {
    {"at_once", FIELD_INT, AT(at_once), .min = 1, .max = 1000},
    {"soak_hours", FIELD_INT, AT(soak_hours), .min = 0, .max = 24 * 90},
    {"cutover_attempts", FIELD_INT, AT(cutover_attempts), .min = 1, .max = 1000},
    {"cutover_fails", FIELD_BOOL, AT(cutover_fails)},
    {"second_person", FIELD_BOOL, AT(second_person)},
    {"budget_ms", FIELD_INT, AT(mover.budget_ms), .min = 50, .max = 60000},
    {"lag_ms", FIELD_INT, AT(mover.lag_ms), .min = 10, .max = 60000},
    {"streams", FIELD_INT, AT(mover.streams), .min = 1, .max = 64},
    {"index_builds", FIELD_INT, AT(mover.index_builds), .min = 1, .max = 64},
    {"index_memory_mb", FIELD_INT, AT(mover.index_memory_mb), .min = 1, .max = 65536},
    {"kept_wal_mb", FIELD_INT, AT(mover.kept_wal_mb), .min = 16, .max = 16 << 20},
    {"tenant_column", FIELD_TEXT, AT(mover.tenant_column), .max_len = 63},
    FIELD_END,
};

struct move_settings move_settings_default(void)
{
    return (struct move_settings){
        .mover = {.budget_ms = 1000,
                  .lag_ms = 150,
                  .streams = 4,
                  .index_builds = 2,
                  .index_memory_mb = 64,
                  .kept_wal_mb = 10240,
                  .tenant_column = "customer_id"},
        .at_once = 2,
        .soak_hours = 72,
        .cutover_attempts = 10,
    };
}
