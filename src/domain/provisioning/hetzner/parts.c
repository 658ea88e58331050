#include "domain/provisioning/hetzner/parts.h"

#include "domain/provisioning/cidr.h"
#include "domain/provisioning/hetzner/client.h"
#include "infra/config/yaml.h"
#include "infra/secrets/secret.h"

#include <inttypes.h>

/* -- what is known by its name ---------------------------------------------------------------- */

struct kind {
    const char *path;       /* "/ssh_keys" */
    const char *list, *one; /* where replies have many, and one */
    const char *called;
    const char *hint; /* what else may be taken when the name is free; NULL: nothing */
};

static const struct kind firewalls = {"/firewalls", "firewalls", "firewall", "firewall", NULL};
static const struct kind networks = {"/networks", "networks", "network", "network", NULL};
static const struct kind groups = {"/placement_groups", "placement_groups", "placement_group",
                                   "placement group", NULL};
static const struct kind ssh_keys = {
    "/ssh_keys", "ssh_keys", "ssh_key", "SSH key",
    "; if the project has the key of provisioning.hetzner.ssh_public_key_file under another name, "
    "put that name into provisioning.hetzner.ssh_keys instead"};

/* `ret_thing` is owned by the caller; NULL when there is none. */
static enum err find(struct cloud *cloud, const struct kind *kind, const char *name,
                     struct arena *arena, json_t **ret_thing, struct error *e)
{
    _cleanup_json_ json_t *body = NULL;
    const char *path = arena_printf(arena, "%s?name=%s", kind->path, http_escape(name, arena));
    TRY(cloud_call(cloud, HTTP_GET, path, NULL, arena, &body, e));
    json_t *thing = json_array_get(json_object_get(body, kind->list), 0);
    if (thing && json_get_int(thing, "id") == INT_ABSENT)
        return error_set(e, ERR_CORRUPT, "Hetzner described the %s %s without an id", kind->called,
                         name);
    *ret_thing = json_incref(thing);
    return OK;
}

static enum err check_ours(const struct cloud *cloud, const struct kind *kind, const char *name,
                           json_t *thing, struct error *e)
{
    json_t *labels = json_object_get(thing, "labels");
    if (text_eq(json_get_text(labels, "managed-by"), "webhost") &&
        text_eq(json_get_text(labels, "webhost-install"), cloud->install_id))
        return OK;
    return error_set(e, ERR_CONFLICT,
                     "the %s %s exists at Hetzner but does not carry the labels managed-by=webhost "
                     "and webhost-install=%s: it is not ours to use; rename it",
                     kind->called, name, cloud->install_id);
}

static enum err find_ours(struct cloud *cloud, const struct kind *kind, const char *name,
                          struct arena *arena, json_t **ret_thing, struct error *e)
{
    _cleanup_json_ json_t *thing = NULL;
    TRY(find(cloud, kind, name, arena, &thing, e));
    if (thing)
        TRY(check_ours(cloud, kind, name, thing, e));
    *ret_thing = json_incref(thing);
    return OK;
}

/* Finds ours of that name or makes it of `form`, which is stolen and gets name and labels. */
static enum err have(struct cloud *cloud, const struct kind *kind, const char *name, json_t *form,
                     struct arena *arena, json_t **ret_thing, struct error *e)
{
    _cleanup_json_ json_t *request = form, *body = NULL, *thing = NULL;
    TRY(find_ours(cloud, kind, name, arena, &thing, e));
    if (thing) {
        *ret_thing = json_incref(thing);
        return OK;
    }
    BUG_ON(json_object_set_new(request, "name", json_string(name)) != 0 ||
           json_object_set_new(request, "labels", hcloud_labels(cloud, NULL)) != 0);
    enum err err = cloud_call(cloud, HTTP_POST, kind->path, json_incref(request), arena, &body, e);
    if (err == OK) {
        *ret_thing = json_incref(json_object_get(body, kind->one));
        return *ret_thing ? OK
                          : error_set(e, ERR_CORRUPT, "Hetzner made the %s %s but does not show it",
                                      kind->called, name);
    }
    if (err != ERR_CONFLICT)
        return err;
    /* Another worker made it between our two calls, or the list was late to show it. */
    TRY(find_ours(cloud, kind, name, arena, &thing, e));
    if (!thing)
        return error_set(e, kind->hint ? ERR_CONFLICT : ERR_BUSY,
                         "Hetzner calls the %s %s not unique, but does not list it yet%s",
                         kind->called, name, kind->hint ? kind->hint : "");
    *ret_thing = json_incref(thing);
    return OK;
}

