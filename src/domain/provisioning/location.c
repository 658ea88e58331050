#include "domain/provisioning/location.h"

#include "domain/placement/vocabulary.h"

static const struct {
    const char *location;
    enum geography geography;
} known[] = {
    {"ash", GEOGRAPHY_US},  {"hil", GEOGRAPHY_US},  {"fsn1", GEOGRAPHY_EU},
    {"nbg1", GEOGRAPHY_EU}, {"hel1", GEOGRAPHY_EU}, {"sin", GEOGRAPHY_APAC},
};

const char *location_region(const char *location)
{
    for (size_t i = 0; i < ARRAY_LEN(known); i++) {
        if (text_eq(known[i].location, location))
            return geography_names[known[i].geography];
    }
    return location;
}

const struct hetzner_server_type *location_choice(const struct hetzner_settings *s,
                                                  const char *location, int64_t choice)
{
    const struct hetzner_server_type *types = s->server_types.items;
    const char *region = location_region(location);
    bool own[] = {true, false};
    for (size_t pass = 0; pass < ARRAY_LEN(own); pass++) {
        for (size_t i = 0; i < s->server_types.count; i++) {
            bool fits = own[pass] == text_eq(types[i].location, location) &&
                        text_eq(location_region(types[i].location), region);
            if (fits && choice-- == 0)
                return &types[i];
        }
    }
    return NULL;
}

struct texts location_list(const struct hetzner_settings *s, struct arena *arena)
{
    const struct hetzner_server_type *types = s->server_types.items;
    struct texts list = {arena_new_array(arena, s->server_types.count + 1, const char *), 0};
    for (size_t i = 0; i < s->server_types.count; i++) {
        bool seen = false;
        for (size_t k = 0; k < list.count; k++)
            seen = seen || text_eq(list.items[k], types[i].location);
        if (!seen)
            list.items[list.count++] = types[i].location;
    }
    return list;
}

struct location_limits location_limits(const struct hetzner_settings *s, const char *location)
{
    const struct hetzner_location *items = s->locations.items;
    struct location_limits limits = {s->reserve_slots, s->hosts_max, false};
    for (size_t i = 0; i < s->locations.count; i++) {
        if (!text_eq(items[i].location, location))
            continue;
        if (items[i].reserve_slots != INT_ABSENT) {
            limits.reserve_slots = items[i].reserve_slots;
            limits.reserve_always = true;
        }
        if (items[i].hosts_max != INT_ABSENT)
            limits.hosts_max = items[i].hosts_max;
    }
    return limits;
}
