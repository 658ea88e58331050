#include "sandbox/settings.h"

#include <pthread.h>

/* `now` is replaced and never changed, so that a request can keep reading what it took. */
struct settings {
    pthread_mutex_t lock;
    json_t *now;
};

struct settings_input {
    const char *availability, *load, *checks;
};

static const struct field settings_fields[] = {
    {"availability", FIELD_JSON, offsetof(struct settings_input, availability)},
    {"load", FIELD_JSON, offsetof(struct settings_input, load)},
    {"checks", FIELD_JSON, offsetof(struct settings_input, checks)},
    FIELD_END,
};

struct settings *settings_new(void)
{
    struct settings *s = calloc(1, sizeof(*s));
    BUG_ON(!s);
    BUG_ON(pthread_mutex_init(&s->lock, NULL) != 0);
    s->now = json_object();
    return s;
}

void settings_free(struct settings *s)
{
    if (!s)
        return;
    json_decref(s->now);
    (void)pthread_mutex_destroy(&s->lock);
    free(s);
}

json_t *settings_now(struct settings *s)
{
    (void)pthread_mutex_lock(&s->lock);
    json_t *now = json_incref(s->now);
    (void)pthread_mutex_unlock(&s->lock);
    return now;
}

/* -- reading ---------------------------------------------------------------------------------- */

static const json_t *member(const json_t *object, const char *name)
{
    const json_t *found = json_object_get(object, name);
    return found ? found : json_object_get(object, "*");
}

const json_t *settings_availability(const struct call *c, const char *type, const char *location)
{
    return member(member(json_object_get(c->settings, "availability"), type), location);
}

double settings_load(const struct call *c, int64_t server_id, const char *server_name,
                     const char *what, double otherwise)
{
    const json_t *loads = json_object_get(c->settings, "load");
    const char *number = arena_printf(c->arena, "%lld", (long long)server_id);
    const json_t *load = json_object_get(loads, number);
    const json_t *value = json_object_get(load ? load : member(loads, server_name), what);
    return json_is_number(value) ? json_number_value(value) : otherwise;
}

const char *settings_check(const struct call *c, const char *machine_id, const char *machine_name,
                           const char *check)
{
    const json_t *checks = json_object_get(c->settings, "checks");
    const json_t *of_machine = json_object_get(checks, machine_id);
    const json_t *state = member(of_machine ? of_machine : member(checks, machine_name), check);
    return json_string_value(state);
}

/* -- operations ------------------------------------------------------------------------------- */

enum err settings_show(struct call *c, struct error *e)
{
    (void)e;
    return call_answer(c, 200, settings_now(call_settings(c)));
}

/* As RFC 7396 has it. */
static void merge(json_t *target, json_t *patch)
{
    const char *key;
    json_t *value;
    json_object_foreach (patch, key, value) {
        json_t *old = json_object_get(target, key);
        if (json_is_null(value))
            (void)json_object_del(target, key);
        else if (json_is_object(value) && json_is_object(old))
            merge(old, value);
        else
            json_put(target, key, json_deep_copy(value));
    }
}

enum err settings_change(struct call *c, struct error *e)
{
    struct settings_input in = {0};
    TRY(call_decode(c, settings_fields, &in));
    struct settings *s = call_settings(c);
    (void)pthread_mutex_lock(&s->lock);
    json_t *next = json_deep_copy(s->now);
    merge(next, c->body);
    json_decref(s->now);
    s->now = next;
    (void)pthread_mutex_unlock(&s->lock);
    return settings_show(c, e);
}

enum err settings_clear(struct call *c, struct error *e)
{
    (void)e;
    struct settings *s = call_settings(c);
    (void)pthread_mutex_lock(&s->lock);
    json_decref(s->now);
    s->now = json_object();
    (void)pthread_mutex_unlock(&s->lock);
    return call_answer(c, 204, NULL);
}
