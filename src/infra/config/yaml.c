#include "infra/config/yaml.h"

#include <yaml.h>

#define KEY_ECHO 40

struct line_entry {
    const json_t *value;
    size_t line;
};

struct yaml_doc {
    struct json_source source;
    json_t *root;
    json_t *repeated; /* values of duplicate keys: alive, so that no address has two lines */
    struct line_entry *lines; /* sorted by address once parsing is over */
    size_t count, room;
};

struct reader {
    yaml_parser_t parser;
    struct yaml_doc *doc;
    struct problems *problems;
    struct arena arena; /* paths */
    size_t depth;
};

/* An event that is deleted when its holder returns. */
#define _cleanup_event_ __attribute__((cleanup(yaml_event_delete)))

static int by_address(const void *a, const void *b)
{
    uintptr_t x = (uintptr_t)((const struct line_entry *)a)->value;
    uintptr_t y = (uintptr_t)((const struct line_entry *)b)->value;
    return (x > y) - (x < y);
}

static size_t find_line(const struct json_source *self, const json_t *value)
{
    const struct yaml_doc *doc = (const struct yaml_doc *)self;
    const struct line_entry wanted = {.value = value};
    const struct line_entry *found =
        doc->count ? bsearch(&wanted, doc->lines, doc->count, sizeof(wanted), by_address) : NULL;
    return found ? found->line : 0;
}

/* null is one shared value: it has no line of its own. */
static void remember_line(struct yaml_doc *doc, const json_t *value, size_t line)
{
    if (json_is_null(value))
        return;
    if (doc->count == doc->room) {
        doc->room = doc->room ? doc->room * 2 : 64;
        doc->lines = realloc(doc->lines, doc->room * sizeof(*doc->lines));
        BUG_ON(!doc->lines);
    }
    doc->lines[doc->count++] = (struct line_entry){.value = value, .line = line};
}

static bool refuse(struct reader *r, const char *path, size_t line, const char *text)
{
    problem_add(r->problems, path, line, "%s", text);
    return false;
}

static bool next_event(struct reader *r, yaml_event_t *event)
{
    if (yaml_parser_parse(&r->parser, event))
        return true;
    const yaml_parser_t *p = &r->parser;
    /* The reader's errors (bytes that are not UTF-8) carry an offset and no mark. */
    size_t line = p->error == YAML_READER_ERROR ? p->mark.line + 1 : p->problem_mark.line + 1;
    problem_add(r->problems, "", line, "not YAML: %s%s%s", p->problem ? p->problem : "unreadable",
                p->context ? " " : "", p->context ? p->context : "");
    return false;
}

static size_t line_of_event(const yaml_event_t *event)
{
    return event->start_mark.line + 1;
}

static bool is_null_text(const char *text)
{
    return !*text || text_eq(text, "~") || text_eq(text, "null");
}

static json_t *scalar_value(struct reader *r, const yaml_event_t *event, const char *path)
{
    const char *text = (const char *)event->data.scalar.value;
    if (event->data.scalar.style == YAML_PLAIN_SCALAR_STYLE && is_null_text(text))
        return json_null();
    json_t *value = json_stringn(text, event->data.scalar.length);
    if (!value)
        (void)refuse(r, path, line_of_event(event), "must be UTF-8 text");
    return value;
}

static json_t *read_value(struct reader *r, const yaml_event_t *event, const char *path,
                          size_t line);

static json_t *read_list(struct reader *r, const char *path)
{
    json_t *list = json_array();
    BUG_ON(!list);
    for (size_t i = 0;; i++) {
        _cleanup_event_ yaml_event_t event = {0};
        if (!next_event(r, &event))
            break;
        if (event.type == YAML_SEQUENCE_END_EVENT)
            return list;
        const char *here = arena_printf(&r->arena, "%s[%zu]", path, i);
        json_t *value = read_value(r, &event, here, line_of_event(&event));
        if (!value)
            break;
        BUG_ON(json_array_append_new(list, value) != 0);
    }
    json_decref(list);
    return NULL;
}

/* The key of the next pair; NULL at the end of the map or after a problem (`*ok` tells which). */
static const char *read_key(struct reader *r, const char *path, size_t *line, bool *ok)
{
    _cleanup_event_ yaml_event_t event = {0};
    *ok = next_event(r, &event);
    if (!*ok || event.type == YAML_MAPPING_END_EVENT)
        return NULL;
    *line = line_of_event(&event);
    *ok = false;
    if (event.type != YAML_SCALAR_EVENT)
        (void)refuse(r, path, *line, "keys must be plain text");
    else if (event.data.scalar.anchor || event.data.scalar.tag)
        (void)refuse(r, path, *line, "keys must not have anchors (&name) or tags (!name)");
    else if (strlen((const char *)event.data.scalar.value) != event.data.scalar.length)
        (void)refuse(r, path, *line, "keys must not contain a NUL character");
    else
        *ok = true;
    return *ok ? arena_text(&r->arena, (const char *)event.data.scalar.value) : NULL;
}

static bool keep_pair(struct reader *r, json_t *map, const char *key, json_t *value,
                      const char *path, size_t line)
{
    if (json_object_get(map, key)) {
        problem_add(r->problems, path, line, "this key stands here twice");
        BUG_ON(json_array_append_new(r->doc->repeated, value) != 0);
        return true;
    }
    if (json_object_set_new(map, key, value) != 0)
        return refuse(r, "", line, "keys must be UTF-8 text");
    return true;
}