/* What the configuration names has to be there. */
static enum err need(struct cloud *cloud, const struct kind *kind, const char *name,
                     const char *setting, struct arena *arena, int64_t *ret_id, struct error *e)
{
    _cleanup_json_ json_t *thing = NULL;
    TRY(find(cloud, kind, name, arena, &thing, e));
    if (!thing)
        return error_set(e, ERR_INVALID,
                         "Hetzner has no %s named %s in this project: add it there, or correct "
                         "provisioning.hetzner.%s",
                         kind->called, name, setting);
    *ret_id = json_get_int(thing, "id");
    return OK;
}

/* Version 7 ids begin with the time; what tells two installations apart is at the end. */
static const char *our_name(const struct cloud *cloud, const char *rest, struct arena *arena)
{
    size_t len = strlen(cloud->install_id), kept = len < 12 ? len : 12;
    return arena_printf(arena, "webhost-%s%s", cloud->install_id + len - kept, rest);
}

/* -- the firewall ----------------------------------------------------------------------------- */

static const struct {
    const char *port, *what;
} doors[] = {
    {"22", "SSH"},
    {"5432", "PostgreSQL"},
    {"6432", "PgBouncer"},
    {"9100", "node exporter"},
};

static json_t *rule_json(const char *protocol, const char *port, const char *what,
                         struct texts from)
{
    json_t *sources = json_array();
    for (size_t i = 0; i < from.count; i++)
        BUG_ON(json_array_append_new(sources, json_from_text(from.items[i])) != 0);
    json_t *rule = json_pack("{s:s, s:s, s:s*, s:s, s:o}", "direction", "in", "protocol", protocol,
                             "port", port, "description", what, "source_ips", sources);
    BUG_ON(!rule);
    return rule;
}

static json_t *rules_json(const struct hetzner_settings *s)
{
    static const char *anywhere[] = {"0.0.0.0/0", "::/0"};
    json_t *rules = json_array();
    BUG_ON(json_array_append_new(
               rules, rule_json("icmp", NULL, "ICMP", (struct texts){anywhere, 2})) != 0);
    /* A rule without sources is refused; without a rule nobody comes in. */
    for (size_t i = 0; s->allow_from.count > 0 && i < ARRAY_LEN(doors); i++)
        BUG_ON(json_array_append_new(
                   rules, rule_json("tcp", doors[i].port, doors[i].what, s->allow_from)) != 0);
    return rules;
}

static bool has_source(json_t *sources, const char *wanted)
{
    size_t i;
    json_t *source;
    json_array_foreach (sources, i, source) {
        if (cidr_same(json_string_value(source), wanted))
            return true;
    }
    return false;
}

static bool same_rule(json_t *a, json_t *b)
{
    json_t *from = json_object_get(a, "source_ips"), *other = json_object_get(b, "source_ips");
    bool same = text_eq(json_get_text(a, "direction"), json_get_text(b, "direction")) &&
                text_eq(json_get_text(a, "protocol"), json_get_text(b, "protocol")) &&
                text_eq(json_get_text(a, "port"), json_get_text(b, "port")) &&
                json_array_size(from) == json_array_size(other);
    for (size_t i = 0; same && i < json_array_size(other); i++)
        same = has_source(from, json_string_value(json_array_get(other, i)));
    return same;
}

/* In any order, and whatever the descriptions say. No two of `wanted` are the same. */
static bool same_rules(json_t *found, json_t *wanted)
{
    size_t i, k;
    json_t *rule, *other;
    if (json_array_size(found) != json_array_size(wanted))
        return false;
    json_array_foreach (wanted, i, rule) {
        bool is_there = false;
        json_array_foreach (found, k, other)
            is_there = is_there || same_rule(other, rule);
        if (!is_there)
            return false;
    }
    return true;
}

