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

/*
 * What to order for a customer of `location`, by how much it is wanted: its own types in the order
 * of the configuration, then those of the region's other locations. NULL when `choice` is past the
 * last; choice 0 is NULL when nothing can be ordered for that location.
 */
const struct hetzner_server_type *location_choice(const struct hetzner_settings *s,
                                                  const char *location, int64_t choice);

/* Every location that the configuration can order in, each once, in the arena. */
struct texts location_list(const struct hetzner_settings *s, struct arena *arena);

struct location_limits {
    int64_t reserve_slots, hosts_max;
    bool reserve_always; /* set for this location, so it holds before anybody lives there */
};

struct location_limits location_limits(const struct hetzner_settings *s, const char *location);

#endif