static json_t *read_map(struct reader *r, const char *path)
{
    json_t *map = json_object();
    BUG_ON(!map);
    for (;;) {
        size_t line;
        bool ok;
        const char *key = read_key(r, path, &line, &ok);
        if (!key) {
            if (ok)
                return map;
            break;
        }
        const char *here =
            arena_printf(&r->arena, "%s%s%.*s", path, *path ? "." : "", KEY_ECHO, key);
        _cleanup_event_ yaml_event_t event = {0};
        json_t *value = next_event(r, &event) ? read_value(r, &event, here, line) : NULL;
        if (!value || !keep_pair(r, map, key, value, here, line))
            break;
    }
    json_decref(map);
    return NULL;
}

static bool is_bare(struct reader *r, const yaml_char_t *anchor, const yaml_char_t *tag,
                    const char *path, size_t line)
{
    if (anchor)
        return refuse(r, path, line, "anchors (&name) are not supported; write the value out");
    if (tag)
        return refuse(r, path, line, "tags (!name) are not supported");
    return true;
}

static json_t *read_collection(struct reader *r, const yaml_event_t *event, const char *path,
                               size_t line)
{
    if (r->depth == JSON_DEPTH_MAX) {
        (void)refuse(r, path, line, "is nested too deep");
        return NULL;
    }
    r->depth++;
    json_t *value =
        event->type == YAML_MAPPING_START_EVENT ? read_map(r, path) : read_list(r, path);
    r->depth--;
    return value;
}

/* The value that starts with `event`. A collection's line is the line of its key. */
static json_t *read_value(struct reader *r, const yaml_event_t *event, const char *path,
                          size_t line)
{
    json_t *value = NULL;
    switch (event->type) {
    case YAML_SCALAR_EVENT:
        if (is_bare(r, event->data.scalar.anchor, event->data.scalar.tag, path, line))
            value = scalar_value(r, event, path);
        break;
    case YAML_SEQUENCE_START_EVENT:
        if (is_bare(r, event->data.sequence_start.anchor, event->data.sequence_start.tag, path,
                    line))
            value = read_collection(r, event, path, line);
        break;
    case YAML_MAPPING_START_EVENT:
        if (is_bare(r, event->data.mapping_start.anchor, event->data.mapping_start.tag, path, line))
            value = read_collection(r, event, path, line);
        break;
    case YAML_ALIAS_EVENT:
        (void)refuse(r, path, line, "aliases (*name) are not supported; write the value out");
        break;
    default:
        BUG_ON(true); /* libyaml's grammar allows nothing else here */
    }
    if (value)
        remember_line(r->doc, value, line);
    return value;
}

/* Takes events that carry no value, up to the first one that does or the end of the file. */
static bool next_content(struct reader *r, yaml_event_t *event)
{
    while (next_event(r, event)) {
        if (event->type != YAML_STREAM_START_EVENT && event->type != YAML_DOCUMENT_START_EVENT &&
            event->type != YAML_DOCUMENT_END_EVENT)
            return true;
        yaml_event_delete(event);
    }
    return false;
}

static json_t *read_document(struct reader *r)
{
    _cleanup_event_ yaml_event_t first = {0}, after = {0};
    if (!next_content(r, &first))
        return NULL;
    if (first.type == YAML_STREAM_END_EVENT) {
        (void)refuse(r, "", 1, "the file is empty");
        return NULL;
    }
    json_t *root = read_value(r, &first, "", line_of_event(&first));
    if (!root || !next_content(r, &after))
        goto fail;
    if (after.type != YAML_STREAM_END_EVENT) {
        (void)refuse(r, "", line_of_event(&after), "a second document (---) is not supported");
        goto fail;
    }
    return root;
fail:
    json_decref(root);
    return NULL;
}

struct yaml_doc *yaml_parse(struct str text, struct problems *problems)
{
    struct yaml_doc *doc = calloc(1, sizeof(*doc));
    BUG_ON(!doc);
    doc->source.line_of = find_line;
    doc->repeated = json_array();
    struct reader r = {.doc = doc, .problems = problems};
    BUG_ON(!doc->repeated || !yaml_parser_initialize(&r.parser));
    yaml_parser_set_encoding(&r.parser, YAML_UTF8_ENCODING);
    yaml_parser_set_input_string(&r.parser, (const unsigned char *)(text.ptr ? text.ptr : ""),
                                 text.len);
    doc->root = read_document(&r);
    yaml_parser_delete(&r.parser);
    arena_release(&r.arena);
    if (!doc->root) {
        yaml_doc_free(doc);
        return NULL;
    }
    if (doc->count)
        qsort(doc->lines, doc->count, sizeof(*doc->lines), by_address);
    return doc;
}

void yaml_doc_free(struct yaml_doc *doc)
{
    if (!doc)
        return;
    json_decref(doc->root);
    json_decref(doc->repeated);
    free(doc->lines);
    free(doc);
}

json_t *yaml_root(struct yaml_doc *doc)
{
    return doc->root;
}

const struct json_source *yaml_source(const struct yaml_doc *doc)
{
    return &doc->source;
}
