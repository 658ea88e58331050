#include "domain/usage/settings.h"

#define MINUTES .min = 1, .max = 60

const struct field usage_settings_fields[] = {
    {"collect_minutes", FIELD_INT, offsetof(struct usage_settings, collect_minutes), MINUTES},
    {"collect_max", FIELD_INT, offsetof(struct usage_settings, collect_max), .min = 1,
     .max = 1000000},
    {"measure_minutes", FIELD_INT, offsetof(struct usage_settings, measure_minutes), MINUTES},
    FIELD_END,
};

struct usage_settings usage_settings_default(void)
{
    return (struct usage_settings){
        .collect_minutes = 15, .collect_max = 20000, .measure_minutes = 5};
}

const char *usage_every(int64_t minutes, struct arena *arena)
{
    if (minutes == 60)
        return "0 * * * *";
    return arena_printf(arena, "*/%d * * * *", (int)minutes);
}