enum err hetzner_firewall_have(struct cloud *cloud, const struct hetzner_settings *s,
                               struct arena *arena, int64_t *ret_id, struct error *e)
{
    _cleanup_json_ json_t *thing = NULL, *form = json_pack("{s:o}", "rules", rules_json(s));
    BUG_ON(!form);
    const char *name = our_name(cloud, "", arena);
    TRY(have(cloud, &firewalls, name, json_deep_copy(form), arena, &thing, e));
    int64_t id = json_get_int(thing, "id");
    if (!same_rules(json_object_get(thing, "rules"), json_object_get(form, "rules"))) {
        const char *path = arena_printf(arena, "/firewalls/%" PRId64 "/actions/set_rules", id);
        enum err err = cloud_call(cloud, HTTP_POST, path, json_incref(form), arena, NULL, e);
        if (err == ERR_NOT_FOUND)
            return error_set(e, ERR_BUSY, "the firewall %s was deleted at Hetzner just now", name);
        TRY(err);
    }
    *ret_id = id;
    return OK;
}

/* -- SSH keys --------------------------------------------------------------------------------- */

#define PUBLIC_KEY_MAX ((size_t)16 * 1024)
#define KEY_HASH_LEN   8

/* The name follows from the key: another key in the file is another one at Hetzner. */
static enum err have_key(struct cloud *cloud, const char *file, struct arena *arena,
                         const char **ret_name, struct error *e)
{
    struct str text;
    TRY(file_read(file, PUBLIC_KEY_MAX, arena, &text, e));
    text = str_trim(text);
    if (str_starts_with(text, STR("-----")) || text.len == 0)
        return error_set(e, ERR_INVALID,
                         "provisioning.hetzner.ssh_public_key_file: %s has no public key in "
                         "OpenSSH's format (one line, \"ssh-ed25519 AAAA...\")",
                         file);
    char hex[HASH_TEXT_MAX];
    (void)sha256_hex(text, hex);
    hex[KEY_HASH_LEN] = '\0';
    const char *name = our_name(cloud, arena_printf(arena, "-%s", hex), arena);
    json_t *form = json_object();
    BUG_ON(json_object_set_new(form, "public_key",
                               json_from_text(arena_text_n(arena, text.ptr, text.len))) != 0);
    _cleanup_json_ json_t *thing = NULL;
    TRY(have(cloud, &ssh_keys, name, form, arena, &thing, e));
    *ret_name = name;
    return OK;
}

static enum err have_keys(struct cloud *cloud, const struct hetzner_settings *s,
                          struct arena *arena, struct texts *ret_keys, struct error *e)
{
    struct texts keys = {arena_new_array(arena, s->ssh_keys.count + 1, const char *), 0};
    for (size_t i = 0; i < s->ssh_keys.count; i++) {
        int64_t id;
        TRY(need(cloud, &ssh_keys, s->ssh_keys.items[i], "ssh_keys", arena, &id, e));
        keys.items[keys.count++] = s->ssh_keys.items[i];
    }
    if (s->ssh_public_key_file)
        TRY(have_key(cloud, s->ssh_public_key_file, arena, &keys.items[keys.count++], e));
    *ret_keys = keys;
    return OK;
}

/* -- placement groups ------------------------------------------------------------------------- */

#define GROUP_SERVERS_MAX 10 /* Hetzner's bound for a spread group */

/* The location's first group that has room. */
static enum err have_group(struct cloud *cloud, const char *location, struct arena *arena,
                           int64_t *ret_id, struct error *e)
{
    for (int64_t number = 1;; number++) {
        const char *name =
            our_name(cloud, arena_printf(arena, "-%s-%" PRId64, location, number), arena);
        _cleanup_json_ json_t *thing = NULL;
        TRY(have(cloud, &groups, name, json_pack("{s:s}", "type", "spread"), arena, &thing, e));
        if (json_array_size(json_object_get(thing, "servers")) < GROUP_SERVERS_MAX) {
            *ret_id = json_get_int(thing, "id");
            return OK;
        }
    }
}

/* --------------------------------------------------------------------------------------------- */

enum err hetzner_parts_have(struct cloud *cloud, const struct hetzner_settings *s,
                            const char *location, struct arena *arena, struct hetzner_parts *ret,
                            struct error *e)
{
    struct hetzner_parts parts = {.network = INT_ABSENT, .placement_group = INT_ABSENT};
    TRY(have_keys(cloud, s, arena, &parts.ssh_keys, e));
    if (s->network)
        TRY(need(cloud, &networks, s->network, "network", arena, &parts.network, e));
    TRY(hetzner_firewall_have(cloud, s, arena, &parts.firewall, e));
    if (s->spread)
        TRY(have_group(cloud, location, arena, &parts.placement_group, e));
    *ret = parts;
    return OK;
}
