/*
 * Hetzner's locations: which serve the same region, and what the configuration says about each.
 *
 * A customer is decided for a region and named a location in it. When that location has no server
 * to sell, another of the same region does as well, because what the decision was about (distance,
 * the law that applies) is the same there.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_LOCATION_H
#define WEBHOST_DOMAIN_PROVISIONING_LOCATION_H

#include "domain/provisioning/settings.h"

/* The geography's name ("EU"); a location that we do not know is a region of its own. */
const char *location_region(const char *location);

/* Every location that the configuration can order in, each once, in the arena. */
struct texts location_list(const struct hetzner_settings *s, struct arena *arena);

/*
 * Where to order for a customer of `location`: choice 0 is that location, the further ones are the
 * others of its region in the order of the configuration. NULL past the last, and for all when
 * nothing can be ordered in the location itself.
 */
const char *location_choice(const struct hetzner_settings *s, const char *location, int64_t choice,
                            struct arena *arena);

/*
 * The server types to order there, the wanted one first: `first` when it is not NULL, then those of
 * the configuration in its order.
 */
struct texts location_types(const struct hetzner_settings *s, const char *location,
                            const char *first, struct arena *arena);

struct location_limits {
    int64_t reserve_slots, hosts_max;
    bool reserve_always; /* set for this location, so it holds before anybody lives there */
};

struct location_limits location_limits(const struct hetzner_settings *s, const char *location);

#endif
