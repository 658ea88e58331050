#include "domain/provisioning/host_server.h"

#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/hetzner/parts.h"
#include "domain/provisioning/location.h"

#define LOAD_WINDOW_US (5 * 60 * USEC_PER_SEC)

enum err host_server_advance(const struct provisioning *with, const struct host *host,
                             struct arena *arena, struct hetzner_progress *ret, struct error *e)
{
    const struct hetzner_settings *s = &with->settings->hetzner;
    struct hetzner_order order = {
        .settings = s,
        .key = with->key,
        .name = host->name,
        .host_id = host->id,
        .location = host->location,
        .server_types = location_types(s, host->location, host->server_type, arena),
        .actions = host->actions,
    };
    struct cloud cloud;
    cloud_open(&cloud, with, &hcloud_dialect, host->id, NULL);
    enum err err = hetzner_server_advance(&cloud, &order, host->provider_id, arena, ret, e);
    cloud_close(&cloud);
    return err;
}

enum err host_server_remove(const struct provisioning *with, const struct host *host,
                            struct arena *arena, struct error *e)
{
    struct cloud cloud;
    cloud_open(&cloud, with, &hcloud_dialect, host->id, NULL);
    enum err err = hetzner_server_remove(&cloud, host->provider_id, host->name, host->id, arena, e);
    cloud_close(&cloud);
    return err;
}

enum err host_server_guard(const struct provisioning *with, struct arena *arena, struct error *e)
{
    struct cloud cloud;
    int64_t id;
    cloud_open(&cloud, with, &hcloud_dialect, NULL, NULL);
    enum err err = hetzner_firewall_have(&cloud, &with->settings->hetzner, arena, &id, e);
    cloud_close(&cloud);
    return err;
}

enum err host_server_load(const struct provisioning *with, const struct host *host,
                          struct arena *arena, decimal *ret_load, struct error *e)
{
    struct cloud cloud;
    cloud_open(&cloud, with, &hcloud_dialect, host->id, NULL);
    enum err err = hetzner_server_load(&cloud, host->provider_id, env_now(with->env),
                                       LOAD_WINDOW_US, arena, ret_load, e);
    cloud_close(&cloud);
    return err;
}
