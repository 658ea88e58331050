#include "domain/provisioning/inventory.h"

#include <inttypes.h>

#define PAGES_MAX 2000

/* How each kind is listed and read. */
struct listing {
    int kind;
    const char *path, *list, *one; /* "/servers", {"servers": [...]}, {"server": {...}} */
    const char *user;              /* the member that says what uses it; NULL: none */
};

static const struct listing listings[] = {
    {THING_SERVER, "/servers", "servers", "server", NULL},
    {THING_VOLUME, "/volumes", "volumes", "volume", "server"},
    {THING_FIREWALL, "/firewalls", "firewalls", "firewall", "applied_to"},
    {THING_NETWORK, "/networks", "networks", "network", "servers"},
    {THING_PRIMARY_IP, "/primary_ips", "primary_ips", "primary_ip", "assignee_id"},
    {THING_SSH_KEY, "/ssh_keys", "ssh_keys", "ssh_key", NULL},
};

static const struct listing *listing_of(int kind)
{
    for (size_t i = 0; i < ARRAY_LEN(listings); i++) {
        if (listings[i].kind == kind)
            return &listings[i];
    }
    return NULL;
}

static bool is_used(json_t *user)
{
    return json_is_array(user) ? json_array_size(user) > 0 : user && !json_is_null(user);
}

/* Where it is connected to: as host_activate() is given it. */
static const char *address_of(json_t *server, struct arena *arena)
{
    json_t *ipv4 = json_object_get(json_object_get(server, "public_net"), "ipv4");
    json_t *private_net = json_array_get(json_object_get(server, "private_net"), 0);
    const char *address = json_get_text(ipv4, "ip");
    if (!address)
        address = json_get_text(private_net, "ip");
    return address ? arena_text(arena, address) : "none";
}

static enum err read_thing(const struct listing *l, json_t *item, struct arena *arena,
                           struct thing *ret, struct error *e)
{
    json_t *labels = json_object_get(item, "labels");
    int64_t id = json_get_int(item, "id");
    const char *created = json_get_text(item, "created");
    if (id == INT_ABSENT)
        return error_set(e, ERR_CORRUPT, "Hetzner described a %s without id", l->one);
    *ret = (struct thing){
        .provider = HETZNER,
        .kind = l->kind,
        .id = arena_printf(arena, "%" PRId64, id),
        .name = arena_text(arena, json_get_text(item, "name")),
        .app = "",
        .region = arena_text(arena, json_get_text(json_object_get(item, "location"), "name")),
        .size = arena_text(arena, json_get_text(json_object_get(item, "server_type"), "name")),
        .address = l->kind == THING_SERVER ? address_of(item, arena) : NULL,
        .state = arena_text(arena, json_get_text(item, "status")),
        .managed = text_eq(json_get_text(labels, "managed-by"), "webhost"),
        .install = arena_text(arena, json_get_text(labels, "webhost-install")),
        .owner = arena_text(arena, json_get_text(labels, "webhost-host")),
        .in_use = l->user && is_used(json_object_get(item, l->user)),
        .created_at = INT_ABSENT,
    };
    if (created)
        (void)time_parse(str_from(created), &ret->created_at);
    return OK;
}

static enum err list_page(struct cloud *cloud, const struct listing *l, int64_t page,
                          struct things *things, int64_t *ret_next, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    TRY(cloud_call(cloud, HTTP_GET,
                   arena_printf(things->arena, "%s?page=%" PRId64 "&per_page=50", l->path, page),
                   NULL, things->arena, &body, e));
    json_t *list = json_object_get(body, l->list), *item;
    json_t *paging = json_object_get(json_object_get(body, "meta"), "pagination");
    if (!json_is_array(list) || !json_is_object(paging))
        return error_set(e, ERR_CORRUPT, "Hetzner listed %s without the list or its paging",
                         l->list);
    size_t i;
    json_array_foreach (list, i, item) {
        struct thing thing;
        TRY(read_thing(l, item, things->arena, &thing, e));
        things_add(things, &thing);
    }
    *ret_next = json_get_int(paging, "next_page");
    return OK;
}

enum err hetzner_inventory(struct cloud *cloud, struct things *things, struct error *e)
{
    for (size_t i = 0; i < ARRAY_LEN(listings); i++) {
        int64_t page = 1;
        for (int64_t read = 0; page != INT_ABSENT; read++) {
            if (read == PAGES_MAX)
                return error_set(e, ERR_TOO_LARGE, "Hetzner has more than %d pages of %s",
                                 PAGES_MAX, listings[i].list);
            TRY(list_page(cloud, &listings[i], page, things, &page, e));
        }
    }
    return OK;
}

enum err hetzner_thing(struct cloud *cloud, int kind, const char *id, struct arena *arena,
                       struct thing *ret, struct error *e)
{
    const struct listing *l = listing_of(kind);
    _cleanup_json_ json_t *body = NULL;
    BUG_ON(!l);
    TRY(cloud_call(cloud, HTTP_GET, arena_printf(arena, "%s/%s", l->path, id), NULL, arena, &body,
                   e));
    return read_thing(l, json_object_get(body, l->one), arena, ret, e);
}

enum err hetzner_thing_delete(struct cloud *cloud, const struct thing *thing, struct arena *arena,
                              struct error *e)
{
    const struct listing *l = listing_of(thing->kind);
    BUG_ON(!l);
    enum err err = cloud_call(cloud, HTTP_DELETE, arena_printf(arena, "%s/%s", l->path, thing->id),
                              NULL, arena, NULL, e);
    return err == ERR_NOT_FOUND ? OK : err;
}
