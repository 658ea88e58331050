/*
 * What a server needs at Hetzner before it is ordered: the firewall that keeps the world away from
 * its database, SSH keys, a network, a placement group.
 *
 * The firewall, the key of ssh_public_key_file and the placement groups are ours: known by their
 * names, which begin with webhost-<the end of the installation's id>, and by their labels
 * managed-by=webhost and webhost-install=<the id>. Each is looked up, adopted when the labels are
 * right, refused when they are not, else made; a name that turns out to be taken is looked up
 * again. They cost nothing and stay. The keys of ssh_keys and the network are the operator's: they
 * are looked up by name and never made or changed.
 *
 * Errors as in server.h, without ERR_NOT_FOUND: what the configuration names and Hetzner does not
 * have is ERR_INVALID.
 */
#ifndef WEBHOST_DOMAIN_PROVISIONING_HETZNER_PARTS_H
#define WEBHOST_DOMAIN_PROVISIONING_HETZNER_PARTS_H

#include "domain/provisioning/cloud.h"
#include "domain/provisioning/settings.h"

struct hetzner_parts {
    int64_t firewall;
    int64_t network, placement_group; /* INT_ABSENT: none */
    struct texts ssh_keys;            /* names */
};

/* Makes sure of everything that a server in the location is to be ordered with. */
enum err hetzner_parts_have(struct cloud *cloud, const struct hetzner_settings *s,
                            const char *location, struct arena *arena, struct hetzner_parts *ret,
                            struct error *e);

/*
 * The firewall, with the rules that follow from the settings: ICMP from anywhere, and SSH,
 * PostgreSQL, PgBouncer and the node exporter from allow_from only. Other rules are replaced, which
 * holds for all servers behind it at once.
 */
enum err hetzner_firewall_have(struct cloud *cloud, const struct hetzner_settings *s,
                               struct arena *arena, int64_t *ret_id, struct error *e);

#endif
