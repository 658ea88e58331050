#include "sandbox/hetzner.h"

#define LABEL_PART_MAX   63
#define LABEL_PREFIX_MAX 253

static bool is_alnum(char ch)
{
    return (ch >= 'a' && ch <= 'z') || (ch >= 'A' && ch <= 'Z') || (ch >= '0' && ch <= '9');
}

/* Letters, digits and `inner`; begins and ends with a letter or digit. */
static bool is_label_text(struct str s, size_t max, const char *inner)
{
    if (s.len == 0 || s.len > max || !is_alnum(s.ptr[0]) || !is_alnum(s.ptr[s.len - 1]))
        return false;
    for (size_t i = 0; i < s.len; i++) {
        if (!is_alnum(s.ptr[i]) && !strchr(inner, s.ptr[i]))
            return false;
    }
    return true;
}

static bool is_label_key(struct str key)
{
    struct str name = key;
    struct str prefix = str_cut(&name, '/');
    if (!name.ptr) /* no slash: all of it is the name */
        return is_label_text(prefix, LABEL_PART_MAX, "-_.");
    return is_label_text(prefix, LABEL_PREFIX_MAX, "-.") && !str_eq(prefix, STR("hetzner.cloud")) &&
           is_label_text(name, LABEL_PART_MAX, "-_.");
}

static bool is_label_value(struct str value)
{
    return value.len == 0 || is_label_text(value, LABEL_PART_MAX, "-_.");
}

static enum err refuse_labels(struct call *c, const char *why)
{
    c->reply.details =
        json_packed("{s:[{s:s, s:[s]}]}", "fields", "name", "labels", "messages", why);
    return call_refuse(c, 422, "invalid_input", "invalid input in field 'labels': %s", why);
}

enum err hetzner_labels_check(struct call *c, const char *labels)
{
    _cleanup_json_ json_t *object = NULL;
    if (json_parse(str_from(labels), &object, NULL) != OK || !json_is_object(object))
        return refuse_labels(c, "must be an object of texts");
    const char *key;
    json_t *value;
    json_object_foreach (object, key, value) {
        if (!is_label_key(str_from(key)))
            return refuse_labels(c, "a key must be [prefix/]name of letters, digits, '-', '_' and "
                                    "'.', at most 63 of them, and not begin with hetzner.cloud/");
        struct str text = {json_string_value(value), json_string_length(value)};
        if (!json_is_string(value) || !is_label_value(text))
            return refuse_labels(c, "a value must be at most 63 letters, digits, '-', '_' and '.'");
    }
    return OK;
}

enum test { TEST_PRESENT, TEST_ABSENT, TEST_EQUAL, TEST_UNEQUAL };

/* One part of a selector: "!key", "key", "key=value", "key==value" or "key!=value". */
static enum test part_read(struct str part, struct str *ret_key, struct str *ret_value)
{
    part = str_trim(part);
    *ret_value = (struct str){0};
    if (str_starts_with(part, STR("!"))) {
        *ret_key = str_trim((struct str){part.ptr + 1, part.len - 1});
        return TEST_ABSENT;
    }
    struct str rest = part;
    struct str key = str_cut(&rest, '=');
    *ret_key = str_trim(key);
    if (!rest.ptr)
        return TEST_PRESENT;
    bool is_unequal = str_ends_with(key, STR("!"));
    if (is_unequal)
        *ret_key = str_trim((struct str){key.ptr, key.len - 1});
    else if (str_starts_with(rest, STR("=")))
        rest = (struct str){rest.ptr + 1, rest.len - 1};
    *ret_value = str_trim(rest);
    return is_unequal ? TEST_UNEQUAL : TEST_EQUAL;
}

static bool is_selector_key(struct str key)
{
    /* Filtering by the reserved prefix is allowed; only setting such labels is not. */
    struct str name = key;
    struct str prefix = str_cut(&name, '/');
    return is_label_text(prefix, LABEL_PREFIX_MAX, "-_.") &&
           (!name.ptr || is_label_text(name, LABEL_PART_MAX, "-_."));
}

enum err hetzner_selector_check(struct call *c)
{
    struct str rest = str_from(http_query(c->request, "label_selector"));
    while (rest.len > 0) {
        struct str key, value;
        (void)part_read(str_cut(&rest, ','), &key, &value);
        if (!is_selector_key(key) || !is_label_value(value))
            return call_refuse(c, 422, "invalid_input",
                               "invalid input in field 'label_selector': invalid label selector");
    }
    return OK;
}

static bool part_matches(struct str part, const json_t *labels)
{
    struct str key, value;
    enum test test = part_read(part, &key, &value);
    const json_t *held = json_object_getn(labels, key.ptr, key.len);
    struct str text = {json_string_value(held), json_string_length(held)};
    switch (test) {
    case TEST_PRESENT:
        return held;
    case TEST_ABSENT:
        return !held;
    case TEST_EQUAL:
        return held && str_eq(text, value);
    case TEST_UNEQUAL:
        return !held || !str_eq(text, value);
    }
    BUG_ON(true);
}

bool hetzner_selector_matches(const struct call *c, const char *labels)
{
    struct str rest = str_from(http_query(c->request, "label_selector"));
    if (rest.len == 0)
        return true;
    _cleanup_json_ json_t *object = NULL;
    BUG_ON(json_parse(str_from(labels), &object, NULL) != OK);
    while (rest.len > 0) {
        if (!part_matches(str_cut(&rest, ','), object))
            return false;
    }
    return true;
}
