/*
 * Firewalls: rules, the servers they protect, and label selectors, which are kept and shown but
 * not resolved to servers.
 */
#include "sandbox/hetzner_things.h"

#define RULES_MAX   50
#define TARGETS_MAX 100
#define SOURCES_MAX 100

static void show(const struct call *c, const struct thing_row *row, const json_t *detail,
                 json_t *servers, json_t *shown)
{
    (void)c;
    (void)row;
    json_t *applied = json_array(), *item;
    size_t i;
    json_array_foreach (servers, i, item)
        json_push(applied, json_packed("{s:s, s:{s:O}}", "type", "server", "server", "id", item));
    json_array_foreach (json_object_get(detail, "selectors"), i, item)
        json_push(applied, json_packed("{s:s, s:{s:O}, s:[]}", "type", "label_selector",
                                       "label_selector", "selector", item, "applied_to_resources"));
    json_put(shown, "rules", json_incref(json_object_get(detail, "rules")));
    json_put(shown, "applied_to", applied);
}

const struct thing_kind hetzner_firewall = {
    .name = "firewall",
    .plural = "firewalls",
    .called = "firewall",
    .show = show,
    .status_while_used = 422,
    .code_while_used = "resource_in_use",
};

/* -- input ------------------------------------------------------------------------------------ */

struct rule_input {
    const char *description, *port;
    int direction, protocol;
    struct texts source_ips, destination_ips;
};

static const char *const directions[] = {"in", "out", NULL};
static const char *const protocols[] = {"tcp", "udp", "icmp", "esp", "gre", NULL};

static const struct field rule_fields[] = {
    {"description", FIELD_TEXT, offsetof(struct rule_input, description)},
    {"direction", FIELD_ENUM, offsetof(struct rule_input, direction), .required = true,
     .names = directions},
    {"protocol", FIELD_ENUM, offsetof(struct rule_input, protocol), .required = true,
     .names = protocols},
    {"port", FIELD_TEXT, offsetof(struct rule_input, port)},
    {"source_ips", FIELD_TEXTS, offsetof(struct rule_input, source_ips), .min = 0,
     .max = SOURCES_MAX},
    {"destination_ips", FIELD_TEXTS, offsetof(struct rule_input, destination_ips), .min = 0,
     .max = SOURCES_MAX},
    FIELD_END,
};

struct target_input {
    int type;
    struct {
        int64_t id;
    } server;
    struct {
        const char *selector;
    } label_selector;
};

static const char *const target_types[] = {"server", "label_selector", NULL};

static const struct field target_server_fields[] = {
    {"id", FIELD_INT, 0, .required = true},
    FIELD_END,
};

static const struct field target_selector_fields[] = {
    {"selector", FIELD_TEXT, 0, .required = true},
    FIELD_END,
};

static const struct field target_fields[] = {
    {"type", FIELD_ENUM, offsetof(struct target_input, type), .required = true,
     .names = target_types},
    {"server", FIELD_OBJECT, offsetof(struct target_input, server), .fields = target_server_fields},
    {"label_selector", FIELD_OBJECT, offsetof(struct target_input, label_selector),
     .fields = target_selector_fields},
    FIELD_END,
};

struct firewall_input {
    const char *name, *labels;
    struct records rules, apply_to, remove_from;
};

#define LIST(name, member, table, item)                                                            \
    {                                                                                              \
        name, FIELD_OBJECTS, offsetof(struct firewall_input, member),                              \
            .fields = table, .item_size = sizeof(struct item)                                      \
    }

static const struct field firewall_fields[] = {
    {"name", FIELD_TEXT, offsetof(struct firewall_input, name), .required = true, .max_len = 128},
    {"labels", FIELD_JSON, offsetof(struct firewall_input, labels)},
    LIST("rules", rules, rule_fields, rule_input),
    LIST("apply_to", apply_to, target_fields, target_input),
    FIELD_END,
};

static const struct field rules_fields[] = {
    LIST("rules", rules, rule_fields, rule_input),
    FIELD_END,
};

static const struct field apply_fields[] = {
    LIST("apply_to", apply_to, target_fields, target_input),
    FIELD_END,
};

static const struct field remove_fields[] = {
    LIST("remove_from", remove_from, target_fields, target_input),
    FIELD_END,
};

static const char *what_is_wrong(const struct rule_input *rule)
{
    bool has_ports = rule->protocol == 0 || rule->protocol == 1;
    if (has_ports != (rule->port != NULL))
        return has_ports ? "port is required for tcp and udp" : "port is for tcp and udp only";
    if (rule->direction == 0 && rule->source_ips.count == 0)
        return "source_ips is required for rules with direction in";
    if (rule->direction == 1 && rule->destination_ips.count == 0)
        return "destination_ips is required for rules with direction out";
    return NULL;
}

