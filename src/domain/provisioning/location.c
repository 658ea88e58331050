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

static bool listed(struct texts list, const char *text)
{
    for (size_t i = 0; i < list.count; i++) {
        if (text_eq(list.items[i], text))
            return true;
    }
    return false;
}

struct texts location_list(const struct hetzner_settings *s, struct arena *arena)
{
    const struct hetzner_server_type *types = s->server_types.items;
    struct texts list = {arena_new_array(arena, s->server_types.count + 1, const char *), 0};
    for (size_t i = 0; i < s->server_types.count; i++) {
        if (!listed(list, types[i].location))
            list.items[list.count++] = types[i].location;
    }
    return list;
}

const char *location_choice(const struct hetzner_settings *s, const char *location, int64_t choice,
                            struct arena *arena)
{
    struct texts all = location_list(s, arena);
    const char *region = location_region(location);
    if (!listed(all, location))
        return NULL;
    if (choice == 0)
        return location;
    for (size_t i = 0; i < all.count; i++) {
        bool other =
            text_eq(location_region(all.items[i]), region) && !text_eq(all.items[i], location);
        if (other && --choice == 0)
            return all.items[i];
    }
    return NULL;
}

struct texts location_types(const struct hetzner_settings *s, const char *location,
                            const char *first, struct arena *arena)
{
    const struct hetzner_server_type *types = s->server_types.items;
    struct texts list = {arena_new_array(arena, s->server_types.count + 1, const char *), 0};
    if (first)
        list.items[list.count++] = first;
    for (size_t i = 0; i < s->server_types.count; i++) {
        if (text_eq(types[i].location, location) && !listed(list, types[i].type))
            list.items[list.count++] = types[i].type;
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
