#include "domain/provisioning/inventory.h"

const char *const thing_kind_names[] = {
    "server", "volume",  "firewall",   "network",          "primary_ip", "ssh_key",
    "app",    "machine", "ip_address", "postgres_cluster", NULL,
};

void things_add(struct things *things, const struct thing *thing)
{
    if (things->count == things->room) {
        size_t room = things->room ? things->room * 2 : 64;
        struct thing *larger = arena_new_array(things->arena, room, struct thing);
        if (things->count)
            memcpy(larger, things->items, things->count * sizeof(*larger));
        things->items = larger;
        things->room = room;
    }
    things->items[things->count++] = *thing;
}