/* The rules as they are stored and shown: every member there. */
static enum err check_rules(struct call *c, const struct records *rules, json_t **ret_rules)
{
    if (rules->count > RULES_MAX)
        return call_refuse(c, 422, "invalid_input", "a firewall has at most %d rules", RULES_MAX);
    _cleanup_json_ json_t *list = json_array();
    for (size_t i = 0; i < rules->count; i++) {
        const struct rule_input *rule = &((const struct rule_input *)rules->items)[i];
        const char *wrong = what_is_wrong(rule);
        if (wrong)
            return call_refuse(c, 422, "invalid_input", "invalid input in field 'rules[%zu]': %s",
                               i, wrong);
        json_t *shown = json_encode(rule_fields, rule, JSON_KEEP_ABSENT);
        if (!rule->source_ips.items)
            json_put(shown, "source_ips", json_array());
        if (!rule->destination_ips.items)
            json_put(shown, "destination_ips", json_array());
        json_push(list, shown);
    }
    *ret_rules = json_incref(list);
    return OK;
}

/* -- where they apply ------------------------------------------------------------------------- */

static size_t position_of(const json_t *selectors, const char *selector)
{
    size_t i;
    for (i = 0; i < json_array_size(selectors); i++) {
        if (text_eq(json_string_value(json_array_get(selectors, i)), selector))
            break;
    }
    return i;
}

static enum err change_selector(struct call *c, struct thing_row *row, const char *selector,
                                bool adds, struct error *e)
{
    json_t *detail = thing_detail(row);
    json_t *selectors = json_object_get(detail, "selectors");
    size_t at = position_of(selectors, selector);
    bool is_there = at < json_array_size(selectors);
    if (adds && !is_there)
        json_push(selectors, json_string(selector));
    if (!adds && is_there)
        (void)json_array_remove(selectors, at);
    return thing_set_detail(c, row, detail, e);
}

static enum err change_server(struct call *c, const struct thing_row *row, int64_t server_id,
                              bool adds, struct error *e)
{
    struct server_row server;
    TRY(thing_server(c, server_id, "server", &server, e));
    bool was_there;
    TRY(thing_unlink(c, row->id, server.id, &was_there, e));
    if (adds && was_there)
        return call_refuse(c, 422, "firewall_already_applied",
                           "firewall %lld is already applied to server %lld", (long long)row->id,
                           (long long)server.id);
    if (!adds && !was_there)
        return call_refuse(c, 422, "firewall_resource_not_found",
                           "firewall %lld is not applied to server %lld", (long long)row->id,
                           (long long)server.id);
    return adds ? thing_link(c, row->id, server.id, NULL, e) : OK;
}

/* One action for each target. */
static enum err change_targets(struct call *c, struct thing_row *row, const struct records *targets,
                               bool adds, json_t *actions, struct error *e)
{
    const char *command = adds ? "apply_firewall" : "remove_firewall";
    for (size_t i = 0; i < targets->count; i++) {
        const struct target_input *target = &((const struct target_input *)targets->items)[i];
        bool is_server = target->type == 0;
        if (is_server ? target->server.id == INT_ABSENT : !target->label_selector.selector)
            return call_refuse(c, 422, "invalid_input", "target %zu says not what it is", i);
        if (is_server)
            TRY(change_server(c, row, target->server.id, adds, e));
        else
            TRY(change_selector(c, row, target->label_selector.selector, adds, e));
        json_t *action;
        TRY(thing_action(c, command, row, is_server ? target->server.id : 0, &action, e));
        json_push(actions, action);
    }
    return OK;
}

enum err firewall_create(struct call *c, struct error *e)
{
    struct firewall_input in;
    record_clear(firewall_fields, &in);
    TRY(call_decode(c, firewall_fields, &in));
    json_t *rules;
    TRY(check_rules(c, &in.rules, &rules));
    struct thing_row row;
    TRY(thing_insert(c, &hetzner_firewall, in.name, in.labels, NULL,
                     json_packed("{s:o, s:[]}", "rules", rules, "selectors"), &row, e));
    _cleanup_json_ json_t *actions = json_array();
    TRY(change_targets(c, &row, &in.apply_to, true, actions, e));
    json_t *shown;
    TRY(thing_json(c, &row, &shown, e));
    return call_answer(c, 201, json_packed("{s:o, s:O}", "firewall", shown, "actions", actions));
}

enum err firewall_set_rules(struct call *c, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct firewall_input in = {0};
    TRY(call_decode(c, rules_fields, &in));
    json_t *rules, *action;
    TRY(check_rules(c, &in.rules, &rules));
    json_t *detail = thing_detail(&row);
    json_put(detail, "rules", rules);
    TRY(thing_set_detail(c, &row, detail, e));
    TRY(thing_action(c, "set_firewall_rules", &row, 0, &action, e));
    return call_answer(c, 201, json_packed("{s:[o]}", "actions", action));
}

static enum err change(struct call *c, const struct field *fields, bool adds, struct error *e)
{
    struct thing_row row;
    TRY(thing_of(c, &row, e));
    struct firewall_input in = {0};
    TRY(call_decode(c, fields, &in));
    const struct records *targets = adds ? &in.apply_to : &in.remove_from;
    if (targets->count == 0 || targets->count > TARGETS_MAX)
        return call_refuse(c, 422, "invalid_input", "give 1 to %d targets", TARGETS_MAX);
    _cleanup_json_ json_t *actions = json_array();
    TRY(change_targets(c, &row, targets, adds, actions, e));
    return call_answer(c, 201, json_packed("{s:O}", "actions", actions));
}

enum err firewall_apply(struct call *c, struct error *e)
{
    return change(c, apply_fields, true, e);
}

enum err firewall_remove(struct call *c, struct error *e)
{
    return change(c, remove_fields, false, e);
}
