#include "domain/provisioning/hetzner/server.h"

#include "domain/provisioning/hetzner/client.h"
#include "domain/provisioning/hetzner/cloud_init.h"
#include "domain/provisioning/hetzner/parts.h"

/* A server of our name, or of our id, that is another's must not be touched. */
static enum err check_ours(const struct hcloud_server *server, const char *host_id, struct error *e)
{
    if (!text_eq(server->managed_by, "webhost"))
        return error_set(e, ERR_CONFLICT,
                         "server %s exists at Hetzner but does not carry the label "
                         "managed-by=webhost: it is not ours to use; rename it",
                         server->name);
    if (!text_eq(server->host_id, host_id))
        return error_set(e, ERR_CONFLICT,
                         "server %s exists at Hetzner but its label webhost-host is %s and not "
                         "%s: another installation made it; give each a project of its own",
                         server->name, server->host_id ? server->host_id : "missing", host_id);
    return OK;
}

static enum err find_ours(struct cloud *cloud, const char *name, const char *host_id,
                          struct arena *arena, struct hcloud_server *ret, struct error *e)
{
    struct hcloud_server server;
    TRY(hcloud_server_find(cloud, name, arena, &server, e));
    TRY(check_ours(&server, host_id, e));
    *ret = server;
    return OK;
}

/* -- ordering --------------------------------------------------------------------------------- */

enum err hetzner_available(struct cloud *cloud, const char *location, struct texts types,
                           struct arena *arena, struct texts *ret_types, struct error *e)
{
    struct texts found = {arena_new_array(arena, types.count + 1, const char *), 0};
    for (size_t i = 0; i < types.count; i++) {
        bool available;
        TRY(hcloud_type_available(cloud, types.items[i], location, arena, &available, e));
        if (available)
            found.items[found.count++] = types.items[i];
    }
    *ret_types = found;
    return OK;
}

static const char *joined(struct texts types, struct arena *arena)
{
    const char *text = types.count ? types.items[0] : "none";
    for (size_t i = 1; i < types.count; i++)
        text = arena_printf(arena, "%s, %s", text, types.items[i]);
    return text;
}

/* Orders the first type that Hetzner has room for. */
static enum err order_first(struct cloud *cloud, struct hcloud_order *order, struct texts types,
                            struct arena *arena, struct hcloud_server *ret,
                            const char **ret_actions, struct error *e)
{
    struct texts available;
    TRY(hetzner_available(cloud, order->location, types, arena, &available, e));
    enum err err = error_set(e, ERR_CAPACITY,
                             "Hetzner sells no server of the types %s in %s now; add another type "
                             "to provisioning.hetzner.server_types or wait",
                             joined(types, arena), order->location);
    for (size_t i = 0; i < available.count; i++) {
        order->server_type = available.items[i];
        err = hcloud_server_create(cloud, order, arena, ret, ret_actions, e);
        if (err != ERR_CAPACITY)
            break;
    }
    return err;
}

/* Finds the server or orders it. */
static enum err have(struct cloud *cloud, const struct hetzner_order *order, struct arena *arena,
                     struct hcloud_server *ret, const char **ret_actions, struct error *e)
{
    enum err err = find_ours(cloud, order->name, order->host_id, arena, ret, e);
    if (err != ERR_NOT_FOUND)
        return err;
    struct hetzner_parts parts;
    TRY(hetzner_parts_have(cloud, order->settings, order->location, arena, &parts, e));
    struct hcloud_order form = {
        .name = order->name,
        .image = order->settings->image,
        .location = order->location,
        .host_id = order->host_id,
        .user_data = cloud_init_fill(order->key, order->name, arena),
        .ssh_keys = parts.ssh_keys,
        .firewall = parts.firewall,
        .network = parts.network,
        .placement_group = parts.placement_group,
    };
    err = order_first(cloud, &form, order->server_types, arena, ret, ret_actions, e);
    if (err != ERR_CONFLICT)
        return err;
    /* Another worker ordered it between our two calls, or the list was late to show it. */
    err = find_ours(cloud, order->name, order->host_id, arena, ret, e);
    if (err == ERR_NOT_FOUND)
        return error_set(e, ERR_BUSY, "Hetzner has a server %s but does not list it yet",
                         order->name);
    return err;
}

enum err hetzner_server_advance(struct cloud *cloud, const struct hetzner_order *order,
                                int64_t known_id, struct arena *arena, struct hetzner_progress *ret,
                                struct error *e)
{
    struct hcloud_server server;
    const char *ids = order->actions;
    if (known_id == INT_ABSENT) {
        ids = NULL; /* of a server that is forgotten */
        TRY(have(cloud, order, arena, &server, &ids, e));
    } else {
        TRY(hcloud_server_get(cloud, known_id, arena, &server, e));
        TRY(check_ours(&server, order->host_id, e));
    }
    if (!ids) /* adopted: what its order set going is among what it has had */
        TRY(hcloud_server_actions(cloud, server.id, arena, &ids, e));
    struct hcloud_actions actions;
    TRY(hcloud_actions_get(cloud, ids, arena, &actions, e));
    *ret = (struct hetzner_progress){
        .server_id = server.id,
        .server_type = server.server_type,
        .actions = ids,
        .running = actions.done && !actions.failed && text_eq(server.status, "running") &&
                   (server.ipv4 || server.private_ip),
        .ipv4 = server.ipv4,
        .private_ip = server.private_ip,
        .failed = actions.failed,
        .failure = actions.failure,
    };
    return OK;
}

/* -- removing --------------------------------------------------------------------------------- */

enum err hetzner_server_remove(struct cloud *cloud, int64_t known_id, const char *name,
                               const char *host_id, struct arena *arena, struct error *e)
{
    struct hcloud_server server;
    enum err err = known_id == INT_ABSENT ? hcloud_server_find(cloud, name, arena, &server, e)
                                          : hcloud_server_get(cloud, known_id, arena, &server, e);
    if (err == ERR_NOT_FOUND)
        return OK;
    TRY(err);
    TRY(check_ours(&server, host_id, e));
    if (!text_eq(server.status, "deleting")) {
        err = hcloud_server_delete(cloud, server.id, arena, e);
        if (err == ERR_NOT_FOUND)
            return OK;
        TRY(err);
    }
    return error_set(e, ERR_BUSY, "Hetzner is deleting server %s", name);
}

/* -- load ------------------------------------------------------------------------------------- */

enum err hetzner_server_load(struct cloud *cloud, int64_t id, int64_t now, int64_t window_us,
                             struct arena *arena, int64_t *ret_load, struct error *e)
{
    struct hcloud_server server;
    int64_t used;
    TRY(hcloud_server_get(cloud, id, arena, &server, e));
    TRY(hcloud_server_cpu(cloud, id, now - window_us, now, arena, &used, e));
    if (server.cores == INT_ABSENT || server.cores < 1)
        return error_set(e, ERR_CORRUPT, "Hetzner does not say how many cores server %s has",
                         server.name);
    int64_t load = used / server.cores;
    *ret_load = load > 10000 ? 10000 : load;
    return OK;
}
